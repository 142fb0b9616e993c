import asyncio
from contextlib import aclosing

import pytest
from langchain_core.messages import HumanMessage

from agents_backend.domain.errors import ModelOverloaded, ModelRejected, UpstreamFailed, UpstreamTimeout
from agents_backend.integrations.models import Models
from agents_backend.settings import ModelConfig, ModelSettings, Settings
from tests.fakes.openai_server import FakeOpenAI


def models(fake):
    config = ModelConfig(name="fake", model="fake", base_url=fake.base_url)
    return Models(Settings(models=ModelSettings(list=(config,), default="fake", idle_timeout_seconds=0.5)))


async def ask(fake, text):
    async with models(fake) as known:
        return [chunk async for chunk in known.stream(known.default, [HumanMessage(text)])]


async def test_text_thoughts_and_usage_arrive():
    async with FakeOpenAI() as fake:
        chunks = await ask(fake, "[reasoning=hmm well][say=good day]")
    assert "".join(c.text for c in chunks) == "good day"
    assert "".join(c.reasoning for c in chunks) == "hmm well "
    assert any(c.usage and c.usage.input_tokens == 10 for c in chunks)


async def test_parallel_tool_calls_arrive_in_pieces():
    async with FakeOpenAI() as fake:
        chunks = await ask(fake, '[tool:a {"x": 1}] [tool:b {"y": 2}]')
    args = {0: "", 1: ""}
    for call in (call for c in chunks for call in c.tool_calls):
        args[call.index] += call.args
    assert args == {0: '{"x": 1}', 1: '{"y": 2}'}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[error=400]", ModelRejected),
        ("[error=429 retry_after=1]", ModelOverloaded),
        ("[error=500]", UpstreamFailed),
        ("[reset after=3]", UpstreamFailed),
        ("[malformed]", UpstreamFailed),
        ("[hang after=3]", UpstreamTimeout),
    ],
)
async def test_a_vendors_fault_becomes_a_typed_error(text, error):
    async with FakeOpenAI() as fake:
        with pytest.raises(error) as caught:
            await ask(fake, text)
        assert "secret-body" not in caught.value.detail
        assert len(fake.requests) == 1


async def test_leaving_the_stream_closes_the_connection():
    async with FakeOpenAI() as fake, models(fake) as known:
        async with aclosing(known.stream(known.default, [HumanMessage("hi")])) as chunks:
            await anext(chunks)
        async with asyncio.timeout(5):
            while not fake.closed_early:
                await asyncio.sleep(0.01)
        assert len(fake.closed_early) == 1
