"""Models by name, through LangChain's `init_chat_model`. The only place that knows the vendors' clients and errors."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import anthropic
import httpx
import httpx2
import openai
from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_openai import ChatOpenAI

from agents_backend.contracts.turns import Usage
from agents_backend.domain.errors import (
    ModelOverloaded,
    ModelRejected,
    Unavailable,
    UpstreamFailed,
    UpstreamTimeout,
)
from agents_backend.settings import ModelConfig, Settings

_TOO_MANY = 429
_SERVER_ERRORS = 500
_FINISHED = ("finish_reason", "stop_reason", "status")  # OpenAI and Google, Anthropic, the Responses API

__all__ = ["ModelChunk", "ModelRejected", "Models", "ToolCallDelta"]


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    index: int
    id: str
    name: str
    args: str


@dataclass(frozen=True, slots=True)
class ModelChunk:
    """A piece of an answer, in the order in which it came."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    usage: Usage | None = None


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


class Models:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings.models
        self.configs = {config.name: config for config in settings.configured_models()}
        self._clients: dict[tuple[str, bool], BaseChatModel] = {}

    @cached_property
    def default(self) -> ModelConfig:
        """The model of MODEL_DEFAULT, else the first.

        Raises:
            ModelRejected: none is configured; trying again would not help.
        """
        if not self.configs:
            raise ModelRejected("No model is configured.", code="NO_MODEL")
        return self.configs[self._settings.default or next(iter(self.configs))]

    def pick(self, name: str | None, reasoning: bool) -> tuple[ModelConfig, ...]:  # noqa: FBT001
        """The model to ask, and after it those to ask when it fails."""
        wanted = name or (self._settings.reasoning if reasoning else None)
        first = self.configs.get(wanted or "") or self.default
        return (first, *(self.configs[other] for other in self._settings.fallbacks if other != first.name))

    async def stream(
        self,
        config: ModelConfig,
        messages: list[BaseMessage],
        *,
        tools: list[dict[str, Any]] | None = None,
        reasoning: bool = False,
    ) -> AsyncIterator[ModelChunk]:
        """The answer as it comes. Leaving the iterator closes the connection.

        Raises:
            ModelRejected: the request can never work (HTTP 400, 401, 403, 404, 422).
            ModelOverloaded: HTTP 429; `retry_after` as the vendor says.
            UpstreamFailed: HTTP 5xx, a broken connection, or an answer that is no answer.
            UpstreamTimeout: no token for MODEL_IDLE_TIMEOUT_SECONDS.
        """
        client = self._client(config, reasoning=reasoning)
        extra: dict[str, Any] = {"tools": tools} if tools else {}
        with _typed_errors(config.name):
            whole = False
            async with aclosing(cast("Any", client.astream(messages, **extra))) as chunks:
                iterator = aiter(chunks)
                while True:
                    try:
                        async with asyncio.timeout(self._settings.idle_timeout_seconds):
                            chunk = await anext(iterator)
                    except StopAsyncIteration:
                        break
                    whole = whole or any(chunk.response_metadata.get(key) for key in _FINISHED)
                    yield convert(chunk, config)
            if not whole:  # the connection was closed before the vendor said that it had finished
                raise UpstreamFailed(f"The model {config.name} broke off its answer.")

    def _client(self, config: ModelConfig, *, reasoning: bool) -> BaseChatModel:
        key = (config.name, reasoning)
        if key not in self._clients:
            self._clients[key] = self._connect(config, reasoning=reasoning)
        return self._clients[key]

    def _connect(self, config: ModelConfig, *, reasoning: bool) -> BaseChatModel:
        """Vendor retries are off: Temporal tries again, and says so."""
        key = config.api_key.get_secret_value() if config.api_key else "none"
        common: dict[str, Any] = {
            "max_retries": 0,
            "timeout": self._settings.timeout_seconds,
            "max_tokens": config.max_output_tokens,
        }
        if config.temperature is not None:
            common["temperature"] = config.temperature
        if config.provider == "openai":
            if reasoning and config.reasoning_effort:
                common["reasoning_effort"] = config.reasoning_effort
            return ReasoningChatOpenAI(
                model=config.model, api_key=lambda: key, base_url=config.base_url, stream_usage=True, **common
            )
        if config.base_url:
            common["base_url"] = config.base_url
        if config.provider == "anthropic" and reasoning:
            common["thinking"] = {"type": "enabled", "budget_tokens": max(1024, config.max_output_tokens // 2)}
            common.pop("temperature", None)
        made = init_chat_model(config.model, model_provider=config.provider, api_key=key, **common)
        return cast("BaseChatModel", made)


def convert(chunk: AIMessageChunk, config: ModelConfig) -> ModelChunk:
    text, reasoning = chunk.content if isinstance(chunk.content, str) else "", ""
    if not isinstance(chunk.content, str):
        for part in chunk.content:
            if isinstance(part, dict):
                text += part.get("text", "") if part.get("type") == "text" else ""
                reasoning += part.get("thinking", "") if part.get("type") == "thinking" else ""
    reasoning += chunk.additional_kwargs.get("reasoning_content", "")
    calls = tuple(
        ToolCallDelta(index=part["index"] or 0, id=part["id"] or "", name=part["name"] or "", args=part["args"] or "")
        for part in chunk.tool_call_chunks
    )
    return ModelChunk(text, reasoning, calls, usage_of(chunk, config))


def usage_of(chunk: AIMessageChunk, config: ModelConfig) -> Usage | None:
    given = chunk.usage_metadata
    if not given:
        return None
    cost = (given["input_tokens"] * config.input_price + given["output_tokens"] * config.output_price) / 1e6
    return Usage(
        input_tokens=given["input_tokens"],
        output_tokens=given["output_tokens"],
        reasoning_tokens=given.get("output_token_details", {}).get("reasoning", 0) or 0,
        cached_input_tokens=given.get("input_token_details", {}).get("cache_read", 0) or 0,
        cost_usd=cost,
    )


@contextmanager
def _typed_errors(name: str) -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise UpstreamTimeout(f"The model {name} fell silent.") from None
    except (openai.APITimeoutError, anthropic.APITimeoutError) as error:
        raise UpstreamTimeout(f"The model {name} did not answer in time.") from error
    except (openai.APIStatusError, anthropic.APIStatusError) as error:
        raise _by_status(name, error.status_code, error.response.headers.get("retry-after")) from error
    except (openai.APIError, anthropic.APIError, httpx.HTTPError, httpx2.HTTPError, OSError, ValueError) as error:
        raise UpstreamFailed(f"The model {name} broke off its answer.") from error


def _by_status(name: str, status: int, retry_after: str | None) -> Unavailable:
    if status == _TOO_MANY:
        seconds = float(retry_after) if retry_after and retry_after.replace(".", "", 1).isdigit() else None
        return ModelOverloaded(f"The model {name} is overloaded now.", retry_after=seconds)
    if status >= _SERVER_ERRORS:
        return UpstreamFailed(f"The model {name} failed with HTTP {status}.")
    return ModelRejected(f"The model {name} refused the request with HTTP {status}.")
