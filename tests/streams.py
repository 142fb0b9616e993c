"""Starting and reading event streams as a client does."""

import json

import httpx

CHAT = "/agent/chat/stream"


def body(text: str, **more):
    return {"messages": [{"role": "user", "content": text}], **more}


async def read(response: httpx.Response) -> list[tuple[str, dict]]:
    """The frames of a stream: id and event."""
    events, event_id = [], ""
    async for line in response.aiter_lines():
        if line.startswith("id: "):
            event_id = line[4:]
        elif line.startswith("data: "):
            events.append((event_id, json.loads(line[6:])))
    return events


async def chat(client: httpx.AsyncClient, text: str, **more) -> tuple[httpx.Response, list[dict]]:
    """Start a chat and read it to its end."""
    async with client.stream("POST", CHAT, json=body(text, **more)) as response:
        assert response.status_code == 200, await response.aread()
        return response, [event for _, event in await read(response)]


async def rejoin(client: httpx.AsyncClient, run_id: str, after: str | None = None) -> list[tuple[str, dict]]:
    """A run's stream, whole or after an event."""
    headers = {"Last-Event-ID": after} if after else {}
    async with client.stream("GET", f"/agent/runs/{run_id}/stream", headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        return await read(response)


def text_of(events: list[dict]) -> str:
    return "".join(event["delta"] for event in events if event["type"] == "TEXT_MESSAGE_CONTENT")
