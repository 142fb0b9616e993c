"""A tool of runs with a sandbox: what the user attached, copied into it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from agents_backend.agents.attachment_tools import COPY_ATTACHMENT, CopyAttachment
from agents_backend.agents.tools import Tool, validate
from agents_backend.db.tables.runs import Run
from agents_backend.domain.errors import SandboxFull, SandboxUnavailable, UpstreamFailed
from agents_backend.domain.sandboxes import checked_path
from agents_backend.integrations.storage import Storage
from agents_backend.services.agent_sandboxes import AgentSandboxes
from agents_backend.services.sandbox_files import SandboxFiles
from agents_backend.services.staged_files import StagedFiles
from agents_backend.services.toolboxes import Availability, ToolContext, ToolResult

KIND: Final = "agent"


class AttachmentTools:
    """`reason` says why this deployment has no sandboxes, if it has none."""

    def __init__(
        self,
        *,
        staged: StagedFiles,
        storage: Storage,
        files: SandboxFiles,
        places: AgentSandboxes,
        reason: str | None,
    ) -> None:
        self._staged, self._storage, self._files, self._places = staged, storage, files, places
        self._reason = reason

    def catalogue(self) -> Sequence[Availability]:
        return [Availability(COPY_ATTACHMENT, self._reason)]

    async def tools(self, run: Run) -> Sequence[Tool]:
        return (COPY_ATTACHMENT,) if run.kind == KIND and self._reason is None else ()

    async def call(self, name: str, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:  # noqa: ARG002  # it has one tool
        """Copy the file.

        Raises:
            NotFound: the user has no such file. UpstreamFailed: E2B fails; the model is told.
        """
        wanted = validate(CopyAttachment, arguments)
        file = await self._staged.get(wanted.file_id, context.user_id)
        path = checked_path(wanted.path or f"/home/user/uploads/{file.name}")
        data = await self._storage.read(file.key)
        try:
            place = await self._places.of(context.run, context.options)
            written = await self._files.write(place.sandbox_id, context.user_id, path, data)
        except (SandboxUnavailable, SandboxFull) as failure:
            raise UpstreamFailed(failure.detail, code=failure.code) from failure
        return ToolResult(f"{place.loss}{file.name} ({file.size:,} bytes) is copied to {written}.")
