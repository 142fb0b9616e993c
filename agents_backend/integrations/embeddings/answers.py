"""What an embedding model answers, and what that costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_CHARACTERS_A_TOKEN: Final = 4


@dataclass(frozen=True)
class Embedded:
    """A vector for each text, in the texts' order; the tokens of all texts, and US dollars for them."""

    vectors: list[list[float]]
    tokens: int
    cost_usd: float = 0


def tokens_about(texts: Sequence[str]) -> int:
    """Tokens of texts, by their lengths: before they are embedded, and where a server does not say what it counted."""
    return sum(max(1, len(text) // _CHARACTERS_A_TOKEN) for text in texts)


def cost_of(tokens: int, price: float) -> float:
    """US dollars of tokens, at a price for a million of them."""
    return tokens * price / 1e6
