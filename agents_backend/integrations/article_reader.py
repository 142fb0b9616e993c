"""The child process of `articles.Reader`: pages in on standard input, articles out, until its parent closes the pipe or dies.

A page from the Internet is parsed here and not in the worker: what it does to a parser (seconds of work, a crash, all of the memory)
it does to this process alone, which holds no secret.
"""

import json
import struct
import sys
from contextlib import suppress
from typing import Any, BinaryIO, Final

HEAD: Final = struct.Struct(
    ">II"
)  # the sizes of what follows: for a page, of its URL and its HTML; for an article, of its JSON and 0
MEMORY: Final = 2 * 1024**3  # bytes of address space


def _bound_memory() -> None:
    with suppress(ImportError, ValueError, OSError):  # not on every platform
        import resource  # noqa: PLC0415

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def serve(pages: BinaryIO, articles: BinaryIO) -> None:
    import trafilatura  # noqa: PLC0415  # this process alone pays for the import

    while len(head := pages.read(HEAD.size)) == HEAD.size:
        url_size, html_size = HEAD.unpack(head)
        url, html = pages.read(url_size).decode(), pages.read(html_size)
        found: Any = trafilatura.extract(
            html, url=url, output_format="json", with_metadata=True, include_tables=True, favor_recall=True
        )
        data = json.loads(found) if found else {}
        article = json.dumps({"title": data.get("title") or "", "text": data.get("text") or ""}).encode()
        articles.write(HEAD.pack(len(article), 0) + article)
        articles.flush()


if __name__ == "__main__":
    _bound_memory()
    serve(sys.stdin.buffer, sys.stdout.buffer)
