"""Decks as they are drawn: boxes inside the slide and apart, native charts and tables, and what LibreOffice makes of them."""

import io
import json
import shutil
import subprocess
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image
from pptx import Presentation
from pptx.util import Emu

from agents_backend.agents.deck_outlines import outline_by_structure
from agents_backend.domain.decks import (
    BulletSlide,
    ChartSlide,
    ClosingSlide,
    DeckOutline,
    ImageSlide,
    QuoteSlide,
    SectionSlide,
    Series,
    Source,
    TableSlide,
    TwoColumnSlide,
)
from agents_backend.domain.documents import Bullet
from agents_backend.domain.errors import Invalid
from agents_backend.integrations.decks.deck import draw
from agents_backend.integrations.decks.themes import THEMES
from agents_backend.services.documents import read_document

GALLERY = Path(__file__).resolve().parents[2] / "docs" / "gallery" / "content"
DOCUMENTS = {"report": "en-US", "tables": "en-US", "chinese": "zh-CN", "arabic": "ar-EG"}
PICTURE = "https://example.org/picture.png"
_TOLERANCE = 8  # points: a space at the end of a line may hang over


def bullets(*texts: str) -> tuple[Bullet, ...]:
    return tuple(Bullet(text=text) for text in texts)


def hard_outline() -> DeckOutline:
    """Everything too long, too many, too wide."""
    long = "A sentence that goes on and on about everything and more, well beyond what anybody would read on a slide. "
    word = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
    return DeckOutline(
        title=long * 2,
        subtitle=long * 4,
        agenda=tuple(f"{n} {long[:150]}" for n in range(12)),
        sources=tuple(Source(title=long * 2, url=f"https://example.org/{word}/{n}") for n in range(40)),
        slides=(
            SectionSlide(title=long * 2, number=12, subtitle=long * 4),
            BulletSlide(title=long * 2, section=long * 2, bullets=bullets(*[long * 3] * 12), notes="n"),
            BulletSlide(title=word * 2, bullets=bullets(word * 12, *[f"point {n}" for n in range(30)])),
            BulletSlide(title="Deep", bullets=tuple(Bullet(text=f"level {n % 5}", level=n % 5) for n in range(40))),
            TwoColumnSlide(
                title="Columns",
                left={"heading": long[:90] * 2, "bullets": [long] * 2},
                right={"heading": word, "bullets": [word * 3]},
            ),
            TwoColumnSlide(title="Too long", left={"bullets": [long * 2] * 9}, right={"bullets": ["short"]}),
            TableSlide(
                title="Long", header=("No.", "What", "Value"), rows=tuple((n, long[:60], n * 3) for n in range(60))
            ),
            TableSlide(
                title="Wide", header=tuple(f"Column {n}" for n in range(16)), rows=((word, *"abcdefghijklmno"),)
            ),
            TableSlide(title="Full", header=("A", "B"), rows=((long * 12, word * 3), ("short", ""))),
            ChartSlide(
                title="Many",
                chart="column",
                categories=tuple(f"{long[:50]} {n}" for n in range(14)),
                series=(Series(name=long, values=tuple(range(14))),),
                bullets=bullets(*[long * 2] * 6),
                caption=long * 4,
            ),
            QuoteSlide(text=long * 15, author=long[:90] * 2),
            ImageSlide(title="Seen", url=PICTURE, alt="A wide picture", caption=long * 3),
            ImageSlide(title="Not seen", url="https://example.org/gone.png", alt="A picture that is gone"),
            ClosingSlide(title=long, bullets=bullets(*[long * 2] * 12)),
        ),
    )


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4000, 300), "teal").save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def decks() -> dict[str, bytes]:
    made = {"hard": draw(hard_outline(), locale="de-DE", theme="light", pictures={PICTURE: picture()}).data}
    for (name, locale), theme in zip(DOCUMENTS.items(), THEMES, strict=True):
        document = read_document((GALLERY / f"{name}.md").read_text())
        made[name] = draw(outline_by_structure(document, locale), locale=locale, theme=theme).data
    made["hard-rtl"] = draw(hard_outline(), locale="he-IL", theme="dark").data
    return made


