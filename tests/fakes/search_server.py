"""Tavily, Brave and SearXNG on one loopback server. A query of `fault:429` misbehaves so; `fault:500 once` does it the first time alone."""

import asyncio
import json
from collections import Counter
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.wire import Asked, Server, answer, misbehave

KEY = "search-key-4711"


class FakeSearch(Server):
    """`results` are what is found, each {title, url, text}."""

    def __init__(self, results: list[dict[str, str]] | None = None) -> None:
        super().__init__(self._answer)
        self.results = results if results is not None else [_result(number) for number in range(12)]
        self._seen: Counter[str] = Counter()

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        parts = urlsplit(asked.path)
        query = asked.json["query"] if asked.method == "POST" else parse_qs(parts.query)["q"][0]
        fault = query.removeprefix("fault:") if query.startswith("fault:") else ""
        self._seen[query] += 1
        if (not fault.endswith(" once") or self._seen[query] == 1) and await misbehave(fault.split(" ")[0], writer):
            return
        match parts.path:
            case "/search" if asked.method == "POST":
                body: Any = {"results": [_entry(r, "content") for r in self.results]}
                allowed = asked.headers.get("authorization") == f"Bearer {KEY}"
            case "/res/v1/web/search":
                body = {"web": {"results": [_entry(r, "description") for r in self.results]}}
                allowed = asked.headers.get("x-subscription-token") == KEY
            case _:
                body, allowed = {"results": [_entry(r, "content") for r in self.results]}, "format=json" in parts.query
        await answer(writer, json.dumps(body) if allowed else "{}", status=200 if allowed else 401)


def _entry(result: dict[str, str], snippet: str) -> dict[str, str]:
    return {"title": result["title"], "url": result["url"], snippet: result["text"]}


def _result(number: int) -> dict[str, str]:
    text = "A <strong>fact</strong> &amp; more.\n" * (200 if number == 1 else 1)
    return {"title": f"Page {number}", "url": f"https://example.org/{number}?a=1&copy=2", "text": text}
