"""Anthropic's Messages API."""

from typing import Any

from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import BaseChatModel

from agents_backend.settings import ModelConfig, ModelSettings

MIN_THINKING = 1_024  # tokens; the API takes no less


def connect(config: ModelConfig, settings: ModelSettings, *, reasoning: bool) -> BaseChatModel:
    more: dict[str, Any] = {}
    if config.base_url:
        more["base_url"] = config.base_url
    if config.temperature is not None and not reasoning:  # the API refuses it beside thinking
        more["temperature"] = config.temperature
    plain = _client(config, settings, more)
    if not reasoning:
        return plain
    # Models since Opus 4.7 decide themselves how much they think; older ones are given a number of tokens.
    if "xhigh" in ((plain.profile or {}).get("reasoning_effort_levels") or ()):
        return _client(config, settings, {**more, "reasoning_effort": config.reasoning_effort or "high"})
    budget = max(MIN_THINKING, config.max_output_tokens // 2)
    more["thinking"] = {"type": "enabled", "budget_tokens": budget}
    return _client(config, settings, more, max_tokens=max(config.max_output_tokens, budget + MIN_THINKING))


def _client(
    config: ModelConfig, settings: ModelSettings, more: dict[str, Any], *, max_tokens: int | None = None
) -> ChatAnthropic:
    made = ChatAnthropic(
        model_name=config.model,
        api_key=config.api_key or "",
        max_tokens_to_sample=max_tokens or config.max_output_tokens,
        max_retries=0,
        timeout=settings.timeout_seconds,
        **more,
    )
    _ = made._async_client  # noqa: SLF001  # made here, in a thread: its TLS context takes a tenth of a second
    return made
