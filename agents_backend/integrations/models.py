"""Models by name. Vendors' clients are under `model_vendors/`; here is what all of them have in common, their errors among it."""

import asyncio
import gc
import importlib
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Self, cast

import structlog
from langchain_core.exceptions import ModelTimeoutError
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage

from agents_backend.contracts.turns import Usage
from agents_backend.domain.errors import (
    AgentsError,
    ModelOverloaded,
    ModelRejected,
    Unavailable,
    UpstreamFailed,
    UpstreamTimeout,
)
from agents_backend.integrations.retry_after import seconds_of
from agents_backend.settings import ModelConfig, ModelSettings, Settings

_VENDORS: Final = {"openai": "openai", "anthropic": "anthropic", "google_genai": "google"}
_TOO_MANY, _SERVER_ERRORS = 429, 500
_TRANSPORT = "aiohttp."  # whose errors carry HTTP codes of its own for what no vendor has said
_MAY_HEAL = frozenset({408, 409, 425})
_FINISHED = ("finish_reason", "stop_reason", "status")  # OpenAI and Google, Anthropic, the Responses API
_log = structlog.get_logger(__name__)

__all__ = ["ModelChunk", "ModelRejected", "Models", "ToolCallDelta"]


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    index: int
    id: str
    name: str
    args: str


@dataclass(frozen=True, slots=True)
class ModelChunk:
    """A piece of an answer, in the order in which it came.

    Attributes:
        thoughts: pieces of the vendor's own thinking blocks, to be given back to it with the next call.
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    usage: Usage | None = None
    thoughts: tuple[dict[str, Any], ...] = ()


class _Silence:
    """Tells when nothing has come for too long, or the end has not: one timer for an answer, not one for each chunk."""

    def __init__(self, settings: ModelSettings, tell: Callable[[], None]) -> None:
        self._loop, self._idle, self._tell = asyncio.get_running_loop(), settings.idle_timeout_seconds, tell
        self._end, self._last = self._loop.time() + settings.timeout_seconds, self._loop.time()
        self._timer = self._loop.call_at(self._due, self._look)

    @property
    def _due(self) -> float:
        return min(self._end, self._last + self._idle)

    def _look(self) -> None:
        if self._loop.time() >= self._due:
            self._tell()
        else:
            self._timer = self._loop.call_at(self._due, self._look)

    def broken(self) -> None:
        self._last = self._loop.time()

    def cancel(self) -> None:
        self._timer.cancel()


class Models:
    """The deployment's models. Use it as an async context manager: it holds connections."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.models
        self.configs = {config.name: config for config in settings.configured_models()}
        self._clients: dict[tuple[str, bool], BaseChatModel] = {}
        self._connecting = asyncio.Lock()

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
    ) -> AsyncGenerator[ModelChunk, None]:
        """The answer as it comes. Leaving the iterator closes the connection.

        Raises:
            ModelRejected: the request can never work (HTTP 400, 401, 403, 404, 422).
            ModelOverloaded: HTTP 429; `retry_after` as the vendor says.
            UpstreamFailed: HTTP 5xx, a broken connection, or an answer that is no answer.
            UpstreamTimeout: no token for MODEL_IDLE_TIMEOUT_SECONDS, or no end within MODEL_TIMEOUT_SECONDS.
        """
        client: Any = await self._client(config, reasoning=reasoning)
        if tools:
            client = client.bind_tools(tools)
        with _typed_errors(config.name):
            whole = False
            async with aclosing(self._timed(client.astream(messages))) as chunks:
                async for chunk in chunks:
                    whole = whole or any(chunk.response_metadata.get(key) for key in _FINISHED)
                    yield convert(chunk, config)
            if not whole:  # the connection was closed before the vendor said that it had finished
                raise UpstreamFailed(f"The model {config.name} broke off its answer.")

    async def _timed(self, chunks: AsyncIterator[AIMessageChunk]) -> AsyncGenerator[AIMessageChunk, None]:
        """The chunks, none of them waited for too long, nor all of them together.

        They are read by a task of their own, because a task can be cancelled where it waits: closing the outermost of the
        vendors' nested generators leaves the inner ones, and the connection with them, to the garbage collector.
        """
        ready = asyncio.Queue[AIMessageChunk | None | TimeoutError]()

        async def read() -> None:
            try:
                async for chunk in chunks:
                    ready.put_nowait(chunk)
            finally:
                ready.put_nowait(None)

        silence = _Silence(self._settings, lambda: ready.put_nowait(TimeoutError()))
        reader = asyncio.create_task(read())
        try:
            while (chunk := await ready.get()) is not None:
                if isinstance(chunk, TimeoutError):
                    raise chunk
                silence.broken()
                yield chunk
            await reader
        finally:
            silence.cancel()
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _client(self, config: ModelConfig, *, reasoning: bool) -> BaseChatModel:
        """Made once, beside the event loop: its vendor's library takes a second or more to import."""
        key = (config.name, reasoning)
        async with self._connecting:
            if key not in self._clients:
                self._clients[key] = await asyncio.to_thread(_connect, config, self._settings, reasoning)
        return self._clients[key]

    async def close(self) -> None:
        for client in self._clients.values():
            if closing := getattr(client, "close_connections", None):
                await closing()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def warm(self) -> None:
        """Make every model's client now: no answer waits for it, and nothing else waits while a library is imported."""
        for config in self.configs.values():
            await self._client(config, reasoning=False)


