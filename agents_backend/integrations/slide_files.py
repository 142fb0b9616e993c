"""Decks as files: PPTX written from slides' texts, PDF pages joined."""

import io
from collections.abc import Sequence
from html.parser import HTMLParser

from pptx import Presentation
from pptx.util import Emu
from pypdf import PdfReader, PdfWriter

_EMU_A_PIXEL = 9525
_BLOCKS = frozenset({"p", "li", "h1", "h2", "h3", "h4", "h5", "h6", "div", "td", "th", "br", "section", "header"})
_SILENT = frozenset({"script", "style", "title", "head", "template", "noscript"})
_BLANK_LAYOUT_WITH_BODY = 1


def pptx_of(slides: Sequence[tuple[str, str]], *, width: int = 1280, height: int = 720) -> bytes:
    """A deck of (title, HTML): each slide has its title and its texts, a line for each block of the page."""
    deck = Presentation()
    deck.slide_width, deck.slide_height = Emu(width * _EMU_A_PIXEL), Emu(height * _EMU_A_PIXEL)
    for title, page in slides:
        slide = deck.slides.add_slide(deck.slide_layouts[_BLANK_LAYOUT_WITH_BODY])
        slide.shapes.title.text = _printable(title)
        body = slide.placeholders[1]
        lines = [line for line in texts_of(page) if line != title]
        body.text_frame.text = _printable("\n".join(lines))
    made = io.BytesIO()
    deck.save(made)
    return made.getvalue()


def joined(pages: Sequence[bytes]) -> bytes:
    """One PDF of the first page of each."""
    writer = PdfWriter()
    for page in pages:
        writer.add_page(PdfReader(io.BytesIO(page)).pages[0])
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


def texts_of(page: str) -> list[str]:
    """The texts of an HTML page, a line for each block."""
    reader = _Texts()
    reader.feed(page)
    reader.close()
    return [" ".join(line.split()) for line in "".join(reader.pieces).split("\n") if line.strip()]


class _Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  # HTMLParser's own
        self._silent += tag in _SILENT
        if tag in _BLOCKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT and self._silent:
            self._silent -= 1
        if tag in _BLOCKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.pieces.append(data.replace("\n", " "))


def _printable(text: str) -> str:
    """What XML can hold."""
    return "".join(character for character in text if character >= " " or character in "\n\t")
