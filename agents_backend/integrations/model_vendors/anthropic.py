"""Anthropic's Messages API."""

from typing import Any

from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import BaseChatModel

from agents_backend.settings import ModelConfig, ModelSettings

MIN_THINKING = 1_024  # tokens; the API takes no less


def connect(config: ModelConfig, settings: ModelSettings, *, reasoning: bool) -> BaseChatModel:
    more: dict[str, Any] = {}
    budget = max(MIN_THINKING, config.max_output_tokens // 2)
    if config.base_url:
        more["base_url"] = config.base_url
    if reasoning:
        more["thinking"] = {"type": "enabled", "budget_tokens": budget}
    elif config.temperature is not None:  # the API refuses it beside thinking
        more["temperature"] = config.temperature
    return ChatAnthropic(
        model_name=config.model,
        api_key=config.api_key or "",
        max_tokens_to_sample=max(config.max_output_tokens, budget + MIN_THINKING if reasoning else 0),
        max_retries=0,
        timeout=settings.timeout_seconds,
        **more,
    )
