"""Any server that speaks OpenAI's `/embeddings`."""

import json
from collections.abc import Sequence
from typing import Any

import httpx

from agents_backend.domain.errors import UpstreamFailed, UpstreamOverloaded, UpstreamRejected, UpstreamTimeout
from agents_backend.integrations.embeddings.answers import Embedded, cost_of, tokens_about
from agents_backend.integrations.retry_after import seconds_of
from agents_backend.settings import DIMENSIONS, EmbeddingSettings

_UNUSABLE = "The embedding service gave no usable answer."
_OK, _TIMEOUT, _TOO_MANY, _SERVER_ERRORS = 200, 408, 429, 500


class OpenAIEmbeddings:
    at_once = 64

    def __init__(self, settings: EmbeddingSettings, *, url: str, key: str | None) -> None:
        self._settings, self._url = settings, url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        size = f":{settings.dimensions}" if settings.dimensions else ""
        self.name, self.price = f"openai:{settings.model}{size}"[:160], settings.price

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """All in one request.

        Raises:
            UpstreamRejected: the key is wrong, or the request is refused. UpstreamOverloaded: 429. UpstreamTimeout: no answer in time.
            UpstreamFailed: 5xx, no connection, or an answer that is none.
        """
        body: dict[str, Any] = {"model": self._settings.model, "input": list(texts), "encoding_format": "float"}
        if self._settings.dimensions:
            body["dimensions"] = self._settings.dimensions
        try:
            async with httpx.AsyncClient(timeout=self._settings.timeout_seconds) as client:
                answer = await client.post(f"{self._url}/embeddings", json=body, headers=self._headers)
        except httpx.TimeoutException:
            raise UpstreamTimeout("The embedding service did not answer in time.") from None
        except httpx.HTTPError as error:
            raise UpstreamFailed("The embedding service broke off.") from error
        if answer.status_code != _OK:
            raise _by_status(answer.status_code, answer.headers.get("retry-after", ""))
        try:
            given = json.loads(answer.content)
        except ValueError:
            raise UpstreamFailed(_UNUSABLE) from None
        tokens = _tokens(given) or tokens_about(texts)
        return Embedded(_vectors(given, len(texts)), tokens, cost_of(tokens, self.price))


def _tokens(given: Any) -> int:
    """What the server counted; 0 where it does not say, or says what cannot be."""
    usage = given.get("usage") if isinstance(given, dict) else None
    found = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    return found if isinstance(found, int) and found > 0 else 0


def _vectors(given: Any, count: int) -> list[list[float]]:
    """The vectors in the texts' order."""
    try:
        found = sorted(given["data"], key=lambda item: item["index"])
        vectors = [[float(value) for value in item["embedding"]] for item in found]
    except (ValueError, KeyError, TypeError):
        raise UpstreamFailed(_UNUSABLE) from None
    if len(vectors) != count:
        raise UpstreamFailed("The embedding service gave another number of vectors than of texts.")
    if sizes := sorted({len(vector) for vector in vectors} - set(DIMENSIONS)):
        raise UpstreamRejected(
            f"The embedding model's vectors have {sizes[0]} numbers; there are indexes for {', '.join(map(str, DIMENSIONS))}."
        )
    return vectors


def _by_status(status: int, retry_after: str) -> UpstreamFailed | UpstreamOverloaded:
    if status == _TOO_MANY:
        return UpstreamOverloaded(
            "The embedding service takes no more requests now.", retry_after=seconds_of(retry_after)
        )
    if status >= _SERVER_ERRORS or status == _TIMEOUT:
        return UpstreamFailed(f"The embedding service failed with HTTP {status}.")
    return UpstreamRejected(f"The embedding service refused the request with HTTP {status}.")
