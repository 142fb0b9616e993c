"""Decks: accepted here, outlined by the model or from the content's own structure, drawn as a PowerPoint file."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import HumanMessage, SystemMessage
from pydantic import BaseModel

from agents_backend.agents.deck_outlines import outline_by_structure, parse_outline
from agents_backend.agents.prompt_files import render
from agents_backend.contracts.media import Drafted, MadeFile
from agents_backend.contracts.turns import RunRef, Usage
from agents_backend.domain.decks import DeckOutline, ImageSlide
from agents_backend.domain.documents import Document, Picture
from agents_backend.domain.errors import ContextExceeded, Invalid
from agents_backend.domain.languages import language_of
from agents_backend.domain.scripts import Method
from agents_backend.domain.sentences import is_spoken
from agents_backend.integrations.decks.deck import draw
from agents_backend.integrations.decks.themes import LIGHT, theme_of
from agents_backend.services.artifacts import Artifacts, NewArtifact, file_name
from agents_backend.services.documents import read_document
from agents_backend.services.model_texts import ModelTexts, StructureBroken
from agents_backend.services.pictures import Pictures
from agents_backend.services.progress import Progress
from agents_backend.services.prose import check_text
from agents_backend.services.run_parts import INPUT, RunParts, WithInput
from agents_backend.services.run_starts import NewRun, RunStarts
from agents_backend.services.runs import StartedRun

KIND = "ppt"
OUTLINE = "outline"
THUMBNAILS = "thumbnails.json"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"


class DeckInput(BaseModel):
    """What a deck run was given; without a locale, the content's own language."""

    content: str
    locale: str | None = None
    theme: str = LIGHT.name


class OutlinePart(BaseModel):
    """The outline, and how it came to be."""

    outline: DeckOutline
    method: Method
    note: str = ""
    locale: str


@dataclass(frozen=True)
class DeckRequest:
    """`wish` is what makes two requests with one Idempotency-Key the same, where the content itself may differ."""

    user_id: int
    given: DeckInput
    idempotency_key: str | None = None
    request_id: str = ""
    wish: dict[str, Any] | None = None


class DeckRequests:
    def __init__(self, *, starts: RunStarts, artifacts: Artifacts, pictures: Pictures) -> None:
        self._starts, self._artifacts, self._pictures = starts, artifacts, pictures

    async def start(self, request: DeckRequest) -> StartedRun:
        """Accept a content.

        Raises:
            Invalid: empty, an unknown theme, or a picture at an address that is not fetched. TooLarge: more than 200 kB.
            StorageFull: no room. TooMany, IdempotencyMismatch, Unavailable: as every run.
        """
        given = request.given
        check_text("content", given.content)
        if not is_spoken(given.content):
            raise Invalid.field("content", "there is nothing in it to show")
        theme_of(given.theme)
        self._pictures.check(pictures_of(await asyncio.to_thread(read_document, given.content)))
        await self._artifacts.check_room()
        new = NewRun(
            user_id=request.user_id,
            kind=KIND,
            options={"locale": given.locale, "theme": given.theme},
            body=request.wish or given.model_dump(),
            idempotency_key=request.idempotency_key,
            request_id=request.request_id,
        )
        return await self._starts.start(new, WithInput(given))


def pictures_of(document: Document) -> list[str]:
    """The addresses of a document's pictures."""
    blocks = [*document.lead, *(block for section in document.sections for block in section.blocks)]
    return [block.url for block in blocks if isinstance(block, Picture)]


class DeckFiles:
    """The steps of a deck run."""

    def __init__(
        self, *, parts: RunParts, texts: ModelTexts, artifacts: Artifacts, progress: Progress, pictures: Pictures
    ) -> None:
        self._parts, self._texts, self._artifacts = parts, texts, artifacts
        self._progress, self._pictures = progress, pictures

    async def outline(self, run: RunRef) -> Drafted:
        """Write the outline, unless it is written.

        Raises:
            RunClosed: the run has ended. ModelRejected, Unavailable: the model.
        """
        await self._parts.begin(run)
        part = await self._parts.find(run, OUTLINE, OutlinePart)
        if part is None:
            given = await self._parts.get(run, INPUT, DeckInput)
            part, usage, model = await self._outlined(run, given)
            await self._parts.add(run, OUTLINE, part, usage=usage, model=model)
            part = await self._parts.get(run, OUTLINE, OutlinePart)
        outline = part.outline
        slides = [{"kind": slide.kind, "title": slide.title, "status": "outlined"} for slide in outline.slides]
        state = {"title": outline.title, "method": part.method, "slides": slides}
        await self._progress.snapshot(run, OUTLINE, {**state, "note": part.note} if part.note else state)
        return Drafted(
            method="model" if part.method == "model" else "structure", items=len(outline.slides), note=part.note
        )

    async def _outlined(self, run: RunRef, given: DeckInput) -> tuple[OutlinePart, Usage | None, str]:
        """By the model; from the content's own structure where there is no model for it, or its structure stays broken."""
        locale = given.locale or language_of(given.content)
        document = await asyncio.to_thread(read_document, given.content)
        why = self._texts.can_structure()
        if why is None:
            words = max(len(given.content.split()), len(given.content) // 6)
            instructions = render("deck_outline", language=locale, slides=str(min(max(words // 180, 6), 30)))
            asked = [SystemMessage(instructions), HumanMessage(f"<text>\n{given.content}\n</text>")]
            try:
                outline, usage, model = await self._texts.structure(run, OUTLINE, asked, parse_outline)
            except (StructureBroken, ContextExceeded) as error:
                why = error.detail
            else:
                part = OutlinePart(outline=_only_given_pictures(outline, given.content), method="model", locale=locale)
                return part, usage, model
        outline = await asyncio.to_thread(outline_by_structure, document, locale)
        note = f"outlined from the content's own structure: {why}"
        return OutlinePart(outline=outline, method="structure", note=note, locale=locale), None, ""

    async def build(self, run: RunRef) -> MadeFile:
        """Draw the deck.

        Raises:
            NotFound: the outline is gone. Invalid: a picture that leads to no public address, is too large or is none.
            StorageFull, Unavailable: the storage.
        """
        part = await self._parts.get(run, OUTLINE, OutlinePart)
        given = await self._parts.get(run, INPUT, DeckInput)
        told = part.note or "outlined by the model"
        album = await self._pictures.fetch([s.url for s in part.outline.slides if isinstance(s, ImageSlide)])
        made = await asyncio.to_thread(
            draw, part.outline, locale=part.locale, theme=given.theme, pictures=album.pictures, details=told
        )
        name = file_name(part.outline.title, "pptx", otherwise="presentation")
        details = {"title": part.outline.title, "method": part.method, "slides": made.slides, "theme": given.theme}
        details |= {"note": part.note} if part.note else {}
        details |= {"pictures_not_fetched": album.missing} if album.missing else {}
        shown = json.dumps(made.thumbnails, ensure_ascii=False).encode()
        await self._artifacts.save(run, NewArtifact(name, PPTX, made.data, details=details))
        await self._artifacts.save(run, NewArtifact(THUMBNAILS, "application/json", shown, "thumbnails"))
        return MadeFile(name=name, size=len(made.data))


def _only_given_pictures(outline: DeckOutline, content: str) -> DeckOutline:
    """A picture that the model made up is left out."""
    kept = tuple(slide for slide in outline.slides if not isinstance(slide, ImageSlide) or slide.url in content)
    return outline.model_copy(update={"slides": kept}) if kept else outline
