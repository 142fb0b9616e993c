"""Fetching a user's URL: where it may lead, where it may not, and that nobody is asked before that is known."""

import asyncio
import gzip

import pytest

from agents_backend.domain.errors import (
    AddressRefused,
    TooLarge,
    UnsupportedMedia,
    UpstreamFailed,
    UpstreamTimeout,
)
from agents_backend.integrations.addresses import Policy, check_url, is_public, resolve
from agents_backend.integrations.articles import Reader
from agents_backend.integrations.pages import Pages
from tests.fakes.certificates import certificate
from tests.fakes.wire import Asked, Server, answer, end_stream, send, start_stream

LOOPBACK = Policy(allow_loopback=True)
HTML = "<html><head><title>Tides</title></head><body><article><h1>Tides</h1><p>{}</p></article></body></html>"


ANSWERS = {
    "/loop": {"status": 302, "location": "/loop"},
    "/gzip": {"body": gzip.compress(b"a" * 200_000), "kind": "text/plain", "content_encoding": "gzip"},
    "/bomb": {"body": gzip.compress(b"a" * 50_000_000), "kind": "text/plain", "content_encoding": "gzip"},
    "/br": {"body": b"xx", "kind": "text/plain", "content_encoding": "br"},
    "/binary": {"body": b"\x00\x01", "kind": "application/octet-stream"},
    "/error": {"body": "secret-body", "status": 500},
    "/cookie": {"body": "x", "kind": "text/plain", "set_cookie": "a=b"},
    "/article": {"body": HTML.format("The moon pulls the sea. " * 20), "kind": "text/html; charset=utf-8"},
}


async def page(asked: Asked, writer: asyncio.StreamWriter) -> None:
    path, _, query = asked.path.partition("?")
    match path:
        case "/redirect":
            await answer(writer, status=302, location=query)
        case "/endless" | "/slow" | "/short":
            await start_stream(writer, "text/plain")
            await send(writer, "short")
            while path == "/endless":
                await send(writer, "a" * 10_000)
            await asyncio.sleep(3600 if path == "/slow" else 0)
            await end_stream(writer)
        case _:
            given = dict(ANSWERS.get(path, ANSWERS["/article"]))
            await answer(writer, given.pop("body", b""), **given)


@pytest.fixture
async def canary():
    async with Server(page) as server:
        yield server


CORPUS = [
    "http://127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST.:{port}/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.0.0.1:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://017700000001:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://127.255.255.254:{port}/",
    "http://0.0.0.0:{port}/",
    "http://0:{port}/",
    "http://[::1]:{port}/",
    "http://[::]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[64:ff9b:1::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://[2001:0:7f00:1::]:{port}/",
    "http://[fe80::1%25lo]:{port}/",
    "http://127%2e0%2e0%2e1:{port}/",
    "http://①②⑦.⓪.⓪.①:{port}/",
    "http://127。0。0。1:{port}/",
    "http://user@127.0.0.1:{port}/",
    "http://example.com@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@example.com/",
    "http://example.com\\@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/\r\nHost: example.com",
    "http:127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "/127.0.0.1:{port}/",
    "127.0.0.1:{port}",
    "",
    "http://",
    "http://[/",
    "http://[::1",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:-1/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_x",
    "ftp://127.0.0.1:{port}/",
    "dict://127.0.0.1:{port}/",
    "data:text/plain,x",
    "jar:http://127.0.0.1:{port}!/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.64.0.1/",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    "http://198.18.0.1/",
    "http://192.0.0.1/",
    "http://192.88.99.1/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://134744072/",
    "http://0x08080808/",
    "http://010.8.8.8/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://[ff02::1]/",
    "http://[2001:db8::1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[::ffff:8.8.8.8]/",
    "http://8.8.8.8:22/",
    "http://8.8.8.8:6379/",
    "https://8.8.8.8:25/",
    "http://" + "a" * 5_000,
]


@pytest.mark.parametrize("url", CORPUS)
async def test_an_address_that_is_not_public_is_refused_before_anybody_is_asked(url, canary):
    async with Pages() as pages:
        with pytest.raises(AddressRefused):
            await pages.fetch(url.replace("{port}", str(canary.port)))
    assert canary.connections == 0


