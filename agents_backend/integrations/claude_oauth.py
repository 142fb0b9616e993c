"""Anthropic's sign-in for Claude Code: a public client with PKCE, whose code a person copies from a page.

The endpoint takes JSON, where OAuth has forms, and the `state` is PKCE's verifier: libraries for OAuth do not fit it.
"""

import asyncio
import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import httpx2
from pydantic import BaseModel, Field, ValidationError

from agents_backend.domain.errors import (
    AgentsError,
    Invalid,
    UpstreamFailed,
    UpstreamOverloaded,
    UpstreamRejected,
    UpstreamTimeout,
)
from agents_backend.settings import ClaudeCodeSettings

TRIES: Final = 3
_OK, _TOO_MANY, _SERVER_ERRORS = 200, 429, 500
_OF_THE_GRANT: Final = frozenset({400, 401, 403})


@dataclass(frozen=True)
class ClaudeTokens:
    access_token: str
    refresh_token: str
    expires_at: datetime
    scopes: tuple[str, ...]


class _Answer(BaseModel):
    access_token: str = Field(min_length=1)
    refresh_token: str | None = None
    expires_in: int = Field(ge=1, le=366 * 24 * 3600)
    scope: str | None = None


class ClaudeOAuth:
    def __init__(self, settings: ClaudeCodeSettings) -> None:
        self._settings, self._trust = settings, httpx2.create_ssl_context()

    def begin(self) -> tuple[str, str]:
        """The page where a person consents, and the verifier that belongs to it."""
        verifier = secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "code": "true",
            "client_id": self._settings.client_id,
            "response_type": "code",
            "redirect_uri": self._settings.redirect_uri,
            "scope": self._settings.scope,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "state": verifier,
        }
        return f"{self._settings.authorize_url}?{urlencode(query)}", verifier

    async def exchange(self, code: str, verifier: str) -> ClaudeTokens:
        """The tokens for a code.

        Raises:
            Invalid: the code is not good, or was used. UpstreamFailed, UpstreamOverloaded, UpstreamTimeout: it may yet be.
        """
        fields = {"code": code, "state": verifier, "code_verifier": verifier}
        return await self._ask("authorization_code", {**fields, "redirect_uri": self._settings.redirect_uri})

    async def refresh(self, tokens: ClaudeTokens) -> ClaudeTokens:
        """Newer tokens.

        Raises:
            Invalid: the person has to consent again. The others as `exchange`.
        """
        return await self._ask("refresh_token", {"refresh_token": tokens.refresh_token}, before=tokens)

    async def _ask(self, grant: str, fields: dict[str, str], before: ClaudeTokens | None = None) -> ClaudeTokens:
        body = {"grant_type": grant, "client_id": self._settings.client_id, **fields}
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                answer = await self._post(body)
        except (TimeoutError, httpx2.TimeoutException):
            raise UpstreamTimeout("Anthropic did not answer in time.") from None
        except httpx2.HTTPError:
            raise UpstreamFailed("Anthropic could not be reached.") from None
        if answer.status_code != _OK:
            raise _refusal(answer.status_code)
        return self._tokens(answer, before)

    async def _post(self, body: dict[str, str]) -> httpx2.Response:
        """A grant is for one use: it is sent again only where it never left."""
        async with httpx2.AsyncClient(verify=self._trust, trust_env=True, timeout=None) as client:  # bounded outside
            for attempt in range(1, TRIES + 1):
                try:
                    return await client.post(self._settings.token_url, json=body)
                except httpx2.ConnectError:
                    if attempt == TRIES:
                        raise
                    await asyncio.sleep(0.1 * 2**attempt)
        raise AssertionError("the last try returns or raises")

    def _tokens(self, answer: httpx2.Response, before: ClaudeTokens | None) -> ClaudeTokens:
        try:
            given = _Answer.model_validate_json(answer.content)
        except ValidationError:
            raise UpstreamFailed("Anthropic gave no usable answer.") from None
        refresh = given.refresh_token or (before.refresh_token if before else "")
        scopes = tuple((given.scope or "").split()) or (
            before.scopes if before else tuple(self._settings.scope.split())
        )
        return ClaudeTokens(
            given.access_token, refresh, datetime.now(UTC) + timedelta(seconds=given.expires_in), scopes
        )


def _refusal(status: int) -> AgentsError:
    if status in _OF_THE_GRANT:
        return Invalid("Anthropic does not take this sign-in. Begin it again.", code="CLAUDE_CODE_REFUSED")
    if status == _TOO_MANY:
        return UpstreamOverloaded("Anthropic takes no more requests now.", retry_after=5)
    if status >= _SERVER_ERRORS:
        return UpstreamFailed(f"Anthropic failed with HTTP {status}.")
    return UpstreamRejected(f"Anthropic refused the request with HTTP {status}.")


def dumped(tokens: ClaudeTokens) -> dict[str, Any]:
    return {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "expires_at": tokens.expires_at.isoformat(),
        "scopes": list(tokens.scopes),
    }


def loaded(kept: dict[str, Any]) -> ClaudeTokens:
    return ClaudeTokens(
        kept["access_token"], kept["refresh_token"], datetime.fromisoformat(kept["expires_at"]), tuple(kept["scopes"])
    )
