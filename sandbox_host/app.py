"""The host's ASGI application: each request goes to the control plane, to a sandbox's envd, or to one of its ports."""

import structlog
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from sandbox_host import ingress
from sandbox_host.control import Control
from sandbox_host.envd.server import Envd
from sandbox_host.errors import HostError
from sandbox_host.host import Host
from sandbox_host.sandbox import Sandbox
from sandbox_host.views import problem

log = structlog.get_logger("sandbox_host")


class App:
    def __init__(self, host: Host) -> None:
        self._host = host
        self._control = Control(host).app
        self._envds: dict[str, tuple[Sandbox, Envd]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._route(scope, receive, noting)
        except Exception:
            log.exception("request_failed", path=scope["path"])
            if not started and scope["type"] == "http":
                await problem(500, "the sandbox host failed; its log says why")(scope, receive, send)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        target = ingress.target(Headers(scope=scope), self._host.config.suffix)
        if target is not None:
            await self._to_sandbox(target, scope, receive, send)
        elif scope["type"] == "http":
            await self._control(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _to_sandbox(self, target: ingress.Target, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            sandbox = await self._host.for_traffic(target.sandbox_id)
        except HostError:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            else:
                gone = problem(502, "The sandbox was not found", sandboxId=target.sandbox_id)
                await gone(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await ingress.websocket(sandbox, target.port, scope, receive, send)
        elif target.port == ingress.ENVD_PORT:
            await self._envd(sandbox)(scope, receive, send)
        else:
            await ingress.http(sandbox, target.port, scope, receive, send)

    def _envd(self, sandbox: Sandbox) -> Envd:
        kept = self._envds.get(sandbox.id)
        if kept is not None and kept[0] is sandbox:
            return kept[1]
        alive = {found.id for found in self._host.all()}
        self._envds = {key: value for key, value in self._envds.items() if key in alive}
        envd = Envd(sandbox)
        self._envds[sandbox.id] = (sandbox, envd)
        return envd
