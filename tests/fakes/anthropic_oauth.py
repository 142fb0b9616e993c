"""Anthropic's token endpoint for Claude Code, on loopback: codes with PKCE, refresh tokens that rotate, faults by a switch."""

import base64
import hashlib
import json
import secrets
from typing import Self

from tests.fakes.wire import Asked, Server, answer, misbehave

PATH = "/v1/oauth/token"


class FakeAnthropicOAuth:
    """`lifetime`: seconds that an access token lives. `fault`: `429`, `500`, `malformed` or `hang`, `faults` times."""

    def __init__(self) -> None:
        self.lifetime = 8 * 3600
        self.fault, self.faults = "", 0
        self.refreshed: list[str] = []
        self.issued: list[str] = []
        self._codes: dict[str, str] = {}
        self._refresh: set[str] = set()
        self._server = Server(self._handle)

    @property
    def token_url(self) -> str:
        return f"{self._server.url}{PATH}"

    @property
    def asked(self) -> list[Asked]:
        return self._server.asked

    def consent(self, challenge: str) -> str:
        """What its page would give after the consent: a code for a challenge."""
        code = secrets.token_urlsafe(12)
        self._codes[code] = challenge
        return code

    def revoke(self) -> None:
        self._refresh.clear()

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.__aexit__()

    async def _handle(self, asked: Asked, writer) -> None:
        if self.faults:
            self.faults -= 1
            await misbehave(self.fault, writer)
            return
        body = asked.json
        if asked.path != PATH or body.get("client_id") != "9d1c250a-e61b-44d9-88ed-5944d1962f5e":
            await answer(writer, '{"error": "invalid_client"}', status=400)
        elif self._is_good(body):
            await answer(writer, json.dumps(self._tokens()))
        else:
            await answer(writer, '{"error": "invalid_grant", "error_description": "secret-body"}', status=400)

    def _is_good(self, body: dict) -> bool:
        if body.get("grant_type") == "refresh_token":
            if body["refresh_token"] not in self._refresh:
                return False
            self._refresh.remove(body["refresh_token"])
            self.refreshed.append(body["refresh_token"])
            return True
        challenge = self._codes.pop(body.get("code", ""), None)
        digest = hashlib.sha256(body.get("code_verifier", "").encode()).digest()
        made = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return (
            body.get("grant_type") == "authorization_code"
            and challenge == made
            and body["state"] == body["code_verifier"]
            and body["redirect_uri"] == "https://console.anthropic.com/oauth/code/callback"
        )

    def _tokens(self) -> dict:
        access, refresh = (f"sk-ant-{kind}-{secrets.token_urlsafe(24)}" for kind in ("oat01", "ort01"))
        self._refresh.add(refresh)
        self.issued += [access, refresh]
        return {
            "token_type": "Bearer",
            "access_token": access,
            "refresh_token": refresh,
            "expires_in": self.lifetime,
            "scope": "user:profile user:inference",
        }
