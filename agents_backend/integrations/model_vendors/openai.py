"""OpenAI, and every server that speaks its chat completions."""

from typing import Any

import httpx2
from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI
from openai import AsyncStream

from agents_backend.settings import ModelConfig, ModelSettings


class ReasoningChatOpenAI(ChatOpenAI):
    """Keeps `reasoning_content`, which OpenAI-compatible servers stream and LangChain's class drops."""

    def _convert_chunk_to_generation_chunk(self, chunk: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        generation = super()._convert_chunk_to_generation_chunk(chunk, *args, **kwargs)
        choices = chunk.get("choices") or ()
        if generation is not None and choices:
            delta = choices[0].get("delta") or {}
            if thought := delta.get("reasoning_content") or delta.get("reasoning"):
                generation.message.additional_kwargs["reasoning_content"] = thought
        return generation


class PlainChunks:
    """OpenAI's completions whose stream gives each chunk as the dict that came, which is what LangChain makes of it anyway.

    Building the SDK's own model of every chunk, field by field, was a fifth of a worker's processor time.
    """

    def __init__(self, completions: Any) -> None:
        self._completions = completions

    def __getattr__(self, name: str) -> Any:
        return getattr(self._completions, name)

    async def create(self, **payload: Any) -> Any:
        response = await self._completions.create(**payload)
        if isinstance(response, AsyncStream):
            response._cast_to = object  # noqa: SLF001  # the SDK's own word for "as it came"; it has no option for it
        return response


def connect(config: ModelConfig, settings: ModelSettings, *, reasoning: bool) -> BaseChatModel:
    key = config.api_key.get_secret_value() if config.api_key else "none"
    more: dict[str, Any] = {}
    if config.temperature is not None:
        more["temperature"] = config.temperature
    if reasoning and config.reasoning_effort:
        more["reasoning_effort"] = config.reasoning_effort
    made = ReasoningChatOpenAI(
        model=config.model,
        api_key=lambda: key,
        base_url=config.base_url,
        stream_usage=True,
        max_tokens=config.max_output_tokens,
        max_retries=0,
        timeout=httpx2.Timeout(settings.timeout_seconds, connect=settings.connect_timeout_seconds),
        stream_chunk_timeout=None,  # silence is timed by `Models.stream`, for every vendor alike
        **more,
    )
    made.async_client = PlainChunks(made.async_client)
    return made
