"""Every vendor's client against its fake on the wire: what arrives, and what each fault becomes."""

import asyncio
import json
from contextlib import aclosing, asynccontextmanager

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from pydantic import SecretStr

from agents_backend.domain.errors import ModelOverloaded, ModelRejected, UpstreamFailed, UpstreamTimeout
from agents_backend.integrations.models import Models
from agents_backend.settings import ModelConfig, ModelSettings, Settings
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.vendor_servers import FakeAnthropic, FakeGoogle

VENDORS = ("anthropic", "google_genai")
FAKES = {"anthropic": FakeAnthropic, "google_genai": FakeGoogle}
TOOL = {
    "type": "function",
    "function": {
        "name": "look",
        "description": "Looks.",
        "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}},
    },
}


@asynccontextmanager
async def vendor(provider: str, *, key: str = "key", **more):
    async with FAKES[provider]() as fake:
        config = ModelConfig(
            name="it",
            provider=provider,
            model={"anthropic": "claude-sonnet-4-6", "google_genai": "gemini-2.5-flash"}[provider],
            api_key=SecretStr(key),
            base_url=fake.url,
            max_output_tokens=4_096,
            input_price=1,
            output_price=1,
        )
        async with Models(Settings(models=ModelSettings(list=(config,), default="it", **more))) as models:
            yield fake, models


async def ask(models: Models, *messages, **more):
    given = [HumanMessage(m) if isinstance(m, str) else m for m in messages]
    return [chunk async for chunk in models.stream(models.default, given, **more)]


def text_of(chunks) -> str:
    return "".join(chunk.text for chunk in chunks)


def used(chunks) -> tuple[int, int]:
    found = [chunk.usage for chunk in chunks if chunk.usage]
    return sum(u.input_tokens for u in found), sum(u.output_tokens for u in found)


@pytest.mark.parametrize("provider", VENDORS)
async def test_text_arrives_in_pieces_and_usage_is_counted_once(provider):
    async with vendor(provider) as (_, models):
        chunks = await ask(models, SystemMessage("Be kind."), "[say=good day to you]")
    assert text_of(chunks) == "good day to you"
    assert len([chunk for chunk in chunks if chunk.text]) > 1
    assert used(chunks) == (10, 7)


@pytest.mark.parametrize("provider", VENDORS)
async def test_thoughts_come_apart_from_the_text_when_they_are_wanted(provider):
    async with vendor(provider) as (_, models):
        chunks = await ask(models, "[think=let me see][say=good day]", reasoning=True)
        assert "".join(chunk.reasoning for chunk in chunks) == "let me see "
        assert text_of(chunks) == "good day"
        plain = await ask(models, "[think=let me see][say=good day]")
    assert not any(chunk.reasoning for chunk in plain)


@pytest.mark.parametrize("provider", VENDORS)
async def test_parallel_tool_calls_arrive_and_their_results_are_taken_back(provider):
    question = 'look [tool:look {"x": 1}] [tool:look {"x": 2}]'
    async with vendor(provider) as (fake, models):
        chunks = await ask(models, question, tools=[TOOL])
        calls: dict[int, list[str]] = {}
        for delta in (delta for chunk in chunks for delta in chunk.tool_calls):
            calls.setdefault(delta.index, []).append(delta.args)
        assert [json.loads("".join(pieces)) for _, pieces in sorted(calls.items())] == [{"x": 1}, {"x": 2}]
        told = [
            {"id": f"c{n}", "type": "function", "function": {"name": "look", "arguments": json.dumps({"x": n})}}
            for n in (1, 2)
        ]
        history = [AIMessage("", additional_kwargs={"tool_calls": told})]
        results = [ToolMessage(f"seen {n}", tool_call_id=f"c{n}") for n in (1, 2)]
        again = await ask(models, question, *history, *results, tools=[TOOL])
    assert text_of(again) == "good day to you"
    assert "seen 2" in json.dumps(fake.asked[-1].json)


@pytest.mark.parametrize("provider", VENDORS)
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("400", ModelRejected),
        ("401", ModelRejected),
        ("429", ModelOverloaded),
        ("500", UpstreamFailed),
        ("malformed", UpstreamFailed),
        ("reset", UpstreamFailed),
        ("hang", UpstreamTimeout),
    ],
)
async def test_a_vendor_s_fault_becomes_a_typed_error_after_one_request(provider, fault, error):
    async with vendor(provider, idle_timeout_seconds=1) as (fake, models):
        with pytest.raises(error) as caught:
            await ask(models, f"[fault={fault}][say=one two three four five six seven]")
        assert len(fake.asked) == 1
    assert "secret-body" not in caught.value.detail
    assert caught.value.retry_after == (1 if fault == "429" else None)


@pytest.mark.parametrize("provider", VENDORS)
async def test_leaving_the_stream_closes_the_vendor_s_connection(provider):
    async with vendor(provider) as (fake, models):
        words = " ".join(["word"] * 50)
        stream = models.stream(models.default, [HumanMessage(f"[say={words}][fault=hang]")])
        async with aclosing(stream) as chunks:
            await anext(chunks)
        async with asyncio.timeout(5):
            while not fake.closed_early:
                await asyncio.sleep(0.01)
        assert len(fake.asked) == 1


@pytest.mark.parametrize("provider", VENDORS)
async def test_a_wrong_key_is_refused_at_once(provider):
    async with vendor(provider, key="wrong") as (fake, models):
        with pytest.raises(ModelRejected):
            await ask(models, "hello")
    assert len(fake.asked) == 1


@pytest.mark.parametrize(("model", "thinking"), [("claude-sonnet-4-6", "enabled"), ("claude-sonnet-5-5", "adaptive")])
async def test_anthropic_s_models_are_told_to_think_in_the_way_that_each_knows(model, thinking):
    async with FakeAnthropic() as fake:
        config = ModelConfig(name="it", provider="anthropic", model=model, api_key=SecretStr("key"), base_url=fake.url)
        async with Models(Settings(models=ModelSettings(list=(config,)))) as models:
            chunks = await ask(models, "[think=well well][say=yes]", reasoning=True)
    assert fake.asked[0].json["thinking"]["type"] == thinking
    assert "".join(chunk.reasoning for chunk in chunks) == "well well "
    assert any(part.get("signature") for chunk in chunks for part in chunk.thoughts)


async def test_an_answer_that_never_ends_is_ended_by_the_total_timeout():
    async with FakeOpenAI() as fake:
        config = ModelConfig(name="it", model="it", base_url=fake.base_url)
        settings = ModelSettings(list=(config,), timeout_seconds=0.5, idle_timeout_seconds=60)
        async with Models(Settings(models=settings)) as models:
            with pytest.raises(UpstreamTimeout):
                await ask(models, "[tokens=1000 delay=50]")
