"""The envd of one sandbox, as an ASGI application: the SDK's own generated services, `/files` and `/health`."""

from e2b.envd.filesystem.filesystem_connect import FilesystemASGIApplication
from e2b.envd.process.process_connect import ProcessASGIApplication
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sandbox_host.envd import files
from sandbox_host.envd.access import has_token
from sandbox_host.envd.filesystem import FilesystemService
from sandbox_host.envd.process import ProcessService
from sandbox_host.sandbox import Sandbox
from sandbox_host.views import problem

_MESSAGE_BYTES = 4 << 20


class Envd:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._processes = ProcessASGIApplication(ProcessService(sandbox), read_max_bytes=_MESSAGE_BYTES)
        self._files = FilesystemASGIApplication(FilesystemService(sandbox), read_max_bytes=_MESSAGE_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path == "/health":
            await Response(status_code=204)(scope, receive, send)
        elif path == "/files":
            response = await files.serve(self._sandbox, Request(scope, receive))
            await response(scope, receive, send)
        elif not has_token(self._sandbox.record, Headers(scope=scope)):
            await problem(401, "the access token is missing or wrong")(scope, receive, send)
        elif path.startswith("/process."):
            await self._processes(scope, receive, send)  # type: ignore[arg-type]  # asgiref's words for the same shapes
        elif path.startswith("/filesystem."):
            await self._files(scope, receive, send)  # type: ignore[arg-type]
        else:
            await problem(404, "envd has no such route")(scope, receive, send)
