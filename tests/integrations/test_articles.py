"""Reading pages in a child process: one that goes wrong takes no other with it."""

import asyncio
import os
import signal

import psutil
import pytest

from agents_backend.domain.errors import UpstreamFailed, UpstreamTimeout
from agents_backend.integrations.articles import Reader
from agents_backend.integrations.pages import Fetched


def page(text: str, kind: str = "text/html") -> Fetched:
    html = f"<html><head><title>Títle</title></head><body><nav>menu</nav><article><p>{text}</p></article></body></html>"
    return Fetched("https://a.example/", kind, "utf-8", html.encode())


async def test_pages_are_read_side_by_side_each_into_its_own_article():
    async with Reader() as reader:
        words = [f"Sentence number {number} about the sea. " * 10 for number in range(4)]
        articles = await asyncio.gather(*(reader.read(page(text)) for text in words))
    assert [article.title for article in articles] == ["Títle"] * 4
    assert [article.text.split(" about")[0] for article in articles] == [f"Sentence number {n}" for n in range(4)]


async def test_a_reader_that_dies_or_hangs_fails_its_page_and_the_next_is_read():
    async with Reader(seconds=60) as reader:
        await reader.read(page("The first page of all. " * 10))
        child = reader._child.pid
        os.kill(child, signal.SIGSTOP)
        reader._seconds = 0.2
        with pytest.raises(UpstreamTimeout):
            await reader.read(page("The page that hangs. " * 10))
        reader._seconds = 60
        assert "is read" in (await reader.read(page("The next one is read. " * 10))).text
        assert reader._child.pid != child
        asked = asyncio.create_task(reader.read(page("The page that dies. " * 100_000)))
        await asyncio.sleep(0)
        os.kill(reader._child.pid, signal.SIGKILL)
        with pytest.raises(UpstreamFailed):
            await asked
        assert "is read" in (await reader.read(page("The last one is read. " * 10))).text


async def test_the_reader_ends_with_its_parent_and_knows_none_of_its_secrets(monkeypatch):
    monkeypatch.setenv("AUTH_SECRET", "canary-4711")
    async with Reader() as reader:
        await reader.read(page("Some page or other. " * 10))
        child = reader._child
        assert "canary-4711" not in psutil.Process(child.pid).environ().values()
        child.stdin.close()  # what a parent's death does
        assert await asyncio.wait_for(child.wait(), 30) == 0


async def test_what_is_no_html_is_read_as_it_came():
    async with Reader() as reader:
        article = await reader.read(Fetched("https://a.example/x.txt", "text/plain", None, b"plain"))
        assert article.text == "plain"
        assert reader._child is None
