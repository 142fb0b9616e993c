"""Sandboxes, as their users know them. What happens to one is decided by its workflow alone; see `workflows/sandbox.py`."""

from collections.abc import Sequence
from dataclasses import dataclass

from agents_backend.contracts import activities as names
from agents_backend.contracts.sandboxes import Lease
from agents_backend.db.base import Database
from agents_backend.db.sandboxes import SandboxRepository
from agents_backend.db.tables.sandboxes import Sandbox
from agents_backend.domain.errors import SandboxBusy, SandboxGone, TooMany, Unavailable
from agents_backend.domain.sandboxes import SandboxStatus, new_sandbox_id
from agents_backend.integrations.sandboxes import MCP_PORT, TOKEN_HEADER, VSCODE_PORT, Box, Boxes
from agents_backend.services.idempotency import claim, release
from agents_backend.services.sandbox_access import SandboxAccess, raise_if_ended, ref_of
from agents_backend.services.sandbox_entities import SandboxEntities
from agents_backend.settings import E2BSettings, SandboxSettings


@dataclass(frozen=True)
class NewSandbox:
    """What a request asks for.

    Attributes:
        session_id: a name of the user's own: while a sandbox of that name lives, it is the answer.
        wait: whether the answer is to come when it runs.
    """

    user_id: int
    template_id: str | None = None
    timeout_seconds: int | None = None
    session_id: str | None = None
    idempotency_key: str | None = None
    wait: bool = True


@dataclass(frozen=True)
class SandboxUrls:
    """How a running sandbox's own servers are reached; each request carries `token` in the header `token_header`.

    A browser's first one may carry it in the query parameter `token_parameter`, where there is one.
    """

    mcp_url: str
    vscode_url: str | None
    vscode_reason: str | None
    token: str | None
    token_parameter: str | None
    token_header: str = TOKEN_HEADER


@dataclass(frozen=True)
class Found:
    """A sandbox, whether it was made by this request, and its URLs while it runs."""

    sandbox: Sandbox
    is_new: bool = False
    urls: SandboxUrls | None = None


