"""A client of event streams that costs little itself: raw HTTP/1.1 over asyncio, time stamps per frame."""

import asyncio
import json
import re
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_TOKEN = b'"type":"TEXT_MESSAGE_CONTENT"'
_DISCARDED = b'"name":"message.discarded"'
_DELTA = re.compile(rb'"messageId":"([^"]+)","delta":"((?:[^"\\]|\\.)*)"')


@dataclass
class Seen:
    """What one stream gave; seconds are counted from before the request was sent.

    Attributes:
        first_event, first_token, ended: when they came, in seconds.
        text: the deltas of the messages that were not withdrawn, joined.
        withdrawn: messages that were.
        error: what went wrong, if anything.
    """

    first_event: float = 0.0
    first_token: float = 0.0
    ended: float = 0.0
    status: int = 0
    frames: int = 0
    text: str = ""
    last: bytes = b""
    error: str = ""
    withdrawn: int = 0
    deltas: dict[bytes, list[bytes]] = field(default_factory=dict)


async def stream(url: str, *, body: object | None, token: str = "", timeout: float = 120) -> Seen:
    """POST a body (or GET without one) and read the stream to its end."""
    seen = Seen()
    try:
        async with asyncio.timeout(timeout):
            await _read(url, body, token, seen)
    except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
        seen.error = seen.error or f"{type(error).__name__}: {error}"
    seen.text = "".join(json.loads(b'"%b"' % delta) for deltas in seen.deltas.values() for delta in deltas)
    return seen


async def _read(url: str, body: object | None, token: str, seen: Seen) -> None:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=2**20)
    data = b"" if body is None else json.dumps(body).encode()
    head = f"{'GET' if body is None else 'POST'} {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\nconnection: close\r\n"
    if token:
        head += f"authorization: Bearer {token}\r\n"
    if data:
        head += f"content-type: application/json\r\ncontent-length: {len(data)}\r\n"
    began = time.perf_counter()
    writer.write(head.encode() + b"\r\n" + data)
    try:
        seen.status = int((await reader.readline()).split()[1])
        await reader.readuntil(b"\r\n\r\n")
        await _frames(reader, seen, began)
    finally:
        writer.close()


async def _frames(reader: asyncio.StreamReader, seen: Seen, began: float) -> None:
    buffer = b""
    while size := int(await reader.readline() or b"0", 16):
        buffer += (await reader.readexactly(size + 2))[:-2]
        now = time.perf_counter() - began
        *frames, buffer = buffer.split(b"\n\n")
        for frame in frames:
            _take(frame, seen, now)


def _take(frame: bytes, seen: Seen, now: float) -> None:
    if b"data:" not in frame:
        return
    seen.frames += 1
    seen.first_event = seen.first_event or now
    seen.ended, seen.last = now, frame
    if _TOKEN in frame:
        seen.first_token = seen.first_token or now
        if found := _DELTA.search(frame):
            seen.deltas.setdefault(found[1], []).append(found[2])
    elif _DISCARDED in frame:
        seen.withdrawn += 1
        seen.deltas.pop(json.loads(frame[frame.index(b"data:") + 5 :])["value"]["messageId"].encode(), None)
