"""Access tokens: JWTs of one pinned algorithm, short-lived, each bound to a session."""

import time
import uuid
from dataclasses import dataclass

import jwt

from agents_backend.domain.errors import Unauthenticated
from agents_backend.settings import AuthSettings

_ALGORITHM = "HS256"
_LEEWAY_SECONDS = 10
_CLAIMS = ["iss", "aud", "sub", "exp", "iat", "jti", "typ", "sid"]


@dataclass(frozen=True)
class Claims:
    user_id: int
    session_id: uuid.UUID


class AccessTokens:
    def __init__(self, settings: AuthSettings) -> None:
        self._settings = settings
        self._keys = [key.get_secret_value() for key in (settings.secret, settings.previous_secret) if key]
        self._jwt = jwt.PyJWT()

    def sign(self, user_id: int, session_id: uuid.UUID) -> str:
        issued = int(time.time())
        claims = {
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
            "sub": str(user_id),
            "iat": issued,
            "exp": issued + self._settings.access_token_seconds,
            "jti": uuid.uuid4().hex,
            "typ": "access",
            "sid": str(session_id),
        }
        return jwt.encode(claims, self._keys[0], _ALGORITHM)

    def verify(self, token: str) -> Claims:
        """Whose token it is, by its signature alone.

        Raises:
            Unauthenticated: forged, expired, not yet valid, or meant for something else: one answer for all.
        """
        for key in self._keys:
            try:
                return self._decoded(token, key)
            except (jwt.PyJWTError, ValueError, TypeError):
                continue
        raise Unauthenticated

    def _decoded(self, token: str, key: str) -> Claims:
        claims = self._jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            audience=self._settings.audience,
            issuer=self._settings.issuer,
            leeway=_LEEWAY_SECONDS,
            options={"require": _CLAIMS, "strict_aud": True},
        )
        if claims["typ"] != "access":
            raise ValueError(claims["typ"])
        return Claims(int(claims["sub"]), uuid.UUID(str(claims["sid"])))
