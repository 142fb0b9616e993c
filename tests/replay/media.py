"""Scenarios of the workflows that make files and texts. What they are given is marked `canary`: none of it may be in a history."""

import httpx

from tests.api.test_decks import outline
from tests.api.test_podcasts import script
from tests.fakes.openai_server import FakeOpenAI
from tests.streams import rejoin

ASYNC = {"Prefer": "respond-async"}


async def begun(client: httpx.AsyncClient, path: str, **body: str) -> str:
    """Start a run; its id."""
    answer = await client.post(path, json=body, headers=ASYNC)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


async def made(client: httpx.AsyncClient, path: str, **body: str) -> str:
    """Start a run and wait for its end; its id."""
    run_id = await begun(client, path, **body)
    await rejoin(client, run_id)
    return run_id


async def podcast(client: httpx.AsyncClient, fake: FakeOpenAI) -> str:
    fake.answers["canary-podcast"] = [script("canary", chapters=2, lines=2)]
    return await made(client, "/agent/generation/podcast", content="About canary-podcast.")


async def cancelled_podcast(client: httpx.AsyncClient, fake: FakeOpenAI) -> str:
    fake.answers["canary-cancel"] = [script("canary [slow=30000]", chapters=1, lines=3)]
    run_id = await begun(client, "/agent/generation/podcast", content="About canary-cancel.")
    async with client.stream("GET", f"/agent/runs/{run_id}/stream") as response:
        async for line in response.aiter_lines():
            if '"speak"' in line:
                await client.post(f"/agent/runs/{run_id}/cancel")
                break
    await rejoin(client, run_id)
    return run_id


async def deck(client: httpx.AsyncClient, fake: FakeOpenAI) -> str:
    fake.answers["canary-deck"] = [outline()]
    return await made(client, "/agent/generation/ppt", content="About canary-deck.")


async def prose(client: httpx.AsyncClient, _: FakeOpenAI) -> str:
    return await made(client, "/agent/generation/prose", prompt="canary [tokens=3 delay=1]", option="improve")


async def refused_prose(client: httpx.AsyncClient, _: FakeOpenAI) -> str:
    return await made(client, "/agent/generation/prose", prompt="canary [error=400]", option="improve")


async def better_prompt(client: httpx.AsyncClient, _: FakeOpenAI) -> str:
    return await made(client, "/agent/generation/enhance-prompt", prompt="canary [tokens=3 delay=1]")


async def speech(client: httpx.AsyncClient, _: FakeOpenAI) -> str:
    return await made(client, "/agent/tts/synthesize", text="A canary. " * 80)


SCENARIOS = (podcast, cancelled_podcast, deck, prose, refused_prose, better_prompt, speech)