def shapes_of(slide) -> list:
    return [shape for shape in slide.shapes if shape.width]


@pytest.mark.parametrize("name", ["hard", "hard-rtl", *DOCUMENTS])
def test_every_box_is_inside_its_slide_and_none_lies_over_another(decks, name):
    deck = Presentation(io.BytesIO(decks[name]))
    for number, slide in enumerate(deck.slides, 1):
        boxes = shapes_of(slide)
        for at, shape in enumerate(boxes):
            assert shape.left >= 0, (number, shape.name)
            assert shape.top >= 0, (number, shape.name)
            assert shape.left + shape.width <= deck.slide_width + 10, (number, shape.name)
            assert shape.top + shape.height <= deck.slide_height + 10, (number, shape.name)
            for other in boxes[at + 1 :]:
                apart = (
                    shape.left + shape.width <= other.left + 10
                    or other.left + other.width <= shape.left + 10
                    or shape.top + shape.height <= other.top + 10
                    or other.top + other.height <= shape.top + 10
                )
                assert apart, (number, shape.name, other.name)


@pytest.mark.parametrize("name", list(DOCUMENTS))
def test_a_deck_has_notes_numbers_layouts_native_charts_and_words_for_who_cannot_see(decks, name):
    deck = Presentation(io.BytesIO(decks[name]))
    frames = [shape for slide in deck.slides for shape in slide.shapes if shape.has_chart or shape.has_table]
    assert any(shape.has_chart for shape in frames)
    assert any(shape.has_table for shape in frames)
    assert all(shape._element.xpath(".//p:cNvPr/@descr")[0] for shape in frames)
    for slide in list(deck.slides)[1:]:
        assert "slidenum" in slide.shapes._spTree.xml
        assert slide.shapes.title is not None
        assert slide.shapes.title.text_frame.text.strip()
    assert sum(slide.has_notes_slide for slide in deck.slides) >= len(deck.slides) // 2
    assert deck.core_properties.language == DOCUMENTS[name]
    empty = [s for slide in deck.slides for s in slide.placeholders if s.has_text_frame and not s.text_frame.text]
    assert not empty


def test_a_report_becomes_eight_to_fifteen_slides_and_loses_no_figure(decks):
    deck = Presentation(io.BytesIO(decks["report"]))
    assert 8 <= len(deck.slides) <= 15
    charts = [shape.chart for slide in deck.slides for shape in slide.shapes if shape.has_chart]
    values = [value for chart in charts for plot in chart.plots for series in plot.series for value in series.values]
    assert {11, 19, 1.55, 1.38, 2.1, 0.9} <= set(values)


def test_a_table_that_is_too_long_goes_on_under_its_header_and_keeps_every_row(decks):
    deck = Presentation(io.BytesIO(decks["hard"]))
    parts = [s.table for slide in deck.slides for s in slide.shapes if s.has_table and s.table.cell(0, 0).text == "No."]
    assert len(parts) > 1
    numbers = [row.cells[0].text for table in parts for row in list(table.rows)[1:]]
    assert numbers == [str(number) for number in range(60)]


def test_right_to_left_turns_everything_around(decks):
    deck = Presentation(io.BytesIO(decks["arabic"]))
    table = next(s.table for slide in deck.slides for s in slide.shapes if s.has_table)
    assert table.cell(0, 4).text == "المشروع"
    bullet = next(
        s for slide in deck.slides for s in slide.placeholders if s.placeholder_format.idx == 1 and s.has_text_frame
    )
    assert 'rtl="1"' in bullet._element.xml


def words_of(shape: dict) -> list[str]:
    """The texts of a thumbnail's shape."""
    match shape["kind"]:
        case "text":
            return [line["text"] for line in shape["lines"]]
        case "table":
            return [cell for row in shape["rows"] for cell in row]
        case _:
            return []


