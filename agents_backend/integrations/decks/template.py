"""The template: one master and ten layouts with real placeholders, written for a theme, a language and a direction.

python-pptx's own template gives the package; its master's styles, its theme and its layouts' shapes are replaced. ECMA-376,
part 1, 19.3 (presentationml) and 20.1 (drawingml).
"""

import re
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from pptx import Presentation
from pptx.opc.constants import RELATIONSHIP_TYPE as RT
from pptx.oxml import parse_xml
from pptx.util import Inches

from agents_backend.integrations.decks import boxes
from agents_backend.integrations.decks.boxes import Box
from agents_backend.integrations.decks.themes import Theme, east_asian_font

_NS = (
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)
COVER, BULLETS, SECTION, COLUMNS, TABLE, CHART, QUOTE, PICTURE, CLOSING, CHART_AND_TEXT = range(10)
# Placeholder indices, the same in every layout that has them.
BODY, SECOND, LEFT_HEADING, RIGHT_HEADING, CAPTION, SECTION_NAME, FOOTER, NUMBER = 1, 2, 3, 4, 5, 13, 11, 12


@dataclass(frozen=True)
class Look:
    """What every slide of a deck shares."""

    theme: Theme
    locale: str
    is_rtl: bool
    leading: float

    @property
    def start(self) -> str:
        return "r" if self.is_rtl else "l"

    @property
    def end(self) -> str:
        return "l" if self.is_rtl else "r"

    def place(self, box: Box) -> Box:
        return box.mirrored() if self.is_rtl else box


@dataclass(frozen=True)
class _Text:
    """A placeholder of a layout."""

    kind: str
    idx: int
    name: str
    box: Box
    size: float
    colour: str
    is_bold: bool = False
    anchor: str = "t"
    bullets: bool = False
    mark: str = "accent1"
    align: str = "start"


def new_presentation(look: Look) -> Any:
    """An empty deck of this look."""
    deck = Presentation()
    deck.slide_width, deck.slide_height = Inches(boxes.WIDTH), Inches(boxes.HEIGHT)
    master = deck.slide_master
    _write_theme(master, look)
    _write_master(master, look)
    layouts = list(deck.slide_layouts)
    for layout in layouts[len(_layouts(look)) :]:
        deck.slide_layouts.remove(layout)
    for layout, (name, background, shapes) in zip(layouts, _layouts(look), strict=False):
        _write_layout(layout, name, background, shapes)
    return deck


def _layouts(look: Look) -> list[tuple[str, str | None, list[str]]]:
    """Name, background colour (None: the master's) and shapes, in the order of the constants above."""
    title = _Text("title", 0, "Title", boxes.TITLE, 28, "tx1", is_bold=True, anchor="b")
    head = [_text(_SECTION_NAME, look), _text(title, look), _bar(boxes.RULE, "accent1", look)]
    foot = _foot(look, "tx2")
    body = _Text("body", BODY, "Text", boxes.BODY, 20, "tx1", bullets=True)
    caption = _Text("body", CAPTION, "Caption", boxes.CAPTION, 13, "tx2", anchor="ctr")
    columns = [
        _Text("body", LEFT_HEADING, "First heading", boxes.LEFT_HEADING, 18, "accent1", is_bold=True, anchor="b"),
        _Text("body", BODY, "First text", boxes.LEFT, 18, "tx1", bullets=True),
        _Text("body", RIGHT_HEADING, "Second heading", boxes.RIGHT_HEADING, 18, "accent1", is_bold=True, anchor="b"),
        _Text("body", SECOND, "Second text", boxes.RIGHT, 18, "tx1", bullets=True),
    ]
    table = _Text("tbl", BODY, "Table", boxes.BODY, 14, "tx1")
    chart = _Text("chart", BODY, "Chart", boxes.CHART, 14, "tx1")
    side = _Text("body", SECOND, "Text", boxes.BESIDE_CHART, 18, "tx1", bullets=True)
    narrow = _Text("chart", BODY, "Chart", boxes.CHART_BESIDE, 14, "tx1")
    picture = _Text("pic", BODY, "Picture", boxes.PICTURE, 14, "tx1")
    return [
        ("Cover", look.theme.cover, _cover(look)),
        ("Bullets", None, [*head, _text(body, look), *foot]),
        ("Section", look.theme.cover, _section(look)),
        ("Two columns", None, [*head, *(_text(c, look) for c in columns), _bar(boxes.DIVIDER, None, look), *foot]),
        ("Table", None, [*head, _text(table, look), *foot]),
        ("Chart", None, [*head, _text(chart, look), _text(caption, look), *foot]),
        ("Quote", None, _quote(look)),
        ("Picture", None, [*head, _text(picture, look), _text(caption, look), *foot]),
        ("Closing", look.theme.cover, _closing(look)),
        ("Chart and text", None, [*head, _text(side, look), _text(narrow, look), _text(caption, look), *foot]),
    ]


_SECTION_NAME = _Text("body", SECTION_NAME, "Section", boxes.SECTION_NAME, 12, "accent1", is_bold=True, anchor="b")


