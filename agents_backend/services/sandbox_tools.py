"""The tools of runs of kind `agent`: commands and files in a sandbox, its ports, and its files as artifacts of the run."""

import asyncio
import mimetypes
import posixpath
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from agents_backend.agents import sandbox_tools as offered
from agents_backend.agents.tools import Tool, validate
from agents_backend.db.base import Database
from agents_backend.db.sandboxes import SandboxRepository
from agents_backend.db.tables.runs import Run
from agents_backend.db.tables.sandboxes import SandboxCommand
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
from agents_backend.domain.sandboxes import CommandStatus, checked_path
from agents_backend.services.agent_sandboxes import AgentSandboxes, Workplace
from agents_backend.services.artifacts import Artifacts, NewArtifact
from agents_backend.services.sandbox_commands import CommandRequest
from agents_backend.services.sandbox_files import SandboxFiles
from agents_backend.services.sandbox_parts import SandboxParts
from agents_backend.services.toolboxes import Availability, ToolContext, ToolResult

KIND: Final = "agent"
NO_SANDBOXES: Final = (
    "Sandboxes are not configured: set E2B_API_KEY, or start the embedded host with `agents-backend up`."
)
BACKGROUND_SECONDS: Final = 3_600
MAX_OUTPUT: Final = 30_000  # characters of each of a command's two outputs
MAX_TEXT: Final = 100_000  # characters of a file that is read
MAX_ENTRIES: Final = 1_000
MAX_ARTIFACT: Final = 25_000_000
_KILLED_BY_TIME = 124
# An edit holds a connection to PostgreSQL while it speaks with the sandbox.
_EDITS_AT_ONCE = 4

Work = Callable[[Mapping[str, Any], Workplace, ToolContext], Awaitable[str]]