@pytest.mark.parametrize("locale", ["de-DE", "he-IL"])
def test_the_thumbnails_say_what_the_slides_say_in_the_same_places(locale):
    made = draw(hard_outline(), locale=locale, theme="dark", pictures={PICTURE: picture()})
    deck = Presentation(io.BytesIO(made.data))
    shown = made.thumbnails
    assert len(shown["slides"]) == len(deck.slides) == made.slides
    assert json.loads(json.dumps(shown)) == shown
    kinds: set[str] = set()
    for slide, thumbnail in zip(deck.slides, shown["slides"], strict=True):
        kinds |= {shape["kind"] for shape in thumbnail["shapes"]}
        said = {words for shape in thumbnail["shapes"] for words in words_of(shape)}
        texts = [shape.text_frame for shape in slide.shapes if shape.has_text_frame]
        texts += [cell.text_frame for s in slide.shapes if s.has_table for row in s.table.rows for cell in row.cells]
        assert {paragraph.text for text in texts for paragraph in text.paragraphs if paragraph.text} <= said
        places = {(shape["x"], shape["y"]) for shape in thumbnail["shapes"]}
        assert {(round(s.left.pt, 1), round(s.top.pt, 1)) for s in shapes_of(slide)} <= places
        for shape in thumbnail["shapes"]:
            assert shape["x"] >= 0
            assert shape["x"] + shape["w"] <= shown["width"] + 1
            assert shape["y"] + shape["h"] <= shown["height"] + 1
    assert kinds == {"bar", "text", "table", "chart", "picture"}


def test_an_unknown_theme_lists_the_known_ones():
    with pytest.raises(Invalid, match="light, dark"):
        draw(DeckOutline(title="x", slides=(ClosingSlide(title="x"),)), locale="en", theme="neon")


def test_a_word_without_an_end_is_drawn_in_good_time():
    word = "x" * 100_000
    table = TableSlide(title="x", header=("a", "b"), rows=((word, word),))
    slides = (BulletSlide(title="x", bullets=bullets(word)), table)
    assert draw(DeckOutline(title="x", slides=slides), locale="en", theme="light").slides == 3


@pytest.fixture(scope="module")
def pages(decks, tmp_path_factory) -> dict[str, pypdfium2.PdfDocument]:
    """The decks as LibreOffice draws them."""
    if (soffice := shutil.which("soffice")) is None:
        pytest.skip("LibreOffice is not installed (libreoffice-impress)")
    folder = tmp_path_factory.mktemp("rendered")
    for name, data in decks.items():
        (folder / f"{name}.pptx").write_bytes(data)
    command = [soffice, f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to", "pdf"]
    files = [f"{name}.pptx" for name in decks]
    subprocess.run([*command, *files], cwd=folder, check=True, capture_output=True, timeout=170)
    return {name: pypdfium2.PdfDocument(folder / f"{name}.pdf") for name in decks}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", ["hard", *DOCUMENTS])
def test_no_text_leaves_its_box_when_it_is_rendered(decks, pages, name):
    deck = Presentation(io.BytesIO(decks[name]))
    assert len(pages[name]) == len(deck.slides)
    for number, (slide, page) in enumerate(zip(deck.slides, pages[name], strict=True), 1):
        height = page.get_height()
        boxes = [_points(shape) for shape in shapes_of(slide)] + [
            _points(s) for s in slide.slide_layout.shapes if s.has_text_frame
        ]
        text = page.get_textpage()
        for index in range(text.count_rects()):
            left, bottom, right, top = text.get_rect(index)
            rect = (left, height - top, right, height - bottom)
            said = text.get_text_bounded(left, bottom, right, top)
            assert any(_holds(box, rect) for box in boxes), (number, said, rect)
        text.close()


def _points(shape) -> tuple[float, float, float, float]:
    left, top = Emu(shape.left).pt, Emu(shape.top).pt
    return left, top, left + Emu(shape.width).pt, top + Emu(shape.height).pt


def _holds(box: tuple[float, ...], rect: tuple[float, ...]) -> bool:
    return (
        box[0] - _TOLERANCE <= rect[0]
        and box[1] - _TOLERANCE <= rect[1]
        and rect[2] <= box[2] + _TOLERANCE
        and rect[3] <= box[3] + _TOLERANCE
    )
