"""E2B's control plane on the wire, as far as a sandbox's life needs it, with its failures to order."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agents_backend.stack.process import free_port


class FakeE2B:
    """Use it as an async context manager.

    Attributes:
        boxes: the sandboxes that it has, by id.
        creates: how often one was asked for.
        fail: what the next requests of a kind (`create`, `list`, `connect`, `pause`, `kill`, `get`, `timeout`) answer: a
            status, `hang`, or `made-then-hang` for a creation whose answer never arrives.
    """

    ENVD, TRAFFIC = "canary-of-envd-0815", "canary-of-traffic-0816"

    def __init__(self) -> None:
        self.port = free_port()
        self.boxes: dict[str, dict[str, Any]] = {}
        self.creates = 0
        self.fail: dict[str, int | str] = {}
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        paused = Route("/sandboxes/{id}/pause", self._pause, methods=["POST"])
        routes = [
            Route("/v2/sandboxes", self._create, methods=["POST"]),
            Route("/v2/sandboxes", self._list, methods=["GET"]),
            Route("/v2/sandboxes/{id}/connect", self._connect, methods=["POST"]),
            Route("/sandboxes/{id}/timeout", self._timeout, methods=["POST"]),
            paused,
            Route("/sandboxes/{id}", self._get, methods=["GET"]),
            Route("/sandboxes/{id}", self._kill, methods=["DELETE"]),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes), host="127.0.0.1", port=self.port, log_config=None, ws="none", lifespan="off"
        )
        self._server = uvicorn.Server(config)
        self._task = asyncio.create_task(self._server.serve())
        while not self._server.started:
            await asyncio.sleep(0.01)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = self._server.force_exit = True
        await self._task

    async def _fails(self, kind: str) -> Response | None:
        match self.fail.get(kind):
            case int(status):
                return JSONResponse({"code": status, "message": "a secret of the inside"}, status_code=status)
            case "hang" | "made-then-hang":
                await asyncio.sleep(60)
        return None

    async def _create(self, request: Request) -> Response:
        self.creates += 1
        body = await request.json()
        if self.fail.get("create") not in {"made-then-hang", None} and (failed := await self._fails("create")):
            return failed
        box_id = f"i{len(self.boxes)}fake{self.creates}"
        self.boxes[box_id] = {
            "sandboxID": box_id,
            "templateID": body["templateID"],
            "clientID": "fake",
            "metadata": body.get("metadata", {}),
            "state": "running",
            "startedAt": datetime.now(UTC).isoformat(),
            "endAt": (datetime.now(UTC) + timedelta(seconds=body["timeout"])).isoformat(),
            "cpuCount": 2,
            "memoryMB": 512,
            "diskSizeMB": 1024,
            "envdVersion": "0.6.7",
        }
        await self._fails("create")
        return self._answer(box_id, 201)

    def _answer(self, box_id: str, status: int = 200) -> Response:
        tokens = {"envdAccessToken": self.ENVD, "trafficAccessToken": self.TRAFFIC, "domain": f"localhost:{self.port}"}
        return JSONResponse({**self.boxes[box_id], **tokens}, status_code=status)

    async def _list(self, request: Request) -> Response:
        wanted = dict(part.split("=", 1) for part in request.query_params.get("metadata", "").split("&") if part)
        found = [box for box in self.boxes.values() if wanted.items() <= box["metadata"].items()]
        return await self._fails("list") or JSONResponse(found)

    async def _connect(self, request: Request) -> Response:
        if failed := await self._fails("connect"):
            return failed
        return self._of(request, state="running") or self._answer(request.path_params["id"])

    async def _timeout(self, request: Request) -> Response:
        return await self._fails("timeout") or self._of(request) or Response(status_code=204)

    async def _pause(self, request: Request) -> Response:
        return await self._fails("pause") or self._of(request, state="paused") or Response(status_code=204)

    async def _get(self, request: Request) -> Response:
        return await self._fails("get") or self._of(request) or JSONResponse(self.boxes[request.path_params["id"]])

    async def _kill(self, request: Request) -> Response:
        if failed := await self._fails("kill"):
            return failed
        gone = self._of(request)
        self.boxes.pop(request.path_params["id"], None)
        return gone or Response(status_code=204)

    def _of(self, request: Request, **changes: str) -> Response | None:
        box = self.boxes.get(request.path_params["id"])
        if box is None:
            return JSONResponse({"code": 404, "message": "not found"}, status_code=404)
        box.update(changes)
        return None
