"""What kind of document a file is: by its content, held against its name."""

import io
import zipfile
from pathlib import PurePosixPath
from typing import Final, Literal

from agents_backend.domain.errors import Invalid

Kind = Literal["pdf", "docx", "pptx", "xlsx", "html", "markdown", "text"]

EXTENSIONS: Final[dict[str, Kind]] = {
    "pdf": "pdf",
    "docx": "docx",
    "pptx": "pptx",
    "xlsx": "xlsx",
    **dict.fromkeys(("html", "htm", "xhtml"), "html"),
    **dict.fromkeys(("md", "markdown"), "markdown"),
    **dict.fromkeys(("txt", "text", "rst", "csv", "tsv", "json", "yaml", "yml", "xml", "log"), "text"),
}
MEDIA_TYPES: Final[dict[str, Kind]] = {
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    **dict.fromkeys(("text/html", "application/xhtml+xml"), "html"),
    "text/markdown": "markdown",
    **dict.fromkeys(("text/plain", "text/csv", "text/xml", "application/xml", "application/json"), "text"),
}
_TEXTS: Final = frozenset({"html", "markdown", "text"})
_OFFICE: Final[dict[str, Kind]] = {
    "word/document.xml": "docx",
    "ppt/presentation.xml": "pptx",
    "xl/workbook.xml": "xlsx",
}
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\x1b"))
_SAMPLE = 65_536


class DocumentRefused(Invalid):
    """A file that cannot be read, now or ever."""

    code = "DOCUMENT_REFUSED"
    default_detail = "The document cannot be read."


def extension_of(file_name: str) -> str:
    """Lower case, without its dot; empty where there is none."""
    return PurePosixPath(file_name.lower()).suffix.removeprefix(".")


def kind_of(content: bytes, *, file_name: str, media_type: str) -> Kind:
    """What to read the file as.

    Raises:
        DocumentRefused: it is empty, encrypted, of no kind that is read, or another than its name says.
    """
    if not content.strip():
        raise DocumentRefused("The file is empty.", code="DOCUMENT_EMPTY")
    extension = extension_of(file_name)
    said = EXTENSIONS.get(extension) or MEDIA_TYPES.get(media_type)
    found = _found(content)
    if said is None:
        if found == "binary":
            raise DocumentRefused("The file is of no kind that can be read.", code="DOCUMENT_UNSUPPORTED")
        return "html" if found == "text" and _is_html(content) else found
    if said != found and not (said in _TEXTS and found == "text"):
        name = f"named .{extension}" if extension in EXTENSIONS else f"given as {media_type}"
        raise DocumentRefused(f"The file is {name}, but {_described(found)}.", code="DOCUMENT_MISMATCH")
    return said


def _found(content: bytes) -> Kind | Literal["binary"]:
    if b"%PDF-" in content[:1024]:
        return "pdf"
    if content.startswith(b"PK\x03\x04"):
        return _office(content)
    if content.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in content:
            raise DocumentRefused("The file is encrypted with a password.", code="DOCUMENT_ENCRYPTED")
        return "binary"
    return "text" if _is_text(content[:_SAMPLE]) else "binary"


def _office(content: bytes) -> Kind | Literal["binary"]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError):
        raise DocumentRefused("The file is damaged.", code="DOCUMENT_UNREADABLE") from None
    return next((kind for name, kind in _OFFICE.items() if name in names), "binary")


def _is_text(sample: bytes) -> bool:
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):  # UTF-16 says so itself
        return True
    return len(sample.translate(None, _CONTROLS)) == len(sample)


def _is_html(content: bytes) -> bool:
    start = content[:_SAMPLE].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html", b"<?xml")) and b"<html" in start


def _described(found: str) -> str:
    return {
        "text": "its content is plain text",
        "binary": "its content is of no kind that can be read",
    }.get(found, f"its content is {found.upper()}")


def decoded(content: bytes, charset: str | None = None) -> str:
    """A text file's text: as it was said, else by its mark, else UTF-8, else Windows' Western one."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    for name in filter(None, (charset, "utf-8-sig")):
        try:
            return content.decode(name)
        except (LookupError, UnicodeDecodeError):
            continue
    return content.decode("cp1252", errors="replace")
