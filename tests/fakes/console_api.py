"""A scripted API on the wire for the console's tests."""

import json
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

CONSOLE = Path(__file__).parents[2] / "console"


async def _answer(request: Request) -> Response:
    """Answer each path of the API with its fixed body."""
    path = request.url.path.removeprefix("/api/v1")
    bodies: dict[str, object] = {
        "/admin/auth/login": {"access_token": "fake"},
        "/agent/config": {"agents": [{"name": "coder", "description": ""}], "models": []},
        "/agent/threads": {"items": [], "total": 0},
        "/agent/runs": {"items": [], "total": 0},
    }
    if path == "/agent/chat/stream":
        events = [
            {"type": "TEXT_MESSAGE_CONTENT", "messageId": "m", "delta": "Hello **world** <b>raw</b>"},
            {"type": "RUN_FINISHED", "outcome": {"type": "success"}},
        ]
        text = "".join(f"id: {n}\ndata: {json.dumps(e)}\n\n" for n, e in enumerate(events, 1))
        return Response(text, media_type="text/event-stream", headers={"X-Run-Id": "r"})
    if path in bodies:
        return JSONResponse(bodies[path])
    return JSONResponse({"detail": "Log in first.", "code": "UNAUTHORIZED"}, status_code=401)


async def _page(_: Request) -> Response:
    """Serve the console's page."""
    return FileResponse(CONSOLE / "index.html")


app = Starlette(
    routes=[
        Route("/", _page),
        Mount("/console", StaticFiles(directory=CONSOLE)),
        Route("/api/v1/{path:path}", _answer, methods=["GET", "POST"]),
    ]
)
