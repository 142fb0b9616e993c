"""A loopback S3: objects in memory, and faults: `fault` is the HTTP status that writes (or, with `everywhere`, all requests) get."""

import re
from typing import Self
from xml.sax.saxutils import escape

from aiohttp import web

_FULL = "<Error><Code>XMinioStorageFull</Code><Message>Storage backend has reached its minimum free drive threshold.</Message></Error>"


class FakeS3:
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.fault: int | None = None
        self.everywhere = False
        self.refused = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{bucket}", self._list)
        app.router.add_route("*", "/{bucket}/{key:.+}", self._object)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def _refusal(self, request: web.Request) -> web.Response | None:
        if self.fault is None or (request.method != "PUT" and not self.everywhere):
            return None
        self.refused += 1
        return web.Response(status=self.fault, text=_FULL if self.fault == 507 else "secret-body")

    async def _object(self, request: web.Request) -> web.StreamResponse:
        key = request.match_info["key"]
        if (refusal := self._refusal(request)) is not None:
            return refusal
        if request.method == "PUT":
            self.objects[key] = await request.read()
            return web.Response(headers={"ETag": '"1"'})
        if request.method == "DELETE":
            self.objects.pop(key, None)
            return web.Response(status=204)
        if key not in self.objects:
            return web.Response(status=404, text="<Error><Code>NoSuchKey</Code></Error>")
        return _part(request, self.objects[key])

    async def _list(self, request: web.Request) -> web.Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        if request.method == "POST":  # DeleteObjects
            keys = re.findall(r"<Key>(.*?)</Key>", await request.text())
            for key in keys:
                self.objects.pop(key, None)
            deleted = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
            return web.Response(text=f"<DeleteResult>{deleted}</DeleteResult>", content_type="application/xml")
        prefix = request.query.get("prefix", "")
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(data)}</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
            for key, data in self.objects.items()
            if key.startswith(prefix)
        )
        return web.Response(
            text=f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>",
            content_type="application/xml",
        )


def _part(request: web.Request, data: bytes) -> web.Response:
    headers = {"ETag": '"1"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
    wanted = request.http_range
    if wanted.start is None and wanted.stop is None:
        return web.Response(body=data, headers=headers)
    start, stop = wanted.start or 0, min(wanted.stop or len(data), len(data))
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(data)}"
    return web.Response(status=206, body=data[start:stop], headers=headers)