def _cover(look: Look) -> list[str]:
    ink = look.theme.cover_ink
    return [
        _bar(boxes.COVER_STRIP, "accent1", look),
        _bar(boxes.COVER_RULE, "accent2", look),
        _text(_Text("ctrTitle", 0, "Title", boxes.COVER_TITLE, 44, ink, is_bold=True, anchor="b"), look),
        _text(_Text("subTitle", BODY, "Subtitle", boxes.COVER_SUBTITLE, 20, ink), look),
    ]


def _section(look: Look) -> list[str]:
    ink = look.theme.cover_ink
    return [
        _bar(boxes.COVER_STRIP, "accent2", look),
        _text(_Text("body", SECOND, "Number", boxes.SECTION_NUMBER, 54, "accent2", is_bold=True, anchor="b"), look),
        _text(_Text("title", 0, "Title", boxes.SECTION_TITLE, 38, ink, is_bold=True), look),
        _text(_Text("body", BODY, "Subtitle", boxes.SECTION_SUBTITLE, 18, ink), look),
        *_foot(look, ink),
    ]


def _quote(look: Look) -> list[str]:
    return [
        _bar(boxes.COVER_STRIP, "accent1", look),
        _mark(look),
        _text(_Text("title", 0, "Quotation", boxes.QUOTE, 30, "tx1", anchor="ctr"), look),
        _text(_Text("body", BODY, "Author", boxes.QUOTE_AUTHOR, 18, "accent1", is_bold=True), look),
        *_foot(look, "tx2"),
    ]


def _closing(look: Look) -> list[str]:
    ink = look.theme.cover_ink
    return [
        _bar(boxes.COVER_STRIP, "accent1", look),
        _text(_Text("title", 0, "Title", boxes.TITLE, 32, ink, is_bold=True, anchor="b"), look),
        _bar(boxes.RULE, "accent2", look),
        _text(_Text("body", BODY, "Text", boxes.BODY, 20, ink, bullets=True, mark="accent2"), look),
        *_foot(look, ink),
    ]


def _foot(look: Look, colour: str) -> list[str]:
    return [
        _text(_Text("ftr", FOOTER, "Footer", boxes.FOOTER, 10, colour, anchor="ctr"), look),
        _text(_Text("sldNum", NUMBER, "Number", boxes.NUMBER, 10, colour, anchor="ctr", align="end"), look),
    ]


def _fill(colour: str) -> str:
    """A theme colour by its name, any other by its value."""
    if re.fullmatch(r"[0-9A-F]{6}", colour):
        return f'<a:solidFill><a:srgbClr val="{colour}"/></a:solidFill>'
    return f'<a:solidFill><a:schemeClr val="{colour}"/></a:solidFill>'


def _frame(box: Box, look: Look) -> str:
    x, y, w, h = look.place(box).emu
    return f'<a:xfrm><a:off x="{x}" y="{y}"/><a:ext cx="{w}" cy="{h}"/></a:xfrm>'


def _text(text: _Text, look: Look) -> str:
    align = look.start if text.align == "start" else look.end
    direction = ' rtl="1"' if look.is_rtl else ""
    field = '<a:fld id="{B6F15528-21DE-4FAA-801E-634DDDAF4B2B}" type="slidenum"><a:rPr/><a:t>#</a:t></a:fld>'
    shown = field if text.kind == "sldNum" else f"<a:r><a:rPr/><a:t>{escape(text.name)}</a:t></a:r>"
    bold = ' b="1"' if text.is_bold else ' b="0"'
    run = f'<a:defRPr sz="{int(text.size * 100)}"{bold}>{_fill(text.colour)}</a:defRPr>'
    levels = "".join(_level(n, text, align, direction, run) for n in (1, 2, 3))
    return (
        f'<p:sp {_NS}><p:nvSpPr><p:cNvPr id="{100 + text.idx}" name="{text.name}"/><p:cNvSpPr><a:spLocks noGrp="1"/></p:cNvSpPr>'
        f"<p:nvPr>{_placeholder(text)}</p:nvPr></p:nvSpPr>"
        f'<p:spPr>{_frame(text.box, look)}<a:prstGeom prst="rect"><a:avLst/></a:prstGeom></p:spPr>'
        f'<p:txBody><a:bodyPr vert="horz" wrap="square" lIns="0" tIns="0" rIns="0" bIns="0" anchor="{text.anchor}"><a:noAutofit/></a:bodyPr>'
        f"<a:lstStyle>{levels}</a:lstStyle><a:p>{shown}</a:p></p:txBody></p:sp>"
    )


def _placeholder(text: _Text) -> str:
    """Titles have no index: some programs find a layout's title by its kind alone, and only then."""
    index = f' idx="{text.idx}"' if text.idx else ""
    return f'<p:ph type="{text.kind}"{index}/>'


