"""A command in a sandbox: started once, awaited by whichever worker is there, stopped when it is cancelled."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from workflows import policies

with workflow.unsafe.imports_passed_through():
    from agents_backend.contracts import activities as names
    from agents_backend.contracts.sandboxes import CommandFailure, CommandInput, CommandProgress


@workflow.defn(name=names.SANDBOX_COMMAND_WORKFLOW)
class SandboxCommandWorkflow:
    @workflow.run
    async def run(self, given: CommandInput) -> None:
        try:
            await self._to_its_end(given)
        except BaseException as error:
            if is_cancelled_exception(error):
                workflow.set_current_details("cancelled: stopping it")
                await asyncio.shield(self._stop(given))
                return
            if not isinstance(error, ActivityError):
                raise  # a bug: the fixed code goes on from here
            await self._fail(given, error)

    async def _to_its_end(self, given: CommandInput) -> None:
        if (await self._begin(given)).finished:
            return
        workflow.set_current_details("running")
        await workflow.execute_activity(
            names.AWAIT_COMMAND,
            given.command,
            result_type=CommandProgress,
            summary=given.command.command_id,
            **policies.command_await(given.timeout_seconds),
        )

    async def _begin(self, given: CommandInput) -> CommandProgress:
        """Most commands end here, within the workflow's first task; what may heal is left to an activity of its own."""
        try:
            progress: CommandProgress = await workflow.execute_local_activity(
                names.BEGIN_COMMAND, given.command, result_type=CommandProgress, **policies.AT_ONCE
            )
        except ActivityError as error:
            if is_cancelled_exception(error) or policies.is_told_at_once(error):
                raise
        else:
            return progress
        begun: CommandProgress = await workflow.execute_activity(
            names.START_COMMAND,
            given.command,
            result_type=CommandProgress,
            summary=given.command.command_id,
            **policies.COMMAND_START,
        )
        return begun

    async def _stop(self, given: CommandInput) -> None:
        try:
            await workflow.execute_activity(
                names.STOP_COMMAND, given.command, result_type=CommandProgress, **policies.SANDBOX_UPKEEP
            )
        except ActivityError as error:
            await self._fail(given, error)

    async def _fail(self, given: CommandInput, error: ActivityError) -> None:
        code, detail = "SANDBOX_TIMEOUT", "The command could not be followed to its end."
        if isinstance(error.cause, ApplicationError):
            code, detail = error.cause.type or code, error.cause.message
        failure = CommandFailure(command=given.command, code=code, detail=detail)
        workflow.set_current_details(f"failed: {detail}")
        await workflow.execute_activity(names.FAIL_COMMAND, failure, **policies.RECORD)
