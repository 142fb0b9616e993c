"""The tools that need nothing from outside: a question to the user, the clock."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agents_backend.agents.tools import AskHuman, CurrentTime, Tool, declare, validate
from agents_backend.db.tables.runs import Run
from agents_backend.domain.errors import Invalid
from agents_backend.services.toolboxes import Availability, ToolContext, ToolResult

# The graph puts the question before the call is carried out, and the answer is the result: it never comes to `call`.
ASK_HUMAN = declare("ask_human", AskHuman, repeatable=True)
CURRENT_TIME = declare("current_time", CurrentTime, repeatable=True)


class BuiltinTools:
    def catalogue(self) -> Sequence[Availability]:
        return [Availability(ASK_HUMAN), Availability(CURRENT_TIME)]

    async def tools(self, run: Run) -> Sequence[Tool]:  # noqa: ARG002  # the same for every run
        return [ASK_HUMAN, CURRENT_TIME]

    async def call(self, name: str, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:  # noqa: ARG002  # the Protocol's
        if name != CURRENT_TIME.name:
            raise Invalid(f"{name} needs a human's answer.")
        return ToolResult(time_in(validate(CurrentTime, arguments).timezone))


def time_in(timezone: str | None) -> str:
    """The time now, RFC 3339 to the second.

    Raises:
        Invalid: there is no such zone.
    """
    try:
        zone = ZoneInfo(timezone) if timezone else UTC
    except (ZoneInfoNotFoundError, ValueError):
        raise Invalid(f"There is no time zone named {timezone}.") from None
    return datetime.now(zone).isoformat(timespec="seconds")
