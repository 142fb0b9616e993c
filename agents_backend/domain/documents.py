"""A document as its own structure has it: sections with paragraphs, lists, tables, quotations, code and pictures."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class _Block(BaseModel):
    model_config = ConfigDict(frozen=True)


class Paragraph(_Block):
    kind: Literal["paragraph"] = "paragraph"
    text: str


class Bullet(_Block):
    """An item; `level` 0 is the list's own."""

    text: str
    level: int = 0


class Bullets(_Block):
    kind: Literal["bullets"] = "bullets"
    items: tuple[Bullet, ...]
    is_ordered: bool = False


class Table(_Block):
    kind: Literal["table"] = "table"
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Quotation(_Block):
    kind: Literal["quotation"] = "quotation"
    text: str
    author: str = ""


class Code(_Block):
    kind: Literal["code"] = "code"
    text: str
    language: str = ""


class Picture(_Block):
    kind: Literal["picture"] = "picture"
    alt: str
    url: str


Block = Paragraph | Bullets | Table | Quotation | Code | Picture


class Section(_Block):
    """What stands under a heading; level 1 is the highest."""

    title: str
    level: int
    blocks: tuple[Block, ...] = ()


class Document(_Block):
    """The whole. `sections` are in order, each with its level; `lead` is what stands before the first of them."""

    title: str
    lead: tuple[Block, ...] = ()
    sections: tuple[Section, ...] = ()
    links: tuple[tuple[str, str], ...] = ()


def spoken(block: Block) -> str:
    """A block as one would read it out; code and pictures are not read."""
    match block:
        case Paragraph(text=text) | Quotation(text=text):
            return text
        case Bullets(items=items):
            return " ".join(_closed(item.text) for item in items)
        case Table(header=header, rows=rows):
            return " ".join(_row(header, row) for row in rows)
        case _:
            return ""


def _closed(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…", "。", "！", "？", ":")) else f"{text}."  # noqa: RUF001


def _row(header: tuple[str, ...], row: tuple[str, ...]) -> str:
    cells = [f"{name}: {value}" if name else value for name, value in zip(header[1:], row[1:], strict=False) if value]
    return _closed(f"{row[0]} – {', '.join(cells)}" if cells else row[0])  # noqa: RUF001
