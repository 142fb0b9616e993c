"""What a drawn deck shows, read back from its own shapes, for those who look at it without an office program.

A deck is `{width, height, colours, slides}`; a slide `{title, background, shapes}`; a shape has a `kind` (bar, text, table, chart, picture)
and its place. Places and sizes are in points, colours RRGGBB. ECMA-376, part 1, 21.1.2 (text in DrawingML).
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from lxml import etree
from pptx.chart.chart import Chart
from pptx.enum.chart import XL_CHART_TYPE

from agents_backend.integrations.decks import boxes
from agents_backend.integrations.decks.template import Look

_CHARTS = {
    XL_CHART_TYPE.BAR_CLUSTERED: "bar",
    XL_CHART_TYPE.COLUMN_CLUSTERED: "column",
    XL_CHART_TYPE.LINE_MARKERS: "line",
    XL_CHART_TYPE.PIE: "pie",
}
_NAMES = {
    "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
    "p": "http://schemas.openxmlformats.org/presentationml/2006/main",
}
_FILL = "a:solidFill/*"


def thumbnails(deck: Any, look: Look) -> dict[str, Any]:
    """Everything that a picture of the slides needs."""
    theme, points = look.theme, boxes.POINTS_AN_INCH
    return {
        "width": round(boxes.WIDTH * points),
        "height": round(boxes.HEIGHT * points),
        "rtl": look.is_rtl,
        "colours": {
            "paper": theme.paper,
            "ink": theme.ink,
            "muted": theme.muted,
            "line": theme.line,
            "band": theme.band,
            "accents": list(theme.accents),
        },
        "slides": [_slide(slide, look) for slide in deck.slides],
    }


def _in(shape: Any, path: str) -> list[Any]:
    """What an XPath finds in a shape, a paragraph or an element: much of a deck is not in python-pptx."""
    element = shape if isinstance(shape, etree._Element) else shape._element  # noqa: SLF001
    found: list[Any] = _compiled(path)(element)
    return found


@cache
def _compiled(path: str) -> etree.XPath:
    return etree.XPath(path, namespaces=_NAMES)


def _slide(slide: Any, look: Look) -> dict[str, Any]:
    layout = slide.slide_layout
    found = _in(layout, f"./p:cSld/p:bg/p:bgPr/{_FILL}")
    ornaments = [shape for shape in layout.shapes if not shape.is_placeholder]
    title = slide.shapes.title
    return {
        "title": title.text_frame.text if title is not None else "",
        "background": _colour(found, look, look.theme.paper),
        "shapes": [
            *(made for shape in ornaments for made in _ornament(shape, look)),
            *(made for shape in slide.shapes for made in _shape(shape, look)),
        ],
    }


def _place(shape: Any) -> dict[str, float]:
    names = {"x": shape.left, "y": shape.top, "w": shape.width, "h": shape.height}
    return {name: round(length.pt, 1) for name, length in names.items()}


def _colour(found: list[Any], look: Look, otherwise: str) -> str:
    """Of a fill's first colour: a value, or a name of the theme."""
    if not found:
        return otherwise
    theme, value = look.theme, str(found[0].get("val", ""))
    named = {"tx1": theme.ink, "tx2": theme.muted, "bg1": theme.paper, "bg2": theme.band}
    named |= {f"accent{number}": accent for number, accent in enumerate(theme.accents, 1)}
    return named.get(value, value)


def _ornament(shape: Any, look: Look) -> Iterator[dict[str, Any]]:
    """A bar, or a mark that is a text."""
    runs = _in(shape, "./p:txBody//a:r")
    if not runs:
        yield {"kind": "bar", **_place(shape), "fill": _colour(_in(shape, f"./p:spPr/{_FILL}"), look, "")}
        return
    colour = _colour(_in(runs[0], f"./a:rPr/{_FILL}"), look, look.theme.ink)
    size = int(_in(runs[0], "./a:rPr/@sz")[0]) / 100
    lines = [{"text": shape.text_frame.text, "size": size, "bold": True, "level": 0, "mark": ""}]
    yield {
        "kind": "text",
        **_place(shape),
        "colour": colour,
        "mark": colour,
        "anchor": "t",
        "end": False,
        "lines": lines,
    }


def _shape(shape: Any, look: Look) -> Iterator[dict[str, Any]]:
    if shape.has_chart:
        yield {"kind": "chart", **_place(shape), **_chart(shape.chart)}
    elif shape.has_table:
        yield {"kind": "table", **_place(shape), **_table(shape.table)}
    elif not shape.has_text_frame:
        words = _in(shape, ".//p:cNvPr/@descr")
        yield {"kind": "picture", **_place(shape), "text": words[0] if words else ""}
    elif shape.text_frame.text.strip() or _in(shape, ".//a:fld"):
        yield {"kind": "text", **_place(shape), **_text(shape, look)}


def _chart(chart: Chart) -> dict[str, Any]:
    plot = chart.plots[0]
    return {
        "chart": _CHARTS[chart.chart_type],
        "categories": [str(category) for category in plot.categories],
        "series": [{"name": series.name, "values": list(series.values)} for series in plot.series],
    }


def _table(table: Any) -> dict[str, Any]:
    first = table.cell(0, 0).text_frame.paragraphs[0].runs
    return {
        "size": first[0].font.size.pt,
        "widths": [round(column.width.pt, 1) for column in table.columns],
        "heights": [round(row.height.pt, 1) for row in table.rows],
        "rows": [[cell.text_frame.text for cell in row.cells] for row in table.rows],
    }


def _text(shape: Any, look: Look) -> dict[str, Any]:
    """Its lines; what it does not say itself, its layout says."""
    index = shape.placeholder_format.idx
    base = next(p for p in shape.part.slide_layout.placeholders if p.placeholder_format.idx == index)
    style = _levels(base)
    first = style[0]
    return {
        "colour": _colour(_in(first, f"./a:defRPr/{_FILL}"), look, look.theme.ink),
        "mark": _colour(_in(first, "./a:buClr/*"), look, look.theme.ink),
        "anchor": _in(base, "./p:txBody/a:bodyPr/@anchor")[0],
        "end": first.get("algn") == look.end,
        "lines": [_line(paragraph, style, number) for number, paragraph in enumerate(shape.text_frame.paragraphs, 1)],
    }


def _levels(base: Any) -> list[Any]:
    return [_in(base, f"./p:txBody/a:lstStyle/a:lvl{level}pPr")[0] for level in (1, 2, 3)]


def _line(paragraph: Any, style: list[Any], number: int) -> dict[str, Any]:
    own = style[paragraph.level]
    numbered = _in(paragraph, "./a:pPr/a:buAutoNum")
    is_number = _in(paragraph, "./a:fld")
    sizes = [run.font.size.pt for run in paragraph.runs if run.font.size is not None]
    return {
        "text": "#" if is_number else "".join(run.text for run in paragraph.runs),
        "size": sizes[0] if sizes else int(_in(own, "./a:defRPr/@sz")[0]) / 100,
        "bold": _in(own, "./a:defRPr/@b") == ["1"],
        "level": paragraph.level,
        "mark": f"{number}." if numbered else "".join(_in(own, "./a:buChar/@char")),
    }
