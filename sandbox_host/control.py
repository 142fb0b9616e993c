"""The control plane: the part of E2B's REST API that its SDK 2.63 uses, behind `X-API-KEY`."""

import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import parse_qsl, unquote

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox_host.errors import HostError, Invalid
from sandbox_host.host import DEFAULT_SECONDS, Host, Wish
from sandbox_host.records import Snapshot
from sandbox_host.sandbox import Metric, Sandbox

ENVD_VERSION = "0.6.7"
_CLIENT = "embedded"
_MAX_BODY = 1_000_000
_MAX_ENV = 20_000  # as JSON it must fit one message to the box, whatever its characters
_PAGE = 100
Handler = Callable[[Request], Awaitable[Response]]


class _Body(BaseModel):
    """Unknown fields are left alone: a newer SDK may send more."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class _AutoResume(_Body):
    enabled: bool = False


class _Network(_Body):
    """What the host cannot hold it must not accept: a rule that is not enforced is worse than none."""

    public: bool | None = Field(None, alias="allowPublicTraffic")
    allow: list[str] = Field(default_factory=list, alias="allowOut", max_length=0)
    deny: list[str] = Field(default_factory=list, alias="denyOut", max_length=0)
    rules: dict[str, Any] = Field(default_factory=dict, max_length=0)
    proxy: None = Field(None, alias="egressProxy")
    https: list[int] = Field(default_factory=list, alias="httpsPorts", max_length=0)
    mask: None = Field(None, alias="maskRequestHost")


class _New(_Body):
    template: str = Field(alias="templateID", max_length=200)
    timeout: int = DEFAULT_SECONDS
    auto_pause: bool = Field(default=False, alias="autoPause")
    auto_pause_memory: bool = Field(default=True, alias="autoPauseMemory")
    auto_resume: _AutoResume = Field(default_factory=_AutoResume, alias="autoResume")
    internet: bool = Field(default=False, alias="allow_internet_access")
    metadata: Annotated[dict[str, str], Field(max_length=100)] = Field(default_factory=dict)
    env: Annotated[dict[str, str], Field(max_length=1000)] = Field(default_factory=dict, alias="envVars")
    network: _Network = Field(default_factory=_Network)
    mcp: Any = None
    volumes: list[Any] = Field(default_factory=list, alias="volumeMounts")
    iam: Any = None


class _Connect(_Body):
    timeout: int = DEFAULT_SECONDS
    memory: bool = True


class _Pause(_Body):
    memory: bool = True


class _Timeout(_Body):
    timeout: int


class _NewSnapshot(_Body):
    name: str | None = Field(None, max_length=200)


class Control:
    def __init__(self, host: Host) -> None:
        self._host = host
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
        return JSONResponse({"status": "ok", "sandboxes": len(self._host.all())})

    async def create(self, request: Request) -> Response:
        body = _New.model_validate_json(await _json(request))
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
        return JSONResponse(self._connection(await self._host.create(wish)), 201)

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
        return _paged(request, [self._summary(sandbox) for sandbox in found])

    async def connect(self, request: Request) -> Response:
        body = _Connect.model_validate_json(await _json(request))
        sandbox, resumed = await self._host.connect(_id(request), body.timeout, reboot=not body.memory)
        return JSONResponse(self._connection(sandbox), 201 if resumed else 200)

    async def get(self, request: Request) -> Response:
        return JSONResponse(self._detail(self._host.get(_id(request))))

    async def kill(self, request: Request) -> Response:
        await self._host.kill(_id(request))
        return Response(status_code=204)

    async def set_timeout(self, request: Request) -> Response:
        body = _Timeout.model_validate_json(await _json(request))
        await self._host.set_timeout(_id(request), body.timeout)
        return Response(status_code=204)

    async def pause(self, request: Request) -> Response:
        body = _Pause.model_validate_json(await _json(request))
        await self._host.pause(_id(request), keep_memory=body.memory)
        return Response(status_code=204)

    async def metrics(self, request: Request) -> Response:
        sandbox = self._host.get(_id(request))
        if sandbox.record.state == "running":
            await sandbox.measure()
        start, end = (_number(request.query_params.get(name)) for name in ("start", "end"))
        found = [
            metric
            for metric in sandbox.metrics
            if (start is None or metric.at >= start) and (end is None or metric.at < end + 1)
        ]
        return JSONResponse([_metric(sandbox, metric) for metric in found])

    async def snapshot(self, request: Request) -> Response:
        body = _NewSnapshot.model_validate_json(await _json(request))
        return JSONResponse(_snapshot(await self._host.snapshot(_id(request), body.name)), 201)

    async def snapshots(self, request: Request) -> Response:
        query = request.query_params
        found = self._host.snapshots(sandbox_id=query.get("sandboxID"), name=query.get("name"))
        return _paged(request, [_snapshot(snapshot) for snapshot in found])

    async def delete_snapshot(self, request: Request) -> Response:
        await self._host.delete_snapshot(_id(request))
        return Response(status_code=204)

    def _connection(self, sandbox: Sandbox) -> dict[str, Any]:
        record = sandbox.record
        return {
            "templateID": record.template,
            "sandboxID": record.id,
            "clientID": _CLIENT,
            "alias": record.base,
            "envdVersion": ENVD_VERSION,
            "envdAccessToken": record.envd_token,
            "trafficAccessToken": record.traffic_token,
            "domain": self._host.config.suffix,
        }

    def _summary(self, sandbox: Sandbox) -> dict[str, Any]:
        record = sandbox.record
        return {
            "templateID": record.template,
            "alias": record.base,
            "sandboxID": record.id,
            "clientID": _CLIENT,
            "startedAt": record.started.isoformat(),
            "endAt": record.ends.isoformat(),
            "cpuCount": max(1, round(record.limits.cpus)),
            "memoryMB": record.limits.memory_mb,
            "diskSizeMB": record.limits.disk_mb,
            "metadata": record.metadata,
            "state": record.state,
            "envdVersion": ENVD_VERSION,
        }

    def _detail(self, sandbox: Sandbox) -> dict[str, Any]:
        record = sandbox.record
        return {
            **self._summary(sandbox),
            "envdAccessToken": record.envd_token,
            "domain": self._host.config.suffix,
            "allowInternetAccess": record.internet,
            "lifecycle": {
                "onTimeout": "pause" if record.pause_on_timeout else "kill",
                "autoResume": record.resume_on_traffic,
            },
        }


def problem(status: int, message: str, **more: Any) -> JSONResponse:
    return JSONResponse({"code": status, "message": message, **more}, status)


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


def _metric(sandbox: Sandbox, metric: Metric) -> dict[str, Any]:
    limits = sandbox.record.limits
    return {
        "timestamp": datetime.fromtimestamp(metric.at, UTC).isoformat(),
        "timestampUnix": int(metric.at),
        "cpuCount": max(1, round(limits.cpus)),
        "cpuUsedPct": round(metric.cpu_percent, 2),
        "memUsed": metric.memory_used,
        "memTotal": limits.memory_mb << 20,
        "memCache": metric.memory_cached,
        "diskUsed": metric.disk_used,
        "diskTotal": metric.disk_total,
    }


def _snapshot(snapshot: Snapshot) -> dict[str, Any]:
    return {"snapshotID": snapshot.id, "names": list(snapshot.names)}
