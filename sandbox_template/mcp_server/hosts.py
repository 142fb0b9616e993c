"""Who may speak to the server, by the request's Host and Origin.

The access token is checked by the sandbox's ingress, outside. What remains is a web page within the sandbox: a browser there
reaches loopback, and by DNS rebinding a page could pass for it. A browser sends an Origin with each POST, so one that is not
loopback's is refused, and so is a Host that is neither loopback nor in the ingress's form, `<port>-<sandbox>.<domain>`.
"""

from collections.abc import Sequence
from fnmatch import fnmatch
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK = ("localhost", "127.0.0.1", "::1")
_FORBIDDEN = 403


class HostGuard:
    def __init__(self, app: ASGIApp, hosts: Sequence[str], origins: Sequence[str] = ()) -> None:
        """`hosts` and `origins` are patterns of names without ports, beside loopback."""
        self._app, self._hosts, self._origins = app, (*LOOPBACK, *hosts), (*LOOPBACK, *origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._may(Headers(scope=scope)):
            answer = JSONResponse({"error": "This Host or Origin is not allowed."}, status_code=_FORBIDDEN)
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _may(self, headers: Headers) -> bool:
        host, origin = _name(f"//{headers.get('host', '')}"), headers.get("origin")
        return _matches(host, self._hosts) and (origin is None or _matches(_name(origin), self._origins))


def _name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)
