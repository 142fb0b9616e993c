"""Server-sent events, written as raw bytes: one frame an event, a comment in silence."""

from collections.abc import AsyncIterator
from urllib.parse import quote

from fastapi.responses import StreamingResponse

from agents_backend.integrations.events import LoggedEvent
from agents_backend.services.auth import Principal
from agents_backend.services.open_streams import OpenStreams
from agents_backend.services.runs import StartedRun
from agents_backend.services.stream_cursor import parse_event_id
from agents_backend.services.streams import Streams

BEAT = b": beat\n\n"


def frame(event: LoggedEvent) -> bytes:
    return f"id: {event.id}\ndata: {event.data}\n\n".encode()


async def _frames(
    streams: Streams, started: StartedRun, user: Principal, watched: OpenStreams, after: str
) -> AsyncIterator[bytes]:
    with watched.lease(user.user_id, user.session_id) as lease:
        async for event in streams.follow(started, lease, after=after):
            yield BEAT if event is None else frame(event)


class Sse:
    """Answers a run's events to one client."""

    def __init__(self, *, streams: Streams, watched: OpenStreams, user: Principal) -> None:
        self._streams, self._watched, self._user = streams, watched, user

    def admit(self) -> None:
        """Refuse one stream too many, before anything is started for it."""
        self._watched.admit(self._user.user_id)

    def stream(self, started: StartedRun, last_event_id: str | None) -> StreamingResponse:
        run_id = str(started.run.id)
        frames = _frames(self._streams, started, self._user, self._watched, parse_event_id(last_event_id))
        return StreamingResponse(
            frames,
            media_type="text/event-stream",
            headers={
                "Cache-Control": "no-cache, no-transform",
                "X-Accel-Buffering": "no",
                "X-Run-Id": run_id,
                "X-Thread-Id": quote(started.thread_id, safe=" !#$&'()*+,/:;=?@[]"),
                "Content-Location": f"/api/v1/agent/runs/{run_id}",
            },
        )
