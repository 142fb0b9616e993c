"""GitHub's and Google's sign-in on one loopback server: the consent page that sends a browser back, tokens, accounts, keys.

It checks what they check: the client, its secret, the exact redirect URI, PKCE, and that a code works once.
"""

import asyncio
import base64
import hashlib
import json
import secrets
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.fakes.wire import Asked, Server, answer, misbehave

CLIENT_ID, CLIENT_SECRET = "client-of-ours", "canary-client-secret-4711"
GITHUB_ISSUER = "https://github.example/login/oauth"
GOOGLE_ISSUER = "https://accounts.google.example"


@dataclass
class Person:
    """An account; both providers know it, each by an id of its own."""

    login: str = field(default_factory=lambda: f"octo-{uuid.uuid4().hex[:8]}")
    name: str = "Octo Cat"
    email: str | None = None
    verified: bool = True
    number: int = field(default_factory=lambda: secrets.randbelow(10**9) + 1)

    def __post_init__(self) -> None:
        self.email = self.email or f"{self.login}@example.org"


@dataclass
class Grant:
    person: Person
    redirect_uri: str
    challenge: str
    nonce: str


class FakeProviders(Server):
    """Whoever visits is `person`, who agrees unless `denies`.

    Attributes:
        claims: changes the id token's; a value of None leaves a claim out.
        forge: makes an id token of claims, instead of signing it.
        faults: how a path misbehaves: `500`, `hang`…, or `500 once`.
        sent: every code and token that was handed out.
    """

    def __init__(self, redirect_base: str) -> None:
        super().__init__(self._answer)
        self._base = redirect_base
        self.reset()

    def reset(self) -> None:
        self.person, self.denies = Person(), False
        self.claims: dict[str, Any] = {}
        self.forge: Any = None
        self.faults: dict[str, str] = {}
        self.sent: list[str] = []
        self.tried: Counter[str] = Counter()
        self._codes: dict[str, Grant] = {}
        self._tokens: dict[str, Person] = {}

    async def __aenter__(self) -> Self:
        await self.rotate()
        return await super().__aenter__()

    async def rotate(self) -> None:
        """Sign with another key from now on."""
        kid = uuid.uuid4().hex
        self.key = await asyncio.to_thread(RSAKey.generate_key, 2048, {"kid": kid, "use": "sig", "alg": "RS256"})

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        path = urlsplit(asked.path).path
        self.tried[path] += 1
        fault, _, once = self.faults.get(path, "").partition(" ")
        if (not once or self.tried[path] == 1) and await misbehave(fault, writer):
            return
        _, provider, page = path.split("/", 2)
        match page:
            case "authorize":
                await self._consent(asked, provider, writer)
            case "token":
                status, body = self._token(asked, provider)
                await answer(writer, json.dumps(body), status=status)
            case "certs":
                await answer(writer, json.dumps({"keys": [self.key.as_dict(private=False)]}))
            case _:
                await self._account(asked, page, writer)

    async def _consent(self, asked: Asked, provider: str, writer: asyncio.StreamWriter) -> None:
        given = {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}
        known = (CLIENT_ID, f"{self._base}/api/v1/admin/oauth2/{provider}/callback", "code", "S256")
        names = ("client_id", "redirect_uri", "response_type", "code_challenge_method")
        if tuple(given.get(name) for name in names) != known:
            await answer(writer, "{}", status=400)
            return
        back = {"state": given["state"], "iss": GITHUB_ISSUER if provider == "github" else GOOGLE_ISSUER}
        if self.denies:
            back["error"] = "access_denied"
        else:
            back["code"] = code = self._hand_out("code")
            self._codes[code] = Grant(
                self.person, given["redirect_uri"], given["code_challenge"], given.get("nonce", "")
            )
        await answer(writer, status=302, location=f"{given['redirect_uri']}?{urlencode(back)}")

    def _token(self, asked: Asked, provider: str) -> tuple[int, dict[str, Any]]:
        given = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        # GitHub answers its errors with 200.
        if (given.get("client_id"), given.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return (200, {"error": "incorrect_client_credentials"}) if provider == "github" else (401, _INVALID_CLIENT)
        grant = self._codes.pop(given.get("code", ""), None)
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if grant is None or (grant.challenge, grant.redirect_uri) != (challenge, given.get("redirect_uri")):
            return (200, {"error": "bad_verification_code"}) if provider == "github" else (400, _INVALID_GRANT)
        token = self._hand_out("token")
        self._tokens[token] = grant.person
        tokens = {"access_token": token, "token_type": "bearer", "scope": "read:user,user:email"}
        if provider == "google":
            tokens |= {"token_type": "Bearer", "expires_in": 3599, "id_token": self._id_token(grant, token)}
            self.sent.append(tokens["id_token"])
        return 200, tokens

    def _id_token(self, grant: Grant, access_token: str) -> str:
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        claims = {
            "iss": GOOGLE_ISSUER,
            "aud": CLIENT_ID,
            "azp": CLIENT_ID,
            "sub": f"1{grant.person.number:020}",
            "iat": int(time.time()),
            "exp": int(time.time()) + 3600,
            "nonce": grant.nonce,
            "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
            "email": grant.person.email,
            "email_verified": grant.person.verified,
            "name": grant.person.name,
            "picture": "https://lh3.example/photo",
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        return self.forge(claims) if self.forge else jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)

    async def _account(self, asked: Asked, page: str, writer: asyncio.StreamWriter) -> None:
        person = self._tokens.get(asked.headers.get("authorization", "").removeprefix("Bearer "))
        if person is None:
            await answer(writer, '{"message": "Bad credentials"}', status=401)
        elif page == "api/user":
            found = {
                "id": person.number,
                "login": person.login,
                "name": person.name,
                "avatar_url": "https://a.example/1",
            }
            await answer(writer, json.dumps(found))
        else:
            mine = {"email": person.email, "primary": True, "verified": person.verified}
            await answer(writer, json.dumps([{**mine, "email": "old@example.org", "primary": False}, mine]))

    def _hand_out(self, kind: str) -> str:
        self.sent.append(f"canary-{kind}-{secrets.token_urlsafe(16)}")
        return self.sent[-1]


_INVALID_CLIENT = {"error": "invalid_client", "error_description": "secret-body"}
_INVALID_GRANT = {"error": "invalid_grant", "error_description": "secret-body"}
