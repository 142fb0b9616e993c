"""The tools of runs of kind `agent`: those of the MCP server in the run's sandbox, and the sandbox's files as artifacts of the run."""

import asyncio
import json
import mimetypes
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from agents_backend.agents import sandbox_tools as offered
from agents_backend.agents.tools import Tool, validate
from agents_backend.db.tables.runs import Run
from agents_backend.domain.errors import (
    Invalid,
    NotFound,
    SandboxFull,
    SandboxGone,
    SandboxUnavailable,
    StorageFull,
    TooLarge,
    UpstreamFailed,
)
from agents_backend.domain.sandboxes import SandboxStatus, checked_path
from agents_backend.services.agent_sandboxes import AgentSandboxes, Workplace
from agents_backend.services.artifacts import Artifacts, NewArtifact
from agents_backend.services.sandbox_files import SandboxFiles
from agents_backend.services.sandbox_parts import SandboxParts
from agents_backend.services.sandbox_reach import NO_SANDBOXES
from agents_backend.services.sandbox_servers import During, SandboxServers
from agents_backend.services.slide_mirror import Clash
from agents_backend.services.toolboxes import Availability, ToolContext, ToolResult

KIND: Final = "agent"
MAX_ARTIFACT: Final = 25_000_000
# What the product adds to a tool of the sandbox, which knows nothing of the product.
_ADDED: Final = {offered.REGISTER_PORT: "The result has the address by which the user reaches it."}
_SLIDES: Final = "slides/"  # a call that names it may change some


