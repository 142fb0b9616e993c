"""What Temporal has stored, as its JSON: read in clear, whatever it is stored as, or encrypted as if it always had been."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowHistory

from agents_backend.integrations.payloads import payload_codec
from agents_backend.settings import Settings

# The server itself reads the first two; `payloads` under `data` are the SDK core's own, in the marker of a local activity.
_NEVER_ENCODED = ("searchAttributes", "indexedFields")


async def mapped(value: Any, change: Callable[[Payload], Awaitable[Payload]]) -> Any:
    """The same JSON with each of its payloads changed."""
    if isinstance(value, list):
        return [await mapped(inner, change) for inner in value]
    if not isinstance(value, dict):
        return value
    if "encoding" in value.get("metadata", {}):
        return MessageToDict(await change(ParseDict(value, Payload())))
    return {
        name: inner
        if name in _NEVER_ENCODED or (name == "data" and "payloads" in inner)
        else await mapped(inner, change)
        for name, inner in value.items()
    }


async def encrypted(history: dict[str, Any], settings: Settings) -> dict[str, Any]:
    codec = payload_codec(settings)

    async def encode(payload: Payload) -> Payload:
        return (await codec.encode([payload]))[0]

    return await mapped(history, encode)


async def told(stored: WorkflowHistory | Message, settings: Settings) -> str:
    """All that it says to somebody who has the keys.

    A history without a single payload fails: whoever looks for something in it would find nothing, whatever was there.
    """
    codec, found = payload_codec(settings), []

    async def decode(payload: Payload) -> Payload:
        plain = (await codec.decode([payload]))[0]
        found.append(plain.data.decode(errors="replace"))
        return plain

    value = stored.to_json_dict() if isinstance(stored, WorkflowHistory) else MessageToDict(stored)
    outside = await mapped(value, decode)
    assert found
    return json.dumps(outside) + "\n".join(found)
