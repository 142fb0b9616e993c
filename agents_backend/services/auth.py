"""Signing in, staying in, signing out. PostgreSQL says which session lives; Redis only slows guessing.

A refresh token works once. Whoever presents an old one, the losers of a parallel race included, revokes the whole
family: the server cannot tell a race from a thief (RFC 9700, 4.14.2).
"""

import asyncio
import hashlib
import ipaddress
import secrets
import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta

import jwt
from redis.asyncio import Redis
from redis.exceptions import RedisError
from ua_parser import parse

from agents_backend.db import users
from agents_backend.db.base import Database, now
from agents_backend.db.tables.users import AuthSession, LoginLog, User
from agents_backend.domain.errors import Invalid, TooMany, Unauthenticated, Unavailable
from agents_backend.integrations import captcha
from agents_backend.services.passwords import Passwords
from agents_backend.settings import Settings

_ALGORITHM = "HS256"
_LEEWAY_SECONDS = 10
_CACHED_SESSIONS = 10_000
_FREE_FAILURES = 3
_CLAIMS = ["iss", "aud", "sub", "exp", "iat", "jti", "typ", "sid"]


@dataclass(frozen=True)
class Principal:
    user_id: int
    username: str
    is_superuser: bool
    session_id: uuid.UUID


@dataclass(frozen=True)
class RequestContext:
    address: str
    user_agent: str
    request_id: str


@dataclass(frozen=True)
class Tokens:
    access: str
    refresh: str
    user: User


