"""Server-sent events, written as raw bytes: one frame an event, a comment in silence."""

from collections.abc import AsyncIterator

from fastapi.responses import StreamingResponse

from agents_backend.integrations.events import LoggedEvent
from agents_backend.services.runs import StartedRun

BEAT = b": beat\n\n"


def frame(event: LoggedEvent) -> bytes:
    return f"id: {event.id}\ndata: {event.data}\n\n".encode()


async def frames(events: AsyncIterator[LoggedEvent | None]) -> AsyncIterator[bytes]:
    async for event in events:
        yield BEAT if event is None else frame(event)


def stream(started: StartedRun, events: AsyncIterator[LoggedEvent | None]) -> StreamingResponse:
    run_id = str(started.run.id)
    return StreamingResponse(
        frames(events),
        media_type="text/event-stream",
        headers={
            "Cache-Control": "no-cache, no-transform",
            "X-Accel-Buffering": "no",
            "X-Run-Id": run_id,
            "X-Thread-Id": started.thread_id,
            "Content-Location": f"/api/v1/agent/runs/{run_id}",
        },
    )
