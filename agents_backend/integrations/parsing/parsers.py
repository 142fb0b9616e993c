"""Readers of each kind of document: bytes in, sections out, one after another, so that limits hold while it is read.

Only the child process calls these: each imports its library when it is needed.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from agents_backend.domain.passages import HEADING, Section
from agents_backend.integrations.parsing.kinds import DocumentRefused, Kind, decoded

TOO_COMPLEX = "Reading the document takes more memory or time than is allowed."
_CELLS = " | "
_ROWS = 40  # of a sheet, in one section
_HEADING_STYLE = re.compile(r"(?:Heading|Title|Überschrift|Titre)\s*(\d?)", re.IGNORECASE)


@dataclass(frozen=True)
class Limits:
    pages: int
    characters: int
    unpacked_bytes: int


@dataclass
class Reading:
    """What is found on the way."""

    limits: Limits
    charset: str | None = None
    title: str = ""
    pages: int = 0

    @property
    def name(self) -> str:
        """The title on one line."""
        return " ".join(_clean(self.title).split())

    def page(self) -> int:
        """Begin a page; its number, from 1."""
        self.pages += 1
        if self.pages > self.limits.pages:
            raise DocumentRefused(f"The document has more than {self.limits.pages} pages.", code="DOCUMENT_TOO_LARGE")
        return self.pages


def read(kind: Kind, content: bytes, reading: Reading) -> Iterator[Section]:
    """A document's sections that hold text.

    Raises:
        DocumentRefused: it is encrypted, damaged, or larger than the limits. What a library raises for a damaged file, too.
    """
    if kind in {"docx", "pptx", "xlsx"}:
        _check_unpacked(content, reading.limits)
    size = 0
    for section in _READERS[kind](content, reading):
        text = _clean(section.text)
        size += len(text)
        if size > reading.limits.characters:
            raise DocumentRefused(
                f"The document has more than {reading.limits.characters:,} characters.", code="DOCUMENT_TOO_LARGE"
            )
        if text:
            yield Section(heading=_clean(section.heading)[:HEADING], page=section.page, text=text)


def _clean(text: str) -> str:
    """PostgreSQL keeps no NUL, and UTF-8 no half of a character."""
    return text.replace("\x00", "").encode(errors="replace").decode().strip()


def _check_unpacked(content: bytes, limits: Limits) -> None:
    """A ZIP gives no more of a member than it says beforehand, so what it says can be relied on."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
    if any(member.flag_bits & 1 for member in members):
        raise DocumentRefused("The file is encrypted with a password.", code="DOCUMENT_ENCRYPTED")
    if sum(member.file_size for member in members) > limits.unpacked_bytes:
        raise DocumentRefused(
            f"The file unpacks to more than {limits.unpacked_bytes:,} bytes.", code="DOCUMENT_TOO_LARGE"
        )


class Headings:
    """The headings above a place, outermost first."""

    def __init__(self) -> None:
        self._path: list[tuple[int, str]] = []

    def enter(self, level: int, text: str) -> None:
        kept = [(n, name) for n, name in self._path if n < level]
        self._path = [*kept, (level, " ".join(text.split()))]

    @property
    def path(self) -> str:
        return " > ".join(name for _, name in self._path if name)


def _pdf(content: bytes, reading: Reading) -> Iterator[Section]:
    from pypdf import PdfReader  # noqa: PLC0415
    from pypdf.errors import DependencyError, LimitReachedError  # noqa: PLC0415

    document = PdfReader(io.BytesIO(content))
    try:
        closed = document.is_encrypted and not document.decrypt("")
    except (DependencyError, NotImplementedError):
        closed = True
    if closed:
        raise DocumentRefused("The PDF is encrypted with a password.", code="DOCUMENT_ENCRYPTED")
    with suppress(Exception):  # a damaged information dictionary costs the title alone
        reading.title = str(document.metadata.title or "") if document.metadata else ""
    headings, heading = _outline(document), ""
    try:
        for page in document.pages:
            number = reading.page()
            heading = headings.get(number, heading)
            yield Section(heading=heading, page=number, text=page.extract_text())
    except LimitReachedError:
        raise DocumentRefused(TOO_COMPLEX, code="DOCUMENT_TOO_COMPLEX") from None


def _outline(document: Any) -> dict[int, str]:
    """The last heading that begins on each page, by its number."""
    found: dict[int, str] = {}

    def walk(items: list[Any], path: tuple[str, ...]) -> None:
        own = path
        for item in items[:5_000]:
            if isinstance(item, list):
                walk(item, own)
                continue
            own = (*path, str(item.title or "").strip())
            number = document.get_destination_page_number(item)
            if number is not None and number >= 0:
                found[number + 1] = " > ".join(part for part in own if part)

    with suppress(Exception):  # a damaged outline costs the headings alone
        walk(document.outline, ())
    return found


