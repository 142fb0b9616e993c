"""The console's files: the page at `/`, its modules and styles under `/console/`. They are static; all they do goes through the API."""

from pathlib import Path

from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).resolve().parent.parent / "console"

# Scripts and styles are ours alone, and no string may become markup (Trusted Types): what a model writes stays text.
_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
# The frame that shows a slide's page, which is somebody's HTML: nothing of it runs, nothing is fetched, only our page may hold it.
_FRAME = "slide-frame.html"
_FRAME_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts"
)
_HEADERS = {
    "Cache-Control": "no-cache",  # kept, but asked about each time: an update is seen at once, and costs a 304 otherwise
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
# Browsers refuse a module of another type, and what `mimetypes` says depends on the machine.
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}


class ConsoleFiles(StaticFiles):
    """Static files with an ETag each (Starlette's), the right types and the page's security headers."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        policy = _FRAME_POLICY if path == _FRAME else _POLICY
        response.headers.update({**_HEADERS, "Content-Security-Policy": policy})
        kind = _TYPES.get(Path(path).suffix)
        if kind and "content-type" in response.headers:
            response.headers["Content-Type"] = f"{kind}; charset=utf-8"
        return response


def install(app: FastAPI) -> None:
    """Serve the console, where the installation has one."""
    if not (FOLDER / "index.html").is_file():
        return
    files = ConsoleFiles(directory=FOLDER)
    app.mount("/console", files, name="console")

    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def index(request: Request) -> Response:
        return await files.get_response("index.html", request.scope)
