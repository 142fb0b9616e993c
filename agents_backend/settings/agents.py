"""Runs of agents: how far one goes, who starts them by the clock, and what they cost."""

from typing import Self

from pydantic import Field, model_validator

from agents_backend.settings.group import Group, prefixed


class AgentSettings(Group):
    model_config = prefixed("AGENT_")

    max_steps: int = Field(150, ge=1, le=1000, description="model calls in one run, at most")
    max_tool_result_bytes: int = Field(200_000, ge=1_000)
    interrupt_days: int = Field(30, ge=1, description="how long a run waits for a human")
    fetch_allow_loopback: bool = Field(
        default=False, description="for tests alone: lets pages be fetched from loopback"
    )


class SchedulerSettings(Group):
    model_config = prefixed("SCHEDULER_")

    per_user: int = Field(1000, ge=1, description="schedulers of one user, at most")
    history_days: int = Field(90, ge=1, description="how long the list of a scheduler's runs goes back")


class CreditSettings(Group):
    """What use costs. It is recorded always; with `CREDITS_ENABLED` runs are paid for in advance, and refused without credits."""

    model_config = prefixed("CREDITS_")

    enabled: bool = Field(default=False, description="users pay for their runs with credits that administrators grant")
    per_usd: float = Field(100, gt=0, description="credits of one US dollar, by the prices of models, speech and tools")
    initial: float = Field(0, ge=0, le=1e9, description="what each user has before anything is granted")
    reserve: float = Field(1, gt=0, le=1e9, description="set aside when a run starts, and each time it needs more")
    expected_output_tokens: int = Field(
        1_000,
        ge=1,
        description="of a model call, for which credits are set aside before it; its model's own limit if less",
    )
    tool_prices: dict[str, float] = Field(
        default_factory=dict, description='JSON of US dollars a call: {"web_search": 0.008}'
    )

    @model_validator(mode="after")
    def _prices_are_positive(self) -> Self:
        if bad := sorted(name for name, price in self.tool_prices.items() if not 0 <= price < 1e6):  # noqa: PLR2004
            raise ValueError(f"CREDITS_TOOL_PRICES: the price of {', '.join(bad)} is not a number from 0")
        return self
