"""How wide and how high text is, by the metrics of Arial (and of Liberation Sans, which has the same), without the fonts.

`widths.json` holds advance widths in thousandths of an em, as runs of consecutive code points. Scripts that Arial lacks are
estimated, cautiously: an em for a wide East Asian character, six tenths for others. Lines are set at an exact distance, so
that a font with other ascents changes nothing.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_EM = 1000
_WIDE, _OTHER = 1000, 600
_SAFETY = 1.03
_BREAKS_ANYWHERE = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\u3000-\u30ff]")
# No line begins with these (kinsoku).
_HANGS = frozenset("、。，．！？：；）」』】》〉’”…ー々")  # noqa: RUF001


@dataclass(frozen=True)
class Type:
    """A size in points, and how far apart its lines stand, as a factor of it."""

    size: float
    is_bold: bool = False
    leading: float = 1.2

    @property
    def line(self) -> float:
        return self.size * self.leading


@cache
def _widths(*, is_bold: bool) -> dict[int, int]:
    rows = json.loads((Path(__file__).parent / "widths.json").read_text())["bold" if is_bold else "regular"]
    return {start + offset: width for start, run in rows for offset, width in enumerate(run)}


def leading_of(language: str) -> float:
    """What a script's letters need: Han and the scripts with marks above and below stand higher."""
    code = language.split("-", maxsplit=1)[0].lower()
    return 1.3 if code in {"zh", "ja", "ko"} else 1.4 if code in {"ar", "fa", "ur", "hi", "th", "bn", "ta"} else 1.2


@cache
def _advance(character: str, *, is_bold: bool) -> int:
    known = _widths(is_bold=is_bold).get(ord(character))
    if known is not None:
        return known
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Cf"}:
        return 0
    return _WIDE if unicodedata.east_asian_width(character) in "WF" else _OTHER


def width(text: str, kind: Type) -> float:
    """In points."""
    return sum(_advance(c, is_bold=kind.is_bold) for c in text) * kind.size * _SAFETY / _EM


def lines(text: str, kind: Type, room: float) -> list[str]:
    """The text broken into lines that are no wider than `room` points; a word that is wider is broken itself."""
    found: list[str] = []
    for paragraph in text.split("\n"):
        line, used = "", 0.0
        for piece in (part for whole in _pieces(paragraph) for part in _narrow(whole, kind, room)):
            if line and used + width(piece.rstrip(), kind) > room:
                found.append(line.rstrip())
                line, used = "", 0.0
            added = piece if line else piece.lstrip()
            line, used = line + added, used + width(added, kind)
        found.append(line.rstrip())
    return found


def height(text: str, kind: Type, room: float) -> float:
    """In points, when it is set `room` points wide."""
    return len(lines(text, kind, room)) * kind.line


def _pieces(paragraph: str) -> Iterator[str]:
    """Where a line may break: after spaces and hyphens, and around each wide character but before a mark that hangs."""
    piece = ""
    for character in paragraph:
        if piece and character not in _HANGS and (_ends(piece[-1]) or _BREAKS_ANYWHERE.match(character)):
            yield piece
            piece = ""
        piece += character
    if piece:
        yield piece


def _ends(character: str) -> bool:
    return character in " -–—/\u200b" or bool(_BREAKS_ANYWHERE.match(character))  # noqa: RUF001


def _narrow(piece: str, kind: Type, room: float) -> Iterator[str]:
    """A piece in parts that each fit a line."""
    start, used, factor = 0, 0.0, kind.size * _SAFETY / _EM
    for at, character in enumerate(piece):
        advance = _advance(character, is_bold=kind.is_bold) * factor
        if at > start and used + advance > room and not character.isspace():
            yield piece[start:at]
            start, used = at, 0.0
        used += advance
    yield piece[start:]


def shortened(text: str, kind: Type, room: float, count: int) -> str:
    """As much of the text as `count` lines hold, with an ellipsis where it is cut."""
    broken = lines(text, kind, room)
    if len(broken) <= count:
        return text
    last = broken[count - 1]
    while last and width(f"{last}…", kind) > room:
        last = last[:-1]
    return f"{' '.join([*broken[: count - 1], last.rstrip(' ,;:')])}…"


def best_size(texts: Sequence[str], sizes: Sequence[float], room: float, tall: float, *, base: Type) -> float | None:
    """The largest size at which all texts, one below another, are no higher than `tall` points; None where none fits."""
    for size in sizes:
        kind = Type(size, base.is_bold, base.leading)
        if sum(height(text, kind, room) for text in texts) <= tall:
            return size
    return None
