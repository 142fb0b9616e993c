"""How the API serves the console."""

import httpx
import pytest

FILES = {
    "/": "text/html",
    "/console/app.js": "text/javascript",
    "/console/style.css": "text/css",
    "/console/icon.svg": "image/svg+xml",
}


@pytest.fixture
async def anybody(base_url):
    async with httpx.AsyncClient(base_url=base_url) as client:
        yield client


@pytest.mark.parametrize(("path", "kind"), FILES.items())
async def test_each_file_has_its_type_and_is_asked_about_again(anybody, path, kind):
    first = await anybody.get(path)
    assert first.status_code == 200
    assert first.headers["Content-Type"] == f"{kind}; charset=utf-8"
    assert first.headers["Cache-Control"] == "no-cache"
    assert first.headers["X-Content-Type-Options"] == "nosniff"
    again = await anybody.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["Cache-Control"] == "no-cache"


async def test_the_page_allows_no_script_but_its_own_and_no_frame_around_it(anybody):
    page = await anybody.get("/")
    policy = dict(part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "script-src" not in policy
    assert "unsafe" not in page.headers["Content-Security-Policy"]


async def test_nothing_beside_the_console_s_folder_is_served(anybody):
    for path in (
        "/console/../pyproject.toml",
        "/console/%2e%2e/pyproject.toml",
        "/console/..%2fpyproject.toml",
        "/console/nothing.js",
    ):
        assert (await anybody.get(path)).status_code == 404
    assert (await anybody.head("/")).status_code == 200
    assert (await anybody.post("/")).status_code == 405
