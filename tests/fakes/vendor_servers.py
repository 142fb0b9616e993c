"""Anthropic's and Google's streaming APIs on loopback, as their documentation has them, scripted by the last user message.

`[say=text]` (default), `[think=text]` before it, `[tool:name {json}]` any number of times, `[fault=401|429|500|malformed|hang|reset]`;
`hang` and `reset` strike after the first piece of text.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from tests.fakes.wire import Asked, Server, end_stream, misbehave, send, start_stream

_RULE = re.compile(r"\[(say|think|fault)=([^\]]*)\]")
_TOOL = re.compile(r"\[tool:(\w+) (\{.*?\})\]")
BREAKS = frozenset({"hang", "reset", "malformed"})


@dataclass
class Script:
    say: str = "good day to you"
    think: str = ""
    fault: str = ""
    tools: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, text: str, *, answered: bool) -> "Script":
        tools = () if answered else tuple(_TOOL.findall(text))
        return cls(**dict(_RULE.findall(text)), tools=tools)

    @property
    def words(self) -> list[str]:
        return re.findall(r"\S+\s*", self.say)


async def play(events: AsyncIterator[str], script: Script, writer: asyncio.StreamWriter) -> None:
    """Stream the events; what breaks in the middle breaks after the third of them."""
    count = 0
    async for event in events:
        if count == 3:
            match script.fault:
                case "hang":
                    await asyncio.sleep(3600)
                case "reset":
                    writer.transport.abort()
                    return
                case "malformed":
                    event = "event: content_block_delta\ndata: {not json\n\n"  # noqa: PLW2901
        await send(writer, event)
        count += 1
    await end_stream(writer)


class FakeAnthropic(Server):
    """https://docs.anthropic.com: POST /v1/messages with stream."""

    def __init__(self) -> None:
        super().__init__(self._answer)

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        body = asked.json
        text, answered = last_anthropic(body["messages"])
        script = Script.of(text, answered=answered)
        if "key" not in {
            asked.headers.get("x-api-key"),
            asked.headers.get("authorization", "").removeprefix("Bearer "),
        }:
            script.fault = "401"
        if script.fault not in BREAKS and await misbehave(script.fault, writer):
            return
        await start_stream(writer)
        await play(self._events(script, thinking="thinking" in body), script, writer)

    async def _events(self, script: Script, *, thinking: bool) -> AsyncIterator[str]:
        usage = {"input_tokens": 10, "output_tokens": 1}
        message = {"id": "m", "type": "message", "role": "assistant", "model": "claude", "content": [], "usage": usage}
        yield sse("message_start", message={**message, "stop_reason": None, "stop_sequence": None})
        blocks: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
        if script.think and thinking:
            deltas = [{"type": "thinking_delta", "thinking": word + " "} for word in script.think.split()]
            start = {"type": "thinking", "thinking": "", "signature": ""}
            blocks.append((start, [*deltas, {"type": "signature_delta", "signature": "signed"}]))
        if not script.tools:
            text = [{"type": "text_delta", "text": word} for word in script.words]
            blocks.append(({"type": "text", "text": ""}, text))
        for number, (name, args) in enumerate(script.tools):
            pieces = [{"type": "input_json_delta", "partial_json": args[i : i + 4]} for i in range(0, len(args), 4)]
            blocks.append(({"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": {}}, pieces))
        for index, (block, deltas) in enumerate(blocks):
            yield sse("content_block_start", index=index, content_block=block)
            for delta in deltas:
                yield sse("content_block_delta", index=index, delta=delta)
            yield sse("content_block_stop", index=index)
        reason = "tool_use" if script.tools else "end_turn"
        yield sse(
            "message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage={**usage, "output_tokens": 7}
        )
        yield sse("message_stop")


class FakeGoogle(Server):
    """https://ai.google.dev: POST /v1beta/models/{model}:streamGenerateContent?alt=sse."""

    def __init__(self) -> None:
        super().__init__(self._answer)

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        contents = asked.json["contents"]
        parts = [part for content in contents if content.get("role") == "user" for part in content["parts"]]
        text = next((part["text"] for part in reversed(parts) if "text" in part), "")
        script = Script.of(text, answered="functionResponse" in contents[-1]["parts"][0])
        if asked.headers.get("x-goog-api-key") != "key":
            script.fault = "401"
        if script.fault not in BREAKS and await misbehave(script.fault, writer):
            return
        await start_stream(writer)
        config = asked.json.get("generationConfig", {}).get("thinkingConfig", {})
        await play(
            self._events(script, thinking=bool(config.get("includeThoughts") or config.get("include_thoughts"))),
            script,
            writer,
        )

    async def _events(self, script: Script, *, thinking: bool) -> AsyncIterator[str]:
        parts: list[dict[str, Any]] = []
        if script.think and thinking:
            parts += [{"text": word + " ", "thought": True} for word in script.think.split()]
        if script.tools:
            parts += [{"functionCall": {"name": name, "args": json.loads(args)}} for name, args in script.tools]
        else:
            parts += [{"text": word} for word in script.words]
        for number, part in enumerate(parts, 1):
            candidate: dict[str, Any] = {"content": {"role": "model", "parts": [part]}, "index": 0}
            usage = {"promptTokenCount": 10, "totalTokenCount": 10 + number}
            if number == len(parts):
                candidate["finishReason"] = "STOP"
                usage |= {"candidatesTokenCount": 7, "totalTokenCount": 17}
            chunk = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.5-flash"}
            yield f"data: {json.dumps(chunk)}\r\n\r\n"


def sse(kind: str, **fields: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n"


def last_anthropic(messages: list[dict[str, Any]]) -> tuple[str, bool]:
    """The last text of the user, and whether a tool's result came after it."""
    answered = False
    for message in reversed(messages):
        if message["role"] != "user":
            continue
        content = message["content"]
        if isinstance(content, str):
            return content, answered
        if texts := [part["text"] for part in content if part["type"] == "text"]:
            return texts[-1], answered
        answered = True
    return "", answered
