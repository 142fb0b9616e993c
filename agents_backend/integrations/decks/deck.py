"""An outline drawn as a PowerPoint file."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image
from pptx.oxml import parse_xml

from agents_backend.domain.deck_labels import Labels, labels_of
from agents_backend.domain.decks import (
    BulletSlide,
    ChartSlide,
    ClosingSlide,
    DeckOutline,
    ImageSlide,
    QuoteSlide,
    SectionSlide,
    TableSlide,
    TwoColumnSlide,
)
from agents_backend.domain.documents import Bullet
from agents_backend.domain.languages import is_right_to_left
from agents_backend.integrations.decks import boxes, charts, measure, tables, template, texts
from agents_backend.integrations.decks.boxes import Box
from agents_backend.integrations.decks.measure import Type
from agents_backend.integrations.decks.template import Look
from agents_backend.integrations.decks.themes import theme_of
from agents_backend.integrations.decks.thumbnails import thumbnails

TITLE_SIZES = (30, 28, 26, 24, 22)
_QUOTE_SIZES = (34, 30, 28, 26, 24, 22, 20, 18)
_BESIDE_SIZES = (20, 18, 16, 14)
_PRESENTATION = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
_DRAWING = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'


@dataclass(frozen=True)
class Made:
    """The file, how many slides it has, and what they show (`thumbnails.py`)."""

    data: bytes
    slides: int
    thumbnails: dict[str, Any]


def draw(
    outline: DeckOutline, *, locale: str, theme: str, pictures: Mapping[str, bytes] | None = None, details: str = ""
) -> Made:
    """Draw the outline.

    Args:
        outline: what to draw.
        locale: a BCP 47 tag: language, direction, fonts, the few words of the deck's own.
        theme: a name of `themes.THEMES`.
        pictures: the bytes of each picture by its URL; one that is not there is told by its words.
        details: how it was made, for the file's properties.

    Raises:
        Invalid: there is no such theme.
    """
    look = Look(theme_of(theme), locale, is_right_to_left(locale), measure.leading_of(locale))
    writer = _Writer(outline, look, pictures or {})
    return writer.write(details)


class _Writer:
    def __init__(self, outline: DeckOutline, look: Look, pictures: Mapping[str, bytes]) -> None:
        self._outline, self._look, self._pictures = outline, look, pictures
        self._labels: Labels = labels_of(look.locale)
        self._deck = template.new_presentation(look)
        self._footer = measure.shortened(
            " ".join(outline.title.split()), Type(10, leading=look.leading), boxes.FOOTER.points[0], 1
        )

    def write(self, details: str) -> Made:
        self._cover()
        if self._outline.agenda:
            agenda = tuple(Bullet(text=item) for item in self._outline.agenda)
            self._bullets(BulletSlide(title=self._labels.agenda, bullets=agenda, is_ordered=True))
        for slide in self._outline.slides:
            self._slide(slide)
        if self._outline.sources:
            self._sources()
        properties = self._deck.core_properties
        properties.title, properties.language = self._outline.title[:250], self._look.locale
        properties.author, properties.comments = "Agents Backend", details[:250]
        file = io.BytesIO()
        self._deck.save(file)
        return Made(file.getvalue(), len(self._deck.slides), thumbnails(self._deck, self._look))

    def _slide(self, slide: Any) -> None:
        drawers: dict[str, Callable[[Any], None]] = {
            "section": self._section,
            "bullets": self._bullets,
            "two_columns": self._columns,
            "table": self._table,
            "chart": self._chart,
            "quote": self._quote,
            "image": self._image,
            "closing": self._closing,
        }
        drawers[slide.kind](slide)

    def _new(self, layout: int, notes: str, *, numbered: bool = True) -> "_Page":
        slide = self._deck.slides.add_slide(self._deck.slide_layouts[layout])
        page = _Page(slide, self._look)
        if numbered:
            page.foot(self._footer)
        if notes.strip():
            slide.notes_slide.notes_text_frame.text = notes
        return page

    def _headed(self, layout: int, title: str, section: str, notes: str) -> "_Page":
        page = self._new(layout, notes)
        texts.put_title(page.shape(0), title, boxes.TITLE, self._look, sizes=TITLE_SIZES)
        if section and section != title:
            texts.put_title(
                page.shape(template.SECTION_NAME), section, boxes.SECTION_NAME, self._look, sizes=(12,), rows=1
            )
        return page

    def _cover(self) -> None:
        outline, look = self._outline, self._look
        page = self._new(template.COVER, outline.notes, numbered=False)
        texts.put_title(
            page.shape(0), outline.title, boxes.COVER_TITLE, look, sizes=(48, 44, 40, 36, 32, 28, 24), rows=4
        )
        if outline.subtitle:
            texts.put_block(
                page.shape(template.BODY), outline.subtitle, boxes.COVER_SUBTITLE, look, sizes=(22, 20, 18, 16)
            )
        page.tidy()

    def _section(self, slide: SectionSlide) -> None:
        page = self._new(template.SECTION, slide.notes)
        texts.put_title(page.shape(0), slide.title, boxes.SECTION_TITLE, self._look, sizes=(40, 36, 32, 28, 24))
        if slide.number:
            number = f"{slide.number:02}"
            texts.put_title(
                page.shape(template.SECOND), number, boxes.SECTION_NUMBER, self._look, sizes=(50, 44), rows=1
            )
        if slide.subtitle:
            texts.put_block(
                page.shape(template.BODY), slide.subtitle, boxes.SECTION_SUBTITLE, self._look, sizes=(20, 18, 16)
            )
        page.tidy()

    def _bullets(self, slide: BulletSlide) -> None:
        parts = texts.split(slide.bullets, boxes.BODY, self._look)
        for number, part in enumerate(parts, 1):
            title = slide.title if len(parts) == 1 else f"{slide.title} ({number}/{len(parts)})"
            page = self._headed(template.BULLETS, title, slide.section, slide.notes if number == 1 else "")
            numbered = slide.is_ordered and len(parts) == 1
            texts.put_bullets(page.shape(template.BODY), part, boxes.BODY, self._look, numbered=numbered)
            page.tidy()

    def _columns(self, slide: TwoColumnSlide) -> None:
        sizes = (20, 18, 16, 14)
        sides = [
            (slide.left, template.LEFT_HEADING, template.BODY, boxes.LEFT, boxes.LEFT_HEADING),
            (slide.right, template.RIGHT_HEADING, template.SECOND, boxes.RIGHT, boxes.RIGHT_HEADING),
        ]
        if any(
            texts.tall(column.bullets, sizes[-1], box, self._look) > box.points[1] for column, _, _, box, _ in sides
        ):
            self._one_by_one(slide)
            return
        common = min(self._fitting(column.bullets, box, sizes) for column, _, _, box, _ in sides)
        page = self._headed(template.COLUMNS, slide.title, slide.section, slide.notes)
        for column, heading, body, box, heading_box in sides:
            if column.heading:
                texts.put_title(
                    page.shape(heading), column.heading, heading_box, self._look, sizes=(18, 16, 14), rows=1
                )
            texts.put_bullets(page.shape(body), column.bullets, box, self._look, sizes=(common,))
        page.tidy()

    def _fitting(self, bullets: Sequence[Bullet], box: Box, sizes: Sequence[int]) -> int:
        return next((s for s in sizes if texts.tall(bullets, s, box, self._look) <= box.points[1]), sizes[-1])

    def _one_by_one(self, slide: TwoColumnSlide) -> None:
        """Columns that are too long for half a slide get one each."""
        for column, notes in ((slide.left, slide.notes), (slide.right, "")):
            title = f"{slide.title}: {column.heading}" if column.heading else slide.title
            self._bullets(BulletSlide(title=title[:300], section=slide.section, bullets=column.bullets, notes=notes))

    def _table(self, slide: TableSlide) -> None:
        found = tables.grids(slide, self._look)
        for number, grid in enumerate(found, 1):
            title = slide.title if len(found) == 1 else f"{slide.title} ({number}/{len(found)})"
            page = self._headed(template.TABLE, title, slide.section, slide.notes if number == 1 else "")
            frame = tables.draw(page.shape(template.BODY), grid, self._look)
            page.describe(frame, f"{title}: {', '.join(filter(None, grid.header))}; {len(grid.rows)}")
            page.tidy()

    def _chart(self, slide: ChartSlide) -> None:
        """With what it tells beside it, where that fits; else on a slide of its own before it."""
        look, beside = self._look, bool(slide.bullets)
        if (
            beside
            and texts.tall(slide.bullets, _BESIDE_SIZES[-1], boxes.BESIDE_CHART, look) > boxes.BESIDE_CHART.points[1]
        ):
            said = BulletSlide(title=slide.title, section=slide.section, bullets=slide.bullets, notes=slide.notes)
            self._bullets(said)
            beside = False
        layout, box = (template.CHART_AND_TEXT, boxes.CHART_BESIDE) if beside else (template.CHART, boxes.CHART)
        page = self._headed(layout, slide.title, slide.section, slide.notes)
        frame = charts.draw(page.shape(template.BODY), slide, box, look)
        if beside:
            texts.put_bullets(page.shape(template.SECOND), slide.bullets, boxes.BESIDE_CHART, look, sizes=_BESIDE_SIZES)
        unit = "" if charts.is_written(slide.unit) else slide.unit
        told = [f"{self._labels.values_in} {unit}" if unit else "", slide.caption]
        if caption := ". ".join(part for part in told if part):
            texts.put_block(page.shape(template.CAPTION), caption, boxes.CAPTION, look, sizes=(14, 13, 12))
        page.describe(frame, _chart_words(slide))
        page.tidy()

    def _quote(self, slide: QuoteSlide) -> None:
        page = self._new(template.QUOTE, slide.notes)
        texts.put_block(page.shape(0), slide.text, boxes.QUOTE, self._look, sizes=_QUOTE_SIZES)
        if slide.author:
            author = f"— {slide.author}"
            texts.put_title(
                page.shape(template.BODY), author, boxes.QUOTE_AUTHOR, self._look, sizes=(18, 16, 14), rows=1
            )
        page.tidy()

    def _image(self, slide: ImageSlide) -> None:
        data = self._pictures.get(slide.url)
        words = slide.caption or slide.alt
        if data is None:
            bullets = [Bullet(text=words or slide.url), *([Bullet(text=slide.url)] if words else [])]
            plain = BulletSlide(title=slide.title, section=slide.section, bullets=tuple(bullets), notes=slide.notes)
            self._bullets(plain)
            return
        page = self._headed(template.PICTURE, slide.title, slide.section, slide.notes)
        page.picture(page.shape(template.BODY), data, slide.alt or slide.title)
        if words:
            texts.put_block(page.shape(template.CAPTION), words, boxes.CAPTION, self._look, sizes=(14, 13, 12))
        page.tidy()

    def _closing(self, slide: ClosingSlide) -> None:
        parts = texts.split(slide.bullets, boxes.BODY, self._look) if slide.bullets else [[]]
        for number, part in enumerate(parts, 1):
            page = self._new(template.CLOSING, slide.notes if number == 1 else "")
            texts.put_title(page.shape(0), slide.title, boxes.TITLE, self._look, sizes=TITLE_SIZES)
            if part:
                texts.put_bullets(page.shape(template.BODY), part, boxes.BODY, self._look)
            page.tidy()

    def _sources(self) -> None:
        kind = replace(Type(14), leading=self._look.leading)
        room, tall = boxes.BODY.points
        fits = int(tall / (kind.line * 1 + kind.size * texts.GAP))
        sources = self._outline.sources
        for at in range(0, len(sources), fits):
            page = self._headed(template.BULLETS, self._labels.sources, "", "")
            lines = [
                texts.Set(
                    measure.shortened(_source(source.title, source.url), kind, room - template.INDENT_POINTS, 1),
                    kind.size,
                    after=kind.size * texts.GAP,
                    link=source.url if source.url.startswith(("http://", "https://")) else "",
                )
                for source in sources[at : at + fits]
            ]
            texts.put(page.shape(template.BODY), lines, self._look)
            page.tidy()


def _source(title: str, url: str) -> str:
    return title if not url or url in title else f"{title} — {url}"


def _chart_words(slide: ChartSlide) -> str:
    """What a chart shows, for those who cannot see it."""
    rows = []
    for series in slide.series:
        values = zip(slide.categories, series.values, strict=True)
        rows.append(f"{series.name}: " + ", ".join(f"{name} {value:g}" for name, value in values if value is not None))
    return f"{slide.title}. {'; '.join(rows)}"[:2_000]


class _Page:
    """One slide while it is written."""

    def __init__(self, slide: Any, look: Look) -> None:
        self._slide, self._look = slide, look
        self._by_idx = {shape.placeholder_format.idx: shape for shape in slide.placeholders}
        self._used: set[int] = set()

    def shape(self, idx: int) -> Any:
        self._used.add(idx)
        return self._by_idx[idx]

    def tidy(self) -> None:
        """Placeholders that nothing was put into would show their prompt."""
        for idx, shape in self._by_idx.items():
            if idx not in self._used:
                shape._element.getparent().remove(shape._element)  # noqa: SLF001

    def foot(self, text: str) -> None:
        """Footer and slide number, which python-pptx does not take over from the layout."""
        tree = self._slide.shapes._spTree  # noqa: SLF001
        field = '<a:fld id="{B6F15528-21DE-4FAA-801E-634DDDAF4B2B}" type="slidenum"><a:rPr lang="en-US"/><a:t>#</a:t></a:fld>'
        for kind, idx, name in (("ftr", template.FOOTER, "Footer"), ("sldNum", template.NUMBER, "Slide number")):
            element = parse_xml(
                f'<p:sp {_PRESENTATION} {_DRAWING}><p:nvSpPr><p:cNvPr id="{900 + idx}" name="{name}"/>'
                f'<p:cNvSpPr><a:spLocks noGrp="1"/></p:cNvSpPr><p:nvPr><p:ph type="{kind}" sz="quarter" idx="{idx}"/></p:nvPr></p:nvSpPr>'
                f"<p:spPr/><p:txBody><a:bodyPr/><a:lstStyle/><a:p>{field if kind == 'sldNum' else ''}</a:p></p:txBody></p:sp>"
            )
            tree.append(element)
        footer = next(s for s in self._slide.placeholders if s.placeholder_format.idx == template.FOOTER)
        texts.put(footer, [texts.Set(text, 10)], self._look)

    def describe(self, frame: Any, words: str) -> None:
        frame._element.xpath(".//p:cNvPr")[0].set("descr", words)  # noqa: SLF001  # alternative text is not in python-pptx

    def picture(self, placeholder: Any, data: bytes, words: str) -> None:
        """The whole picture, as large as its box allows."""
        with Image.open(io.BytesIO(data)) as image:
            width, height = image.size
        picture = placeholder.insert_picture(io.BytesIO(data))
        picture.crop_left = picture.crop_right = picture.crop_top = picture.crop_bottom = 0
        box = self._look.place(boxes.PICTURE)
        scale = min(box.w / width, box.h / height)
        w, h = width * scale, height * scale
        placed = Box(box.x + (box.w - w) / 2, box.y + (box.h - h) / 2, w, h)
        picture.left, picture.top, picture.width, picture.height = placed.emu
        self.describe(picture, words)
