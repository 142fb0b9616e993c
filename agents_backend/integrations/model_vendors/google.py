"""Google's Gemini API."""

from typing import Any

import httpx2
from langchain_core.language_models import BaseChatModel
from langchain_google_genai import ChatGoogleGenerativeAI

from agents_backend.settings import ModelConfig, ModelSettings


def connect(config: ModelConfig, settings: ModelSettings, *, reasoning: bool) -> BaseChatModel:
    # Naming the transport keeps Google's SDK from aiohttp, which it prefers where another package has brought it along:
    # its errors, and how its connections close, would be others.
    more: dict[str, Any] = {"client_args": {"transport": httpx2.AsyncHTTPTransport()}}
    if config.base_url:
        more["base_url"] = config.base_url
    if config.temperature is not None:
        more["temperature"] = config.temperature
    if reasoning:
        more["include_thoughts"] = True
    return ChatGoogleGenerativeAI(
        model=config.model,
        google_api_key=config.api_key,
        max_output_tokens=config.max_output_tokens,
        max_retries=0,
        timeout=settings.timeout_seconds,
        **more,
    )
