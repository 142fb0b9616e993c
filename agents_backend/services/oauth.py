"""Signing in with an account at GitHub or Google, and linking one to the user that one is.

An account is known by (provider, subject) alone. That somebody has the e-mail address of a user here makes them nobody's:
providers differ in what they verify, and addresses change hands. Who is a user already links their account while signed in.
"""

import re
import secrets
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db import oauth, roles, users
from agents_backend.db.base import Database, now
from agents_backend.db.conflicts import refusals
from agents_backend.db.lists import Found, Slice
from agents_backend.db.tables.oauth import OAuthLink
from agents_backend.db.tables.users import User
from agents_backend.domain.audit import acting, changed
from agents_backend.domain.errors import AgentsError, Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from agents_backend.domain.principals import Principal
from agents_backend.domain.rights import DataScope, Reach
from agents_backend.integrations.oauth import Identity, Provider, connect
from agents_backend.integrations.oauth_flows import Flow, Flows, Linking, Ticket
from agents_backend.services.auth import AuthService, RequestContext, Tokens
from agents_backend.services.seeds import USER
from agents_backend.settings import Settings

CALLBACK = "/api/v1/admin/oauth2/{provider}/callback"
_EVERYBODY = Reach(0, None, DataScope.ALL)
_ODD = re.compile(r"[^A-Za-z0-9._-]+")
_EMAIL = re.compile(r"[^\s@\x00-\x1f]+@[^\s@\x00-\x1f]+\.[^\s@\x00-\x1f]+")
_AVATAR = re.compile(r"https?://[^\s\x00-\x1f]+")
_LONGEST_NAME, _LONGEST_EMAIL, _LONGEST_AVATAR = 56, 254, 512
_TITLES = {"github": "GitHub", "google": "Google"}


@dataclass(frozen=True)
class Begun:
    """A flow that waits for the provider: where the browser goes, and the secret that it keeps meanwhile."""

    url: str
    browser: str


@dataclass(frozen=True)
class Returned:
    """What a provider sent the browser back with."""

    state: str
    code: str = ""
    error: str = ""
    issuer: str = ""


@dataclass(frozen=True)
class Landing:
    """What became of a flow. An error is here only where the console shows it; elsewhere it is raised."""

    outcome: Tokens | OAuthLink | AgentsError
    in_console: bool


