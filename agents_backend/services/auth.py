"""Signing in, staying in, signing out. PostgreSQL says which session lives; Redis only slows guessing.

A refresh token works once. Whoever presents an old one revokes the session: the server cannot tell a mistake from a thief
(RFC 9700, 4.14.2). The one that was replaced a moment ago is the exception: of two tabs that refresh at the same time one
loses, is refused, and harms nobody.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from redis.asyncio import Redis
from redis.exceptions import RedisError

from agents_backend.db import sessions, users
from agents_backend.db.base import Database, now
from agents_backend.db.tables.users import AuthSession, User
from agents_backend.domain.audit import changed
from agents_backend.domain.errors import Invalid, TooMany, Unauthenticated, Unavailable
from agents_backend.domain.principals import Principal
from agents_backend.integrations import captcha
from agents_backend.integrations.login_limits import FREE_FAILURES, Admission, LoginLimits, Outcome
from agents_backend.services.clients import ip_of
from agents_backend.services.login_entries import RequestContext, login_entry
from agents_backend.services.passwords import Passwords
from agents_backend.services.principals import Principals
from agents_backend.services.refresh_tokens import digest, is_current, lost_a_race, new_token, rotate, session_of
from agents_backend.services.tokens import AccessTokens
from agents_backend.settings import Settings

__all__ = ["AuthService", "Credentials", "Principal", "RequestContext", "Tokens"]

_WAIT_SECONDS = 5.0
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Credentials:
    username: str
    password: str
    captcha_id: str | None = None
    captcha_code: str | None = None


@dataclass(frozen=True)
class Tokens:
    access: str
    refresh: str
    user: User


class AuthService:
    def __init__(
        self,
        *,
        database: Database,
        redis: Redis,
        passwords: Passwords,
        settings: Settings,
        principals: Principals | None = None,
    ) -> None:
        self._database, self._redis, self._passwords = database, redis, passwords
        self._auth = settings.auth
        self._principals = principals or Principals(database, kept_seconds=self._auth.session_cache_seconds)
        self._tokens = AccessTokens(self._auth)
        free = 0 if settings.captcha_required else FREE_FAILURES
        self._limits = LoginLimits(redis, self._auth, free_failures=free)
        self._turns, self._waiting = asyncio.Semaphore(self._auth.hash_concurrency), 0

    async def login(self, given: Credentials, context: RequestContext) -> Tokens:
        """Sign in with a password.

        Raises:
            Unauthenticated: no such user, or another password: the same answer.
            Invalid: a captcha is required, or is wrong.
            TooMany: too many failures of this account from this address, or of this address.
            Unavailable: Redis or PostgreSQL is down, or too many wait for their turn.
        """
        try:
            _refuse_locked(await self._limits.look(given.username, context.address, with_captcha=True))
            async with self._turn():
                await self._admit(given, context)
                user, may_enter = await self._compare(given, context)
        except RedisError as error:
            raise Unavailable("Signing in is not available now.", retry_after=2) from error
        if user is None or not may_enter:
            await self.record(given.username, user, context, "wrong username or password")
            raise Unauthenticated("The username or the password is wrong.")
        return await self.open_session(user, context)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """First come, first served: as many at once as there are threads for hashes, and a bounded queue."""
        if self._waiting >= self._auth.logins_waiting:
            raise Unavailable("Too many people sign in at this moment.", retry_after=2)
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._turns.release()

    async def _admit(self, given: Credentials, context: RequestContext) -> None:
        """Reserve an attempt, with a captcha where one is needed."""
        solved, give_up_at = False, time.monotonic() + _WAIT_SECONDS
        while True:
            said = await self._limits.admit(given.username, context.address, with_captcha=solved)
            _refuse_locked(said)
            if said.state == "go":
                return
            if said.state == "captcha":
                await self._take_captcha(given, context)
                solved = True
            elif time.monotonic() > give_up_at:
                raise TooMany("Too many attempts at once.", retry_after=1)
            else:
                await asyncio.sleep(_POLL_SECONDS)

    async def _take_captcha(self, given: Credentials, context: RequestContext) -> None:
        if not given.captcha_id or not given.captcha_code:
            raise Invalid("A captcha is required.", code="CAPTCHA_REQUIRED")
        if not await captcha.take(self._redis, given.captcha_id, given.captcha_code):
            await self._limits.fail(given.username, context.address)
            await self.record(given.username, None, context, "wrong captcha")
            raise Invalid("The captcha is wrong or has expired.", code="CAPTCHA_INVALID")

    async def _compare(self, given: Credentials, context: RequestContext) -> tuple[User | None, bool]:
        """The user, and whether this is their password and they may sign in. Costs the same where there is no such user."""
        outcome: Outcome = "withdrawn"
        try:
            async with self._database.transaction() as session:
                user = await users.by_username(session, given.username)
            right = await self._passwords.matches(given.password, user.password_hash if user else None)
            outcome = "succeeded" if user and right and user.is_enabled else "failed"
            return user, outcome == "succeeded"
        finally:
            await self._limits.settle(given.username, context.address, outcome)

    async def record(
        self, username: str, user: User | None, context: RequestContext, message: str, *, succeeded: bool = False
    ) -> None:
        """Put an attempt that opens no session into the login log."""
        log = await login_entry(username, user, context, message, succeeded=succeeded)
        async with self._database.transaction() as session:
            sessions.add_login(session, log)

    async def open_session(self, user: User, context: RequestContext, *, message: str = "signed in") -> Tokens:
        """A session for somebody who has shown who they are; `message` is for the login log."""
        session_id = uuid.uuid4()
        refresh = new_token(session_id)
        log = await login_entry(user.username, user, context, message, succeeded=True)
        async with self._database.transaction() as session:
            session.add(
                AuthSession(
                    id=session_id,
                    user_id=user.id,
                    refresh_hash=digest(refresh),
                    expires_at=now() + timedelta(seconds=self._auth.refresh_token_seconds),
                    address=ip_of(context.address),
                    user_agent=context.user_agent[:512],
                )
            )
            sessions.add_login(session, log)
            await users.signed_in(session, user.id)
        return Tokens(self._tokens.sign(user.id, session_id), refresh, user)

    async def refresh(self, token: str) -> Tokens:
        """A new pair for a refresh token, which is used up.

        Raises:
            Unauthenticated: it is unknown, expired, revoked or used; a used one revokes its session (RFC 9700, 4.14.2),
                unless it was replaced only after it had been sent here: of requests at once one wins, and goes on.
        """
        asked_at, session_id = now(), session_of(token)
        fresh = new_token(session_id)
        async with self._database.transaction() as session:
            found = await sessions.locked(session, session_id)
            won = found is not None and rotate(found[0], token, fresh, seconds=self._auth.refresh_token_seconds)
            grace = self._auth.refresh_grace_seconds
            if found is not None and not won and not lost_a_race(found[0], token, asked_at, grace_seconds=grace):
                await sessions.revoke(session, session_id, "refresh token reused")
                self._principals.forget(session_id=session_id)
        if found is None or not won:
            raise Unauthenticated("The refresh token is not valid.")
        return Tokens(self._tokens.sign(found[1].id, session_id), fresh, found[1])

    async def logout(self, actor: Principal) -> None:
        async with self._database.transaction() as session:
            await sessions.revoke(session, actor.session_id, "logout")
        self._principals.forget(session_id=actor.session_id)
        changed("session", actor.session_id, {"username": actor.username}, None)

    async def authenticate(self, token: str) -> Principal:
        """Whose access token it is.

        Raises:
            Unauthenticated: forged, expired, of another kind, or its session is revoked.
        """
        claims = self._tokens.verify(token)
        found = await self._principals.of(claims.session_id)
        if found is None or found.user_id != claims.user_id:
            raise Unauthenticated
        return found

    async def holder(self, refresh_token: str) -> Principal:
        """Whose refresh token it is, and it stays as it is: for a page that has the browser's cookie and nothing else.

        Raises:
            Unauthenticated: it is unknown, used or expired, or its session is revoked.
        """
        session_id = session_of(refresh_token)
        async with self._database.autocommit() as session:
            row = await session.get(AuthSession, session_id)
        if row is None or not self._presents(row, refresh_token):
            raise Unauthenticated
        found = await self._principals.of(session_id)
        if found is None:
            raise Unauthenticated
        return found

    def _presents(self, row: AuthSession, token: str) -> bool:
        grace = self._auth.refresh_grace_seconds
        return is_current(row, token) or lost_a_race(row, token, now(), grace_seconds=grace)

    async def again(self, principal: Principal) -> Principal:
        """The same person as they are now; for the answer to a change of oneself."""
        self._principals.forget(session_id=principal.session_id)
        found = await self._principals.of(principal.session_id)
        if found is None:
            raise Unauthenticated
        return found

    async def is_live(self, session_id: uuid.UUID) -> bool:
        """Whether a session still lives, at most `session_cache_seconds` stale; for open streams."""
        return await self._principals.of(session_id) is not None

    async def holds(self, principal: Principal) -> bool:
        """Whether a session lives with the rights it had: a stream that was opened with others is closed."""
        found = await self._principals.of(principal.session_id)
        return found is not None and found.rights == principal.rights

    async def new_captcha(self) -> tuple[str, str]:
        """A captcha's id and picture."""
        try:
            return await captcha.make(self._redis)
        except RedisError as error:
            raise Unavailable(retry_after=2) from error


def _refuse_locked(said: Admission) -> None:
    if said.state == "locked":
        raise TooMany("Too many failed attempts.", retry_after=said.retry_after)
