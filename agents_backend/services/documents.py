"""Markdown, or plain text, read into a document's structure."""

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from agents_backend.domain.documents import (
    Block,
    Bullet,
    Bullets,
    Code,
    Document,
    Paragraph,
    Picture,
    Quotation,
    Section,
    Table,
)


class _Reader(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802  # markdown-it's name
        """Every address is read, and judged by who uses it; refused ones would stand in the text as their source."""
        return True


_MARKDOWN = _Reader("commonmark").enable(["table", "strikethrough"])
_TITLE = 120
_AUTHOR = re.compile(r"^\s*[—–-]{1,2}\s*(.{2,80})$")  # noqa: RUF001  # the dashes before a name


def read_document(content: str) -> Document:
    """The document; its title is its first heading of the highest level, if nothing of that level follows, else its first line."""
    root = SyntaxTreeNode(_MARKDOWN.parse(content.replace("\r\n", "\n")))
    lead: list[Block] = []
    sections: list[tuple[str, int, list[Block]]] = []
    for node in root.children:
        if node.type == "heading":
            sections.append((_text(node), int(node.tag[1]), []))
        else:
            (sections[-1][2] if sections else lead).extend(_blocks(node))
    links = tuple(dict.fromkeys(_links(root)))
    made = [Section(title=title, level=level, blocks=tuple(blocks)) for title, level, blocks in sections]
    title, lead, made = _titled(lead, made)
    return Document(title=title, lead=tuple(lead), sections=tuple(_raised(made)), links=links)


def _titled(lead: list[Block], sections: list[Section]) -> tuple[str, list[Block], list[Section]]:
    """The title is taken out of the text that it stands over."""
    if sections and not lead and [s.level for s in sections].count(min(s.level for s in sections)) == 1:
        first, *rest = sections
        if first.level == min(s.level for s in sections):
            return first.title, list(first.blocks), rest
    if lead and isinstance(lead[0], Paragraph):
        line, _, rest_of_it = lead[0].text.partition("\n")
        if len(line) <= _TITLE and not line.rstrip().endswith((".", "。", ":", ",")):
            remainder: list[Block] = [Paragraph(text=rest_of_it)] if rest_of_it else []
            return line.strip(), [*remainder, *lead[1:]], sections
        return _shortened(line), lead, sections
    return (sections[0].title if sections else ""), lead, sections


def _shortened(line: str) -> str:
    words, title = line.split(), ""
    for word in words:
        if len(title) + len(word) > _TITLE // 2:
            return f"{title}…"
        title = f"{title} {word}".strip()
    return title[:_TITLE]


def _raised(sections: list[Section]) -> Iterator[Section]:
    """Levels counted from 1, however deep the document begins."""
    top = min((section.level for section in sections), default=1)
    for section in sections:
        yield section.model_copy(update={"level": section.level - top + 1})


def _blocks(node: SyntaxTreeNode) -> Iterator[Block]:
    match node.type:
        case "paragraph":
            yield from _paragraph(node)
        case "bullet_list" | "ordered_list":
            yield Bullets(items=tuple(_items(node, 0)), is_ordered=node.type == "ordered_list")
        case "table":
            yield _table(node)
        case "blockquote":
            yield _quotation(node)
        case "fence" | "code_block":
            yield Code(text=node.content.rstrip("\n"), language=node.info.split(" ")[0] if node.info else "")
        case _:
            return


def _paragraph(node: SyntaxTreeNode) -> Iterator[Block]:
    for image in (inner for inner in node.walk() if inner.type == "image"):
        yield Picture(alt=_text(image) or image.content, url=str(image.attrs.get("src", "")))
    if text := _text(node):
        yield Paragraph(text=text)


def _items(node: SyntaxTreeNode, level: int) -> Iterator[Bullet]:
    for item in node.children:
        for child in item.children:
            if child.type in {"bullet_list", "ordered_list"}:
                yield from _items(child, level + 1)
            elif text := " ".join(_text(child).split()):
                yield Bullet(text=text, level=level)


def _table(node: SyntaxTreeNode) -> Table:
    rows = [
        tuple(" ".join(_text(cell).split()) for cell in row.children) for part in node.children for row in part.children
    ]
    return Table(header=rows[0], rows=tuple(rows[1:]))


def _quotation(node: SyntaxTreeNode) -> Quotation:
    lines = [line for child in node.children for line in _text(child).split("\n") if line.strip()]
    author = _AUTHOR.match(lines[-1]) if len(lines) > 1 else None
    text = " ".join(lines[:-1] if author else lines)
    return Quotation(text=text, author=author[1].strip() if author else "")


def _text(node: SyntaxTreeNode) -> str:
    """The words of a node without their marks; a line break within it stays one."""
    if node.type in {"text", "code_inline"}:
        return node.content
    if node.type in {"softbreak", "hardbreak"}:
        return "\n"
    if node.type in {"html_inline", "html_block", "image"}:
        return ""
    return "".join(_text(child) for child in node.children).strip("\n")


def _links(root: SyntaxTreeNode) -> Iterator[tuple[str, str]]:
    for node in root.walk():
        url = str(node.attrs.get("href", "")) if node.type == "link" else ""
        if url.startswith(("https://", "http://")):
            yield _text(node) or url, url