class AuthService:
    def __init__(self, *, database: Database, redis: Redis, passwords: Passwords, settings: Settings) -> None:
        self._database, self._redis, self._passwords = database, redis, passwords
        self._settings, self._auth = settings, settings.auth
        self._cache: OrderedDict[uuid.UUID, tuple[float, User | None]] = OrderedDict()

    async def login(
        self, username: str, password: str, captcha_id: str | None, code: str | None, context: RequestContext
    ) -> Tokens:
        """Sign in.

        Raises:
            Unauthenticated: no such user, or another password: the same answer.
            Invalid: a captcha is required, or is wrong.
            TooMany: too many failures of this account from this address, or of this address.
            Unavailable: Redis or PostgreSQL is down.
        """
        pair = hashlib.sha256(f"{username}\0{context.address}".encode()).hexdigest()
        account = hashlib.sha256(username.encode()).hexdigest()
        keys = (f"login:pair:{pair}", f"login:address:{context.address}", f"login:account:{account}")
        try:
            await self._admit(keys, captcha_id, code)
            async with self._database.transaction() as session:
                user = await users.by_username(session, username)
            right = await self._passwords.matches(password, user.password_hash if user else None)
            if user is None or not right or not user.is_enabled:
                await self._count(keys)
                await self._log(username, user, context, succeeded=False)
                raise Unauthenticated("The username or the password is wrong.")
            await self._redis.delete(keys[0], keys[2])
        except RedisError as error:
            raise Unavailable("Signing in is not available now.", retry_after=2) from error
        await self._log(username, user, context, succeeded=True)
        return await self._open(user, context)

    async def _admit(self, keys: tuple[str, str, str], captcha_id: str | None, code: str | None) -> None:
        pair, address, account = (int(value or 0) for value in await self._redis.mget(keys))
        # The account alone never locks: that would let a stranger lock its owner out.
        if pair >= self._auth.login_attempts or address >= self._auth.login_attempts_per_address:
            key = keys[0] if pair >= self._auth.login_attempts else keys[1]
            raise TooMany("Too many failed attempts.", retry_after=max(1, await self._redis.ttl(key)))
        if not self._settings.captcha_required and max(address, account) < _FREE_FAILURES:
            return
        if not captcha_id or not code:
            raise Invalid("A captcha is required.", code="CAPTCHA_REQUIRED")
        if not await captcha.take(self._redis, captcha_id, code):
            await self._count(keys)
            raise Invalid("The captcha is wrong or has expired.", code="CAPTCHA_INVALID")

    async def _count(self, keys: tuple[str, str, str]) -> None:
        async with self._redis.pipeline(transaction=True) as pipe:
            for key in keys:
                pipe.incr(key)
                pipe.expire(key, self._auth.login_window_seconds, nx=True)
            await pipe.execute()

    async def _log(self, username: str, user: User | None, context: RequestContext, *, succeeded: bool) -> None:
        agent = await asyncio.to_thread(parse, context.user_agent[:512])  # the first one compiles for 0.1 s
        log = LoginLog(
            user_id=user.id if user else None,
            username=username[:64],
            succeeded=succeeded,
            message="signed in" if succeeded else "wrong username or password",
            address=_ip(context.address),
            user_agent=context.user_agent[:512],
            browser=agent.user_agent.family[:64] if agent.user_agent else "",
            os=agent.os.family[:64] if agent.os else "",
            request_id=context.request_id,
        )
        async with self._database.transaction() as session:
            users.add_login(session, log)

    async def _open(self, user: User, context: RequestContext) -> Tokens:
        session_id = uuid.uuid4()
        refresh = f"{session_id}.{secrets.token_urlsafe(32)}"
        async with self._database.transaction() as session:
            session.add(
                AuthSession(
                    id=session_id,
                    user_id=user.id,
                    refresh_hash=_digest(refresh),
                    expires_at=now() + timedelta(seconds=self._auth.refresh_token_seconds),
                    address=_ip(context.address),
                    user_agent=context.user_agent[:512],
                )
            )
        return Tokens(self._sign(user.id, session_id), refresh, user)

    async def refresh(self, token: str) -> Tokens:
        """A new pair for a refresh token, which is used up.

        Raises:
            Unauthenticated: it is unknown, expired, revoked or used; a used one revokes its family.
        """
        session_id = _uuid(token.partition(".")[0])
        fresh = f"{session_id}.{secrets.token_urlsafe(32)}"
        expires = now() + timedelta(seconds=self._auth.refresh_token_seconds)
        async with self._database.transaction() as session:
            user = await users.live(session, session_id)
            won = user and await users.rotate(session, session_id, _digest(token), _digest(fresh), expires)
            if not won:
                await users.revoke(session, session_id, "refresh token reused")
        if user is None or not won:
            self._cache.pop(session_id, None)
            raise Unauthenticated("The refresh token is not valid.")
        return Tokens(self._sign(user.id, session_id), fresh, user)

    async def logout(self, session_id: uuid.UUID) -> None:
        async with self._database.transaction() as session:
            await users.revoke(session, session_id, "logout")
        self._cache.pop(session_id, None)

    async def authenticate(self, token: str) -> Principal:
        """Whose access token it is.

        Raises:
            Unauthenticated: forged, expired, of another kind, or its session is revoked.
        """
        user_id, session_id = self._verify(token)
        user = await self._user(session_id)
        if user is None or user.id != user_id:
            raise Unauthenticated
        return Principal(user.id, user.username, user.is_superuser, session_id)

    async def is_live(self, session_id: uuid.UUID) -> bool:
        """Whether a session still lives, at most `session_cache_seconds` stale; for open streams."""
        return await self._user(session_id) is not None

    async def new_captcha(self) -> tuple[str, str]:
        """A captcha's id and picture."""
        try:
            return await captcha.make(self._redis)
        except RedisError as error:
            raise Unavailable(retry_after=2) from error

    async def _user(self, session_id: uuid.UUID) -> User | None:
        kept = self._cache.get(session_id)
        asked = time.monotonic()
        if kept and kept[0] > asked:
            return kept[1]
        async with self._database.transaction() as session:
            user = await users.live(session, session_id)
        self._cache[session_id] = (asked + self._auth.session_cache_seconds, user)
        if len(self._cache) > _CACHED_SESSIONS:
            self._cache.popitem(last=False)
        return user

    def _sign(self, user_id: int, session_id: uuid.UUID) -> str:
        issued = int(time.time())
        claims = {"iss": self._auth.issuer, "aud": self._auth.audience, "sub": str(user_id), "iat": issued}
        more = {"exp": issued + self._auth.access_token_seconds, "jti": uuid.uuid4().hex}
        return jwt.encode({**claims, **more, "typ": "access", "sid": str(session_id)}, self._keys()[0], _ALGORITHM)

    def _verify(self, token: str) -> tuple[int, uuid.UUID]:
        for key in self._keys():
            try:
                claims = jwt.decode(
                    token,
                    key,
                    algorithms=[_ALGORITHM],
                    audience=self._auth.audience,
                    issuer=self._auth.issuer,
                    leeway=_LEEWAY_SECONDS,
                    options={"require": _CLAIMS},
                )
                if claims["typ"] == "access":
                    return int(claims["sub"]), _uuid(str(claims["sid"]))
            except (jwt.PyJWTError, ValueError):
                continue
        raise Unauthenticated

    def _keys(self) -> list[str]:
        return [key.get_secret_value() for key in (self._auth.secret, self._auth.previous_secret) if key]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise Unauthenticated from error


def _ip(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
