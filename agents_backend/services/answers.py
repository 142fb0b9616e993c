"""An answer while it comes in: the draft that will be its row, and the events that show it."""

from dataclasses import dataclass, field
from typing import Any

from agents_backend.contracts import events
from agents_backend.contracts.turns import Usage
from agents_backend.integrations.models import ModelChunk
from agents_backend.services.citations import Citations
from agents_backend.services.step_writer import StepWriter


@dataclass
class Draft:
    """What has come so far.

    Attributes:
        attempt: which try of its step it is.
        thoughts: the vendor's thinking blocks by their index, signatures included.
    """

    message_id: str
    attempt: int = 1
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    calls: dict[int, dict[str, str]] = field(default_factory=dict)
    thoughts: dict[int, dict[str, Any]] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    model: str = ""

    @property
    def reasoning_id(self) -> str:
        return f"{self.message_id}-reasoning"

    @property
    def began(self) -> bool:
        return bool(self.text or self.reasoning or self.calls)

    def think(self, part: dict[str, Any]) -> None:
        """Put a piece of a thinking block to the rest of it."""
        block = self.thoughts.setdefault(part.get("index", 0), {"type": part["type"]})
        for name in ("thinking", "signature", "data"):
            if part.get(name):
                block[name] = block.get(name, "") + part[name]


class Sink:
    """Turns chunks into events and the draft.

    `silent` keeps the text from the client (a plan is shown as state); `reasoning` shows the thoughts; `citations` checks them.
    """

    def __init__(
        self,
        draft: Draft,
        writer: StepWriter,
        *,
        silent: bool = False,
        reasoning: bool = False,
        citations: Citations | None = None,
    ) -> None:
        self._draft, self._writer = draft, writer
        self._silent, self._reasoning, self._citations = silent, reasoning, citations

    async def take(self, chunk: ModelChunk) -> None:
        draft = self._draft
        if chunk.reasoning and self._reasoning:
            await self._reason(chunk.reasoning)
        for part in chunk.thoughts:
            draft.think(part)
        if text := self._citations.feed(chunk.text) if self._citations else chunk.text:
            await self._say(text)
        for delta in chunk.tool_calls:
            await self._call(delta.index, delta.name, delta.args)
        if chunk.usage is not None:
            draft.usage += chunk.usage

    async def _reason(self, text: str) -> None:
        draft, writer = self._draft, self._writer
        if not draft.reasoning:
            writer.opened("message", draft.reasoning_id)
            writer.opened("reasoning", draft.reasoning_id)
            await writer.emit(events.reasoning_start(draft.reasoning_id), urgent=True)
        draft.reasoning.append(text)
        if writer.is_open("reasoning", draft.reasoning_id):  # thoughts after the text has begun are kept, not shown
            await writer.fragment("reasoning", draft.reasoning_id, text)

    async def _end_reasoning(self) -> None:
        item = self._draft.reasoning_id
        if self._draft.reasoning and self._writer.is_open("reasoning", item):
            self._writer.closed("reasoning", item)
            await self._writer.emit(events.reasoning_end(item))

    async def _say(self, text: str) -> None:
        draft, writer = self._draft, self._writer
        await self._end_reasoning()
        draft.text.append(text)
        if self._silent:
            return
        if writer.is_open("text", draft.message_id):
            await writer.fragment("text", draft.message_id, text)
            return
        if not writer.is_open("message", draft.message_id):
            writer.opened("message", draft.message_id)
        writer.opened("text", draft.message_id)
        await writer.emit(
            [events.text_start(draft.message_id), events.text_content(draft.message_id, text)], urgent=True
        )

    async def _end_text(self) -> None:
        item = self._draft.message_id
        if self._writer.is_open("text", item):
            self._writer.closed("text", item)
            await self._writer.emit([events.text_end(item)])

    async def _call(self, index: int, name: str, args: str) -> None:
        await self._end_reasoning()
        await self._end_text()
        draft, writer = self._draft, self._writer
        call = draft.calls.get(index)
        if call is None:
            call = draft.calls[index] = {"id": f"call_{draft.message_id[4:]}_{index}", "name": name, "args": ""}
            if not writer.is_open("message", draft.message_id):
                writer.opened("message", draft.message_id)
            writer.opened("tool", call["id"])
            await writer.emit([events.tool_start(call["id"], name, draft.message_id)], urgent=True)
        if args:
            call["args"] += args
            await writer.fragment("tool", call["id"], args)

    async def finish(self, *, partial: bool = False) -> None:
        """Close what is open, each exactly once."""
        if self._citations and (rest := self._citations.end()):
            await self._say(rest)
        await self._end_reasoning()
        await self._end_text()
        for call in self._draft.calls.values():
            if self._writer.is_open("tool", call["id"]):
                self._writer.closed("tool", call["id"])
                await self._writer.emit([events.tool_end(call["id"])])
        if not partial:
            await self._writer.flush()
