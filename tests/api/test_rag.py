"""Documents over HTTP: added, ingested, found, cited in a chat, deleted; and each that must be refused."""

import asyncio

import httpx
import pytest

RESOURCES, SEARCH = "/agent/rag/resources", "/agent/rag/search"
TIDES = """# Tides of the Bay

## Springs and neaps

When sun and moon pull in one line, the water rises highest; the sailors call this a spring tide.

## Harbour rules

Boats longer than nine metres moor at the outer pier, and the gate is locked at 22:00.
"""


async def add(client: httpx.AsyncClient, title: str = "Tides", text: str = TIDES, **more) -> dict:
    answer = await client.post(RESOURCES, json={"title": title, "text": text, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_text_is_ingested_and_found_by_meaning_and_by_its_words(client):
    made = await add(client)
    print(made)
    assert made["status"] == "ready"
    answer = await client.post(SEARCH, json={"query": "Where does a long ship tie up?", "limit": 2})
    print(answer.text)
    assert answer.status_code == 200
    (await client.delete(f"{RESOURCES}/{made['id']}")).raise_for_status()
