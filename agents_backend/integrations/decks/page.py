"""A deck while it is drawn, and one slide of it."""

import io
from collections.abc import Mapping
from typing import Any

from PIL import Image
from pptx.oxml import parse_xml

from agents_backend.domain.deck_labels import Labels, labels_of
from agents_backend.integrations.decks import boxes, measure, template, texts
from agents_backend.integrations.decks.boxes import Box
from agents_backend.integrations.decks.measure import Type
from agents_backend.integrations.decks.template import Look

TITLE_SIZES = (30, 28, 26, 24, 22)
_PRESENTATION = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
_DRAWING = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'


class Canvas:
    """The deck that slides are added to, and what all of them share.

    Attributes:
        pictures: the bytes of each picture by its URL.
        labels: the few words of the deck's own.
    """

    def __init__(self, title: str, look: Look, pictures: Mapping[str, bytes]) -> None:
        self.look, self.pictures = look, pictures
        self.labels: Labels = labels_of(look.locale)
        self.deck = template.new_presentation(look)
        self._footer = measure.shortened(
            " ".join(title.split()), Type(10, leading=look.leading), boxes.FOOTER.points[0], 1
        )

    def new(self, layout: int, notes: str, *, numbered: bool = True) -> "Page":
        slide = self.deck.slides.add_slide(self.deck.slide_layouts[layout])
        page = Page(slide, self.look)
        if numbered:
            page.foot(self._footer)
        if notes.strip():
            slide.notes_slide.notes_text_frame.text = notes
        return page

    def headed(self, layout: int, title: str, section: str, notes: str) -> "Page":
        page = self.new(layout, notes)
        texts.put_title(page.shape(0), title, boxes.TITLE, self.look, sizes=TITLE_SIZES)
        if section and section != title:
            texts.put_title(
                page.shape(template.SECTION_NAME), section, boxes.SECTION_NAME, self.look, sizes=(12,), rows=1
            )
        return page


class Page:
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
