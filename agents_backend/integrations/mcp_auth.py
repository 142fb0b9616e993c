"""Signing in to OAuth-protected MCP servers, by the SDK's own providers; tokens are kept by who gives a `Keeper`.

The SDK forgets, between two connections, when a token expires and who issued it: both are kept here beside it, so that a
token is refreshed in time and where it came from. Only one process refreshes at a time: a refresh token works once.
"""

import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import httpx2
from mcp.client.auth import OAuthClientProvider
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthMetadata,
    OAuthToken,
)
from pydantic import AnyUrl

from agents_backend.domain.mcp import OAuthClient, ServerConfig

EARLY_SECONDS: Final = 60  # a token that expires so soon is refreshed before it is used
CLIENT_NAME: Final = "Agents Backend"
_WANTS_CONSENT: Final = frozenset({401, 403})


class Keeper(Protocol):
    """Keeps what a sign-in gave, as JSON; it is a secret."""

    async def load(self) -> str | None: ...
    async def save(self, kept: str) -> None: ...
    def alone(self) -> AbstractAsyncContextManager[None]:
        """Nobody else is in such a block for the same server."""


@dataclass(frozen=True)
class Returned:
    """What a browser brought back from an authorization server; `issuer` where it names itself (RFC 9207)."""

    code: str
    state: str
    issuer: str | None = None


@dataclass(frozen=True)
class Person:
    """How a person is asked to consent.

    Attributes:
        redirect_uri: where the authorization server sends the browser back to.
        send: takes the address that the person is to open.
        returned: waits for what came back.
    """

    redirect_uri: str
    send: Callable[[str], Awaitable[None]]
    returned: Callable[[], Awaitable[Returned]]


class SignIn:
    """How one server is signed in to. Without a `person`, one whose consent is needed is refused."""

    def __init__(self, keeper: Keeper, person: Person | None = None) -> None:
        self._keeper, self._person = keeper, person

    async def auth(self, config: ServerConfig) -> httpx2.Auth | None:
        """The SDK's provider for a connection; None where the server has no OAuth client."""
        if config.oauth is None:
            return None
        storage = _Storage(self._keeper, config.oauth)
        if config.oauth.grant == "client_credentials":
            return _Credentials(
                config.url,
                storage,
                client_id=config.oauth.client_id or "",
                client_secret=config.oauth.client_secret or "",
                scope=config.oauth.scope,
                issuer=config.oauth.issuer,
            )
        return _Consent(config, storage, self._person)


class _Storage:
    """The SDK's `TokenStorage`, with what it leaves out."""

    def __init__(self, keeper: Keeper, client: OAuthClient) -> None:
        self.keeper, self._client = keeper, client
        self.metadata: OAuthMetadata | None = None
        self.expires_at: float | None = None
        self._registered: dict[str, Any] | None = None
        self._tokens: dict[str, Any] | None = None

    async def load(self) -> None:
        kept = json.loads(await self.keeper.load() or "{}")
        self._tokens, self._registered = kept.get("tokens"), kept.get("client")
        self.expires_at = kept.get("expires_at")
        self.metadata = OAuthMetadata.model_validate(kept["metadata"]) if kept.get("metadata") else None

    async def get_tokens(self) -> OAuthToken | None:
        return OAuthToken.model_validate(self._tokens) if self._tokens else None

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self._tokens = tokens.model_dump(mode="json", exclude_none=True)
        self.expires_at = None if tokens.expires_in is None else time.time() + tokens.expires_in
        await self._save()

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        if self._client.client_id is not None:
            return OAuthClientInformationFull(
                client_id=self._client.client_id,
                client_secret=self._client.client_secret,
                token_endpoint_auth_method="client_secret_basic" if self._client.client_secret else "none",
                issuer=self._client.issuer,
            )
        return OAuthClientInformationFull.model_validate(self._registered) if self._registered else None

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self._registered = client_info.model_dump(mode="json", exclude_none=True)
        await self._save()

    async def _save(self) -> None:
        metadata = self.metadata.model_dump(mode="json", exclude_none=True) if self.metadata else None
        kept = {
            "tokens": self._tokens,
            "client": self._registered,
            "expires_at": self.expires_at,
            "metadata": metadata,
        }
        await self.keeper.save(json.dumps(kept))


class _Remembering(OAuthClientProvider):
    """A provider that goes on where an earlier connection stopped."""

    _kept: _Storage
    _is_unattended = False

    async def _initialize(self) -> None:
        await self._kept.load()
        await super()._initialize()
        self.context.oauth_metadata = self.context.oauth_metadata or self._kept.metadata
        self.context.token_expiry_time = self._kept.expires_at and self._kept.expires_at - EARLY_SECONDS

    async def _handle_token_response(self, response: httpx2.Response) -> None:
        self._kept.metadata = self.context.oauth_metadata
        await super()._handle_token_response(response)

    def _is_due(self) -> bool:
        return not self.context.is_token_valid() and self.context.can_refresh_token()

    async def _auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        if not self._initialized:
            await self._initialize()
        if self._is_due():
            async with self._kept.keeper.alone():
                await self._initialize()  # another process may have refreshed it meanwhile
                if self._is_due():
                    answer = yield await self._refresh_token()
                    await self._handle_refresh_response(answer)
        flow = super()._auth_flow(request)
        try:
            outgoing = await anext(flow)
            while True:
                answer = yield outgoing
                if self._is_unattended and outgoing is request and answer.status_code in _WANTS_CONSENT:
                    return  # nobody is there to be asked: the refusal is the answer
                outgoing = await flow.asend(answer)
        except StopAsyncIteration:
            return
        finally:
            await flow.aclose()


class _Consent(_Remembering):
    """The authorization code flow with PKCE, by a person."""

    def __init__(self, config: ServerConfig, storage: _Storage, person: Person | None) -> None:
        redirect = person.redirect_uri if person else "http://localhost/"
        metadata = OAuthClientMetadata(
            client_name=CLIENT_NAME,
            redirect_uris=[AnyUrl(redirect)],
            grant_types=["authorization_code", "refresh_token"],
            response_types=["code"],
            scope=config.oauth.scope if config.oauth else None,
            application_type="native" if redirect.startswith("http://") else "web",
        )
        self._kept, self._is_unattended, self._person = storage, person is None, person
        super().__init__(
            config.url, metadata, storage, person.send if person else None, self._returned if person else None
        )

    async def _returned(self) -> AuthorizationCodeResult:
        if self._person is None:
            raise ValueError("nobody is there to consent")
        found = await self._person.returned()
        return AuthorizationCodeResult(code=found.code, state=found.state, iss=found.issuer)


class _Credentials(_Remembering, ClientCredentialsOAuthProvider):
    """The client credentials flow: nobody is asked."""

    def __init__(self, url: str, storage: _Storage, **client: Any) -> None:
        ClientCredentialsOAuthProvider.__init__(self, url, storage, **client)
        self._kept = storage