class Sandboxes:
    def __init__(
        self,
        *,
        database: Database,
        boxes: Boxes,
        entities: SandboxEntities,
        access: SandboxAccess,
        settings: SandboxSettings,
        e2b: E2BSettings,
    ) -> None:
        self._database, self._boxes, self._entities, self._access = database, boxes, entities, access
        self._settings, self._e2b = settings, e2b

    async def create(self, new: NewSandbox) -> Found:
        """Make a sandbox, or find the one of this session or Idempotency-Key.

        Raises:
            TooMany: the user has as many as are allowed. IdempotencyMismatch: the key was used for another body.
            Invalid: there is no such template. Unavailable: E2B or Temporal fails; nothing is left behind.
        """
        row, is_new = await self._row(new)
        try:
            await self._entities.start(row)
        except Unavailable:
            await self._withdraw(row, new)
            raise
        if new.wait:
            await self._entities.ask(row, names.SANDBOX_READY_UPDATE)
            row = await self._made(row, new)
        return await self._with_urls(row, is_new=is_new)

    async def _row(self, new: NewSandbox) -> tuple[Sandbox, bool]:
        async with self._database.transaction() as session:
            rows = SandboxRepository(session)
            living = await rows.living_count(new.user_id)
            body = [new.template_id, new.timeout_seconds, new.session_id]
            wanted = new_sandbox_id()
            sandbox_id = await claim(
                session, new.user_id, new.idempotency_key, operation="sandbox", body=body, wanted=wanted
            )
            earlier = await rows.sandbox(sandbox_id) if sandbox_id != wanted else None
            if earlier is None and new.session_id is not None:
                earlier = await rows.by_session(new.user_id, new.session_id)
            if earlier is not None:
                return earlier, False
            if living >= self._settings.per_user:
                raise TooMany(f"There are {living} sandboxes already; delete one first.", retry_after=30)
            row = self._new(new, sandbox_id)
            await rows.add(row)
            return row, True

    def _new(self, new: NewSandbox, sandbox_id: str) -> Sandbox:
        return Sandbox(
            id=sandbox_id,
            user_id=new.user_id,
            session_id=new.session_id,
            template_id=new.template_id or self._e2b.template,
            status=SandboxStatus.CREATING,
            reason="",
            timeout_seconds=new.timeout_seconds or self._e2b.timeout_seconds,
        )

    async def _withdraw(self, row: Sandbox, new: NewSandbox) -> None:
        async with self._database.transaction() as session:
            await SandboxRepository(session).set_state(
                row.id, SandboxStatus.FAILED, reason="Temporal was away.", error_code=Unavailable.code
            )
            await release(session, new.user_id, new.idempotency_key)

    async def _made(self, row: Sandbox, new: NewSandbox) -> Sandbox:
        found = await self._access.find(row.id, row.user_id)
        if found.status == SandboxStatus.FAILED:
            async with self._database.transaction() as session:
                await release(session, new.user_id, new.idempotency_key)
        raise_if_ended(found)
        return found

    async def connect(self, sandbox_id: str, user_id: int, timeout_seconds: int | None) -> Found:
        """Resume a sandbox if it is paused, and let it run for its time, or the one given, from now.

        Raises:
            NotFound: none, or somebody else's. SandboxGone: it has ended. Unavailable: E2B or Temporal fails.
        """
        row = await self._access.find(sandbox_id, user_id)
        raise_if_ended(row)
        lease = Lease(sandbox=ref_of(row), seconds=timeout_seconds)
        await self._entities.ask(row, names.SANDBOX_RESUME_UPDATE, lease)
        return await self._with_urls(await self._access.find(sandbox_id, user_id))

    async def get(self, sandbox_id: str, user_id: int) -> Sandbox:
        return await self._access.find(sandbox_id, user_id)

    async def list(self, user_id: int, *, page: int, size: int, status: str | None) -> tuple[Sequence[Sandbox], int]:
        """One's sandboxes, newest first, and how many there are."""
        async with self._database.transaction() as session:
            rows = SandboxRepository(session)
            return await rows.sandboxes(user_id, offset=(page - 1) * size, limit=size, status=status)

    async def info(self, sandbox_id: str, user_id: int) -> tuple[Sandbox, Box | None]:
        """A sandbox and what E2B says of it now; what has died underneath is found out here.

        Raises:
            NotFound: none, or somebody else's. Unavailable: E2B fails.
        """
        row = await self._access.find(sandbox_id, user_id)
        if row.e2b_id is None or SandboxStatus(row.status).is_final:
            return row, None
        box = await self._boxes.info(row.e2b_id)
        if box is None or box.state != row.status:
            await self._entities.ask(row, names.SANDBOX_CHECK_UPDATE)
            row = await self._access.find(sandbox_id, user_id)
        return row, box

    async def urls(self, sandbox_id: str, user_id: int) -> SandboxUrls:
        """The URLs of a sandbox's own servers; a paused one is resumed, for they lead nowhere else.

        Raises:
            NotFound: none, or somebody else's. SandboxGone: it has ended. Unavailable: E2B or Temporal fails.
        """
        row = await self._access.running(sandbox_id, user_id)
        return await self._access.use(row, self._urls)

    async def expose(self, sandbox_id: str, user_id: int, port: int) -> tuple[str, str | None]:
        """The URL of a port, and the token that opens it."""
        row = await self._access.running(sandbox_id, user_id)
        found = await self._access.use(row, lambda box, seconds: self._boxes.urls(box, seconds=seconds))
        return found.of(port), found.token

    async def set_timeout(self, sandbox_id: str, user_id: int, timeout_seconds: int) -> Sandbox:
        """Let a running sandbox run until `timeout_seconds` from now; a paused one, from when it is resumed.

        Raises:
            NotFound: none, or somebody else's. SandboxGone: it has ended. Unavailable: E2B or Temporal fails.
        """
        row = await self._access.find(sandbox_id, user_id)
        raise_if_ended(row)
        async with self._database.transaction() as session:
            status = SandboxStatus(row.status)
            await SandboxRepository(session).set_state(row.id, status, timeout_seconds=timeout_seconds)
        await self._entities.ask(row, names.SANDBOX_EXTEND_UPDATE, Lease(sandbox=ref_of(row), seconds=timeout_seconds))
        return await self._access.find(sandbox_id, user_id)

    async def pause(self, sandbox_id: str, user_id: int) -> Sandbox:
        """Pause a sandbox; one that is paused stays so.

        Raises:
            NotFound: none, or somebody else's. SandboxBusy: a command runs in it. SandboxGone: it has ended.
        """
        row = await self._access.find(sandbox_id, user_id)
        raise_if_ended(row)
        async with self._database.transaction() as session:
            if await SandboxRepository(session).running_count(row.id):
                raise SandboxBusy("A command is running in the sandbox; cancel it first.")
        await self._entities.ask(row, names.SANDBOX_PAUSE_UPDATE)
        return await self._access.find(sandbox_id, user_id)

    async def delete(self, sandbox_id: str, user_id: int) -> None:
        """Remove a sandbox and its files; its slides stay.

        Raises:
            NotFound: none, somebody else's, or deleted before. Unavailable: E2B or Temporal fails.
        """
        row = await self._access.find(sandbox_id, user_id)
        if not SandboxStatus(row.status).is_final:
            await self._entities.ask(row, names.SANDBOX_DELETE_UPDATE)
        async with self._database.transaction() as session:
            await SandboxRepository(session).hide(row.id)

    async def _with_urls(self, row: Sandbox, *, is_new: bool = False) -> Found:
        if row.status != SandboxStatus.RUNNING:
            return Found(row, is_new)
        try:
            return Found(row, is_new, await self._access.use(row, self._urls))
        except SandboxGone:
            return Found(await self._access.find(row.id, row.user_id), is_new)

    async def _urls(self, box_id: str, seconds: int) -> SandboxUrls:
        found = await self._boxes.urls(box_id, seconds=seconds)
        no_vscode = self._boxes.no_vscode
        return SandboxUrls(
            mcp_url=found.of(MCP_PORT),
            vscode_url=None if no_vscode else found.of(VSCODE_PORT),
            vscode_reason=no_vscode,
            token=found.token,
            token_parameter=self._boxes.token_parameter,
        )
