"""Signing in, staying in, signing out."""

from typing import Annotated

from fastapi import APIRouter, Cookie, Request, Response

from agents_backend.domain.errors import Invalid, TooMany, Unauthenticated, Unavailable
from agents_backend.integrations.captcha import SECONDS
from agents_backend.services.auth import Tokens
from agents_backend.settings import Settings
from api.dependencies import Auth, CurrentUser, RequestContext
from api.openapi import errors
from api.schemas.auth import CaptchaView, LoginBody, RefreshBody, TokenView, UserView

router = APIRouter(tags=["auth"])
COOKIE = "refresh_token"
_PATH = "/api/v1/admin/auth"


def answer(tokens: Tokens, request: Request, response: Response) -> TokenView:
    """What a sign-in answers, its cookie set."""
    settings: Settings = request.app.state.services.settings
    secure = settings.auth.cookie_secure
    response.set_cookie(
        COOKIE,
        tokens.refresh,
        max_age=settings.auth.refresh_token_seconds,
        path=_PATH,
        secure=settings.in_production if secure is None else secure,
        httponly=True,
        samesite="strict",
    )
    response.headers["Cache-Control"] = "no-store"
    return TokenView(
        access_token=tokens.access,
        expires_in=settings.auth.access_token_seconds,
        refresh_token=tokens.refresh,
        user=UserView.model_validate(tokens.user),
    )


@router.post("/admin/auth/login", summary="Sign in", responses=errors(Invalid, Unauthenticated, TooMany, Unavailable))
async def login(
    body: LoginBody, auth: Auth, context: RequestContext, request: Request, response: Response
) -> TokenView:
    return answer(await auth.login(body.credentials(), context), request, response)


@router.post(
    "/admin/auth/token/refresh", summary="Renew the tokens", responses=errors(Invalid, Unauthenticated, Unavailable)
)
async def refresh_token(
    auth: Auth,
    request: Request,
    response: Response,
    body: RefreshBody | None = None,
    cookie: Annotated[str | None, Cookie(alias=COOKIE)] = None,
) -> TokenView:
    token = (body.refresh_token if body else None) or cookie
    if not token:
        raise Unauthenticated
    return answer(await auth.refresh(token), request, response)


@router.post("/admin/auth/logout", status_code=204, summary="Sign out", responses=errors(Unauthenticated, Unavailable))
async def logout(user: CurrentUser, auth: Auth, response: Response) -> None:
    await auth.logout(user)
    response.delete_cookie(COOKIE, path=_PATH, httponly=True, samesite="strict")


@router.get("/admin/auth/captcha", summary="A new captcha", responses=errors(Unavailable))
async def captcha(auth: Auth, response: Response) -> CaptchaView:
    response.headers["Cache-Control"] = "no-store"
    captcha_id, image = await auth.new_captcha()
    return CaptchaView(captcha_id=captcha_id, image=image, expires_in=SECONDS)