class SandboxTools:
    def __init__(
        self,
        *,
        database: Database,
        parts: SandboxParts,
        files: SandboxFiles,
        artifacts: Artifacts,
        places: AgentSandboxes,
    ) -> None:
        self._database, self._parts, self._files = database, parts, files
        self._artifacts, self._places = artifacts, places
        self._edits = asyncio.Semaphore(_EDITS_AT_ONCE)
        self._work: dict[str, Work] = {
            offered.RUN_COMMAND.name: self._run,
            offered.WRITE_FILE.name: self._write,
            offered.EDIT_FILE.name: self._edit,
            offered.READ_FILE.name: self._read,
            offered.LIST_FILES.name: self._list,
            offered.EXPOSE_PORT.name: self._expose,
            offered.SAVE_ARTIFACT.name: self._save,
        }

    def catalogue(self) -> Sequence[Availability]:
        reason = None if self._parts.boxes.are_configured else NO_SANDBOXES
        return [Availability(tool, reason) for tool in offered.TOOLS]

    async def tools(self, run: Run) -> Sequence[Tool]:
        return offered.TOOLS if run.kind == KIND and self._parts.boxes.are_configured else ()

    async def call(self, name: str, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        """Carry out a call.

        Raises:
            UpstreamFailed: E2B or storage fails. It is for the model to know at once: a command must not begin again unasked.
        """
        try:
            place = await self._places.of(context.run, context.options)
            return await self._at(place, self._work[name], arguments, context)
        except (SandboxUnavailable, SandboxFull, StorageFull) as failure:
            raise UpstreamFailed(failure.detail, code=failure.code) from failure

    async def _at(self, place: Workplace, work: Work, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        try:
            return ToolResult(place.loss + await work(arguments, place, context))
        except SandboxGone as gone:
            next_one = (
                "The next call gets a new, empty one." if place.is_own else "The request named it: there is no other."
            )
            return ToolResult(f"The sandbox is gone, with all its files. {gone.detail} {next_one}", error=True)
        except (Invalid, NotFound) as failure:
            if not place.loss:
                raise
            return ToolResult(place.loss + failure.detail, error=True)

    async def _run(self, given: Mapping[str, Any], place: Workplace, context: ToolContext) -> str:
        wanted = validate(offered.RunCommand, given)
        request = CommandRequest(
            user_id=context.user_id,
            sandbox_id=place.sandbox_id,
            command=wanted.command,
            cwd=wanted.cwd,
            timeout_seconds=BACKGROUND_SECONDS if wanted.background else wanted.timeout_seconds,
            wait=not wanted.background,
            idempotency_key=f"tool:{context.call_id}",
        )
        return told(await self._parts.commands.run(request))

    async def _write(self, given: Mapping[str, Any], place: Workplace, context: ToolContext) -> str:
        wanted = validate(offered.WriteFile, given)
        data = wanted.content.encode()
        path = await self._files.write(place.sandbox_id, context.user_id, wanted.path, data)
        return f"{path} is written: {len(data):,} bytes."

    async def _edit(self, given: Mapping[str, Any], place: Workplace, context: ToolContext) -> str:
        """A turn's calls run side by side, maybe on several workers: edits of one file wait for each other."""
        wanted = validate(offered.EditFile, given)
        path = checked_path(wanted.path)
        async with self._edits, self._database.transaction() as session:
            await SandboxRepository(session).lock_file(place.sandbox_id, path)
            text = await self._text(place, path, context)
            found = text.count(wanted.old_text)
            if found == 0:
                raise Invalid(f"old_text does not stand in {path}. Read the file again: nothing was changed.")
            if found > 1 and not wanted.replace_all:
                raise Invalid(f"old_text stands in {path} {found} times: give more of it. Nothing was changed.")
            changed = text.replace(wanted.old_text, wanted.new_text)
            await self._files.write(place.sandbox_id, context.user_id, path, changed.encode())
        return f"{path} is changed in {found} place{'s' if found > 1 else ''}."

    async def _read(self, given: Mapping[str, Any], place: Workplace, context: ToolContext) -> str:
        wanted = validate(offered.ReadFile, given)
        lines = (await self._text(place, wanted.path, context)).splitlines(keepends=True)
        first = wanted.first_line - 1
        if first and first >= len(lines):
            raise Invalid(f"The file has {len(lines)} lines.")
        shown = lines[first : first + wanted.lines]
        text = shortened("".join(shown), MAX_TEXT)
        if len(shown) < len(lines):
            text += f"\n[These are lines {first + 1} to {first + len(shown)} of {len(lines)}.]"
        return text or "[The file is empty.]"

    async def _list(self, given: Mapping[str, Any], place: Workplace, context: ToolContext) -> str:
        wanted = validate(offered.ListFiles, given)
        found = await self._files.list(place.sandbox_id, context.user_id, wanted.path)
        shown = [f"{item.path}/" if item.is_folder else f"{item.path} {item.size}" for item in found[:MAX_ENTRIES]]
        if len(found) > MAX_ENTRIES:
            shown.append(f"[{len(found) - MAX_ENTRIES} more are left out.]")
        return "\n".join(shown) or "[The folder is empty.]"

    async def _expose(self, given: Mapping[str, Any], place: Workplace, context: ToolContext) -> str:
        """Without the token that opens it: what a model is told goes to its vendor."""
        wanted = validate(offered.ExposePort, given)
        url, _ = await self._parts.sandboxes.expose(place.sandbox_id, context.user_id, wanted.port)
        return f"{url}\nThe user opens it with the access token of sandbox {place.sandbox_id}, which you do not need."

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

    async def _text(self, place: Workplace, path: str, context: ToolContext) -> str:
        found = await self._files.read(place.sandbox_id, context.user_id, path)
        if found.encoding != "utf-8":
            raise Invalid(f"{found.path} is no text in UTF-8; it has {found.size:,} bytes.")
        return found.content


def told(command: SandboxCommand) -> str:
    """A command's end in words; where it was cut is said in the text."""
    if command.status == CommandStatus.RUNNING:
        return f"It runs in the background as {command.id}, for {command.timeout_seconds} seconds at most."
    head = f"exit code {command.exit_code}"
    if command.status == CommandStatus.CANCELLED:
        head = "It was stopped by the user."
    elif command.exit_code == _KILLED_BY_TIME:
        head += f" (it was killed, if it took the whole {command.timeout_seconds} seconds)"
    outputs = [("stdout", command.stdout), ("stderr", command.stderr)]
    shown = [f"{name}:\n{shortened(text, MAX_OUTPUT)}" for name, text in outputs if text]
    more = ["[More was written than is kept.]"] if command.truncated else []
    return "\n".join([head, *shown, *more])


def shortened(text: str, limit: int) -> str:
    """The beginning and the end of a text that is too long: an error stands at the end, what led to it at the beginning."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[{len(text) - 2 * half:,} characters are left out here.]\n{text[-half:]}"
