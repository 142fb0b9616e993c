"""Two WebSockets joined: what one says the other hears, until either closes."""

import asyncio
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed


async def join(client: WebSocket, server: ClientConnection) -> None:
    async def outwards() -> None:
        async for message in server:
            if isinstance(message, str):
                await client.send_text(message)
            else:
                await client.send_bytes(message)
        await client.close(server.close_code or 1000)

    async def inwards() -> None:
        while True:
            message = await client.receive()
            if message["type"] == "websocket.disconnect":
                await server.close(message.get("code") or 1000)
                return
            if message.get("text") is not None:
                await server.send(message["text"])
            else:
                await server.send(message.get("bytes") or b"")

    tasks = [asyncio.create_task(outwards()), asyncio.create_task(inwards())]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError, ConnectionClosed, WebSocketDisconnect, RuntimeError):
            await task
