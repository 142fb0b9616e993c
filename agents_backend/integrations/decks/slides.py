"""Each kind of slide, drawn: a function a kind, by the kinds' names."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from agents_backend.domain.decks import (
    BulletSlide,
    ChartSlide,
    ClosingSlide,
    ImageSlide,
    QuoteSlide,
    SectionSlide,
    TableSlide,
    TwoColumnSlide,
)
from agents_backend.domain.documents import Bullet
from agents_backend.integrations.decks import boxes, charts, tables, template, texts
from agents_backend.integrations.decks.boxes import Box
from agents_backend.integrations.decks.page import TITLE_SIZES, Canvas
from agents_backend.integrations.decks.template import Look

_QUOTE_SIZES = (34, 30, 28, 26, 24, 22, 20, 18)
_BESIDE_SIZES = (20, 18, 16, 14)


def section(canvas: Canvas, slide: SectionSlide) -> None:
    page = canvas.new(template.SECTION, slide.notes)
    texts.put_title(page.shape(0), slide.title, boxes.SECTION_TITLE, canvas.look, sizes=(40, 36, 32, 28, 24))
    if slide.number:
        number = f"{slide.number:02}"
        texts.put_title(page.shape(template.SECOND), number, boxes.SECTION_NUMBER, canvas.look, sizes=(50, 44), rows=1)
    if slide.subtitle:
        texts.put_block(
            page.shape(template.BODY), slide.subtitle, boxes.SECTION_SUBTITLE, canvas.look, sizes=(20, 18, 16)
        )
    page.tidy()


def bullets(canvas: Canvas, slide: BulletSlide) -> None:
    parts = texts.split(slide.bullets, boxes.BODY, canvas.look)
    for number, part in enumerate(parts, 1):
        title = slide.title if len(parts) == 1 else f"{slide.title} ({number}/{len(parts)})"
        page = canvas.headed(template.BULLETS, title, slide.section, slide.notes if number == 1 else "")
        numbered = slide.is_ordered and len(parts) == 1
        texts.put_bullets(page.shape(template.BODY), part, boxes.BODY, canvas.look, numbered=numbered)
        page.tidy()


def columns(canvas: Canvas, slide: TwoColumnSlide) -> None:
    sizes = (20, 18, 16, 14)
    sides = [
        (slide.left, template.LEFT_HEADING, template.BODY, boxes.LEFT, boxes.LEFT_HEADING),
        (slide.right, template.RIGHT_HEADING, template.SECOND, boxes.RIGHT, boxes.RIGHT_HEADING),
    ]
    if any(texts.tall(column.bullets, sizes[-1], box, canvas.look) > box.points[1] for column, _, _, box, _ in sides):
        _one_by_one(canvas, slide)
        return
    common = min(_fitting(column.bullets, box, sizes, canvas.look) for column, _, _, box, _ in sides)
    page = canvas.headed(template.COLUMNS, slide.title, slide.section, slide.notes)
    for column, heading, body, box, heading_box in sides:
        if column.heading:
            texts.put_title(page.shape(heading), column.heading, heading_box, canvas.look, sizes=(18, 16, 14), rows=1)
        texts.put_bullets(page.shape(body), column.bullets, box, canvas.look, sizes=(common,))
    page.tidy()


def _fitting(items: Sequence[Bullet], box: Box, sizes: Sequence[int], look: Look) -> int:
    return next((s for s in sizes if texts.tall(items, s, box, look) <= box.points[1]), sizes[-1])


def _one_by_one(canvas: Canvas, slide: TwoColumnSlide) -> None:
    """Columns that are too long for half a slide get one each."""
    for column, notes in ((slide.left, slide.notes), (slide.right, "")):
        title = f"{slide.title}: {column.heading}" if column.heading else slide.title
        bullets(canvas, BulletSlide(title=title[:300], section=slide.section, bullets=column.bullets, notes=notes))


def table(canvas: Canvas, slide: TableSlide) -> None:
    found = tables.grids(slide, canvas.look)
    for number, grid in enumerate(found, 1):
        title = slide.title if len(found) == 1 else f"{slide.title} ({number}/{len(found)})"
        page = canvas.headed(template.TABLE, title, slide.section, slide.notes if number == 1 else "")
        frame = tables.draw(page.shape(template.BODY), grid, canvas.look)
        page.describe(frame, f"{title}: {', '.join(filter(None, grid.header))}; {len(grid.rows)}")
        page.tidy()


def chart(canvas: Canvas, slide: ChartSlide) -> None:
    """With what it tells beside it, where that fits; else on a slide of its own before it."""
    look, beside = canvas.look, bool(slide.bullets)
    if beside and texts.tall(slide.bullets, _BESIDE_SIZES[-1], boxes.BESIDE_CHART, look) > boxes.BESIDE_CHART.points[1]:
        said = BulletSlide(title=slide.title, section=slide.section, bullets=slide.bullets, notes=slide.notes)
        bullets(canvas, said)
        beside = False
    layout, box = (template.CHART_AND_TEXT, boxes.CHART_BESIDE) if beside else (template.CHART, boxes.CHART)
    page = canvas.headed(layout, slide.title, slide.section, slide.notes)
    frame = charts.draw(page.shape(template.BODY), slide, box, look)
    if beside:
        texts.put_bullets(page.shape(template.SECOND), slide.bullets, boxes.BESIDE_CHART, look, sizes=_BESIDE_SIZES)
    unit = "" if charts.is_written(slide.unit) else slide.unit
    told = [f"{canvas.labels.values_in} {unit}" if unit else "", slide.caption]
    if caption := ". ".join(part for part in told if part):
        texts.put_block(page.shape(template.CAPTION), caption, boxes.CAPTION, look, sizes=(14, 13, 12))
    page.describe(frame, _chart_words(slide))
    page.tidy()


def quote(canvas: Canvas, slide: QuoteSlide) -> None:
    page = canvas.new(template.QUOTE, slide.notes)
    texts.put_block(page.shape(0), slide.text, boxes.QUOTE, canvas.look, sizes=_QUOTE_SIZES)
    if slide.author:
        author = f"— {slide.author}"
        texts.put_title(page.shape(template.BODY), author, boxes.QUOTE_AUTHOR, canvas.look, sizes=(18, 16, 14), rows=1)
    page.tidy()


def image(canvas: Canvas, slide: ImageSlide) -> None:
    data = canvas.pictures.get(slide.url)
    words = slide.caption or slide.alt
    if data is None:
        items = [Bullet(text=words or slide.url), *([Bullet(text=slide.url)] if words else [])]
        plain = BulletSlide(title=slide.title, section=slide.section, bullets=tuple(items), notes=slide.notes)
        bullets(canvas, plain)
        return
    page = canvas.headed(template.PICTURE, slide.title, slide.section, slide.notes)
    page.picture(page.shape(template.BODY), data, slide.alt or slide.title)
    if words:
        texts.put_block(page.shape(template.CAPTION), words, boxes.CAPTION, canvas.look, sizes=(14, 13, 12))
    page.tidy()


def closing(canvas: Canvas, slide: ClosingSlide) -> None:
    parts = texts.split(slide.bullets, boxes.BODY, canvas.look) if slide.bullets else [[]]
    for number, part in enumerate(parts, 1):
        page = canvas.new(template.CLOSING, slide.notes if number == 1 else "")
        texts.put_title(page.shape(0), slide.title, boxes.TITLE, canvas.look, sizes=TITLE_SIZES)
        if part:
            texts.put_bullets(page.shape(template.BODY), part, boxes.BODY, canvas.look)
        page.tidy()


def _chart_words(slide: ChartSlide) -> str:
    """What a chart shows, for those who cannot see it."""
    rows = []
    for series in slide.series:
        values = zip(slide.categories, series.values, strict=True)
        rows.append(f"{series.name}: " + ", ".join(f"{name} {value:g}" for name, value in values if value is not None))
    return f"{slide.title}. {'; '.join(rows)}"[:2_000]


DRAWERS: Mapping[str, Callable[[Canvas, Any], None]] = MappingProxyType(
    {
        "section": section,
        "bullets": bullets,
        "two_columns": columns,
        "table": table,
        "chart": chart,
        "quote": quote,
        "image": image,
        "closing": closing,
    }
)