def _docx(content: bytes, reading: Reading) -> Iterator[Section]:
    from docx import Document  # noqa: PLC0415
    from docx.table import Table  # noqa: PLC0415

    document = Document(io.BytesIO(content))
    reading.title = document.core_properties.title or ""
    headings, lines = Headings(), list[str]()
    for block in document.iter_inner_content():
        if isinstance(block, Table):
            lines.append("\n".join(_CELLS.join(_cells(row.cells)) for row in block.rows))
            continue
        style = _HEADING_STYLE.match(block.style.name if block.style is not None and block.style.name else "")
        if style is None:
            lines.append(block.text)
            continue
        yield Section(heading=headings.path, text="\n\n".join(lines))
        lines = []
        headings.enter(int(style[1] or 0), block.text)
        reading.title = reading.title or block.text
    yield Section(heading=headings.path, text="\n\n".join(lines))


def _cells(cells: Any) -> list[str]:
    """The texts of a row; merged cells come once for each place that they take."""
    texts = [" ".join(cell.text.split()) for cell in cells]
    return [text for n, text in enumerate(texts) if n == 0 or text != texts[n - 1]]


def _pptx(content: bytes, reading: Reading) -> Iterator[Section]:
    from pptx import Presentation  # noqa: PLC0415

    deck = Presentation(io.BytesIO(content))
    reading.title = deck.core_properties.title or ""
    for slide in deck.slides:
        number, head = reading.page(), slide.shapes.title
        lines = [text for shape in slide.shapes for text in _shape(shape)]
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            lines.append(slide.notes_slide.notes_text_frame.text)
        heading = head.text_frame.text if head is not None else ""
        reading.title = reading.title or heading
        yield Section(heading=" ".join(heading.split()), page=number, text="\n".join(lines))


def _shape(shape: Any) -> Iterator[str]:
    if hasattr(shape, "shapes"):
        for inner in shape.shapes:
            yield from _shape(inner)
    elif getattr(shape, "has_table", False):
        yield from (_CELLS.join(_cells(row.cells)) for row in shape.table.rows)
    elif shape.has_text_frame:
        yield shape.text_frame.text


def _xlsx(content: bytes, reading: Reading) -> Iterator[Section]:
    from openpyxl import load_workbook  # noqa: PLC0415

    book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    reading.title = book.properties.title or ""
    for sheet in book.worksheets:
        reading.page()
        head, rows, told = "", list[str](), False
        for cells in sheet.iter_rows(values_only=True):
            line = _CELLS.join(str(cell) for cell in cells if cell is not None)
            if not line:
                continue
            rows.append(line)
            head = head or line
            if len(rows) == _ROWS:
                yield Section(heading=sheet.title, text="\n".join(rows))
                rows, told = [head], True  # what the columns are called stands over each stretch of them
        if rows and not (told and len(rows) == 1):
            yield Section(heading=sheet.title, text="\n".join(rows))


def _html(content: bytes, reading: Reading) -> Iterator[Section]:
    import trafilatura  # noqa: PLC0415

    text = decoded(content, reading.charset)
    made = trafilatura.extract(text, output_format="markdown", include_tables=True, favor_recall=True)
    reading.title = str(getattr(trafilatura.extract_metadata(text), "title", None) or "")
    yield from _sections(made or "", reading)


def _markdown(content: bytes, reading: Reading) -> Iterator[Section]:
    yield from _sections(decoded(content, reading.charset), reading)


def _text(content: bytes, reading: Reading) -> Iterator[Section]:
    yield Section(text=decoded(content, reading.charset))


def _sections(text: str, reading: Reading) -> Iterator[Section]:
    """Markdown as it is written, cut at its headings."""
    from markdown_it import MarkdownIt  # noqa: PLC0415

    lines, headings, begin = text.split("\n"), Headings(), 0
    tokens = MarkdownIt("commonmark").parse(text)
    for n, token in enumerate(tokens):
        if token.type != "heading_open" or token.level or token.map is None:
            continue
        yield Section(heading=headings.path, text="\n".join(lines[begin : token.map[0]]))
        begin = token.map[1]
        headings.enter(int(token.tag[1]), tokens[n + 1].content)
        reading.title = reading.title or tokens[n + 1].content
    yield Section(heading=headings.path, text="\n".join(lines[begin:]))


_READERS: dict[Kind, Callable[[bytes, Reading], Iterator[Section]]] = {
    "pdf": _pdf,
    "docx": _docx,
    "pptx": _pptx,
    "xlsx": _xlsx,
    "html": _html,
    "markdown": _markdown,
    "text": _text,
}
