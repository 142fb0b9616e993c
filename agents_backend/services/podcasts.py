"""Podcasts: accepted here, written as a script for two hosts, spoken line by line, mixed to one MP3 with its transcript beside it."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import HumanMessage, SystemMessage
from pydantic import BaseModel

from agents_backend.agents.podcast_scripts import ScriptDraft, lines_of, parse_script, script_by_structure
from agents_backend.agents.prompt_files import render
from agents_backend.contracts.media import MadeFile, SpeechPlan
from agents_backend.contracts.turns import RunRef, Usage
from agents_backend.domain.errors import ContextExceeded, Invalid
from agents_backend.domain.languages import language_of
from agents_backend.domain.scripts import Method, Script
from agents_backend.domain.sentences import is_spoken
from agents_backend.domain.transcripts import markdown, webvtt
from agents_backend.integrations.speech import sound, voices
from agents_backend.integrations.speech.providers import SpeechProviders
from agents_backend.integrations.speech.tags import ChapterMark, with_tags
from agents_backend.services.artifacts import Artifacts, NewArtifact, file_name
from agents_backend.services.documents import read_document
from agents_backend.services.model_texts import ModelTexts, StructureBroken
from agents_backend.services.prose import check_text
from agents_backend.services.run_parts import INPUT, RunParts, WithInput
from agents_backend.services.run_starts import NewRun, RunStarts
from agents_backend.services.runs import StartedRun
from agents_backend.services.speech import MP3, spoken_by
from agents_backend.services.spoken_lines import SCRIPT, SpokenLines, Take, joined, starts

KIND = "podcast"
RATE, KILOBITS, LOUDNESS = 44_100, 128, -16.0
PART_MILLISECONDS = 120_000


class PodcastInput(BaseModel):
    """What a podcast run was given; `voices` are the hosts', the usual ones of the language where there are none."""

    content: str
    locale: str | None = None
    voices: tuple[str, str] | None = None


@dataclass(frozen=True)
class PodcastRequest:
    """`wish` is what makes two requests with one Idempotency-Key the same, where the content itself may differ."""

    user_id: int
    given: PodcastInput
    idempotency_key: str | None = None
    request_id: str = ""
    wish: dict[str, Any] | None = None


class PodcastRequests:
    def __init__(self, *, starts: RunStarts, artifacts: Artifacts) -> None:
        self._starts, self._artifacts = starts, artifacts

    async def start(self, request: PodcastRequest) -> StartedRun:
        """Accept a content.

        Raises:
            Invalid: empty, or an unknown voice. TooLarge: more than 200 kB. StorageFull: no room.
            TooMany, IdempotencyMismatch, Unavailable: as every run.
        """
        given = request.given
        check_text("content", given.content)
        if not is_spoken(given.content):
            raise Invalid.field("content", "there is nothing in it that can be spoken")
        for name in given.voices or ():
            voices.resolve(name)
        await self._artifacts.check_room()
        new = NewRun(
            user_id=request.user_id,
            kind=KIND,
            options={"locale": given.locale},
            body=request.wish or given.model_dump(),
            idempotency_key=request.idempotency_key,
            request_id=request.request_id,
        )
        return await self._starts.start(new, WithInput(given))


@dataclass(frozen=True)
class _Draft:
    script: ScriptDraft
    method: Method
    note: str = ""
    usage: Usage | None = None
    model: str = ""


