"""Credits: what use costs, and how a charge is shared out between what a run has reserved and what its user has left."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Final

SMALLEST: Final = Decimal("0.000001")
ZERO: Final = Decimal(0)


class EntryKind(StrEnum):
    """A movement of the ledger."""

    GRANT = "grant"
    RESERVE = "reserve"
    RELEASE = "release"
    CHARGE = "charge"


class Source(StrEnum):
    """What a charge is for."""

    MODEL = "model"
    TOOL = "tool"
    SPEECH = "speech"


@dataclass(frozen=True)
class Charge:
    """What one model, tool or voice of a run was used for.

    Attributes:
        calls: answers, tool calls or lines spoken.
        cost_usd: US dollars by the prices of the time of use.
    """

    source: Source
    name: str
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    characters: int = 0
    cost_usd: float = 0

    @property
    def key(self) -> str:
        """Unique within its run, so that a run is charged for it once."""
        return f"{self.source}:{self.name}"

    def __add__(self, other: "Charge") -> "Charge":
        return Charge(
            self.source,
            self.name,
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.characters + other.characters,
            self.cost_usd + other.cost_usd,
        )


def credits_of(cost_usd: float, per_usd: float) -> Decimal:
    """Credits of a cost, to the millionth."""
    return (Decimal(str(cost_usd)) * Decimal(str(per_usd))).quantize(SMALLEST, ROUND_HALF_UP)


def shared_out(wanted: Sequence[Decimal], available: Decimal) -> list[Decimal]:
    """What is taken for each of several charges, in their order, when not more than `available` can be."""
    taken: list[Decimal] = []
    for price in wanted:
        taken.append(min(price, available - sum(taken, ZERO)))
    return taken
