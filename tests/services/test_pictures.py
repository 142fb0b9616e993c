"""Pictures of a deck: from public addresses, of a bearable size, and missing ones said to be missing."""

import io

import pytest
from aiohttp import web
from PIL import Image

from agents_backend.domain.errors import AddressRefused, TooLarge, UnsupportedMedia
from agents_backend.services.pictures import Pictures


def image(size: tuple[int, int], kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("1" if kind == "PNG" else "RGB", size).save(file, kind)
    return file.getvalue()


@pytest.fixture
async def server():
    asked: list[str] = []
    files = {
        "small.png": image((40, 20), "PNG"),
        "small.webp": image((40, 20), "WEBP"),
        "huge.png": image((30_000, 30_000), "PNG"),
        "long.png": image((30_000, 10), "PNG"),
        "text.png": b"not a picture",
    }

    async def give(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        asked.append(name)
        if name not in files:
            return web.Response(status=404)
        return web.Response(body=files[name], content_type=f"image/{name.rpartition('.')[2]}")

    app = web.Application()
    app.router.add_get("/{name}", give)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    await runner.cleanup()


async def test_pictures_are_fetched_made_fit_and_missing_ones_are_said(server):
    url, _ = server
    album = await Pictures(allow_loopback=True).fetch(
        [f"{url}/{name}" for name in ("small.png", "small.webp", "gone.png")]
    )
    assert {Image.open(io.BytesIO(data)).format for data in album.pictures.values()} == {"PNG"}
    assert album.missing == {f"{url}/gone.png": "The page answered with HTTP 404."}


@pytest.mark.parametrize("name", ["huge.png", "long.png"])
async def test_a_picture_of_30000_pixels_is_refused_before_it_is_unpacked(server, name):
    url, _ = server
    with pytest.raises(TooLarge, match="too many pixels"):
        await Pictures(allow_loopback=True).fetch([f"{url}/{name}"])


async def test_what_is_no_picture_is_refused(server):
    url, _ = server
    with pytest.raises(UnsupportedMedia):
        await Pictures(allow_loopback=True).fetch([f"{url}/text.png"])


async def test_nobody_is_asked_at_an_address_that_is_not_public(server):
    url, asked = server
    with pytest.raises(AddressRefused):
        await Pictures(allow_loopback=False).fetch([f"{url}/small.png"])
    assert not asked
