"""What a file is, by its bytes; its name only says which kind of text it is. A name, or a client's word, is never believed otherwise."""

import codecs
from pathlib import PurePosixPath
from typing import Final

BINARY: Final = "application/octet-stream"
PLAIN: Final = "text/plain"
# What models that see are given.
IMAGES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
HEAD: Final = 4_096  # bytes that `sniff` wants to see

_PDF: Final = b"%PDF-"
_MAGIC: Final = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"BM", "image/bmp"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"OggS", "audio/ogg"),
    (8, b"WAVE", "audio/wav"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"\x7fELF", "application/x-elf"),
    (0, b"SQLite format 3\x00", "application/vnd.sqlite3"),
)
_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
_ZIPPED: Final = (
    (b"word/", f"{_OFFICE}wordprocessingml.document"),
    (b"xl/", f"{_OFFICE}spreadsheetml.sheet"),
    (b"ppt/", f"{_OFFICE}presentationml.presentation"),
)
_TEXTS: Final = {
    ".md": "text/markdown",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".html": "text/html",
    ".htm": "text/html",
    ".css": "text/css",
    ".xml": "application/xml",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".js": "text/javascript",
    ".py": "text/x-python",
}


def sniff(head: bytes, name: str, *, is_text: bool) -> str:
    """The media type of a file from its first `HEAD` bytes and, where all of it is text, its name's ending."""
    if head.startswith(_PDF):  # it may be all text
        return "application/pdf"
    if is_text:
        return _TEXTS.get(PurePosixPath(name.lower()).suffix, PLAIN)
    if head.startswith(b"PK\x03\x04"):
        return next((kind for mark, kind in _ZIPPED if mark in head), "application/zip")
    return next((kind for at, magic, kind in _MAGIC if head[at : at + len(magic)] == magic), BINARY)


def is_text_like(media_type: str) -> bool:
    """Whether a model can be given the file as text."""
    return media_type.startswith("text/") or media_type in _TEXTS.values()


class TextCheck:
    """Fed a file piece by piece: whether all of it is text in UTF-8 without control characters that no text has."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._is_text = True

    def feed(self, piece: bytes) -> None:
        if self._is_text:
            self._is_text = b"\0" not in piece and self._decodes(piece)

    def end(self) -> bool:
        """Whether it was text; a character that is cut off at the end is none."""
        return self._is_text and self._decodes(b"", final=True)

    def _decodes(self, piece: bytes, *, final: bool = False) -> bool:
        try:
            self._decoder.decode(piece, final)
        except UnicodeDecodeError:
            return False
        return True
