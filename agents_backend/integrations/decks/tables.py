"""Tables that fit: column widths by what stands in them, sizes by the room there is, long ones on several slides."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pptx.enum.dml import MSO_THEME_COLOR
from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
from pptx.oxml import parse_xml
from pptx.util import Pt

from agents_backend.domain.decks import TableSlide
from agents_backend.integrations.decks import boxes, measure
from agents_backend.integrations.decks.measure import Type
from agents_backend.integrations.decks.template import Look

SIZES = (18, 16, 14, 13, 12)
SMALLEST = (11, 10)
MAX_LINES = 7
_MANY_COLUMNS = 6
PAD_X, PAD_Y = 7.0, 4.5  # points on each side of a cell
_NUMBER = re.compile(
    r"^[\s~≈±+\-\u2212(]*[$€£¥₹]?\s*[\d\u0660-\u0669][\d\u0660-\u0669.,\s\u00a0\u202f']*\s*"
    r"(?:[%‰\u00d7x]|[a-zA-Zµ°€$£¥²³/]{1,6})?\)?\s*$"
)
_DRAWING = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'


@dataclass(frozen=True)
class Grid:
    """A table's part for one slide, with its size, column widths and row heights, in points."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    size: float
    widths: tuple[float, ...]
    heights: tuple[float, ...]


def is_number(text: str) -> bool:
    return bool(_NUMBER.match(text)) or text.strip() in {"", "-", "–", "—", "n/a", "N/A"}  # noqa: RUF001


def grids(slide: TableSlide, look: Look) -> list[Grid]:
    """The table in as many parts as it needs: columns first, the first of them in each part, then rows."""
    found: list[Grid] = []
    for columns in _column_groups(slide, look):
        header = tuple(slide.header[c] for c in columns)
        rows = tuple(tuple(row[c] for c in columns) for row in slide.rows)
        found += [_airy(grid) for grid in _pages(header, rows, look)]
    return found


def _column_groups(slide: TableSlide, look: Look) -> list[list[int]]:
    """As many columns side by side as there is room for at the smallest size."""
    least = [_narrowest(column, SMALLEST[-1], look) for column in zip(slide.header, *slide.rows, strict=True)]
    groups: list[list[int]] = [[0]]
    for column in range(1, len(least)):
        if len(groups[-1]) > 1 and sum(least[c] for c in [*groups[-1], column]) > boxes.BODY.points[0]:
            groups.append([0])
        groups[-1].append(column)
    return groups


def _airy(grid: Grid) -> Grid:
    """A small table gets higher rows, up to two thirds of the room."""
    factor = min(1.6, max(1.0, boxes.BODY.points[1] * 2 / 3 / sum(grid.heights)))
    return replace(grid, heights=tuple(height * factor for height in grid.heights))


def _pages(header: tuple[str, ...], rows: tuple[tuple[str, ...], ...], look: Look) -> list[Grid]:
    room, tall = boxes.BODY.points
    for size in (*SIZES, *(SMALLEST if len(header) > _MANY_COLUMNS else ())):
        if _least(header, rows, size, look) <= room:
            grid = _grid(header, rows, size, look)
            if sum(grid.heights) <= tall:
                return [grid]
    size = next((s for s in (SIZES[-1], *SMALLEST) if _least(header, rows, s, look) <= room), SMALLEST[-1])
    return _broken(_grid(header, rows, size, look), tall)


