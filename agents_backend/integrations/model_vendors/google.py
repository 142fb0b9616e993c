"""Google's Gemini API."""

from typing import Any

import httpx
from google.genai.types import GenerateContentResponse
from langchain_core.language_models import BaseChatModel
from langchain_google_genai import ChatGoogleGenerativeAI

from agents_backend.settings import ModelConfig, ModelSettings


def connect(config: ModelConfig, settings: ModelSettings, *, reasoning: bool) -> BaseChatModel:
    # Here, in a thread: built at their first use, the answer's models would hold the event loop for a tenth of a second.
    GenerateContentResponse.model_rebuild(force=True)
    # Naming the transport keeps Google's SDK from aiohttp, which it prefers where another package has brought it along:
    # its errors, and how its connections close, would be others.
    more: dict[str, Any] = {"client_args": {"transport": httpx.AsyncHTTPTransport()}}
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
