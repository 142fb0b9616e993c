"""Tokens of Claude Code, refreshed before they expire: one workflow a user, which sleeps in between."""

from datetime import timedelta

from temporalio import workflow

from workflows import policies

with workflow.unsafe.imports_passed_through():
    from agents_backend.contracts import activities as names
    from agents_backend.contracts.coding_agents import ClaudeCodeRef, NextRefresh

_SOONEST = timedelta(seconds=1)


@workflow.defn(name=names.REFRESH_CLAUDE_CODE_WORKFLOW)
class RefreshClaudeCodeWorkflow:
    """`refresh-claude-code-<user id>`; a sign-in or its removal signals it."""

    @workflow.init
    def __init__(self, ref: ClaudeCodeRef) -> None:  # noqa: ARG002  # Temporal gives it what `run` gets
        self._changed = False

    @workflow.run
    async def run(self, ref: ClaudeCodeRef) -> None:
        while True:
            self._changed = False
            following: NextRefresh = await workflow.execute_activity(
                names.REFRESH_CLAUDE_CODE,
                ref,
                result_type=NextRefresh,
                summary=f"user {ref.user_id}",
                **policies.REFRESH,
            )
            if following.at is None and not self._changed:
                return
            if following.at is not None:
                await self._sleep(max(following.at - workflow.now(), _SOONEST))
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(ref)

    async def _sleep(self, pause: timedelta) -> None:
        workflow.set_current_details(f"The next refresh is in {pause}.")
        try:
            await workflow.wait_condition(lambda: self._changed, timeout=pause)
        except TimeoutError:
            return

    @workflow.signal(name=names.CLAUDE_CODE_CHANGED_SIGNAL)
    def changed(self) -> None:
        """The tokens are others now, or gone."""
        self._changed = True


@workflow.defn(name=names.SWEEP_CLAUDE_CODE_WORKFLOW)
class SweepClaudeCodeWorkflow:
    @workflow.run
    async def run(self) -> int:
        found: int = await workflow.execute_activity(
            names.SWEEP_CLAUDE_CODE, result_type=int, summary="tokens that nobody refreshes", **policies.SWEEP
        )
        return found
