"""Prose by rule, for when no model is configured: what can be done honestly without understanding the text."""

import re
import unicodedata
from collections import Counter
from typing import Literal

from agents_backend.domain.sentences import sentences

ProseOption = Literal["continue", "improve", "fix", "shorter", "longer", "zap"]
ReportStyle = Literal["academic", "popular_science", "news", "social_media", "strategic_investment"]
BY_RULE: frozenset[str] = frozenset({"improve", "fix", "shorter"})
_SHORT = 0.5


def by_rule(option: str, text: str) -> str:
    """The text tidied (`fix`, `improve`), or its weightiest sentences (`shorter`)."""
    return shortened(text) if option == "shorter" else tidied(text)


def tidied(text: str) -> str:
    """Spaces, quotation marks, repeated words and the capitals of sentences put right, paragraph by paragraph."""
    return "\n\n".join(_tidied(paragraph) for paragraph in re.split(r"\n\s*\n", text.strip()))


def _tidied(paragraph: str) -> str:
    text = unicodedata.normalize("NFC", " ".join(paragraph.split()))
    text = re.sub(r"\s+([,.;:!?…)\]])", r"\1", text)
    text = re.sub(r"([(\[])\s+", r"\1", text)
    text = re.sub(r"([,;])(?=[^\W\d_])", r"\1 ", text)
    text = re.sub(r"\b(\w+)( \1\b)+", r"\1", text, flags=re.IGNORECASE)
    text = re.sub(r"\bi\b(?=[ '’])", "I", text) if re.search(r"\b(the|and|is|of)\b", text) else text  # noqa: RUF001
    return re.sub(r"(^|[.!?…] )(\w)", lambda found: found[1] + found[2].upper(), text)


def shortened(text: str) -> str:
    """The sentences that carry most of the text's own words, about half of its length, in their order."""
    paragraphs = [sentences(paragraph) for paragraph in re.split(r"\n\s*\n", text.strip())]
    every = [sentence for paragraph in paragraphs for sentence in paragraph]
    weights = Counter(word for sentence in every for word in words_of(sentence))
    room = max(1, int(sum(map(len, every)) * _SHORT))
    kept: set[str] = set()
    for sentence in sorted(every, key=lambda s: -weight_of(s, weights)):
        if not kept or sum(map(len, kept)) + len(sentence) <= room:
            kept.add(sentence)
    shorter = [" ".join(s for s in paragraph if s in kept) for paragraph in paragraphs]
    return "\n\n".join(paragraph for paragraph in shorter if paragraph)


def words_of(sentence: str) -> list[str]:
    """The words that carry a sentence: those of four letters or more, and the pairs of characters where words have no spaces."""
    found = []
    for word in re.findall(r"\w+", sentence.lower()):
        if word[0] > "\u2e7f":
            found += [word[at : at + 2] for at in range(len(word) - 1)]
        elif len(word) > 3:  # noqa: PLR2004
            found.append(word)
    return found


def weight_of(sentence: str, weights: Counter[str]) -> float:
    """How much of the text's own words a sentence carries; long ones are not favoured for their length alone."""
    words = words_of(sentence)
    return sum(weights[word] for word in words) / len(words) ** 0.7 if words else 0


_FORMS: dict[str, str] = {
    "academic": "a formal, precise text with an abstract, method, findings, limits and numbered references",
    "popular_science": "a clear and lively text that explains each term by an everyday example",
    "news": "a news article: the essence first, then who, what, when, where and why, each claim with its source",
    "social_media": "a short post with a strong first line, short sentences and one question to the reader",
    "strategic_investment": "a decision paper: thesis, market, figures, risks with their likelihood, recommendation",
}


_EXPECTED = """# What is expected
- Answer every part of the task.
- Say what is known, what is assumed and what is open.
- Name figures, dates and sources where they matter.
- Ask back if something essential is missing."""


def enhanced_by_rule(prompt: str, context: str, style: str | None) -> str:
    """The prompt with the parts that a good one has."""
    form = _FORMS.get(style or "", "a well-structured text with headings, and the most important first")
    parts = [f"# Task\n{prompt.strip()}"]
    parts += [f"# Context\n{context.strip()}"] if context.strip() else []
    parts += [
        f"# Form\nWrite {form}.",
        _EXPECTED,
    ]
    return "\n\n".join(parts)