class PodcastFiles:
    """The steps of a podcast run."""

    def __init__(
        self,
        *,
        parts: RunParts,
        texts: ModelTexts,
        lines: SpokenLines,
        providers: SpeechProviders,
        artifacts: Artifacts,
    ) -> None:
        self._parts, self._texts, self._lines = parts, texts, lines
        self._providers, self._artifacts = providers, artifacts

    async def write(self, run: RunRef) -> SpeechPlan:
        """Write the script, unless it is written.

        Raises:
            RunClosed: the run has ended. Invalid: the provider cannot read the language. ModelRejected, Unavailable: the model.
        """
        await self._parts.begin(run)
        script = await self._lines.written(run)
        if script is None:
            given = await self._parts.get(run, INPUT, PodcastInput)
            provider = await self._providers.choose()
            draft = await self._draft(run, given)
            lines, chapters = lines_of(draft.script, given.voices or _usual(draft.script.language))
            planned = Script(
                title=draft.script.title,
                language=draft.script.language,
                lines=lines,
                chapters=chapters,
                provider=provider.name,
                may_stand_in=not self._providers.is_fixed,
                method=draft.method,
                note=draft.note,
            )
            await self._lines.plan(run, planned, usage=draft.usage, model=draft.model)
            script = await self._lines.script(run)
        else:
            await self._lines.show(run, script)
        return SpeechPlan(lines=len(script.lines), provider=script.provider, title=script.title)

    async def _draft(self, run: RunRef, given: PodcastInput) -> _Draft:
        """By the model; from the content's own structure where there is no model for it, or its structure stays broken."""
        language = given.locale or language_of(given.content)
        why = self._texts.can_structure()
        if why is None:
            asked = [
                SystemMessage(render("podcast_script", language=language)),
                HumanMessage(f"<text>\n{given.content}\n</text>"),
            ]
            try:
                script, usage, model = await self._texts.structure(run, SCRIPT, asked, parse_script)
                return _Draft(script, "model", usage=usage, model=model)
            except (StructureBroken, ContextExceeded) as error:
                why = error.detail
        document = await asyncio.to_thread(read_document, given.content)
        script, note = await asyncio.to_thread(script_by_structure, document, language)
        return _Draft(script, "structure", note=f"{note}: {why}")

    async def mix(self, run: RunRef) -> MadeFile:
        """One MP3, and the transcript as Markdown and WebVTT.

        Raises:
            NotFound: a line is gone. StorageFull, Unavailable: the storage.
        """
        script = await self._lines.script(run)
        takes = await self._lines.takes(run, script)
        times = starts(takes)
        whole = await asyncio.to_thread(joined, takes)
        parts = await sound.levelled(whole, cuts(times, takes, os.cpu_count() or 1), target=LOUDNESS, rate=RATE)
        mp3 = await asyncio.to_thread(sound.encode_mp3_parts, parts, rate=RATE, kilobits=KILOBITS)
        details = {"title": script.title, "method": script.method, "milliseconds": times[-1], **spoken_by(takes)}
        details |= {"note": script.note} if script.note else {}
        for file in _files(script, takes, times, mp3, details):
            await self._artifacts.save(run, file)
        return MadeFile(name=file_name(script.title, "mp3", otherwise=KIND), size=len(mp3))


def cuts(times: list[int], takes: list[Take], most: int) -> list[int]:
    """Where the sound may be cut so that its parts are encoded at once: in the middle of pauses, every two minutes at the least."""
    wanted = min(most, times[-1] // PART_MILLISECONDS)
    found: set[int] = set()
    for number in range(1, wanted):
        at = min(range(1, len(takes)), key=lambda n: abs(times[n] - times[-1] * number // wanted), default=0)
        if at:
            found.add((times[at] - takes[at - 1].line.pause // 2) * sound.RATE // 1000)
    return sorted(found)


def _usual(language: str) -> tuple[str, str]:
    return voices.for_locale(language, "female").name, voices.for_locale(language, "male").name


def _files(
    script: Script, takes: list[Take], times: list[int], mp3: bytes, details: dict[str, Any]
) -> list[NewArtifact]:
    """The transcripts first, the podcast last: who finds it finds them too."""
    ends = [*(times[chapter.first] for chapter in script.chapters[1:]), times[-1]]
    marks = [
        ChapterMark(chapter.title, times[chapter.first], end)
        for chapter, end in zip(script.chapters, ends, strict=True)
    ]
    tagged = with_tags(
        mp3,
        title=script.title,
        milliseconds=times[-1],
        speakers=list(dict.fromkeys(line.speaker for line in script.lines)),
        chapters=marks,
    )
    spoken = [start + sound.milliseconds(take.samples) for start, take in zip(times, takes, strict=False)]
    name: Callable[[str], str] = lambda kind: file_name(script.title, kind, otherwise=KIND)  # noqa: E731
    return [
        NewArtifact(
            name("md"),
            "text/markdown; charset=utf-8",
            markdown(script, times).encode(),
            "transcript",
            {"title": script.title},
        ),
        NewArtifact(
            name("vtt"),
            "text/vtt; charset=utf-8",
            webvtt(script, times, spoken).encode(),
            "captions",
            {"title": script.title},
        ),
        NewArtifact(name("mp3"), MP3, tagged, details=details),
    ]
