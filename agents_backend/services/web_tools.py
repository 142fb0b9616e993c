"""The tools that look at the web: search, where a provider is configured and the run wants it, and reading a page."""

from collections.abc import Mapping, Sequence
from typing import Any

from agents_backend.agents.tools import FetchPage, Tool, WebSearch, declare, validate
from agents_backend.db.tables.runs import Run
from agents_backend.domain.errors import Invalid
from agents_backend.integrations.articles import Reader
from agents_backend.integrations.pages import Pages
from agents_backend.integrations.search import Search
from agents_backend.services.toolboxes import Availability, Source, ToolContext, ToolResult

MAX_CHARACTERS = 40_000
WEB_SEARCH = declare("web_search", WebSearch, repeatable=True)
FETCH_PAGE = declare("fetch_page", FetchPage, repeatable=True)


class WebTools:
    """`missing` says why there is no search, where there is none."""

    def __init__(self, *, search: Search | None, pages: Pages, reader: Reader, missing: str | None = None) -> None:
        self._search, self._pages, self._reader, self._missing = search, pages, reader, missing

    def catalogue(self) -> Sequence[Availability]:
        return [Availability(WEB_SEARCH, self._missing), Availability(FETCH_PAGE)]

    async def tools(self, run: Run) -> Sequence[Tool]:
        if self._search is None or not run.options.get("enable_web_search"):
            return [FETCH_PAGE]
        return [WEB_SEARCH, FETCH_PAGE]

    async def call(self, name: str, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:  # noqa: ARG002  # the Protocol's
        if name == FETCH_PAGE.name:
            return await self._fetch(validate(FetchPage, arguments))
        return await self._find(validate(WebSearch, arguments))

    async def _find(self, wanted: WebSearch) -> ToolResult:
        if self._search is None:
            raise Invalid(self._missing)
        found = await self._search.search(wanted.query, count=wanted.count)
        if not found:
            return ToolResult("Nothing was found.")
        text = "\n\n".join(f"{item.title}\n{item.url}\n{item.snippet}" for item in found)
        return ToolResult(text, sources=tuple(Source(item.title, item.url) for item in found))

    async def _fetch(self, wanted: FetchPage) -> ToolResult:
        article = await self._reader.read(await self._pages.fetch(wanted.url))
        text = article.text.strip()
        if not text:
            return ToolResult("The page holds no readable text.", error=True)
        if len(text) > MAX_CHARACTERS:
            text = f"{text[:MAX_CHARACTERS]}\n[The rest of the page is left out: it has {len(text):,} characters.]"
        head = f"{article.title}\n{article.url}" if article.title else article.url
        return ToolResult(f"{head}\n\n{text}", sources=(Source(article.title or article.url, article.url),))
