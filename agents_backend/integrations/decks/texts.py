"""Text into placeholders: sizes that were measured, lines at an exact distance, the deck's language and direction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pptx.oxml import parse_xml
from pptx.util import Pt

from agents_backend.domain.documents import Bullet
from agents_backend.integrations.decks import measure
from agents_backend.integrations.decks.boxes import Box
from agents_backend.integrations.decks.measure import Type
from agents_backend.integrations.decks.template import INDENT_POINTS, Look

GAP = 0.5  # of a size, between bullets
BULLET_SIZES = (24, 22, 20, 18, 16)
SPLIT_SIZE = 18
_DRAWING = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
NUMBER_EMU = 460_000
_LEVEL_STEP = 2  # points that a deeper level is smaller
_DEEPEST = 2
_LITTLE_SMALLER = 0.8


@dataclass(frozen=True)
class Set:
    """A paragraph as it is set."""

    text: str
    size: float
    level: int = 0
    is_bold: bool | None = None
    after: float = 0
    link: str = ""
    numbered: bool = False


def put(shape: Any, paragraphs: Sequence[Set], look: Look) -> None:
    frame = shape.text_frame
    for number, item in enumerate(paragraphs):
        paragraph = frame.paragraphs[0] if number == 0 else frame.add_paragraph()
        paragraph.level = item.level
        paragraph.line_spacing = Pt(round(item.size * look.leading, 1))
        paragraph.space_before, paragraph.space_after = Pt(0), Pt(round(item.after, 1))
        run = paragraph.add_run()
        run.text = item.text
        run.font.size = Pt(item.size)
        run._r.get_or_add_rPr().set("lang", look.locale)  # noqa: SLF001  # python-pptx offers a list of its own only
        if item.is_bold is not None:
            run.font.bold = item.is_bold
        if item.link:
            run.hyperlink.address = item.link
        _direct(paragraph, item, look)


def _direct(paragraph: Any, item: Set, look: Look) -> None:
    properties = paragraph._p.get_or_add_pPr()  # noqa: SLF001  # direction and numbering are not in python-pptx
    if look.is_rtl:
        properties.set("rtl", "1")
        properties.set("algn", "r")
    if item.numbered:
        properties.set("marL", str(NUMBER_EMU))
        properties.set("indent", str(-NUMBER_EMU))
        for mark in ('<a:buFont {0} typeface="+mj-lt"/>', '<a:buAutoNum {0} type="arabicPeriod"/>'):
            properties.append(parse_xml(mark.format(_DRAWING)))


def put_title(shape: Any, text: str, box: Box, look: Look, *, sizes: Sequence[float], rows: int = 2) -> None:
    """A title at the largest size at which it takes `rows` lines or less; cut where even the smallest does not do."""
    room, tall = box.points
    fitting = [
        (size, count)
        for size in sizes
        if (count := len(measure.lines(text, Type(size, is_bold=True, leading=look.leading), room))) <= rows
        and count * size * look.leading <= tall + 1
    ]
    if fitting:
        size, count = fitting[0]
        # a little smaller is better than a last line with one word in it
        size = next((s for s, c in fitting if c < count and s >= size * _LITTLE_SMALLER), size)
        put(shape, [Set(text, size)], look)
        return
    kind = Type(sizes[-1], is_bold=True, leading=look.leading)
    count = max(1, min(rows, int((tall + 1) / kind.line)))
    put(shape, [Set(measure.shortened(text, kind, room, count), sizes[-1])], look)


def put_block(shape: Any, text: str, box: Box, look: Look, *, sizes: Sequence[float]) -> None:
    """A text at the largest size at which its box holds it; cut where even the smallest does not do."""
    room, tall = box.points
    base = Type(0, leading=look.leading)
    size = measure.best_size([text], sizes, room, tall, base=base)
    kind = Type(size or sizes[-1], leading=look.leading)
    put(shape, [Set(measure.shortened(text, kind, room, max(1, int(tall / kind.line))), kind.size)], look)


def put_bullets(
    shape: Any,
    bullets: Sequence[Bullet],
    box: Box,
    look: Look,
    *,
    sizes: Sequence[float] = BULLET_SIZES,
    numbered: bool = False,
) -> None:
    """Bullets at the largest size at which they fit; they were split so that they do."""
    size = next((s for s in sizes if tall(bullets, s, box, look) <= box.points[1]), sizes[-1])
    put(
        shape,
        [Set(b.text, _size(size, b), _level(b), after=size * GAP, numbered=numbered and not b.level) for b in bullets],
        look,
    )


def tall(bullets: Sequence[Bullet], size: float, box: Box, look: Look) -> float:
    """How high bullets of a size are, in points, without the gap behind the last."""
    total = sum(_height(b, size, box, look) + size * GAP for b in bullets)
    return total - size * GAP if bullets else 0


def split(bullets: Sequence[Bullet], box: Box, look: Look, *, smallest: float = BULLET_SIZES[-1]) -> list[list[Bullet]]:
    """Bullets in parts that each fit the box: one part if the smallest size does, else even ones at 18 points."""
    room = box.points[1]
    fitting = [_fitting(bullet, box, look) for bullet in bullets]
    if tall(fitting, smallest, box, look) <= room:
        return [fitting]
    whole = tall(fitting, SPLIT_SIZE, box, look)
    share = whole / -(-whole // room)
    parts: list[list[Bullet]] = [[]]
    for bullet in fitting:
        begun = tall([*parts[-1], bullet], SPLIT_SIZE, box, look)
        over = begun > room or (begun > share * 1.1 and bullet.level == 0)
        if parts[-1] and over:
            parts.append([])
        parts[-1].append(bullet)
    return parts


def _fitting(bullet: Bullet, box: Box, look: Look) -> Bullet:
    """A bullet that would fill a slide alone is cut; the whole of it is in the notes."""
    kind = Type(_size(SPLIT_SIZE, bullet), leading=look.leading)
    count = max(1, int(box.points[1] / kind.line))
    return bullet.model_copy(update={"text": measure.shortened(bullet.text, kind, _room(bullet, box), count)})


def _height(bullet: Bullet, size: float, box: Box, look: Look) -> float:
    return measure.height(bullet.text, Type(_size(size, bullet), leading=look.leading), _room(bullet, box))


def _room(bullet: Bullet, box: Box) -> float:
    return box.points[0] - INDENT_POINTS * (_level(bullet) + 1)


def _level(bullet: Bullet) -> int:
    return min(bullet.level, _DEEPEST)


def _size(size: float, bullet: Bullet) -> float:
    return size - _LEVEL_STEP * _level(bullet)
