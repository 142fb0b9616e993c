"""Signing in with GitHub and Google, and linking an account there to oneself."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Cookie, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from agents_backend.db.lists import Slice
from agents_backend.domain.errors import (
    AgentsError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Unauthenticated,
    Unavailable,
    UpstreamFailed,
    UpstreamTimeout,
)
from agents_backend.services.auth import Tokens
from agents_backend.services.oauth import Begun, Landing
from agents_backend.settings import Settings
from api.dependencies import CurrentUser, OAuthOf, RequestContext
from api.openapi import errors
from api.routes.auth import answer
from api.schemas.auth import TokenView
from api.schemas.oauth import AuthorizeView, CallbackQuery, LinkView, ProviderName, ProvidersView
from api.schemas.pages import Number, Page, Size, listed

router = APIRouter(prefix="/admin/oauth2", tags=["oauth2"])
_COOKIE = "oauth2_browser"
_PATH = "/api/v1/admin/oauth2"
_AUTHORIZE = {307: {"description": "To the provider"}, **errors(Invalid, NotFound, Unavailable)}
_CALLBACK = {
    303: {"description": "To the console, where the sign-in began there"},
    **errors(Invalid, Unauthenticated, Forbidden, NotFound, Conflict, Unavailable, UpstreamFailed, UpstreamTimeout),
}
Browser = Annotated[str | None, Cookie(alias=_COOKIE, description="binds a sign-in to the browser that began it")]
Mode = Annotated[
    Literal["redirect", "json", "console"],
    Query(description="`json` answers the address; `console` ends the sign-in on the console's page"),
]

# A step of signing in, with a provider.
Step = Callable[[ProviderName], Awaitable[Any]]


def _begun(begun: Begun, mode: str, request: Request, response: Response) -> AuthorizeView | Response:
    """To the provider, with the cookie that its callback asks for."""
    settings: Settings = request.app.state.services.settings
    secure = settings.auth.cookie_secure
    answered = response if mode == "json" else RedirectResponse(begun.url, 307)
    answered.set_cookie(
        _COOKIE,
        begun.browser,
        max_age=settings.oauth2.flow_seconds,
        path=_PATH,
        secure=settings.in_production if secure is None else secure,
        httponly=True,
        samesite="lax",  # the provider's page sends the browser back: that is a visit from another site
    )
    answered.headers["Cache-Control"] = "no-store"
    return AuthorizeView(url=begun.url) if mode == "json" else answered


def _landed(landed: Landing, request: Request, response: Response) -> TokenView | LinkView | Response:
    refused = landed.outcome if isinstance(landed.outcome, AgentsError) else None
    to_console = RedirectResponse(f"/#/?refused={refused.code}" if refused else "/", 303)
    answered = to_console if landed.in_console else response
    answered.headers["Cache-Control"] = "no-store"
    answered.headers["Referrer-Policy"] = "no-referrer"  # the address holds the code
    view: TokenView | LinkView | None = None
    if isinstance(landed.outcome, Tokens):
        view = answer(landed.outcome, request, answered)
    elif not isinstance(landed.outcome, AgentsError):
        view = LinkView.model_validate(landed.outcome)
    return to_console if landed.in_console or view is None else view


@router.get("/providers", summary="The providers that one can sign in with here", responses=errors(Unavailable))
async def list_oauth2_providers(oauth: OAuthOf) -> ProvidersView:
    return ProvidersView.of(oauth.offered())


@router.get(
    "/links", response_model=Page[LinkView], summary="My linked accounts", responses=errors(Unauthenticated, Invalid)
)
async def list_oauth2_links(user: CurrentUser, oauth: OAuthOf, page: Number = 1, size: Size = 20) -> dict[str, Any]:
    part = Slice(page, size)
    return listed(await oauth.links(user, part), part)


async def _beginning(
    oauth: OAuthOf, request: Request, response: Response, mode: Mode = "redirect", browser: Browser = None
) -> Step:
    async def begin(provider: ProviderName) -> Any:
        begun = await oauth.begin(provider, browser, in_console=mode == "console")
        return _begun(begun, mode, request, response)

    return begin


async def _finishing(
    query: Annotated[CallbackQuery, Query()],
    oauth: OAuthOf,
    context: RequestContext,
    request: Request,
    response: Response,
    browser: Browser = None,
) -> Step:
    async def finish(provider: ProviderName) -> Any:
        return _landed(await oauth.finish(provider, query.returned(), browser or "", context), request, response)

    return finish


Begin = Annotated[Step, Depends(_beginning)]
Finish = Annotated[Step, Depends(_finishing)]


@router.get(
    "/github/authorize", response_model=AuthorizeView, summary="Begin to sign in with GitHub", responses=_AUTHORIZE
)
async def github_authorize(begin: Begin) -> Any:
    return await begin("github")


@router.get(
    "/github/callback",
    response_model=TokenView | LinkView,
    summary="End a sign-in with GitHub, or link its account",
    responses=_CALLBACK,
)
async def github_callback(finish: Finish) -> Any:
    return await finish("github")


@router.get(
    "/google/authorize", response_model=AuthorizeView, summary="Begin to sign in with Google", responses=_AUTHORIZE
)
async def google_authorize(begin: Begin) -> Any:
    return await begin("google")


@router.get(
    "/google/callback",
    response_model=TokenView | LinkView,
    summary="End a sign-in with Google, or link its account",
    responses=_CALLBACK,
)
async def google_callback(finish: Finish) -> Any:
    return await finish("google")


@router.post(
    "/{provider}/link",
    summary="Begin to link an account to myself",
    responses=errors(Unauthenticated, Invalid, NotFound, Unavailable),
)
async def link_oauth2_account(
    provider: ProviderName,
    user: CurrentUser,
    oauth: OAuthOf,
    request: Request,
    response: Response,
    mode: Annotated[
        Literal["json", "console"], Query(description="`console` ends on the console's page, not in an answer")
    ] = "json",
    browser: Browser = None,
) -> AuthorizeView:
    begun = await oauth.begin_link(provider, browser, user, in_console=mode == "console")
    _begun(begun, "json", request, response)
    return AuthorizeView(url=begun.url)


@router.delete(
    "/{provider}/link",
    status_code=204,
    summary="Unlink my account",
    responses=errors(Unauthenticated, Invalid, NotFound, Conflict, Unavailable),
)
async def unlink_oauth2_account(provider: ProviderName, user: CurrentUser, oauth: OAuthOf) -> None:
    await oauth.unlink(provider, user)
