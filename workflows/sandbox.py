"""A sandbox's life: made, run, paused when its time is up, resumed, removed; compared with E2B on the way.

One workflow a sandbox, `sandbox-<id>`. It alone changes the sandbox's state, one change at a time, so that a pause and a
resume at once cannot leave E2B and PostgreSQL apart.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from workflows import policies

with workflow.unsafe.imports_passed_through():
    from agents_backend.contracts import activities as names
    from agents_backend.contracts.sandboxes import Farewell, Lease, SandboxInput, SandboxState
    from agents_backend.contracts.turns import Frozen
    from agents_backend.domain.sandboxes import SandboxStatus

# Each look at E2B is about ten events: a sandbox that is never touched is continued as new once a day.
MOST_EVENTS = 1500
IDLE = "It was paused for so long that it was removed with its files."


@workflow.defn(name=names.SANDBOX_WORKFLOW)
class SandboxWorkflow:
    @workflow.init
    def __init__(self, given: SandboxInput) -> None:
        self._given = given
        self._state = given.state
        self._lock = asyncio.Lock()
        self._changes = 0

    @workflow.run
    async def run(self, given: SandboxInput) -> SandboxState:
        self._show()
        if self._state.status == SandboxStatus.CREATING:
            await self._create()
        while not self._state.status.is_final:
            if await self._nothing_happens():
                await self._on_time()
            if (
                workflow.info().get_current_history_length() > MOST_EVENTS
                or workflow.info().is_continue_as_new_suggested()
            ):
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(given.model_copy(update={"state": self._state}))
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._state

    async def _create(self) -> None:
        made = await self._change(names.CREATE_SANDBOX, self._given.sandbox, policies.SANDBOX_CREATE)
        if made.status == SandboxStatus.FAILED:
            await self._forget_strays()

    async def _nothing_happens(self) -> bool:
        """Wait for a change, or for the next time at which something is due; whether that time came."""
        seen = self._changes
        try:
            await workflow.wait_condition(lambda: self._changes != seen, timeout=self._until_due())
        except TimeoutError:
            return True
        return False

    def _until_due(self) -> timedelta:
        left = timedelta(days=1)
        if self._state.expires_at is not None:
            left = max(self._state.expires_at - workflow.now(), timedelta(0))
        if self._state.status == SandboxStatus.RUNNING:
            left = min(left, timedelta(seconds=self._given.check_seconds))
        return left

    async def _on_time(self) -> None:
        expired = self._state.expires_at is not None and workflow.now() >= self._state.expires_at
        async with self._lock:
            if self._state.status.is_final:
                return
            if not expired:
                await self._patiently(names.CHECK_SANDBOX, self._given.sandbox)
            elif self._state.status == SandboxStatus.PAUSED:
                farewell = Farewell(sandbox=self._given.sandbox, status=SandboxStatus.EXPIRED, reason=IDLE)
                await self._patiently(names.REMOVE_SANDBOX, farewell)
            else:
                await self._patiently(names.PAUSE_IDLE_SANDBOX, self._given.sandbox)

    async def _patiently(self, activity: str, argument: Frozen) -> None:
        """What nobody waits for: E2B may be away for as long as it likes, and a failure leaves the state as it is."""
        try:
            await self._change(activity, argument, policies.SANDBOX_UPKEEP)
        except ActivityError:
            workflow.logger.warning("sandbox_upkeep_failed")
            await workflow.sleep(timedelta(minutes=1))

    async def _forget_strays(self) -> None:
        """A request that timed out may have made a box after all."""
        farewell = Farewell(sandbox=self._given.sandbox, status=SandboxStatus.FAILED, reason=self._state.reason)
        kept = self._state
        await self._patiently(names.REMOVE_SANDBOX, farewell)
        self._state = kept

    async def _change(self, activity: str, argument: Frozen, config: policies.ActivityConfig) -> SandboxState:
        self._state = await workflow.execute_activity(
            activity, argument, result_type=SandboxState, summary=activity.replace("_", " "), **config
        )
        self._changes += 1
        self._show()
        return self._state

    def _show(self) -> None:
        until = f" until {self._state.expires_at:%Y-%m-%d %H:%M:%S} UTC" if self._state.expires_at else ""
        workflow.set_current_details(f"**{self._state.status}**{until}. {self._state.reason}")

    async def _made(self) -> None:
        await workflow.wait_condition(lambda: self._state.status != SandboxStatus.CREATING)

    def _alive(self) -> None:
        if self._state.status.is_final:
            raise ApplicationError(
                self._state.reason or "The sandbox has ended; make a new one.", type="SANDBOX_GONE", non_retryable=True
            )

    @workflow.update(name=names.SANDBOX_READY_UPDATE)
    async def ready(self) -> SandboxState:
        await self._made()
        return self._state

    @workflow.update(name=names.SANDBOX_RESUME_UPDATE)
    async def resume(self, lease: Lease) -> SandboxState:
        return await self._ask(names.RESUME_SANDBOX, lease)

    @workflow.update(name=names.SANDBOX_EXTEND_UPDATE)
    async def extend(self, lease: Lease) -> SandboxState:
        """While it is paused, nothing is due: the time counts from when it is resumed."""
        return await self._ask(names.EXTEND_SANDBOX, lease, only_in=(SandboxStatus.RUNNING,))

    @workflow.update(name=names.SANDBOX_PAUSE_UPDATE)
    async def pause(self) -> SandboxState:
        return await self._ask(names.PAUSE_SANDBOX, self._given.sandbox)

    @workflow.update(name=names.SANDBOX_CHECK_UPDATE)
    async def check(self) -> SandboxState:
        return await self._ask(names.CHECK_SANDBOX, self._given.sandbox)

    @workflow.update(name=names.SANDBOX_DELETE_UPDATE)
    async def delete(self) -> SandboxState:
        await self._made()
        async with self._lock:
            if self._state.status.is_final and self._state.status != SandboxStatus.FAILED:
                return self._state
            farewell = Farewell(sandbox=self._given.sandbox, status=SandboxStatus.DELETED)
            await self._change(names.REMOVE_SANDBOX, farewell, policies.SANDBOX_ASKED)
            return self._state

    async def _ask(self, activity: str, argument: Frozen, *, only_in: Sequence[SandboxStatus] = ()) -> SandboxState:
        """One change at a time, each told to whoever asked for it, its failure too."""
        await self._made()
        async with self._lock:
            self._alive()
            if not only_in or self._state.status in only_in:
                try:
                    await self._change(activity, argument, policies.SANDBOX_ASKED)
                except ActivityError as error:
                    await self._if_gone(error)
                    raise
            return self._state

    async def _if_gone(self, error: ActivityError) -> None:
        if isinstance(error.cause, ApplicationError) and error.cause.type == "SANDBOX_GONE":
            await self._change(names.CHECK_SANDBOX, self._given.sandbox, policies.SANDBOX_ASKED)
