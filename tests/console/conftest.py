"""A real browser on the real API. Chromium is the system's; where there is none, the tests skip and say so."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, ConsoleMessage, Error, Locator, Page, async_playwright, expect
from redis.asyncio import Redis

from tests.conftest import PASSWORD

# The shell is the same engine without a browser around it, for less than half of the work.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WAIT_MS = 30_000
expect.set_options(timeout=WAIT_MS)


def tokens(count: int) -> str:
    """What the fake model says to `[tokens=count]`."""
    return " ".join(f"tok{number}" for number in range(count))


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"no Chromium on this machine (looked for {', '.join(NAMES)})")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        await browser.close()


class Visit:
    """One person's browser: its page, and what its console complained of."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._heard)

    def _heard(self, message: ConsoleMessage) -> None:
        # A refused request is also told here by Chromium itself; whether the page copes with it is what the tests look at.
        if message.type in {"error", "warning"} and not message.text.startswith("Failed to load resource"):
            self.complaints.append(message.text)

    async def new_tab(self) -> "Visit":
        """Another tab of the same browser: it shares the cookie."""
        tab = Visit(await self.page.context.new_page(), self.url)
        tab.complaints = self.complaints
        return tab

    async def open(self, place: str = "") -> None:
        await self.page.goto(f"{self.url}/{place}")

    async def log_out(self) -> None:
        await self.page.get_by_role("button", name="Account").click()
        await self.page.get_by_role("button", name="Log out").click()

    async def fill_login(self, password: str = PASSWORD, *, username: str = "admin") -> None:
        await self.page.get_by_label("User name").fill(username)
        await self.page.get_by_label("Password").fill(password)
        await self.page.get_by_role("button", name="Log in").click()

    async def sign_in(self) -> Self:
        await self.open()
        await self.fill_login()
        await self.page.get_by_label("Message", exact=True).wait_for()
        return self

    async def enter(self, place: str, password: str = PASSWORD, *, username: str = "admin") -> Self:
        """Sign in on the way to a page."""
        await self.open(place)
        await self.fill_login(password, username=username)
        return self

    def row(self, text: str) -> Locator:
        """The row of the page's table that holds a text."""
        return self.page.get_by_role("row").filter(has_text=text)

    async def click(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    async def answer(self, name: str) -> None:
        """Click a button of the dialog, and see it go: closed it is still in the page for a moment, its fields with it."""
        await self.dialog.get_by_role("button", name=name, exact=True).click()
        await expect(self.page.locator("dialog")).to_have_count(0)

    async def say(self, text: str) -> None:
        await self.page.get_by_label("Message", exact=True).fill(text)
        await self.page.get_by_role("button", name="Send").click()

    @property
    def answers(self) -> Locator:
        """The texts that the assistant wrote."""
        return self.page.locator(".turn.assistant .text")

    async def finished(self) -> None:
        """The run has ended: its foot line is there, and the composer takes another message."""
        await expect(self.page.locator(".turn .foot").last).to_contain_text("Temporal")
        await expect(self.page.get_by_role("button", name="Send")).to_be_enabled()

    async def thread_id(self) -> str:
        """The id of the thread that is shown, once there is one."""
        await self.page.wait_for_url("**/#/chat/*")
        return self.page.url.rsplit("/", 1)[1]


@pytest.fixture
async def visit(browser: Browser, base_url: str, worker: None) -> AsyncIterator[Callable]:
    """Opens a browser of its own for each call; the test fails on anything that its console complained of."""
    visits: list[Visit] = []

    async def begin(url: str = base_url, **options) -> Visit:
        context = await browser.new_context(locale="en-GB", **options)
        context.set_default_timeout(WAIT_MS)
        visits.append(Visit(await context.new_page(), url))
        return visits[-1]

    yield begin
    for one in visits:
        with contextlib.suppress(Error):
            await one.page.context.close()
    assert [complaint for one in visits for complaint in one.complaints] == []


@pytest.fixture
async def redis(settings) -> AsyncIterator[Redis]:
    """Forgets this test's failed logins, which would ask every later one from this address for a captcha."""
    async with Redis.from_url(settings.redis.url.get_secret_value(), decode_responses=True) as redis:
        yield redis
        async for key in redis.scan_iter("login:*"):
            await redis.delete(key)


class Wire:
    """A wire between browser and API that can be cut."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self._open: set[asyncio.StreamWriter] = set()
        self.url = ""

    def cut(self) -> int:
        """Break every connection, as a lost network does. Returns how many there were."""
        broken = len(self._open)
        for writer in list(self._open):
            writer.transport.abort()
        return broken

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, out = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._open |= {writer, out}
        await asyncio.gather(self._pump(reader, out), self._pump(upstream, writer))
        self._open -= {writer, out}

    @staticmethod
    async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.transport.abort() if reader.exception() else writer.close()


@asynccontextmanager
async def wire_to(target: str) -> AsyncIterator[Wire]:
    wire = Wire(target)
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    wire.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield wire
    finally:
        server.close()
        wire.cut()
        await server.wait_closed()
