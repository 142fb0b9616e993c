"""Toolboxes: who offers which tools to a run, and carries out a call. A new kind of tool is one more toolbox.

A toolbox is asked anew before each model call, so its tools may depend on the run (its user's MCP servers, its sandbox) and may
change while the run goes on; nothing of it stands in the workflow's history.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from agents_backend.agents.tools import Tool
from agents_backend.contracts.turns import RunRef
from agents_backend.db.tables.runs import Run


@dataclass(frozen=True)
class ToolContext:
    """Whose call it is.

    Attributes:
        call_id: unique over all runs, the same when the call is tried again.
        options: what the run was started with.
        is_wanted: whether a call that is cancelled was cancelled by the run; else its worker stops, and another goes on.
    """

    run: RunRef
    call_id: str
    options: Mapping[str, Any]
    is_wanted: Callable[[], bool] = lambda: False

    @property
    def user_id(self) -> int:
        return self.run.user_id


@dataclass(frozen=True)
class Source:
    """Something that a result rests on and that an answer may cite."""

    title: str
    url: str


@dataclass(frozen=True)
class NewArtifact:
    """A file that the tool made; its bytes are in storage under `key`, and `sha256` is theirs, in hexadecimal."""

    name: str
    media_type: str
    size: int
    key: str
    sha256: str


@dataclass(frozen=True)
class ToolResult:
    """What the model is told.

    Attributes:
        error: whether it failed; `text` says how.
        sources: what was really seen.
        used: the tool, where it was carried out and is paid for; for whoever asked the toolbox to say.
        cost_usd: what this call has cost beside the tool's price.
    """

    text: str
    error: bool = False
    sources: tuple[Source, ...] = ()
    artifacts: tuple[NewArtifact, ...] = ()
    used: str = ""
    cost_usd: float = 0


@dataclass(frozen=True)
class Availability:
    """A tool of this deployment, and why it is not to be had, if it is not."""

    tool: Tool
    reason: str | None = None


class Toolbox(Protocol):
    def catalogue(self) -> Sequence[Availability]:
        """The tools that this deployment knows of, whoever runs."""

    async def tools(self, run: Run) -> Sequence[Tool]:
        """The tools that a run may use now. What cannot be reached now is left out: it must not keep the model from answering."""

    async def call(self, name: str, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        """Carry out a call of one of `tools(run)`.

        Raises:
            Invalid, NotFound, Forbidden, Upstream…: what the tool cannot do; the model is told the error's sentence.
            Unavailable itself: our own PostgreSQL or Redis is away; the call is tried again.
        """


class Toolboxes:
    """All of them. Of two tools with one name the earlier toolbox's is taken."""

    def __init__(self, *boxes: Toolbox) -> None:
        self._boxes = boxes

    def catalogue(self) -> list[Availability]:
        return [found for box in self._boxes for found in box.catalogue()]

    async def tools(self, run: Run) -> dict[str, tuple[Tool, Toolbox]]:
        """What a run may use, by name, each with the toolbox that it is from."""
        found: dict[str, tuple[Tool, Toolbox]] = {}
        for box in self._boxes:
            for tool in await box.tools(run):
                found.setdefault(tool.name, (tool, box))
        return found

    async def declarations(self, run: Run) -> list[dict[str, Any]]:
        """What a run may use, as OpenAI function declarations."""
        return [tool.declaration for tool, _ in (await self.tools(run)).values()]
