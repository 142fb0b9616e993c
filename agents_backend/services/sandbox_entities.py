"""Speaking with a sandbox's workflow: starting it, asking it for changes, and telling its failures as ours."""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import (
    Priority,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from agents_backend.contracts import activities as names
from agents_backend.contracts import queues
from agents_backend.contracts.sandboxes import CommandInput, SandboxInput, SandboxRef, SandboxState
from agents_backend.db.tables.sandboxes import Sandbox
from agents_backend.domain.errors import AgentsError, SandboxFailed, SandboxGone, Unavailable, error_of
from agents_backend.domain.sandboxes import SandboxStatus, command_workflow_id, sandbox_workflow_id

RPC = timedelta(seconds=5)
# More than an activity's own tries with E2B take; a worker that is away is told within it.
UPDATE_SECONDS = 30.0
_USER, _KIND = (SearchAttributeKey.for_keyword(name) for name in ("UserId", "Kind"))


def input_of(sandbox: Sandbox, check_seconds: int) -> SandboxInput:
    state = SandboxState(status=SandboxStatus(sandbox.status), expires_at=sandbox.expires_at, reason=sandbox.reason)
    ref = SandboxRef(sandbox_id=sandbox.id, user_id=sandbox.user_id)
    return SandboxInput(sandbox=ref, state=state, check_seconds=check_seconds)


class SandboxEntities:
    def __init__(self, *, temporal: Client, check_seconds: int) -> None:
        self._temporal, self._check_seconds = temporal, check_seconds

    async def start(self, sandbox: Sandbox) -> None:
        """Start a sandbox's workflow where its row stands; a second start finds the first.

        Raises:
            Unavailable: Temporal cannot be reached.
        """
        await self._start(
            names.SANDBOX_WORKFLOW,
            input_of(sandbox, self._check_seconds),
            name=sandbox_workflow_id(sandbox.id),
            user_id=sandbox.user_id,
            kind="sandbox",
            summary=f"sandbox {sandbox.id} for user {sandbox.user_id}",
        )

    async def start_command(self, given: CommandInput, *, delay_seconds: float = 0) -> None:
        """Start a command's workflow, which sets to work after the delay; a second start finds the first."""
        await self._start(
            names.SANDBOX_COMMAND_WORKFLOW,
            given,
            name=command_workflow_id(given.command.command_id),
            user_id=given.command.user_id,
            kind="sandbox_command",
            summary=f"a command in {given.command.sandbox_id}",
            delay=timedelta(seconds=delay_seconds) if delay_seconds else None,
        )

    async def _start(
        self,
        workflow: str,
        given: SandboxInput | CommandInput,
        *,
        name: str,
        user_id: int,
        kind: str,
        summary: str,
        delay: timedelta | None = None,
    ) -> None:
        attributes = [SearchAttributePair(_USER, str(user_id)), SearchAttributePair(_KIND, kind)]
        try:
            await self._temporal.start_workflow(
                workflow,
                given,
                id=name,
                task_queue=queues.SANDBOX,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                static_summary=summary,
                start_delay=delay,
                search_attributes=TypedSearchAttributes(attributes),
                priority=Priority(priority_key=2),
                rpc_timeout=RPC,
            )
        except WorkflowAlreadyStartedError:
            return
        except (RPCError, RuntimeError) as error:
            raise Unavailable("Temporal is not available now.", retry_after=2) from error

    async def command_ended(self, command_id: str, seconds: float) -> bool:
        """Wait for a command's workflow; False when it goes on after `seconds`."""
        handle = self._temporal.get_workflow_handle(command_workflow_id(command_id))
        try:
            async with asyncio.timeout(seconds):
                await handle.result()
        except TimeoutError:
            return False
        except WorkflowFailureError:  # terminated by hand: the sweep ends the command
            return True
        except (RPCError, RuntimeError) as error:
            raise Unavailable("Temporal is not available now.", retry_after=2) from error
        return True

    async def cancel_command(self, command_id: str) -> None:
        """Cancel a command's workflow; one that has ended is no error.

        Raises:
            Unavailable: Temporal cannot be reached.
        """
        try:
            await self._temporal.get_workflow_handle(command_workflow_id(command_id)).cancel(rpc_timeout=RPC)
        except (RPCError, RuntimeError) as error:
            if not isinstance(error, RPCError) or error.status != RPCStatusCode.NOT_FOUND:
                raise Unavailable("Temporal is not available now.", retry_after=2) from error

    async def ask(self, sandbox: Sandbox, update: str, *arguments: Any) -> SandboxState:
        """Ask for a change and wait until it is made. A workflow that is gone is started again from the row.

        Raises:
            SandboxGone: the sandbox has ended. Unavailable: Temporal, its workers or E2B are away.
        """
        try:
            return await self._ask(sandbox.id, update, arguments)
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise Unavailable("Temporal is not available now.", retry_after=2) from error
        if SandboxStatus(sandbox.status).is_final:
            raise SandboxGone
        await self.start(sandbox)
        try:
            return await self._ask(sandbox.id, update, arguments)
        except RPCError as error:
            raise Unavailable("Temporal is not available now.", retry_after=2) from error

    async def _ask(self, sandbox_id: str, update: str, arguments: tuple[Any, ...]) -> SandboxState:
        handle = self._temporal.get_workflow_handle(sandbox_workflow_id(sandbox_id))
        try:
            async with asyncio.timeout(UPDATE_SECONDS):
                found: SandboxState = await handle.execute_update(
                    update, args=list(arguments), result_type=SandboxState
                )
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):  # the SDK makes the second of the first
            raise Unavailable("No worker took this up in time.", retry_after=5) from None
        except WorkflowUpdateFailedError as error:
            raise told(error) from error
        return found

    async def is_open(self, workflow_id: str) -> bool | None:
        """Whether a workflow of this id is at work; None when Temporal does not say."""
        try:
            found = await self._temporal.get_workflow_handle(workflow_id).describe(rpc_timeout=RPC)
        except RPCError as error:
            return False if error.status == RPCStatusCode.NOT_FOUND else None
        return found.status == WorkflowExecutionStatus.RUNNING


def told(error: BaseException) -> AgentsError:
    """The domain error that a failure of Temporal's carries, by its code."""
    cause: BaseException | None = error
    while cause is not None and not (isinstance(cause, ApplicationError) and cause.type):
        cause = cause.__cause__
    if not isinstance(cause, ApplicationError):
        return SandboxFailed("The sandbox could not be changed.")
    return failure_of(cause.type or "", cause.message)


def failure_of(code: str, detail: str) -> AgentsError:
    """The error of the tree that has this code; one that may heal says when to come again."""
    found = error_of(code, detail)
    found.retry_after = 5 if isinstance(found, Unavailable) else None
    return found
