"""Refreshing tokens, and finding those that nobody refreshes."""

from temporalio import activity

from activities.heartbeats import working
from agents_backend.contracts import activities as names
from agents_backend.contracts.coding_agents import ClaudeCodeRef, NextRefresh
from agents_backend.services.claude_code import ClaudeCode


class CodingAgentActivities:
    def __init__(self, *, claude_code: ClaudeCode) -> None:
        self._claude_code = claude_code

    @activity.defn(name=names.REFRESH_CLAUDE_CODE)
    async def refresh_claude_code(self, ref: ClaudeCodeRef) -> NextRefresh:
        async with working():
            return NextRefresh(at=await self._claude_code.refresh(ref.user_id))

    @activity.defn(name=names.SWEEP_CLAUDE_CODE)
    async def sweep_claude_code(self) -> int:
        async with working():
            return await self._claude_code.sweep()
