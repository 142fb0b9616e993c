"""Connect's `filesystem.Filesystem`: entries and watched folders. Contents go over `/files`."""

import asyncio
import itertools
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from connectrpc.code import Code
from connectrpc.errors import ConnectError
from connectrpc.request import RequestContext
from e2b.envd.filesystem import filesystem_pb as pb
from e2b.envd.filesystem.filesystem_connect import Filesystem
from protobuf import Oneof
from protobuf.wkt import Timestamp

from sandbox_host.envd.access import basic_user, check_user
from sandbox_host.envd.failures import as_connect_errors
from sandbox_host.errors import BoxError, Invalid
from sandbox_host.link import AgentLink
from sandbox_host.sandbox import Sandbox

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_DEPTH = 64
_MAX_ENTRIES = 100_000
_EVENTS_KEPT = 10_000
_KEEPALIVE_SECONDS = 50.0
_WATCHERS = 64
_TYPES = {"file": pb.FileType.FILE, "dir": pb.FileType.DIRECTORY}
_KINDS = {
    "create": pb.EventType.CREATE,
    "write": pb.EventType.WRITE,
    "remove": pb.EventType.REMOVE,
    "rename": pb.EventType.RENAME,
    "chmod": pb.EventType.CHMOD,
}
Context = RequestContext[Any, Any]


