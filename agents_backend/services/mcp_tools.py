"""The tools of MCP servers: the deployment's, the user's own, and those that a chat's body names."""

import asyncio
import hashlib
import mimetypes
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agents_backend.agents.tools import Tool
from agents_backend.contracts import events
from agents_backend.db.base import Database
from agents_backend.db.mcp import McpServerRepository
from agents_backend.db.tables.mcp import McpServer
from agents_backend.db.tables.runs import Run
from agents_backend.domain.errors import NotFound, StorageFull, UpstreamFailed
from agents_backend.domain.mcp import RemoteTool, named
from agents_backend.integrations.events import EventLog
from agents_backend.integrations.mcp import Answer, File
from agents_backend.services.artifacts import Artifacts, NewArtifact
from agents_backend.services.mcp_listings import Listing, McpListings
from agents_backend.services.step_writer import StepWriter
from agents_backend.services.toolboxes import Availability, ToolContext, ToolResult

CHOICES: Final = "mcp"  # the option of a run with what its request wants of servers, by their names
MAX_FILES: Final = 20  # of one result
_MEDIA_TYPE: Final = re.compile(r"[a-z]{1,20}/[a-z0-9][a-z0-9.+-]{0,80}")
_EXTENSIONS: Final = {
    "image/jpeg": ".jpg",
    "audio/wav": ".wav",
    "audio/mpeg": ".mp3",
    "application/octet-stream": ".bin",
}


@dataclass(frozen=True)
class _Offered:
    tool: RemoteTool
    listing: Listing


class McpTools:
    def __init__(self, *, database: Database, listings: McpListings, artifacts: Artifacts, log: EventLog) -> None:
        self._database, self._listings, self._artifacts, self._log = database, listings, artifacts, log

    def catalogue(self) -> Sequence[Availability]:
        return ()  # they are rows, which come and go

    async def tools(self, run: Run) -> Sequence[Tool]:
        """The tools of all servers that answer; of the others the client is told, once a run."""
        listings = await self._usable(run.id, run.user_id, run.options)
        await asyncio.gather(*(self._warn(run, listing) for listing in listings if listing.error is not None))
        return [
            Tool(name, found.tool.description, found.tool.schema, found.tool.repeatable)
            for name, found in _offered(listings, run.options).items()
        ]

    async def call(self, name: str, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        """Carry out a call.

        Raises:
            UpstreamFailed, UpstreamTimeout, Invalid: what the server cannot do. NotFound: its tool is gone.
        """
        listings = await self._usable(context.run.run_id, context.user_id, context.options)
        found = _offered(listings, context.options).get(name)
        if found is None:
            raise NotFound(f"The tool {name} is gone.")
        answer = await self._listings.call(found.listing, found.tool, dict(arguments))
        try:
            saved = [await self._keep(file, number, context) for number, file in enumerate(answer.files[:MAX_FILES])]
        except StorageFull as failure:
            raise UpstreamFailed(failure.detail, code=failure.code) from failure
        return ToolResult(_told(answer, saved), error=answer.error)

    async def _usable(self, run_id: Any, user_id: int, options: Mapping[str, Any]) -> list[Listing]:
        async with self._database.autocommit() as session:
            servers = await McpServerRepository(session).usable(run_id, user_id)
        first: dict[str, McpServer] = {}
        for server in servers:
            first.setdefault(server.name, server)
        return await self._listings.of([server for server in first.values() if _is_wanted(server, options)])

    async def _warn(self, run: Run, listing: Listing) -> None:
        """Each call writes the same event at the same place, so the log keeps it once."""
        told = {
            "code": "MCP_SERVER_UNAVAILABLE",
            "server": listing.server.name,
            "message": f"The MCP server {listing.server.name} cannot be used, so its tools are missing. {listing.error}",
        }
        writer = StepWriter(self._log, str(run.id), writer=f"mcp-{listing.server.id}", attempt=1)
        await writer.emit([events.custom("warning", told)], urgent=True)

    async def _keep(self, file: File, number: int, context: ToolContext) -> str:
        """A file of a result as an artifact of the run; the call's own id names it, so that a second try puts it in its place."""
        named = file.media_type.partition(";")[0].strip().lower()
        kind = named if _MEDIA_TYPE.fullmatch(named) else "application/octet-stream"
        extension = _EXTENSIONS.get(kind) or mimetypes.guess_extension(kind) or ".bin"
        digest = hashlib.sha256(context.call_id.encode()).hexdigest()[:12]
        name = f"{kind.partition('/')[0]}-{digest}-{number + 1}{extension}"
        details = {"tool_call_id": context.call_id}
        await self._artifacts.save(context.run, NewArtifact(name, kind, file.data, role="file", details=details))
        return f"{name} ({kind}, {len(file.data):,} bytes)"


def _is_wanted(server: McpServer, options: Mapping[str, Any]) -> bool:
    choice = (options.get(CHOICES) or {}).get(server.name)
    return choice is None or bool(choice["enabled"])


def _offered(listings: Sequence[Listing], options: Mapping[str, Any]) -> dict[str, _Offered]:
    """Tools by the names that models know them by, those left out that somebody did not enable."""
    found: dict[str, _Offered] = {}
    for listing in listings:
        choice = (options.get(CHOICES) or {}).get(listing.server.name) or {}
        for name, tool in named(listing.server.name, listing.tools).items():
            enabled = (listing.config and listing.config.enabled_tools, choice.get("enabled_tools"))
            if all(names is None or tool.name in names for names in enabled):
                found.setdefault(name, _Offered(tool, listing))
    return found


def _told(answer: Answer, saved: Sequence[str]) -> str:
    more = [f"[The user can download from this run: {', '.join(saved)}.]"] if saved else []
    if (left := len(answer.files) - len(saved)) > 0:
        more.append(f"[{left} more files are left out.]")
    return "\n\n".join([*([answer.text] if answer.text else []), *more]) or "[The tool gave nothing.]"