@pytest.mark.parametrize(
    "where", ["http://10.0.0.1/", "http://127.0.0.2.nip:22/", "file:///etc/passwd", "http://[fe80::1]/"]
)
async def test_every_redirect_is_checked_like_the_first_address(where, canary):
    asked = []

    async def ask(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["10.0.0.9"] if host.endswith("nip") else ["127.0.0.1"]

    async with Pages(policy=LOOPBACK, ask=ask) as pages:
        with pytest.raises(AddressRefused):
            await pages.fetch(f"http://start.example:{canary.port}/redirect?{where}")
    assert canary.connections == 1


async def test_a_name_that_leads_elsewhere_the_second_time_gains_nothing(canary):
    """Rebinding: the address that was checked is the one that is connected to; the name is asked once a request."""
    answers = [["8.8.8.8"], ["127.0.0.1"], ["127.0.0.1"]]

    async def ask(host: str, port: int) -> list[str]:
        return answers.pop(0)

    target = check_url("http://rebind.example/", Policy())
    assert [str(a) for a in await resolve(target, Policy(), ask)] == ["8.8.8.8"]
    async with Pages(ask=ask) as pages:
        with pytest.raises(AddressRefused):
            await pages.fetch("http://rebind.example/")
    assert len(answers) == 1
    assert canary.connections == 0


async def test_one_private_address_among_public_ones_refuses_the_name(canary):
    async def ask(host: str, port: int) -> list[str]:
        return ["8.8.8.8", "127.0.0.1"]

    async with Pages(ask=ask) as pages:
        with pytest.raises(AddressRefused):
            await pages.fetch("http://mixed.example/")
    assert canary.connections == 0


async def test_a_page_is_fetched_by_the_pinned_address_under_its_own_name(canary):
    async def ask(host: str, port: int) -> list[str]:
        return ["127.0.0.99", "127.0.0.1"] if host == "tides.example" else []

    async with Pages(policy=LOOPBACK, ask=ask) as pages:
        found = await pages.fetch(f"http://tides.example:{canary.port}/redirect?/article")
        with pytest.raises(UpstreamFailed):
            await pages.fetch("http://nowhere.example/")
    assert found.url == f"http://tides.example:{canary.port}/article"
    assert canary.asked[-1].headers["host"] == f"tides.example:{canary.port}"
    async with Reader() as reader:
        article = await reader.read(found)
    assert article.title == "Tides"
    assert "The moon pulls the sea." in article.text
    assert "<p>" not in article.text


async def test_a_pinned_address_must_still_prove_the_name_that_was_asked_for(tmp_path):
    async def ask(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    server, trust = certificate("tides.example", tmp_path)
    async with Server(page, tls=server) as secure, Pages(policy=LOOPBACK, ask=ask, trust=trust) as pages:
        found = await pages.fetch(f"https://tides.example:{secure.port}/article")
        assert b"The moon" in found.content
        with pytest.raises(UpstreamFailed):
            await pages.fetch(f"https://other.example:{secure.port}/article")
        assert len(secure.asked) == 1


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/loop", UpstreamFailed),
        ("/bomb", TooLarge),
        ("/endless", TooLarge),
        ("/br", UpstreamFailed),
        ("/slow", UpstreamTimeout),
        ("/binary", UnsupportedMedia),
        ("/error", UpstreamFailed),
    ],
)
async def test_a_page_that_misbehaves_is_a_typed_error_that_tells_nothing_of_its_body(path, error, canary):
    async with Pages(policy=LOOPBACK) as pages:
        with pytest.raises(error) as caught:
            await pages.fetch(f"{canary.url}{path}", max_bytes=1_000_000, seconds=2)
    assert "secret-body" not in caught.value.detail
    assert canary.connections <= 6


async def test_a_compressed_page_arrives_whole_and_no_cookie_is_carried_on(canary):
    async with Pages(policy=LOOPBACK) as pages:
        assert (await pages.fetch(f"{canary.url}/gzip")).content == b"a" * 200_000
        assert (await pages.fetch(f"{canary.url}/short")).text == "short"
        await pages.fetch(f"{canary.url}/cookie")
        await pages.fetch(f"{canary.url}/cookie")
    assert all("cookie" not in asked.headers for asked in canary.asked)


def test_public_addresses_are_allowed():
    policy = Policy()
    for url in (
        "http://8.8.8.8/",
        "https://[2606:4700::1111]/",
        "https://bücher.example/",
        "http://example.com:8080/x",
    ):
        check_url(url, policy)
    assert check_url("https://bücher.example/", policy).host == "xn--bcher-kva.example"


def test_loopback_is_public_to_nobody_even_where_tests_allow_it():
    import ipaddress  # noqa: PLC0415

    assert not is_public(ipaddress.ip_address("127.0.0.1"))
    assert not LOOPBACK.allows(ipaddress.ip_address("10.0.0.1"), 80)
    assert not LOOPBACK.allows(ipaddress.ip_address("::ffff:127.0.0.1"), 80)
