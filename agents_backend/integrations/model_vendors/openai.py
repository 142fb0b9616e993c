"""OpenAI, and every server that speaks its chat completions."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI
from openai import AsyncStream, DefaultAioHttpClient

from agents_backend.settings import ModelConfig, ModelSettings


@dataclass(slots=True)
class StreamedChunk:
    """What `models.convert` reads of LangChain's AIMessageChunk."""

    content: str = ""
    additional_kwargs: dict[str, Any] = field(default_factory=dict)
    response_metadata: dict[str, Any] = field(default_factory=dict)
    tool_call_chunks: list[dict[str, Any]] = field(default_factory=list)
    usage_metadata: dict[str, Any] | None = None


class StreamingChatOpenAI(ChatOpenAI):
    """Streams chat completions as they come.

    LangChain makes a message of each chunk, validates it, and sums all of them up at the end, which nobody here reads: a sixth
    of a worker's processor time. It also drops `reasoning_content`, which OpenAI-compatible servers stream.
    """

    async def astream(self, input: Any, config: Any = None, **kwargs: Any) -> AsyncIterator[Any]:  # noqa: A002  # LangChain's names
        if self._use_responses_api({**kwargs, **self.model_kwargs}):
            async for chunk in super().astream(input, config, **kwargs):
                yield chunk
            return
        payload = self._get_request_payload(input, stream=True, stream_options={"include_usage": True}, **kwargs)
        async with await self.async_client.create(**payload) as response:
            async for chunk in response:
                yield streamed(chunk)

    async def close_connections(self) -> None:
        await self.root_async_client.close()


def streamed(chunk: dict[str, Any]) -> StreamedChunk:
    """One chunk of a chat completion (OpenAI API reference, "The chat completion chunk object")."""
    found = StreamedChunk()
    if usage := chunk.get("usage"):
        found.usage_metadata = _usage(usage)
    for choice in chunk.get("choices") or ():
        delta = choice.get("delta") or {}
        found.content += delta.get("content") or ""
        if reason := choice.get("finish_reason"):
            found.response_metadata["finish_reason"] = reason
        if thought := delta.get("reasoning_content") or delta.get("reasoning"):
            found.additional_kwargs["reasoning_content"] = thought
        for call in delta.get("tool_calls") or ():
            asked = call.get("function") or {}
            found.tool_call_chunks.append(
                {
                    "index": call.get("index"),
                    "id": call.get("id"),
                    "name": asked.get("name"),
                    "args": asked.get("arguments"),
                }
            )
    return found


def _usage(given: dict[str, Any]) -> dict[str, Any]:
    """As LangChain's UsageMetadata has it."""
    inputs, outputs = given.get("prompt_tokens_details") or {}, given.get("completion_tokens_details") or {}
    return {
        "input_tokens": given.get("prompt_tokens") or 0,
        "output_tokens": given.get("completion_tokens") or 0,
        "input_token_details": {"cache_read": inputs.get("cached_tokens") or 0},
        "output_token_details": {"reasoning": outputs.get("reasoning_tokens") or 0},
    }


class PlainChunks:
    """OpenAI's completions whose stream gives each chunk as the dict that came.

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
    timeout = httpx2.Timeout(settings.timeout_seconds, connect=settings.connect_timeout_seconds)
    more: dict[str, Any] = {}
    if config.temperature is not None:
        more["temperature"] = config.temperature
    if reasoning and config.reasoning_effort:
        more["reasoning_effort"] = config.reasoning_effort
    made = StreamingChatOpenAI(
        model=config.model,
        api_key=lambda: key,
        base_url=config.base_url,
        stream_usage=True,
        max_tokens=config.max_output_tokens,
        max_retries=0,
        timeout=timeout,
        http_async_client=DefaultAioHttpClient(
            timeout=timeout
        ),  # reads a stream for half of what httpx2's parser takes
        stream_chunk_timeout=None,  # silence is timed by `Models.stream`, for every vendor alike
        **more,
    )
    made.async_client = PlainChunks(made.async_client)
    return made
