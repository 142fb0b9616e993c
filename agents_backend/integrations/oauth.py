"""Whom GitHub or Google says that somebody is, by the authorization code flow with PKCE.

Authlib speaks OAuth 2.0 and checks the claims of id tokens; joserfc, by the same authors, checks their signatures.
"""

import time
from dataclasses import dataclass
from typing import Any, Final, Protocol

import httpx2
import structlog
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from agents_backend.domain.errors import Invalid, UpstreamFailed, UpstreamRejected
from agents_backend.integrations.oauth_client import Client
from agents_backend.integrations.oauth_flows import Ticket
from agents_backend.settings import OAuth2Settings

KEYS_KEPT_SECONDS: Final = 3600.0
_LEEWAY_SECONDS = 60
_LONGEST = 255
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Identity:
    """An account at a provider.

    Attributes:
        subject: its id there; it never changes and is never given to another.
        login: what it is called there.
        email: None unless the provider has verified it.
    """

    subject: str
    login: str
    name: str
    email: str | None
    avatar: str


class Provider(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def issuer(self) -> str: ...

    def authorize_url(self, ticket: Ticket, redirect_uri: str) -> str:
        """Where a browser goes to sign in."""

    async def identity(self, code: str, ticket: Ticket, redirect_uri: str) -> Identity:
        """Who came back with a code.

        Raises:
            Invalid: the code is not good, or who it stands for cannot be verified.
            UpstreamRejected: our client id, secret or address is refused. UpstreamOverloaded: HTTP 429.
            UpstreamFailed: HTTP 5xx, no connection, or an answer that is none. UpstreamTimeout: no answer in time.
        """


class GitHub:
    """OAuth 2.0 alone: who it is comes from the API. https://docs.github.com/apps/oauth-apps."""

    name, title = "github", "GitHub"

    def __init__(self, client: Client, *, issuer: str, api_url: str) -> None:
        self._client, self.issuer, self._api = client, issuer, api_url.rstrip("/")

    def authorize_url(self, ticket: Ticket, redirect_uri: str) -> str:
        return self._client.url(ticket, redirect_uri)

    async def identity(self, code: str, ticket: Ticket, redirect_uri: str) -> Identity:
        async with self._client.deadline(), self._client.open(redirect_uri) as session:
            await self._client.exchange(session, code, ticket)
            user = await self._client.read(session, f"{self._api}/user")
            found = user if isinstance(user, dict) else {}
            if type(found.get("id")) is not int or not found.get("login"):
                raise UpstreamFailed("GitHub gave no usable answer.")
            email = await self._email(session)
        return Identity(
            subject=str(found["id"]),
            login=_text(found, "login"),
            name=_text(found, "name"),
            email=email,
            avatar=_text(found, "avatar_url"),
        )

    async def _email(self, session: Any) -> str | None:
        """The verified primary address; None when the person did not let us see it."""
        try:
            listed = await self._client.read(session, f"{self._api}/user/emails")
        except UpstreamRejected:
            return None
        entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
        shown = (entry.get("email") for entry in entries if entry.get("primary") and entry.get("verified") is True)
        return next((email for email in shown if isinstance(email, str)), None)


class Google:
    """OpenID Connect: who it is stands in the id token, signed. https://developers.google.com/identity/openid-connect."""

    name, title = "google", "Google"

    def __init__(self, client: Client, *, issuer: str, jwks_url: str) -> None:
        self._client, self.issuer, self._jwks_url = client, issuer, jwks_url
        self._keys: tuple[float, KeySet] | None = None

    def authorize_url(self, ticket: Ticket, redirect_uri: str) -> str:
        return self._client.url(ticket, redirect_uri, nonce=ticket.nonce)

    async def identity(self, code: str, ticket: Ticket, redirect_uri: str) -> Identity:
        async with self._client.deadline(), self._client.open(redirect_uri) as session:
            tokens = await self._client.exchange(session, code, ticket)
            try:
                signed = await self._verified(session, str(tokens.get("id_token", "")))
                claims = self._checked(signed, ticket, str(tokens["access_token"]))
            except (JoseError, ValueError, TypeError) as error:
                _log.warning("oauth2_id_token_refused", provider=self.name, reason=type(error).__name__)
                raise Invalid(
                    "What Google said about you could not be verified. Begin the sign-in again.",
                    code="OAUTH2_IDENTITY_REFUSED",
                ) from None
        email = claims.get("email") if claims.get("email_verified") is True else None
        return Identity(
            subject=claims["sub"],
            login=email if isinstance(email, str) else claims["sub"],
            name=_text(claims, "name"),
            email=email if isinstance(email, str) else None,
            avatar=_text(claims, "picture"),
        )

    async def _verified(self, session: Any, token: str) -> jwt.Token:
        """The token, if a key of Google's signed it; keys that changed since they were read are read again, once."""
        keys = await self._key_set(session, fresh=False)
        try:
            return jwt.decode(token, keys, algorithms=["RS256"])
        except InvalidKeyIdError:
            return jwt.decode(token, await self._key_set(session, fresh=True), algorithms=["RS256"])

    def _checked(self, signed: jwt.Token, ticket: Ticket, access_token: str) -> dict[str, Any]:
        """The claims of a token that Google made for us, now and for this flow (OpenID Connect Core 1.0, 3.1.3.7)."""
        client_id = self._client.client_id
        claims = CodeIDToken(
            signed.claims,
            signed.header,
            # Google documents its name with and without the scheme.
            options={
                "iss": {"essential": True, "values": [self.issuer, self.issuer.removeprefix("https://")]},
                "aud": {"essential": True, "value": client_id},
            },
            params={"nonce": ticket.nonce, "client_id": client_id, "access_token": access_token},
        )
        claims.validate(leeway=_LEEWAY_SECONDS)
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST:
            raise ValueError("sub")
        return dict(claims)

    async def _key_set(self, session: Any, *, fresh: bool) -> KeySet:
        if self._keys is None or fresh or self._keys[0] < time.monotonic():
            given = await self._client.read(session, self._jwks_url, signed=False)
            try:
                made = KeySet.import_key_set(given)
            except (JoseError, ValueError, TypeError, KeyError, AttributeError):
                raise UpstreamFailed("Google's keys cannot be read.") from None
            self._keys = (time.monotonic() + KEYS_KEPT_SECONDS, made)
        return self._keys[1]


def _text(found: dict[str, Any], name: str) -> str:
    """A field as one short line."""
    value = found.get(name)
    return " ".join(value.replace("\x00", "").split())[:_LONGEST] if isinstance(value, str) else ""


def connect(settings: OAuth2Settings) -> dict[str, Provider]:
    """The providers that are configured, by their names."""
    trust = httpx2.create_ssl_context()  # 10 ms of reading certificates, which no request shall pay
    found: list[Provider] = []
    if settings.github_client_id and settings.github_client_secret:
        client = Client(
            title=GitHub.title,
            client_id=settings.github_client_id,
            secret=settings.github_client_secret.get_secret_value(),
            scope="read:user user:email",
            authorize_url=settings.github_authorize_url,
            token_url=settings.github_token_url,
            seconds=settings.timeout_seconds,
            trust=trust,
        )
        found.append(GitHub(client, issuer=settings.github_issuer, api_url=settings.github_api_url))
    if settings.google_client_id and settings.google_client_secret:
        client = Client(
            title=Google.title,
            client_id=settings.google_client_id,
            secret=settings.google_client_secret.get_secret_value(),
            scope="openid email profile",
            authorize_url=settings.google_authorize_url,
            token_url=settings.google_token_url,
            seconds=settings.timeout_seconds,
            trust=trust,
        )
        found.append(Google(client, issuer=settings.google_issuer, jwks_url=settings.google_jwks_url))
    return {provider.name: provider for provider in found}
