"""The control plane: the part of E2B's REST API that its SDK 2.63 uses, behind `X-API-KEY`."""

import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox_host.bodies import Connect, NewSandbox, NewSnapshot, Pause, Timeout
from sandbox_host.errors import HostError, Invalid
from sandbox_host.host import Host, Wish
from sandbox_host.views import connection, detail, metric, problem, snapshot_info, summary

_MAX_BODY = 1_000_000
_MAX_ENV = 20_000  # as JSON it must fit one message to the box, whatever its characters
_PAGE = 100
Handler = Callable[[Request], Awaitable[Response]]


class Control:
    def __init__(self, host: Host) -> None:
        self._host, self._domain = host, host.config.suffix
        self.app = Starlette(
            routes=[
                Route("/health", self.health),
                Route("/v2/sandboxes", self._guarded(self.create), methods=["POST"]),
                Route("/v2/sandboxes", self._guarded(self.list), methods=["GET"]),
                Route("/v2/sandboxes/{id}/connect", self._guarded(self.connect), methods=["POST"]),
                Route("/sandboxes/{id}", self._guarded(self.get), methods=["GET"]),
                Route("/sandboxes/{id}", self._guarded(self.kill), methods=["DELETE"]),
                Route("/sandboxes/{id}/timeout", self._guarded(self.set_timeout), methods=["POST"]),
                Route("/sandboxes/{id}/pause", self._guarded(self.pause), methods=["POST"]),
                Route("/sandboxes/{id}/metrics", self._guarded(self.metrics), methods=["GET"]),
                Route("/sandboxes/{id}/snapshots", self._guarded(self.snapshot), methods=["POST"]),
                Route("/snapshots", self._guarded(self.snapshots), methods=["GET"]),
                Route("/templates/{id}", self._guarded(self.delete_snapshot), methods=["DELETE"]),
            ],
            exception_handlers={404: _not_found, 405: _not_found, Exception: _failed},
        )

    def _guarded(self, handler: Handler) -> Handler:
        key = self._host.config.api_key.encode()

        async def guarded(request: Request) -> Response:
            if not hmac.compare_digest(request.headers.get("x-api-key", "").encode(), key):
                return problem(401, "the API key is missing or wrong")
            try:
                return await handler(request)
            except ValidationError as error:
                where = ".".join(str(part) for part in error.errors()[0]["loc"])
                return problem(400, f"{where}: {error.errors()[0]['msg']}")
            except HostError as error:
                return problem(error.status, str(error))

        return guarded

    async def health(self, _: Request) -> Response:
        return JSONResponse(
            {"status": "ok", "sandboxes": len(self._host.all()), "vscode": self._host.no_vscode is None}
        )

    async def create(self, request: Request) -> Response:
        body = NewSandbox.model_validate_json(await _json(request))
        if body.mcp or body.volumes or body.iam:
            raise Invalid("this host has no MCP gateway, no volumes and no workload identity")
        if sum(len(name) + len(value) for name, value in body.env.items()) > _MAX_ENV:
            raise Invalid(f"the environment is longer than {_MAX_ENV} characters")
        wish = Wish(
            template=body.template,
            seconds=body.timeout,
            env=body.env,
            metadata=body.metadata,
            pause_on_timeout=body.auto_pause,
            keep_memory=body.auto_pause_memory,
            resume_on_traffic=body.auto_resume.enabled,
            internet=body.internet,
            public_ports=body.network.public is True,
            idempotency_key=request.headers.get("idempotency-key"),
        )
        return JSONResponse(connection(await self._host.create(wish), self._domain), 201)

    async def list(self, request: Request) -> Response:
        query = request.query_params
        states = {state for state in query.get("state", "").split(",") if state} or {"running", "paused"}
        wanted = {unquote(key): unquote(value) for key, value in parse_qsl(query.get("metadata", ""))}
        after = _time(query.get("startedAfter"))
        found = [
            sandbox
            for sandbox in self._host.all()
            if sandbox.record.state in states
            and wanted.items() <= sandbox.record.metadata.items()
            and query.get("template") in {None, sandbox.record.template}
            and (after is None or sandbox.record.started > after)
        ]
        if query.get("order") == "asc":
            found.reverse()
        return _paged(request, [summary(sandbox) for sandbox in found])

    async def connect(self, request: Request) -> Response:
        body = Connect.model_validate_json(await _json(request))
        sandbox, resumed = await self._host.connect(_id(request), body.timeout, reboot=not body.memory)
        return JSONResponse(connection(sandbox, self._domain), 201 if resumed else 200)

    async def get(self, request: Request) -> Response:
        return JSONResponse(detail(self._host.get(_id(request)), self._domain))

    async def kill(self, request: Request) -> Response:
        await self._host.kill(_id(request))
        return Response(status_code=204)

    async def set_timeout(self, request: Request) -> Response:
        body = Timeout.model_validate_json(await _json(request))
        await self._host.set_timeout(_id(request), body.timeout)
        return Response(status_code=204)

    async def pause(self, request: Request) -> Response:
        body = Pause.model_validate_json(await _json(request))
        await self._host.pause(_id(request), keep_memory=body.memory)
        return Response(status_code=204)

    async def metrics(self, request: Request) -> Response:
        sandbox = self._host.get(_id(request))
        if sandbox.record.state == "running":
            await sandbox.measure()
        start, end = (_number(request.query_params.get(name)) for name in ("start", "end"))
        kept = [
            found
            for found in sandbox.metrics
            if (start is None or found.at >= start) and (end is None or found.at < end + 1)
        ]
        return JSONResponse([metric(sandbox, found) for found in kept])

    async def snapshot(self, request: Request) -> Response:
        body = NewSnapshot.model_validate_json(await _json(request))
        return JSONResponse(snapshot_info(await self._host.snapshot(_id(request), body.name)), 201)

    async def snapshots(self, request: Request) -> Response:
        query = request.query_params
        found = self._host.snapshots.all(sandbox_id=query.get("sandboxID"), name=query.get("name"))
        return _paged(request, [snapshot_info(snapshot) for snapshot in found])

    async def delete_snapshot(self, request: Request) -> Response:
        await self._host.snapshots.delete(_id(request))
        return Response(status_code=204)


async def _not_found(_: Request, __: Exception) -> Response:
    return problem(404, "this host has no such route")


async def _failed(_: Request, __: Exception) -> Response:
    return problem(500, "the sandbox host failed; its log says why")


def _id(request: Request) -> str:
    return str(request.path_params["id"])


async def _json(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            raise Invalid("the body is too large")
    return body or b"{}"


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise Invalid("startedAfter is not a time") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        raise Invalid(f"{text} is not a number") from None


def _paged(request: Request, items: list[dict[str, Any]]) -> Response:
    limit = int(_number(request.query_params.get("limit")) or _PAGE)
    at = int(_number(request.query_params.get("nextToken")) or 0)
    if limit < 1 or at < 0:
        raise Invalid("limit and nextToken must not be negative")
    more = {"x-next-token": str(at + limit)} if at + limit < len(items) else {}
    return JSONResponse(items[at : at + limit], headers=more)