class SandboxTools:
    def __init__(
        self,
        *,
        parts: SandboxParts,
        servers: SandboxServers,
        files: SandboxFiles,
        artifacts: Artifacts,
        places: AgentSandboxes,
        template: str,
    ) -> None:
        self._parts, self._servers, self._files = parts, servers, files
        self._artifacts, self._places, self._template = artifacts, places, template

    def catalogue(self) -> Sequence[Availability]:
        reason = None if self._parts.boxes.are_configured else NO_SANDBOXES
        return [Availability(tool, reason) for tool in _with_ours(self._servers.expected(self._template))]

    async def tools(self, run: Run) -> Sequence[Tool]:
        """The tools of the run's sandbox while it runs; before it is made, and while it is paused, those of its template."""
        if run.kind != KIND or not self._parts.boxes.are_configured:
            return ()
        row = await self._places.found(run)
        if row is None or row.status != SandboxStatus.RUNNING:
            return _with_ours(self._servers.expected(row.template_id if row else self._template))
        return _with_ours(await self._servers.tools(row))

    async def call(self, name: str, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        """Carry out a call.

        Raises:
            UpstreamFailed: E2B or storage fails. It is for the model to know at once: what was made once must not be made again unasked.
        """
        try:
            place = await self._places.of(context.run, context.options)
            return await self._at(place, name, arguments, context)
        except (SandboxUnavailable, SandboxFull, StorageFull) as failure:
            raise UpstreamFailed(failure.detail, code=failure.code) from failure

    async def _at(self, place: Workplace, name: str, given: Mapping[str, Any], context: ToolContext) -> ToolResult:
        try:
            done = await self._carried_out(place, name, given, context)
            return replace(done, text=place.notice + done.text)
        except SandboxGone as gone:
            next_one = (
                "The next call gets a new, empty one." if place.is_own else "The request named it: there is no other."
            )
            return ToolResult(f"The sandbox is gone, with all its files. {gone.detail} {next_one}", error=True)
        except (Invalid, NotFound) as failure:
            if not place.notice:
                raise
            return ToolResult(place.notice + failure.detail, error=True)

    async def _carried_out(
        self, place: Workplace, name: str, given: Mapping[str, Any], context: ToolContext
    ) -> ToolResult:
        if name == offered.SAVE_ARTIFACT.name:
            return ToolResult(await self._save(given, place, context))
        turn = self._turn_of(name, given, place)
        try:
            answer = await self._servers.call(
                place.sandbox_id,
                context.user_id,
                name,
                given,
                call_id=context.call_id,
                reader=context.run.thread_id,
                during=turn,
            )
        except asyncio.CancelledError:
            if name == offered.RUN and context.is_wanted():
                await self._servers.stop(place.sandbox_id, context.user_id, call_id=context.call_id)
            raise
        text = answer.text
        if name == offered.REGISTER_PORT and not answer.error:
            text += await self._address(place, answer.data, context)
        if turn is None and _names_slides(given):
            text += told_of(await self._parts.slides.take(place.sandbox_id, context.user_id))
        return ToolResult(text, error=answer.error)

    def _turn_of(self, name: str, given: Mapping[str, Any], place: Workplace) -> During | None:
        """What changes slides in a moment is done in a turn of its own; a shell's command is taken up when it has ended."""
        if name not in offered.SLIDE_TOOLS and not (name in offered.FILE_CHANGES and _names_slides(given)):
            return None
        return lambda box_id, seconds: self._parts.slides.tool_turn(place.sandbox_id, box_id, seconds=seconds)

    async def _address(self, place: Workplace, registered: Mapping[str, Any], context: ToolContext) -> str:
        """Without the token that opens it: what a model is told goes to its vendor."""
        url, _ = await self._parts.sandboxes.expose(place.sandbox_id, context.user_id, int(registered["port"]))
        return f"\n{url}\nThe user opens it with the access token of sandbox {place.sandbox_id}, which you do not need."

    async def _save(self, given: Mapping[str, Any], place: Workplace, context: ToolContext) -> str:
        wanted = validate(offered.SaveArtifact, given)
        name = posixpath.basename(checked_path(wanted.path))
        if len(name) > 255 or not name.isprintable():  # noqa: PLR2004  # what an artifact's name may have
            raise Invalid("The file's name must be printable and have at most 255 characters.")
        data = await self._bytes(place, wanted.path, context)
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        details = {"sandbox_id": place.sandbox_id, "path": wanted.path}
        await self._artifacts.save(context.run, NewArtifact(name, kind, data, role="file", details=details))
        return f"{name} ({len(data):,} bytes) is saved: the user can download it from this run."

    async def _bytes(self, place: Workplace, path: str, context: ToolContext) -> bytes:
        found, pieces = await self._files.open(place.sandbox_id, context.user_id, path)
        data = bytearray()
        if found.size <= MAX_ARTIFACT:
            async for piece in pieces:
                data += piece
                if len(data) > MAX_ARTIFACT:  # it grows while it is read
                    break
        if max(found.size, len(data)) > MAX_ARTIFACT:
            raise TooLarge(f"The file has more than {MAX_ARTIFACT:,} bytes, the most that can be saved.")
        return bytes(data)


def _names_slides(given: Mapping[str, Any]) -> bool:
    return _SLIDES in json.dumps(given, default=str)


def told_of(clashes: Sequence[Clash]) -> str:
    """What a model must know of slides that the user has changed as well."""
    return "".join(f"\n{_told(clash)}" for clash in clashes)


def _told(clash: Clash) -> str:
    name = f"slide {clash.slide_number} of {clash.presentation_name}"
    if clash.is_users:
        return f"You wrote over {name}, which the user had changed: the user's page is in {clash.path}. Put that change into yours."
    return f"The user changed {name} meanwhile: the user's stays, yours is in {clash.path}. Read the slide before you write it."


def _with_ours(tools: Sequence[Tool]) -> list[Tool]:
    """The sandbox's tools with what the product adds to them, and the product's own."""
    told = [
        replace(tool, description=f"{tool.description} {_ADDED[tool.name]}") if tool.name in _ADDED else tool
        for tool in tools
        if tool.name != offered.SAVE_ARTIFACT.name
    ]
    return [*told, offered.SAVE_ARTIFACT]
