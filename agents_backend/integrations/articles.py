"""The readable text of a page, by trafilatura; slow enough to be done beside the event loop."""

import asyncio
import json
from dataclasses import dataclass

from agents_backend.integrations.pages import Fetched

_MARKUP = frozenset({"text/html", "application/xhtml+xml"})


@dataclass(frozen=True)
class Article:
    """A page as a model reads it: Markdown, with what the page says of itself."""

    url: str
    title: str
    text: str


async def read(page: Fetched) -> Article:
    """The page's main text; of what is no HTML, the text as it came."""
    if page.media_type not in _MARKUP:
        return Article(page.url, "", page.text)
    return await asyncio.to_thread(_extract, page)


def _extract(page: Fetched) -> Article:
    import trafilatura  # noqa: PLC0415  # slow to import, and most processes never read a page

    html = page.content if page.charset is None else page.text
    found = trafilatura.extract(
        html, url=page.url, output_format="json", with_metadata=True, include_links=False, include_tables=True
    )
    if not found:
        return Article(page.url, "", "")
    data = json.loads(found)
    return Article(page.url, data.get("title") or "", data.get("text") or "")
