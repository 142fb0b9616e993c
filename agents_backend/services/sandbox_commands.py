"""Commands in sandboxes: begun by a request, carried by a workflow, looked at and stopped by whoever may."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agents_backend.contracts.sandboxes import CommandFailure, CommandInput, CommandProgress, CommandRef
from agents_backend.db.base import Database
from agents_backend.db.sandboxes import SandboxRepository
from agents_backend.db.tables.sandboxes import Sandbox, SandboxCommand
from agents_backend.domain.errors import AgentsError, CommandLost, NotFound, SandboxInterrupted, TooMany, Unavailable
from agents_backend.domain.sandboxes import CommandStatus, new_command_id
from agents_backend.integrations.sandbox_scripts import CommandReport
from agents_backend.integrations.sandboxes import Boxes, NewCommand
from agents_backend.services.idempotency import claim, release
from agents_backend.services.sandbox_access import SandboxAccess, find
from agents_backend.services.sandbox_entities import SandboxEntities, failure_of
from agents_backend.services.vault import Vault
from agents_backend.settings import SandboxSettings

# What a start waits for at once: most commands end within it, and cost one workflow task.
BEGIN_SECONDS = 1
# How long a command's workflow leaves it to the request that made it, which is nearer; if that dies, the workflow begins.
HEAD_START_SECONDS = 2
QUICK_SECONDS = 5
# How long one request to a sandbox waits for a command's end.
LOOK_SECONDS = 20
LATE_SECONDS = 60
LOST = "The sandbox was started anew while the command ran; how far it came is not known. It was not run again."


@dataclass(frozen=True)
class CommandRequest:
    """What a request asks for; `wait` says whether the answer is to come when the command has ended."""

    user_id: int
    sandbox_id: str
    command: str
    timeout_seconds: int
    cwd: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    wait: bool = True
    idempotency_key: str | None = None


class SandboxCommands:
    def __init__(
        self,
        *,
        database: Database,
        boxes: Boxes,
        entities: SandboxEntities,
        access: SandboxAccess,
        settings: SandboxSettings,
        vault: Vault,
    ) -> None:
        self._database, self._boxes, self._entities, self._access = database, boxes, entities, access
        self._limit, self._vault = settings.commands_per_sandbox, vault

    # By requests

    async def run(self, request: CommandRequest) -> SandboxCommand:
        """Run a command, and wait for its end if that is asked for; a client that goes away stops nothing.

        Raises:
            NotFound: no such sandbox. SandboxGone: it has ended. TooMany: too many commands run in it.
            Invalid: there is no such folder. IdempotencyMismatch: the key was used for another body.
            Unavailable: E2B or Temporal fails.
        """
        sandbox = await self._access.running(request.sandbox_id, request.user_id)
        command_id = await self._accept(request, sandbox)
        ref = CommandRef(command_id=command_id, sandbox_id=sandbox.id, user_id=request.user_id)
        given = CommandInput(command=ref, timeout_seconds=request.timeout_seconds)
        try:
            await self._entities.start_command(given, delay_seconds=HEAD_START_SECONDS if request.wait else 0)
        except Unavailable as error:
            await self.fail(CommandFailure(command=ref, code=error.code, detail=error.detail))
            async with self._database.transaction() as session:
                await release(session, request.user_id, request.idempotency_key)
            raise
        if request.wait and not await self._begin(ref, sandbox, request):
            await self._entities.command_ended(command_id, request.timeout_seconds + LATE_SECONDS)
        row = await self._row(ref)
        raise_if_failed(row)
        return row

    async def _begin(self, ref: CommandRef, sandbox: Sandbox, request: CommandRequest) -> bool:
        """Start it from here, and wait a moment for its end: whether it has come. Its workflow waits for as long, finds it begun, and goes on."""
        new = NewCommand(ref.command_id, request.command, request.cwd, request.env, request.timeout_seconds)
        try:
            return (await self._started(new, sandbox, wait=BEGIN_SECONDS)).finished
        except AgentsError as error:
            await self.fail(CommandFailure(command=ref, code=error.code, detail=error.detail))
            return True

    async def _accept(self, request: CommandRequest, sandbox: Sandbox) -> str:
        async with self._database.transaction() as session:
            rows = SandboxRepository(session)
            body = [request.sandbox_id, request.command, request.cwd, dict(request.env), request.timeout_seconds]
            wanted = new_command_id()
            command_id = await claim(
                session, request.user_id, request.idempotency_key, operation="command", body=body, wanted=wanted
            )
            if command_id != wanted:
                return command_id
            if await rows.running_count(sandbox.id) >= self._limit:
                raise TooMany(f"{self._limit} commands are running in this sandbox.", retry_after=5)
            await rows.add_command(
                command_id,
                sandbox_id=sandbox.id,
                user_id=request.user_id,
                command=request.command,
                cwd=request.cwd,
                env=self._sealed(command_id, request.env),
                timeout_seconds=request.timeout_seconds,
            )
            return command_id

    def _sealed(self, command_id: str, env: Mapping[str, str]) -> bytes | None:
        row = SandboxCommand(id=command_id)
        self._vault.seal(row, "env", dict(env) or None)
        return row.env

    async def get(self, sandbox_id: str, command_id: str, user_id: int) -> tuple[SandboxCommand, CommandReport | None]:
        """A command; while it runs, with what it has written so far.

        Raises:
            NotFound: none, or somebody else's. Unavailable: E2B fails.
        """
        sandbox = await self._access.find(sandbox_id, user_id)
        async with self._database.transaction() as session:
            row = await SandboxRepository(session).command(command_id, sandbox_id=sandbox.id, user_id=user_id)
        if row is None:
            raise NotFound("There is no such command.", code="COMMAND_NOT_FOUND")
        if row.finished_at is not None:
            return row, None
        report = await self._access.use(
            sandbox, lambda box, seconds: self._boxes.await_command(box, row.id, wait=0, seconds=seconds)
        )
        return row, report

    async def list(
        self, sandbox_id: str, user_id: int, *, page: int, size: int
    ) -> tuple[Sequence[SandboxCommand], int]:
        """A sandbox's commands, newest first, and how many there are."""
        async with self._database.transaction() as session:
            rows = SandboxRepository(session)
            sandbox = await find(rows, sandbox_id, user_id)
            return await rows.commands(sandbox.id, offset=(page - 1) * size, limit=size)

    async def cancel(self, sandbox_id: str, command_id: str, user_id: int) -> SandboxCommand:
        """Stop a command; what it wrote is kept, and stopping it twice is harmless.

        Raises:
            NotFound: none, or somebody else's. Unavailable: Temporal is away.
        """
        row, _ = await self.get(sandbox_id, command_id, user_id)
        if row.finished_at is None:
            await self._entities.cancel_command(row.id)
            await self._entities.command_ended(row.id, LOOK_SECONDS)
        return await self._row(CommandRef(command_id=row.id, sandbox_id=row.sandbox_id, user_id=user_id))

    # By activities

    async def start(self, ref: CommandRef, *, wait: float = QUICK_SECONDS) -> CommandProgress:
        """Start a command in its sandbox unless an earlier attempt did, and wait a moment for its end.

        Raises:
            SandboxGone: the sandbox has ended. Invalid: there is no such folder. Unavailable: E2B fails.
        """
        row = await self._row(ref)
        if row.finished_at is not None:
            return CommandProgress(finished=True)
        sandbox = await self._access.find(ref.sandbox_id, ref.user_id)
        new = NewCommand(row.id, row.command, row.cwd, self._vault.open(row, "env") or {}, row.timeout_seconds)
        return await self._started(new, sandbox, wait=wait)

    async def _started(self, new: NewCommand, sandbox: Sandbox, *, wait: float) -> CommandProgress:
        try:
            report = await self._access.use(
                sandbox, lambda box, seconds: self._boxes.start_command(box, new, wait=wait, seconds=seconds)
            )
        except SandboxInterrupted:  # it may have begun: it is followed, which never begins it
            return CommandProgress(finished=False)
        return await self._note(new.id, report)

    async def follow(self, ref: CommandRef) -> CommandProgress:
        """Wait for the end of a command that has been started, however long it takes.

        Raises:
            SandboxGone: the sandbox has ended. Unavailable: E2B fails.
        """
        row = await self._row(ref)
        while row.finished_at is None:
            sandbox = await self._access.find(ref.sandbox_id, ref.user_id)
            report = await self._access.use(
                sandbox,
                lambda box, seconds: self._boxes.await_command(box, ref.command_id, wait=LOOK_SECONDS, seconds=seconds),
            )
            if (await self._note(row.id, report)).finished:
                break
        return CommandProgress(finished=True)

    async def stop(self, ref: CommandRef) -> CommandProgress:
        """Stop a command and keep what it wrote.

        Raises:
            SandboxGone: the sandbox has ended. Unavailable: E2B fails.
        """
        row = await self._row(ref)
        sandbox = await self._access.find(ref.sandbox_id, ref.user_id)
        report = await self._access.use(
            sandbox, lambda box, seconds: self._boxes.stop_command(box, row.id, seconds=seconds)
        )
        await self._end(row.id, CommandStatus.CANCELLED, report)
        return CommandProgress(finished=True)

    async def fail(self, failure: CommandFailure) -> None:
        """Write down why a command came to no end of its own."""
        error = {"code": failure.code, "detail": failure.detail}
        async with self._database.transaction() as session:
            await SandboxRepository(session).end_command(failure.command.command_id, CommandStatus.FAILED, error=error)

    async def _note(self, command_id: str, report: CommandReport) -> CommandProgress:
        if report.state == "running":
            return CommandProgress(finished=False)
        if report.state == "lost":
            await self._end(command_id, CommandStatus.FAILED, report, error={"code": CommandLost.code, "detail": LOST})
        else:
            await self._end(command_id, CommandStatus.FINISHED, report)
        return CommandProgress(finished=True)

    async def _end(
        self, command_id: str, status: CommandStatus, report: CommandReport, error: dict[str, str] | None = None
    ) -> None:
        async with self._database.transaction() as session:
            await SandboxRepository(session).end_command(
                command_id,
                status,
                exit_code=report.exit_code,
                duration_ms=report.duration_ms,
                stdout=report.stdout.replace("\x00", "\ufffd"),  # PostgreSQL's text holds no NUL
                stderr=report.stderr.replace("\x00", "\ufffd"),
                truncated=report.truncated,
                error=error,
            )

    async def _row(self, ref: CommandRef) -> SandboxCommand:
        async with self._database.autocommit() as session:
            row = await SandboxRepository(session).command(ref.command_id)
        if row is None:
            raise NotFound("There is no such command.", code="COMMAND_NOT_FOUND")
        return row


def raise_if_failed(row: SandboxCommand) -> None:
    """The error of a command that never came to an end of its own."""
    if row.status == CommandStatus.FAILED and row.error:
        raise failure_of(row.error["code"], row.error["detail"])