class FilesystemService(Filesystem):
    """The files of one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._numbers = itertools.count(1)
        self._kept: dict[str, tuple[int, deque[pb.FilesystemEvent]]] = {}

    def _link(self, ctx: Context) -> AgentLink:
        check_user(basic_user(ctx.request_headers.get("authorization")))
        return self._sandbox.jail.link

    async def stat(self, request: pb.StatRequest, ctx: Context) -> pb.StatResponse:
        with as_connect_errors():
            return pb.StatResponse(entry=entry(await self._link(ctx).ask("stat", path=request.path)))

    async def make_dir(self, request: pb.MakeDirRequest, ctx: Context) -> pb.MakeDirResponse:
        with as_connect_errors():
            return pb.MakeDirResponse(entry=entry(await self._link(ctx).ask("make_dir", path=request.path)))

    async def move(self, request: pb.MoveRequest, ctx: Context) -> pb.MoveResponse:
        with as_connect_errors():
            moved = await self._link(ctx).ask("move", source=request.source, destination=request.destination)
            return pb.MoveResponse(entry=entry(moved))

    async def remove(self, request: pb.RemoveRequest, ctx: Context) -> pb.RemoveResponse:
        with as_connect_errors():
            await self._link(ctx).ask("remove", path=request.path)
        return pb.RemoveResponse()

    async def list_dir(self, request: pb.ListDirRequest, ctx: Context) -> pb.ListDirResponse:
        found: list[pb.EntryInfo] = []
        depth = min(request.depth or 1, _MAX_DEPTH)
        with as_connect_errors(), self._link(ctx).call("list", path=request.path, depth=depth) as call:
            while (part := await call.part()) is not None:
                found += [entry(values) for values in part]
                if len(found) > _MAX_ENTRIES:
                    raise Invalid(f"more than {_MAX_ENTRIES} entries: list a part of it, or find them by a command")
            await call.answer()
        return pb.ListDirResponse(entries=found)

    async def watch_dir(self, request: pb.WatchDirRequest, ctx: Context) -> AsyncIterator[pb.WatchDirResponse]:
        events: asyncio.Queue[list[pb.FilesystemEvent]] = asyncio.Queue(_EVENTS_KEPT)

        def heard(found: list[dict[str, Any]]) -> None:
            with suppress(asyncio.QueueFull):  # a listener that far behind has lost the thread anyway
                events.put_nowait([event(values) for values in found])

        left = ctx.timeout_ms
        deadline = None if left is None else time.monotonic() + left / 1000
        with as_connect_errors():
            number = await self._watch(self._link(ctx), heard, request)
        try:
            yield _started()
            while (found := await _until(events, deadline)) != []:
                for one in found or ():
                    yield _happened(one)
                if found is None:
                    yield _alive()
            raise ConnectError(Code.UNAVAILABLE, "the sandbox was not found")
        finally:
            await self._unwatch(number)

    async def create_watcher(self, request: pb.CreateWatcherRequest, ctx: Context) -> pb.CreateWatcherResponse:
        kept: deque[pb.FilesystemEvent] = deque(maxlen=_EVENTS_KEPT)
        if len(self._kept) >= _WATCHERS:
            raise ConnectError(Code.RESOURCE_EXHAUSTED, f"this sandbox has {_WATCHERS} watchers already")
        with as_connect_errors():
            number = await self._watch(
                self._link(ctx), lambda found: kept.extend(event(values) for values in found), request
            )
        self._kept[f"w{number}"] = (number, kept)
        return pb.CreateWatcherResponse(watcher_id=f"w{number}")

    async def get_watcher_events(self, request: pb.GetWatcherEventsRequest, _: Context) -> pb.GetWatcherEventsResponse:
        kept = self._find(request.watcher_id)[1]
        found = [kept.popleft() for _ in range(len(kept))]
        return pb.GetWatcherEventsResponse(events=found)

    async def remove_watcher(self, request: pb.RemoveWatcherRequest, _: Context) -> pb.RemoveWatcherResponse:
        number = self._find(request.watcher_id)[0]
        del self._kept[request.watcher_id]
        await self._unwatch(number)
        return pb.RemoveWatcherResponse()

    def _find(self, name: str) -> tuple[int, deque[pb.FilesystemEvent]]:
        if name not in self._kept:
            raise ConnectError(Code.NOT_FOUND, f"watcher {name} not found")
        return self._kept[name]

    async def _watch(self, link: AgentLink, heard: Any, request: pb.WatchDirRequest | pb.CreateWatcherRequest) -> int:
        number = next(self._numbers)
        self._sandbox.watchers[number] = heard
        try:
            await link.ask(
                "watch", watch=number, path=request.path, recursive=request.recursive, entry=request.include_entry
            )
        except BaseException:
            del self._sandbox.watchers[number]
            raise
        return number

    async def _unwatch(self, number: int) -> None:
        self._sandbox.watchers.pop(number, None)
        with suppress(BoxError):
            await self._sandbox.jail.link.ask("unwatch", watch=number)


async def _until(
    events: asyncio.Queue[list[pb.FilesystemEvent]], deadline: float | None
) -> list[pb.FilesystemEvent] | None:
    """What happened; None when it is time to show that we are alive; an empty list when the box is gone."""
    left = _KEEPALIVE_SECONDS if deadline is None else deadline - time.monotonic()
    try:
        async with asyncio.timeout(max(0.0, min(left, _KEEPALIVE_SECONDS))):
            return await events.get()
    except TimeoutError:
        if deadline is not None and time.monotonic() >= deadline:
            raise ConnectError(Code.DEADLINE_EXCEEDED, "the watch took longer than its timeout") from None
        return None


def _started() -> pb.WatchDirResponse:
    start: Oneof[Literal["start"], pb.WatchDirResponse.StartEvent] = Oneof("start", pb.WatchDirResponse.StartEvent())
    return pb.WatchDirResponse(event=start)


def _happened(one: pb.FilesystemEvent) -> pb.WatchDirResponse:
    happened: Oneof[Literal["filesystem"], pb.FilesystemEvent] = Oneof("filesystem", one)
    return pb.WatchDirResponse(event=happened)


def _alive() -> pb.WatchDirResponse:
    alive: Oneof[Literal["keepalive"], pb.WatchDirResponse.KeepAlive] = Oneof(
        "keepalive", pb.WatchDirResponse.KeepAlive()
    )
    return pb.WatchDirResponse(event=alive)


def text(value: object) -> str:
    """A name that is no UTF-8 is shown with replacement characters."""
    return str(value).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def entry(values: Mapping[str, Any]) -> pb.EntryInfo:
    target = values["target"]
    return pb.EntryInfo(
        name=text(values["name"]),
        path=text(values["path"]),
        type=_TYPES.get(values["type"], pb.FileType.UNSPECIFIED),
        size=int(values["size"]),
        mode=int(values["mode"]),
        permissions=text(values["permissions"]),
        owner=text(values["owner"]),
        group=text(values["group"]),
        modified_time=Timestamp.from_datetime(_EPOCH + timedelta(microseconds=int(values["modified"]) // 1000)),
        symlink_target=None if target is None else text(target),
        metadata={text(key): text(value) for key, value in values["metadata"].items()},
        is_symlink=target is not None,
    )


def event(values: Mapping[str, Any]) -> pb.FilesystemEvent:
    found = values.get("entry")
    return pb.FilesystemEvent(
        name=text(values["name"]),
        type=_KINDS.get(values["kind"], pb.EventType.UNSPECIFIED),
        entry=None if found is None else entry(found),
    )
