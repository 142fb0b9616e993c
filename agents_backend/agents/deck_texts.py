"""The texts of slides, from a document's: a title, a point, what the speaker says."""

import re
from collections.abc import Sequence

from agents_backend.domain.documents import Block, Code, spoken
from agents_backend.domain.sentences import sentences

POINT = 170  # characters of a bullet, at most


def headline(blocks: Sequence[Block]) -> str:
    """The beginning of a text as a title: its first clause, or as many words as a title bears."""
    first = next((s for block in blocks for s in sentences(spoken(block))), "…")
    clause = re.split(r"[,;:，；：、—]\s*", first)[0].rstrip(".。!?")  # noqa: RUF001
    if 12 <= len(clause) <= 70:  # noqa: PLR2004  # characters of a title
        return clause
    words, title = first.rstrip(".。").split(), ""
    for word in words:
        if len(title) + len(word) > 60:  # noqa: PLR2004
            return f"{title}…" if title else f"{word[:40]}…"
        title = f"{title} {word}".strip()
    return title or "…"


def brief(sentence: str) -> str:
    """A sentence as a point: without its asides, cut at a clause where it is too long, without its full stop."""
    text = re.sub(r"\s*[(（][^()（）]{0,160}[)）]", "", " ".join(sentence.split()))  # noqa: RUF001
    if len(text) > POINT:
        cut = max(text.rfind(mark, 40, POINT) for mark in (", ", "; ", ": ", " – ", " — ", "，", "；", "、", "، "))  # noqa: RUF001
        at = cut if cut > POINT // 3 else text.rfind(" ", 40, POINT)
        text = f"{text[: at if at > 0 else POINT].rstrip(' ,;:–—，；、،')}…"  # noqa: RUF001
    return text.rstrip("。") if text.endswith("。") else re.sub(r"(?<=[^.])\.$", "", text)


def notes_of(blocks: Sequence[Block]) -> str:
    """The whole text of a slide, for its speaker."""
    texts = [block.text if isinstance(block, Code) else spoken(block) for block in blocks]
    return "\n\n".join(text for text in texts if text)[:20_000]
