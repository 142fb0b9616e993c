"""Prose and better prompts: accepted here, written by the model, or by rule where there is none."""

import asyncio
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from pydantic import BaseModel

from agents_backend.agents.prompt_files import render
from agents_backend.contracts.media import Drafted
from agents_backend.contracts.turns import RunRef, Usage
from agents_backend.domain.errors import Invalid, TooLarge
from agents_backend.domain.prose import BY_RULE, by_rule, enhanced_by_rule
from agents_backend.integrations.models import ModelRejected
from agents_backend.services.answers import Draft
from agents_backend.services.artifacts import Artifacts, NewArtifact
from agents_backend.services.model_texts import ModelTexts, draft_of
from agents_backend.services.progress import Progress
from agents_backend.services.run_parts import INPUT, RunParts, WithInput
from agents_backend.services.run_starts import NewRun, RunStarts
from agents_backend.services.runs import StartedRun

PROSE, ENHANCE = "prose", "enhance"
MAX_BYTES = 200_000
FILE = "result.md"
_TEXT = "text"


@dataclass(frozen=True)
class ProseRequest:
    """What a request asks for; without an `option` it is to make a prompt better."""

    user_id: int
    prompt: str
    option: str | None = None
    command: str = ""
    context: str = ""
    style: str | None = None
    idempotency_key: str | None = None
    request_id: str = ""


class ProseInput(BaseModel):
    """What a prose or enhance run was given."""

    prompt: str
    option: str | None = None
    command: str = ""
    context: str = ""
    style: str | None = None


class ProsePart(BaseModel):
    """What came of it."""

    text: str
    method: str


class ProseRequests:
    def __init__(self, *, starts: RunStarts, artifacts: Artifacts) -> None:
        self._starts, self._artifacts = starts, artifacts

    async def start(self, request: ProseRequest) -> StartedRun:
        """Accept a text.

        Raises:
            Invalid: empty, or `zap` without a command. TooLarge: more than 200 kB. StorageFull: no room.
            TooMany, IdempotencyMismatch, Unavailable: as every run.
        """
        check_text("prompt", request.prompt)
        if request.option == "zap" and not request.command.strip():
            raise Invalid.field("command", "zap needs a command that says what to do")
        await self._artifacts.check_room()
        given = ProseInput(
            prompt=request.prompt,
            option=request.option,
            command=request.command,
            context=request.context,
            style=request.style,
        )
        new = NewRun(
            user_id=request.user_id,
            kind=PROSE if request.option else ENHANCE,
            options={"option": request.option, "style": request.style},
            body=given.model_dump(),
            idempotency_key=request.idempotency_key,
            request_id=request.request_id,
        )
        return await self._starts.start(new, WithInput(given))


class ProseTexts:
    """The one step of a prose run."""

    def __init__(self, *, parts: RunParts, texts: ModelTexts, artifacts: Artifacts, progress: Progress) -> None:
        self._parts, self._texts, self._artifacts, self._progress = parts, texts, artifacts, progress

    async def write(self, run: RunRef, *, attempt: int) -> Drafted:
        """Write the text and keep it; a repeated call finds it.

        Raises:
            ModelRejected: the model refuses, or none is configured and no rule does it. RunClosed, ContextExceeded, Unavailable.
        """
        await self._parts.begin(run)
        part = await self._parts.find(run, _TEXT, ProsePart)
        if part is None:
            part = await self._written(run, await self._parts.get(run, INPUT, ProseInput), attempt)
        details = {"method": part.method, **({"note": "no model is configured"} if part.method == "structure" else {})}
        await self._artifacts.save(run, _file(part.text, details))
        return Drafted(method="model" if part.method == "model" else "structure")

    async def _written(self, run: RunRef, given: ProseInput, attempt: int) -> ProsePart:
        usage, model = Usage(), ""
        if self._texts.is_configured:
            draft = await self._by_model(run, given, attempt)
            part, usage, model = ProsePart(text="".join(draft.text).strip(), method="model"), draft.usage, draft.model
        else:
            part = ProsePart(text=_by_rule(given), method="structure")
            await self._progress.message(run, _TEXT, part.text)
            await self._progress.snapshot(run, _TEXT, {"method": part.method, "note": "no model is configured"})
        await self._parts.add(run, _TEXT, part, usage=usage, model=model)
        return part

    async def _by_model(self, run: RunRef, given: ProseInput, attempt: int) -> Draft:
        """The model's text; when it is cancelled, what was written is kept."""
        draft = draft_of(run, _TEXT, attempt)
        try:
            await self._texts.write(run, _TEXT, messages_of(given), draft, attempt=attempt)
        except asyncio.CancelledError:
            if text := "".join(draft.text).strip():
                await self._parts.add(run, "partial", ProsePart(text=text, method="model"), usage=draft.usage)
                await self._artifacts.save(run, _file(text, {"method": "model", "partial": True}))
            raise
        return draft


def _file(text: str, details: dict[str, Any]) -> NewArtifact:
    return NewArtifact(FILE, "text/markdown; charset=utf-8", text.encode(), details=details)


def _by_rule(given: ProseInput) -> str:
    if given.option is None:
        return enhanced_by_rule(given.prompt, given.context, given.style)
    if given.option not in BY_RULE:
        raise ModelRejected(f"“{given.option}” needs a model, and none is configured.", code="NO_MODEL")
    return by_rule(given.option, given.prompt)


def messages_of(given: ProseInput) -> list[BaseMessage]:
    """The instructions from their file; the user's text between marks, as material."""
    if given.option is None:
        style = render(f"style_{given.style}") if given.style else ""
        asked = f"<prompt>\n{given.prompt}\n</prompt>"
        asked += f"\n<context>\n{given.context}\n</context>" if given.context.strip() else ""
        return [SystemMessage(render("enhance_prompt", style=style)), HumanMessage(asked)]
    command = given.command.strip()
    asked = f"<command>\n{command}\n</command>\n" if command else ""
    return [SystemMessage(render(f"prose_{given.option}")), HumanMessage(f"{asked}<text>\n{given.prompt}\n</text>")]


def check_text(name: str, text: Any) -> None:
    """A text that a run may be given.

    Raises:
        Invalid: it is empty. TooLarge: more than 200 kB.
    """
    if not text.strip():
        raise Invalid.field(name, "it is empty")
    if len(text.encode()) > MAX_BYTES:
        raise TooLarge(f"{name}: more than {MAX_BYTES // 1000} kB.")