def _broken(grid: Grid, tall: float) -> list[Grid]:
    """Rows in parts of about the same height, the header over each."""
    body = sum(grid.heights[1:])
    share = body / -(-body // (tall - grid.heights[0]))
    parts: list[list[int]] = [[]]
    used = 0.0
    for index in range(len(grid.rows)):
        height = grid.heights[index + 1]
        if parts[-1] and (used + height > tall - grid.heights[0] or used >= share):
            parts.append([])
            used = 0.0
        parts[-1].append(index)
        used += height
    return [
        Grid(
            grid.header,
            tuple(grid.rows[i] for i in part),
            grid.size,
            grid.widths,
            (grid.heights[0], *(grid.heights[i + 1] for i in part)),
        )
        for part in parts
    ]


def _least(header: Sequence[str], rows: Sequence[Sequence[str]], size: float, look: Look) -> float:
    return sum(_narrowest(column, size, look) for column in zip(header, *rows, strict=True))


def _narrowest(column: Sequence[str], size: float, look: Look) -> float:
    """Wide enough for its longest word, but no word asks for more than a third of the slide."""
    words = [word for cell in column for word in re.split(r"[\s\u2e80-\u9fff]+", cell)] + ["字"]
    bold = Type(size, is_bold=True, leading=look.leading)
    return min(max(measure.width(word, bold) for word in words), boxes.BODY.points[0] / 3) + 2 * PAD_X


def _grid(header: tuple[str, ...], rows: tuple[tuple[str, ...], ...], size: float, look: Look) -> Grid:
    columns = list(zip(header, *rows, strict=True))
    least = [_narrowest(column, size, look) for column in columns]
    bold = Type(size, is_bold=True, leading=look.leading)
    wanted = [
        max(max(measure.width(cell, bold) for cell in column) + 2 * PAD_X, low)
        for column, low in zip(columns, least, strict=True)
    ]
    widths = _shared(least, wanted, boxes.BODY.points[0])
    cut = tuple(_cut(row, widths, size, look) for row in rows)
    heights = [_row_height(row, widths, size, look) for row in (header, *cut)]
    return Grid(header, cut, size, tuple(widths), tuple(heights))


def _shared(least: list[float], wanted: list[float], room: float) -> list[float]:
    """What each column wants where there is room, and its share of the rest; else its least and a share of what is left."""
    if sum(wanted) <= room:
        return [width * room / sum(wanted) for width in wanted]
    if sum(least) >= room:
        return [width * room / sum(least) for width in least]
    left = room - sum(least)
    # the root evens it out: one very long column does not starve the others
    wishes = [(want - low) ** 0.6 for want, low in zip(wanted, least, strict=True)]
    return [low + left * wish / sum(wishes) for low, wish in zip(least, wishes, strict=True)]


def _cut(row: tuple[str, ...], widths: Sequence[float], size: float, look: Look) -> tuple[str, ...]:
    kind = Type(size, is_bold=True, leading=look.leading)
    return tuple(
        measure.shortened(cell, kind, width - 2 * PAD_X, MAX_LINES) for cell, width in zip(row, widths, strict=True)
    )


def _row_height(row: Sequence[str], widths: Sequence[float], size: float, look: Look) -> float:
    kind = Type(size, is_bold=True, leading=look.leading)
    return max(measure.height(c, kind, w - 2 * PAD_X) for c, w in zip(row, widths, strict=True)) + 2 * PAD_Y


def draw(placeholder: Any, grid: Grid, look: Look) -> Any:
    """The native table in its placeholder's stead.

    In a right-to-left deck the columns themselves are turned around: not every program heeds a table's direction.
    """
    frame = placeholder.insert_table(len(grid.rows) + 1, len(grid.header))
    table = frame.table
    frame.height = Pt(sum(grid.heights))
    order = list(range(len(grid.header)))[:: -1 if look.is_rtl else 1]
    for column, index in zip(table.columns, order, strict=True):
        column.width = Pt(grid.widths[index])
    numeric = [all(is_number(row[c]) for row in grid.rows) for c in order]
    for r, row in enumerate((grid.header, *grid.rows)):
        table.rows[r].height = Pt(grid.heights[r])
        for c, index in enumerate(order):
            _cell(table.cell(r, c), row[index], grid.size, look, row=r, numeric=numeric[c])
    return frame


def _cell(cell: Any, text: str, size: float, look: Look, *, row: int, numeric: bool) -> None:
    cell.margin_left = cell.margin_right = Pt(PAD_X)
    cell.margin_top = cell.margin_bottom = Pt(PAD_Y)
    cell.vertical_anchor = MSO_ANCHOR.MIDDLE
    paragraph = cell.text_frame.paragraphs[0]
    paragraph.line_spacing = Pt(round(size * look.leading, 1))
    start, end = (PP_ALIGN.RIGHT, PP_ALIGN.LEFT) if look.is_rtl else (PP_ALIGN.LEFT, PP_ALIGN.RIGHT)
    paragraph.alignment = end if numeric else start
    if look.is_rtl:
        paragraph._p.get_or_add_pPr().set("rtl", "1")  # noqa: SLF001
    run = paragraph.add_run()
    run.text, run.font.size, run.font.bold = text, Pt(size), row == 0
    run._r.get_or_add_rPr().set("lang", look.locale)  # noqa: SLF001
    cell.fill.solid()
    if row == 0:
        cell.fill.fore_color.theme_color = MSO_THEME_COLOR.ACCENT_1
        run.font.color.theme_color = MSO_THEME_COLOR.BACKGROUND_1
    else:
        banded = MSO_THEME_COLOR.BACKGROUND_1 if row % 2 else MSO_THEME_COLOR.BACKGROUND_2
        cell.fill.fore_color.theme_color = banded
        run.font.color.theme_color = MSO_THEME_COLOR.TEXT_1
    _border(cell, look)


def _border(cell: Any, look: Look) -> None:
    """A fine line below, none elsewhere; lines come before the fill in a cell's properties."""
    properties = cell._tc.get_or_add_tcPr()  # noqa: SLF001  # borders are not in python-pptx
    line = f'<a:lnB {_DRAWING} w="6350"><a:solidFill><a:srgbClr val="{look.theme.line}"/></a:solidFill></a:lnB>'
    none = [f'<a:{side} {_DRAWING} w="0"><a:noFill/></a:{side}>' for side in ("lnL", "lnR", "lnT")]
    for number, xml in enumerate([*none, line]):
        properties.insert(number, parse_xml(xml))
