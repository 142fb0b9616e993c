"""What each reader last saw of each slide, so that nobody writes over a change that he does not know of.

A reader is whoever a call's `_meta` names (the product: an agent's conversation); callers without a name are one reader together.
"""

from contextvars import ContextVar

from pydantic import BaseModel, Field

from .paths import Paths
from .state import StateFile

READER = "agents-backend/reader"
MAX_READERS = 100

reader: ContextVar[str] = ContextVar("reader", default="")


class _Seen(BaseModel):
    pages: dict[str, dict[str, str]] = Field(default={}, description="by reader, then by file: the page's SHA-256")


class Sightings:
    """Kept in a file: it outlives the server. One that is spoilt makes every reader read again."""

    def __init__(self, paths: Paths) -> None:
        self._file = StateFile(paths, "slides.json", _Seen)

    def last(self, page: str) -> str | None:
        """The SHA-256 of the page as the present reader last saw it; None: it saw none."""
        return self._file.read().pages.get(reader.get(), {}).get(page)

    def note(self, page: str, digest: str | None) -> None:
        """The present reader sees this page now; None: it sees that there is none.

        Raises:
            OSError: it cannot be kept.
        """
        pages = self._file.read().pages
        mine = pages.pop(reader.get(), {})
        if digest is None:
            mine.pop(page, None)
        else:
            mine[page] = digest
        pages[reader.get()] = mine  # the last one is who came last
        self._file.write(_Seen(pages=dict(list(pages.items())[-MAX_READERS:])))