class OAuth:
    def __init__(self, *, database: Database, redis: Redis, auth: AuthService, settings: Settings) -> None:
        self._database, self._auth = database, auth
        self._providers = connect(settings.oauth2)
        self._flows = Flows(redis, seconds=settings.oauth2.flow_seconds)
        self._sign_up, self._base_url = settings.oauth2.sign_up, settings.api.base_url

    def offered(self) -> list[Provider]:
        """The providers that one can sign in with here."""
        return list(self._providers.values())

    async def begin(self, name: str, browser: str | None, *, in_console: bool) -> Begun:
        """Begin to sign in; `browser` is the secret that it keeps from an earlier flow.

        Raises:
            NotFound: the provider is not configured. Unavailable: Redis is away.
        """
        return await self._begin(Flow(name, in_console), browser)

    async def begin_link(self, name: str, browser: str | None, actor: Principal, *, in_console: bool) -> Begun:
        """Begin to link an account to oneself.

        Raises:
            NotFound: the provider is not configured. Unavailable: Redis is away.
        """
        return await self._begin(Flow(name, in_console, Linking(actor.user_id, actor.session_id)), browser)

    async def _begin(self, flow: Flow, browser: str | None) -> Begun:
        provider, ticket = self._provider(flow.provider), Ticket.new(browser)
        await self._flows.begin(flow, ticket)
        return Begun(provider.authorize_url(ticket, self._redirect_uri(provider)), ticket.browser)

    async def finish(self, name: str, given: Returned, browser: str, context: RequestContext) -> Landing:
        """End a flow: somebody is signed in, or an account is linked.

        Raises:
            NotFound: the provider is not configured.
            Invalid: the state is not this browser's, the person or the provider declined, or the code is not good.
            Forbidden: no user is linked to the account, or theirs is disabled. Conflict: it is somebody else's already.
            Unauthenticated: who wanted to link is no longer signed in.
            UpstreamFailed, UpstreamTimeout, Unavailable: the provider, Redis or PostgreSQL fails.
        """
        provider, ticket = self._provider(name), Ticket(given.state, browser)
        flow = await self._flows.take(ticket, name)
        try:
            identity = await self._identity(provider, given, ticket)
            link = flow.linking
            outcome = await (
                self._link(provider, identity, link, context) if link else self._sign_in(provider, identity, context)
            )
        except AgentsError as error:
            if not flow.in_console:
                raise
            return Landing(error, in_console=True)
        return Landing(outcome, flow.in_console)

    async def _identity(self, provider: Provider, given: Returned, ticket: Ticket) -> Identity:
        if given.issuer and given.issuer != provider.issuer:  # RFC 9207: another provider's answer was slipped in
            raise Invalid("The answer is not of the provider that was asked.", code="OAUTH2_STATE_INVALID")
        if given.error == "access_denied":
            raise Invalid(f"You did not allow the sign-in at {provider.title}.", code="OAUTH2_DENIED")
        if given.error or not given.code:
            raise Invalid(f"{provider.title} did not sign you in.", code="OAUTH2_DENIED")
        return await provider.identity(given.code, ticket, self._redirect_uri(provider))

    async def _sign_in(self, provider: Provider, identity: Identity, context: RequestContext) -> Tokens:
        async with self._database.transaction() as session:
            await oauth.lock(session, provider.name, identity.subject)
            user, link = await oauth.owner(session, provider.name, identity.subject), None
            if user is None and self._sign_up:
                user = await _new_user(session, identity)
                link = _link_of(provider, identity, user.id)
                await oauth.add(session, link)
            await oauth.used(session, provider.name, identity.subject, identity.login)
        if user is not None and link is not None:
            acting(user.id, user.username)
            changed("user", user.id, None, {name: getattr(user, name) for name in ("username", "nickname", "email")})
            changed("oauth_link", provider.name, None, _told(link))
        if user is None:
            await self._auth.record(identity.login, None, context, f"{provider.title}: no user is linked")
            raise Forbidden(
                f"No user here is linked to this {provider.title} account. Sign in another way and link it.",
                code="OAUTH2_SIGN_UP_CLOSED",
            )
        if user.deleted_at is not None or not user.is_enabled:
            await self._auth.record(user.username, user, context, f"{provider.title}: the user is disabled")
            raise Forbidden("This user is disabled.", code="ACCOUNT_DISABLED")
        return await self._auth.open_session(user, context, message=f"signed in with {provider.title}")

    async def _link(self, provider: Provider, identity: Identity, asked: Linking, context: RequestContext) -> OAuthLink:
        if not await self._auth.is_live(asked.session_id):
            raise Unauthenticated
        async with self._database.transaction() as session, refusals(session, oauth.REFUSALS):
            await oauth.lock(session, provider.name, identity.subject)
            user = await users.locked(session, asked.user_id, _EVERYBODY)
            if user is None:
                raise Unauthenticated
            link, is_new = await _claimed(session, user, provider, identity)
        acting(user.id, user.username)
        if is_new:
            changed("oauth_link", provider.name, None, _told(link))
        await self._auth.record(user.username, user, context, f"linked {provider.title}", succeeded=True)
        return link

    async def links(self, actor: Principal, part: Slice) -> Found:
        """One's own links."""
        async with self._database.autocommit() as session:
            return await oauth.listed(session, actor.user_id, part)

    async def unlink(self, name: str, actor: Principal) -> None:
        """Let an account no longer open oneself.

        Raises:
            NotFound: none of this provider is linked. Conflict: there is no other way to sign in.
        """
        async with self._database.transaction() as session:
            user = await users.locked(session, actor.user_id, _EVERYBODY)  # of two that remove the last two, one waits
            held = await oauth.of_user(session, actor.user_id)
            if user is None or (link := held.get(name)) is None:
                raise NotFound(f"You have linked no {_TITLES[name]} account.")
            if user.password_hash is None and not (held.keys() & self._providers.keys()) - {name}:
                raise Conflict("It is your only way to sign in.", code="LAST_WAY_IN")
            await oauth.remove(session, name, link.subject)
        changed("oauth_link", name, _told(link), None)

    def _provider(self, name: str) -> Provider:
        if (found := self._providers.get(name)) is None:
            variables = " and ".join(f"OAUTH2_{name.upper()}_CLIENT_{part}" for part in ("ID", "SECRET"))
            raise NotFound(
                f"Sign-in with {_TITLES[name]} is not configured: set {variables}.", code="OAUTH2_NOT_CONFIGURED"
            )
        return found

    def _redirect_uri(self, provider: Provider) -> str:
        return f"{self._base_url}{CALLBACK.format(provider=provider.name)}"


def _told(link: OAuthLink) -> dict[str, str]:
    return {"login": link.login, "subject": link.subject}


async def _claimed(session: AsyncSession, user: User, provider: Provider, identity: Identity) -> tuple[OAuthLink, bool]:
    """The link of an account to a user, and whether it is new.

    One that was a deleted user's passes on to whoever shows that it is theirs.
    """
    owner = await oauth.owner(session, provider.name, identity.subject)
    if owner is not None and owner.id == user.id:
        return (await oauth.of_user(session, user.id))[provider.name], False
    if owner is not None and owner.deleted_at is None:
        raise Conflict(f"This {provider.title} account is linked to another user.", code="OAUTH2_LINK_TAKEN")
    if owner is not None:
        await oauth.remove(session, provider.name, identity.subject)
    link = _link_of(provider, identity, user.id)
    await oauth.add(session, link)
    return link, True


def _link_of(provider: Provider, identity: Identity, user_id: int) -> OAuthLink:
    return OAuthLink(
        user_id=user_id, provider=provider.name, subject=identity.subject, login=identity.login, created_at=now()
    )


async def _new_user(session: AsyncSession, identity: Identity) -> User:
    """Somebody new, without a password, in the role `user` where there is one."""
    plain: dict[str, Any] = {
        "nickname": (identity.name or identity.login)[:64],
        "email": _fitting(identity.email or "", _EMAIL, _LONGEST_EMAIL) or None,
        "avatar": _fitting(identity.avatar, _AVATAR, _LONGEST_AVATAR),
    }
    name = _username(identity.login)
    while (user := await oauth.add_user(session, {**plain, "username": name})) is None:
        name = f"{_username(identity.login)}-{secrets.token_hex(3)}"
    if role := await roles.by_name(session, USER):
        await users.set_roles(session, user.id, {role.id})
    return user


def _username(login: str) -> str:
    """What an account is called, as a name that a user here may have; of an e-mail address, the part before the @."""
    found = _ODD.sub("-", login.partition("@")[0]).lstrip("._-")[:_LONGEST_NAME]
    return found if len(found) > 1 else f"user-{found}"


def _fitting(text: str, form: re.Pattern[str], longest: int) -> str:
    return text if len(text) <= longest and form.fullmatch(text) else ""
