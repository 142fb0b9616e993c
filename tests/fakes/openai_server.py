"""A loopback OpenAI-compatible server, scripted by directives in the last user message, such as `[tokens=20 delay=5]`.

`[tool:name {json}]`, `[toolloop=3 name {json}]`, `[error=429 retry_after=1 times=1]`, `[reset after=5 times=1]`, `[hang after=5]`,
`[malformed]`, `[reasoning=text]`, `[say=text]`. Delays are in milliseconds. `times` counts by the message's text.
"""

import argparse
import asyncio
import contextlib
import json
import re
import time
from collections import Counter
from typing import Any, Self

_DIRECTIVE = re.compile(r"\[(tokens|delay|error|reset|hang|malformed|reasoning|say)\b=?([^\]]*)\]")
_TOOL = re.compile(r"\[(?:tool:|toolloop=(\d+) )([\w-]+) (\{.*?\})\]", re.DOTALL)


class Say(str):
    """A script that is answered by its own text, whatever stands in it."""

    __slots__ = ()


class FakeOpenAI:
    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.closed_early: list[float] = []
        self._next: list[str] = []
        self.answers: dict[str, list[str]] = {}
        self._seen: Counter[str] = Counter()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def script(self, *texts: str) -> None:
        """Directives for the next requests, one each, instead of those in their messages."""
        self._next.extend(texts)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connection, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
            raw = await reader.readexactly(int(headers.get("content-length", 0)))
            if head[0].startswith("POST"):
                body = json.loads(raw)
                self.requests.append(body)
                self.headers.append(headers)
                await self._serve(reader, writer, body)
            else:
                _answer(writer, 200, {"object": "list", "data": [{"id": "fake", "object": "model"}]})
                await writer.drain()
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: dict[str, Any]) -> None:
        answer = asyncio.ensure_future(self._reply(writer, body))
        gone = asyncio.ensure_future(reader.read(1))
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            self.closed_early.append(time.monotonic())
        answer.cancel()
        gone.cancel()
        await asyncio.gather(answer, gone, return_exceptions=True)

    async def _reply(self, writer: asyncio.StreamWriter, body: dict[str, Any]) -> None:
        if (raw := self._whole(body)) is not None:
            return await self._stream(
                writer, body, [{"content": raw[i : i + 400]} for i in range(0, len(raw), 400)], None, {"delay": "0"}
            )
        text = self._next.pop(0) if self._next else _last_user(body["messages"])
        rules = {} if isinstance(text, Say) else dict(_DIRECTIVE.findall(text))
        options = dict(re.findall(r"\b(\w+)=([\d.]+)", " ".join(f"{n}={v}" for n, v in rules.items() if n != "say")))
        fault = next((n for n in ("error", "reset", "hang", "malformed") if n in rules), None)
        if fault and "times" in options:
            self._seen[text] += 1
            fault = fault if self._seen[text] <= int(options["times"]) else None
        if fault == "error":
            status = int(options["error"])
            _answer(
                writer, status, {"error": {"message": "scripted secret-body", "type": "x"}}, options.get("retry_after")
            )
            return await writer.drain()
        await self._stream(writer, body, _deltas(text, rules, options, body), fault, options)
        return None

    def _whole(self, body: dict[str, Any]) -> str | None:
        """The next of `answers` (whole texts, by a mark that stands in a message) for this request."""
        said = " ".join(str(message["content"]) for message in body["messages"])
        return next((texts.pop(0) for mark, texts in self.answers.items() if mark in said and texts), None)

    async def _stream(
        self,
        writer: asyncio.StreamWriter,
        body: dict[str, Any],
        deltas: list[dict[str, Any]],
        fault: str | None,
        options: dict[str, str],
    ) -> None:
        if not body.get("stream"):
            text = "".join(d.get("content", "") for d in deltas)
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            _answer(
                writer,
                200,
                {"id": "c", "object": "chat.completion", "created": 1, "model": "fake", "choices": [choice]},
            )
            return await writer.drain()
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
        )
        delay, after = float(options.get("delay", 10)) / 1000, int(options.get("after", 5))
        for count, delta in enumerate(deltas):
            if fault == "malformed":
                writer.write(_chunked(b"data: {not json\n\n"))
            if fault == "reset" and count == after:
                return writer.transport.abort()
            if fault == "hang" and count == after:
                await asyncio.sleep(3600)
            writer.write(_event(body, choices=[{"index": 0, "delta": delta, "finish_reason": None}]))
            await writer.drain()
            await asyncio.sleep(delay)
        reason = "tool_calls" if any("tool_calls" in d for d in deltas) else "stop"
        writer.write(_event(body, choices=[{"index": 0, "delta": {}, "finish_reason": reason}]))
        if (body.get("stream_options") or {}).get("include_usage"):
            usage = {"prompt_tokens": 10, "completion_tokens": len(deltas), "total_tokens": 10 + len(deltas)}
            writer.write(_event(body, choices=[], usage=usage))
        writer.write(_chunked(b"data: [DONE]\n\n") + b"0\r\n\r\n")
        await writer.drain()
        return None


def _deltas(text: str, rules: dict[str, str], options: dict[str, str], body: dict[str, Any]) -> list[dict[str, Any]]:
    thoughts = [{"reasoning_content": word + " "} for word in rules.get("reasoning", "").split()]
    if isinstance(text, Say):
        return [{"content": part} for part in re.findall(r"\S+\s*", text)]
    messages = body["messages"]
    start = max((i for i, m in enumerate(messages) if m["role"] == "user"), default=0)
    turns = sum(m["role"] == "assistant" for m in messages[start:])
    calls = [(n, a) for loop, n, a in _TOOL.findall(text) if turns < int(loop or 1)]
    if calls:
        return thoughts + [
            d for i, (n, a) in enumerate(calls) for d in _call(i, f"call_{turns}_{i}_{time.time_ns()}", n, a)
        ]
    if "say" in rules:
        return thoughts + [{"content": part} for part in re.findall(r"\S+\s*", rules["say"])]
    return thoughts + [{"content": f"tok{i} "} for i in range(int(options.get("tokens", 100)))]


def _call(index: int, call_id: str, name: str, args: str) -> list[dict[str, Any]]:
    first = {"index": index, "id": call_id, "type": "function", "function": {"name": name, "arguments": ""}}
    pieces = [{"index": index, "function": {"arguments": args[i : i + 8]}} for i in range(0, len(args), 8)]
    return [{"tool_calls": [piece]} for piece in (first, *pieces)]


def _last_user(messages: list[dict[str, Any]]) -> str:
    content = next((m["content"] for m in reversed(messages) if m["role"] == "user"), "")
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _event(body: dict[str, Any], **fields: Any) -> bytes:
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": body.get("model", "fake"), **fields}
    return _chunked(b"data: " + json.dumps(chunk).encode() + b"\n\n")


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _answer(writer: asyncio.StreamWriter, status: int, value: Any, retry_after: str | None = None) -> None:
    data = json.dumps(value).encode()
    more = f"retry-after: {retry_after}\r\n" if retry_after else ""
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{more}connection: close\r\ncontent-length: {len(data)}\r\n\r\n"
    writer.write(head.encode() + data)


async def _main(port: int) -> None:
    async with FakeOpenAI(port):
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    asyncio.run(_main(parser.parse_args().port))
