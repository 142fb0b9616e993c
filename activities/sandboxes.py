"""What the workflows of sandboxes and their commands ask for."""

from temporalio import activity

from activities.heartbeats import working
from agents_backend.contracts import activities as names
from agents_backend.contracts.sandboxes import (
    CommandFailure,
    CommandProgress,
    CommandRef,
    Farewell,
    Lease,
    SandboxesSwept,
    SandboxRef,
    SandboxState,
)
from agents_backend.services.sandbox_commands import BEGIN_SECONDS, SandboxCommands
from agents_backend.services.sandbox_lives import SandboxLives
from agents_backend.services.sandbox_sweeps import SandboxSweeps


class SandboxActivities:
    def __init__(self, *, lives: SandboxLives) -> None:
        self._lives = lives

    @activity.defn(name=names.CREATE_SANDBOX)
    async def create_sandbox(self, sandbox: SandboxRef) -> SandboxState:
        async with working():
            return await self._lives.create(sandbox, attempt=activity.info().attempt)

    @activity.defn(name=names.RESUME_SANDBOX)
    async def resume_sandbox(self, lease: Lease) -> SandboxState:
        async with working():
            return await self._lives.resume(lease)

    @activity.defn(name=names.EXTEND_SANDBOX)
    async def extend_sandbox(self, lease: Lease) -> SandboxState:
        async with working():
            return await self._lives.extend(lease)

    @activity.defn(name=names.PAUSE_SANDBOX)
    async def pause_sandbox(self, sandbox: SandboxRef) -> SandboxState:
        async with working():
            return await self._lives.pause(sandbox)

    @activity.defn(name=names.PAUSE_IDLE_SANDBOX)
    async def pause_idle_sandbox(self, sandbox: SandboxRef) -> SandboxState:
        async with working():
            return await self._lives.pause_idle(sandbox)

    @activity.defn(name=names.REMOVE_SANDBOX)
    async def remove_sandbox(self, farewell: Farewell) -> SandboxState:
        async with working():
            return await self._lives.remove(farewell)

    @activity.defn(name=names.CHECK_SANDBOX)
    async def check_sandbox(self, sandbox: SandboxRef) -> SandboxState:
        async with working():
            return await self._lives.check(sandbox)


class CommandActivities:
    def __init__(self, *, commands: SandboxCommands) -> None:
        self._commands = commands

    @activity.defn(name=names.BEGIN_COMMAND)
    async def begin_command(self, command: CommandRef) -> CommandProgress:
        async with working():
            return await self._commands.start(command, wait=BEGIN_SECONDS)

    @activity.defn(name=names.START_COMMAND)
    async def start_command(self, command: CommandRef) -> CommandProgress:
        async with working():
            return await self._commands.start(command)

    @activity.defn(name=names.AWAIT_COMMAND)
    async def await_command(self, command: CommandRef) -> CommandProgress:
        async with working():
            return await self._commands.follow(command)

    @activity.defn(name=names.STOP_COMMAND)
    async def stop_command(self, command: CommandRef) -> CommandProgress:
        async with working():
            return await self._commands.stop(command)

    @activity.defn(name=names.FAIL_COMMAND)
    async def fail_command(self, failure: CommandFailure) -> None:
        async with working():
            await self._commands.fail(failure)


class SandboxSweepActivities:
    def __init__(self, *, sweeps: SandboxSweeps) -> None:
        self._sweeps = sweeps

    @activity.defn(name=names.SWEEP_SANDBOXES)
    async def sweep_sandboxes(self) -> SandboxesSwept:
        async with working():
            return await self._sweeps.sweep()