def _level(number: int, text: _Text, align: str, direction: str, run: str) -> str:
    if not text.bullets:
        return f'<a:lvl{number}pPr marL="0" indent="0" algn="{align}"{direction}><a:buNone/>{run}</a:lvl{number}pPr>'
    indent = INDENT_EMU * number
    mark = "•" if number == 1 else "–"  # noqa: RUF001  # the usual marks
    bullet = f'<a:buClr><a:schemeClr val="{text.mark}"/></a:buClr><a:buFont typeface="Arial"/><a:buChar char="{mark}"/>'
    margin = f'marL="{indent}" marR="{0}"'
    return (
        f'<a:lvl{number}pPr {margin} indent="-{INDENT_EMU}" algn="{align}"{direction}>{bullet}{run}</a:lvl{number}pPr>'
    )


INDENT_EMU = 266_700
INDENT_POINTS = INDENT_EMU / 12_700


def _bar(box: Box, colour: str | None, look: Look) -> str:
    fill = _fill(colour or look.theme.line)
    return (
        f'<p:sp {_NS}><p:nvSpPr><p:cNvPr id="{200 + int(box.x * 10)}" name="Ornament"/><p:cNvSpPr/><p:nvPr userDrawn="1"/></p:nvSpPr>'
        f'<p:spPr>{_frame(box, look)}<a:prstGeom prst="rect"><a:avLst/></a:prstGeom>{fill}<a:ln><a:noFill/></a:ln></p:spPr></p:sp>'
    )


def _mark(look: Look) -> str:
    return (
        f'<p:sp {_NS}><p:nvSpPr><p:cNvPr id="250" name="Quotation mark"/><p:cNvSpPr txBox="1"/><p:nvPr userDrawn="1"/></p:nvSpPr>'
        f'<p:spPr>{_frame(boxes.QUOTE_MARK, look)}<a:prstGeom prst="rect"><a:avLst/></a:prstGeom></p:spPr>'
        f'<p:txBody><a:bodyPr lIns="0" tIns="0" rIns="0" bIns="0"/><a:p><a:pPr algn="{look.start}"/>'
        f'<a:r><a:rPr sz="9600" b="1">{_fill("accent1")}<a:latin typeface="Georgia"/></a:rPr><a:t>“</a:t></a:r></a:p></p:txBody></p:sp>'
    )


def _write_layout(layout: Any, name: str, background: str | None, shapes: list[str]) -> None:
    layout.name = name
    if "type" in layout._element.attrib:  # noqa: SLF001  # python-pptx has no way to change a layout
        del layout._element.attrib["type"]  # noqa: SLF001
    _write_shapes(layout, shapes)
    if background is not None:
        common = layout._element.cSld  # noqa: SLF001
        common.insert(0, parse_xml(f"<p:bg {_NS}><p:bgPr>{_fill(background)}<a:effectLst/></p:bgPr></p:bg>"))


def _write_shapes(page: Any, shapes: list[str]) -> None:
    tree = page.shapes._spTree  # noqa: SLF001
    for shape in list(page.shapes):
        tree.remove(shape._element)  # noqa: SLF001
    for number, shape in enumerate(shapes, 2):
        element = parse_xml(shape)
        element.xpath(".//p:cNvPr")[0].set("id", str(number))
        tree.append(element)


def _write_master(master: Any, look: Look) -> None:
    title = _Text("title", 0, "Title", boxes.TITLE, 28, "tx1", is_bold=True, anchor="b")
    body = _Text("body", BODY, "Text", boxes.BODY, 20, "tx1", bullets=True)
    shapes = [_text(title, look), _text(body, look), *_foot(look, "tx2")]
    _write_shapes(master, shapes)
    root = master._element  # noqa: SLF001
    background = root.cSld.xpath("./p:bg")
    for found in background:
        root.cSld.remove(found)
    paper = f"<p:bg {_NS}><p:bgPr>{_fill('bg1')}<a:effectLst/></p:bgPr></p:bg>"
    root.cSld.insert(0, parse_xml(paper))


def _write_theme(master: Any, look: Look) -> None:
    """Colours and fonts of the theme part; text on paper is dk1 on lt1, so a dark theme swaps what the two are."""
    part = master.part.part_related_by(RT.THEME)
    theme, text = look.theme, part.blob.decode("utf-8")
    values = [theme.ink, theme.paper, theme.muted, theme.band, *theme.accents, theme.accents[0], theme.accents[3]]
    names = ["dk1", "lt1", "dk2", "lt2", *(f"accent{n}" for n in range(1, 7)), "hlink", "folHlink"]
    colours = "".join(f'<a:{n}><a:srgbClr val="{v}"/></a:{n}>' for n, v in zip(names, values, strict=True))
    scheme = f'<a:clrScheme name="{theme.name}">{colours}</a:clrScheme>'
    fonts = f'<a:latin typeface="{theme.font}"/><a:ea typeface="{east_asian_font(look.locale)}"/><a:cs typeface="{theme.font}"/>'
    pair = f'<a:fontScheme name="{theme.name}"><a:majorFont>{fonts}</a:majorFont><a:minorFont>{fonts}</a:minorFont></a:fontScheme>'
    text = re.sub(r"<a:clrScheme .*?</a:clrScheme>", scheme, text, flags=re.DOTALL)
    text = re.sub(r"<a:fontScheme .*?</a:fontScheme>", pair, text, flags=re.DOTALL)
    part._blob = text.encode("utf-8")  # noqa: SLF001