def _connect(config: ModelConfig, settings: Any, reasoning: bool) -> BaseChatModel:  # noqa: FBT001  # for to_thread
    name = f"agents_backend.integrations.model_vendors.{_VENDORS[config.provider]}"
    if name not in sys.modules:
        importlib.import_module(name)
        gc.freeze()  # or each full collection would walk a library of 100,000 objects, and hold the loop meanwhile
    vendor: Any = sys.modules[name]
    return cast("BaseChatModel", vendor.connect(config, settings, reasoning=reasoning))


def convert(chunk: AIMessageChunk, config: ModelConfig) -> ModelChunk:
    text, reasoning, thoughts = "", chunk.additional_kwargs.get("reasoning_content", ""), []
    for part in [chunk.content] if isinstance(chunk.content, str) else chunk.content:
        if isinstance(part, str):
            text += part
        elif part.get("type") == "text":
            text += part.get("text", "")
        elif part.get("type") in {"thinking", "redacted_thinking"}:
            reasoning += part.get("thinking", "")
            thoughts.append(part)
    calls = tuple(
        ToolCallDelta(index=part["index"] or 0, id=part["id"] or "", name=part["name"] or "", args=part["args"] or "")
        for part in chunk.tool_call_chunks
    )
    return ModelChunk(text, reasoning, calls, usage_of(chunk, config), tuple(thoughts))


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
    """Each vendor's client has an error tree of its own, and raises others' too: none of them may leave this module."""
    try:
        yield
    except AgentsError:
        raise
    except TimeoutError:
        raise UpstreamTimeout(f"The model {name} fell silent.") from None
    except Exception as error:
        typed = _typed(name, error)
        _log.info("model_failed", model=name, code=typed.code, error=type(error).__name__)
        raise typed from error


def _typed(name: str, error: Exception) -> Unavailable:
    if isinstance(error, ModelTimeoutError):
        return UpstreamTimeout(f"The model {name} did not answer in time.")
    if type(error) in {TypeError, ValueError, NotImplementedError}:  # LangChain's own checks, before anything was sent
        return ModelRejected(f"The model {name} cannot take this request.")
    cause: BaseException | None = error
    while cause is not None and not type(cause).__module__.startswith(_TRANSPORT):
        status = getattr(cause, "status_code", None) or getattr(cause, "code", None)
        if isinstance(status, int):
            headers = getattr(getattr(cause, "response", None), "headers", None) or {}
            return _by_status(name, status, headers.get("retry-after"))
        cause = cause.__cause__
    return UpstreamFailed(f"The model {name} broke off its answer.")


def _by_status(name: str, status: int, retry_after: str | None) -> Unavailable:
    if status == _TOO_MANY:
        return ModelOverloaded(f"The model {name} is overloaded now.", retry_after=seconds_of(retry_after))
    if status >= _SERVER_ERRORS or status in _MAY_HEAL:
        return UpstreamFailed(f"The model {name} failed with HTTP {status}.")
    return ModelRejected(f"The model {name} refused the request with HTTP {status}.")
