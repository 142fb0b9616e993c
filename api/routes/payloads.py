"""The codec server of the Temporal UI and CLI: Temporal's remote codec protocol behind our own sign-in.

It is below /admin/auth, where the browser sends the cookie of the console's sign-in: the UI's page has no token of ours.
"""

from typing import Annotated

from fastapi import APIRouter, Cookie, Depends, Header, Request, Response
from fastapi.security import HTTPAuthorizationCredentials

from agents_backend.domain.errors import Forbidden, Invalid, TooLarge, Unauthenticated, Unavailable
from agents_backend.domain.principals import Principal
from api.dependencies import Auth, PayloadsOf, Requires, bearer
from api.openapi import errors
from api.routes.auth import COOKIE
from api.schemas.payloads import PayloadsBody, PayloadsView

router = APIRouter(
    prefix="/admin/auth/payloads",
    tags=["payloads"],
    responses=errors(Invalid, Unauthenticated, Forbidden, TooLarge, Unavailable),
)


async def _viewer(
    request: Request,
    auth: Auth,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    cookie: Annotated[str | None, Cookie(alias=COOKIE)] = None,
) -> Principal:
    """Who holds the token, or in the Temporal UI's page alone the cookie."""
    origin = request.headers.get("origin")
    allowed: str = request.app.state.services.settings.temporal.ui_origin
    if origin not in {None, allowed}:
        raise Forbidden("Only the Temporal UI's page may ask for payloads.")
    if given is not None:
        return await auth.authenticate(given.credentials)
    if origin is None or cookie is None:
        raise Unauthenticated
    return await auth.holder(cookie)


class _Viewing(Requires):
    """Lets them pass if they hold the permission. The operation log is spared: nothing changes, and it would keep what is encoded."""

    async def __call__(self, user: Annotated[Principal, Depends(_viewer)]) -> Principal:  # type: ignore[override]  # FastAPI calls it by its own signature
        if not user.may(self.permission):
            raise Forbidden
        return user


Viewer = Annotated[Principal, Depends(_Viewing("monitor:server:payloads"))]
Namespace = Annotated[str | None, Header(max_length=255, description="Temporal's, if it is told")]


@router.post("/decode", summary="Decrypt payloads, for the Temporal UI")
async def decode_payloads(
    body: PayloadsBody, user: Viewer, payloads: PayloadsOf, response: Response, x_namespace: Namespace = None
) -> PayloadsView:
    response.headers["Cache-Control"] = "no-store"
    return PayloadsView.of(await payloads.decode(body.stored(), x_namespace, by=user))


@router.post("/encode", summary="Encrypt payloads, for the Temporal UI")
async def encode_payloads(
    body: PayloadsBody, user: Viewer, payloads: PayloadsOf, response: Response, x_namespace: Namespace = None
) -> PayloadsView:
    response.headers["Cache-Control"] = "no-store"
    return PayloadsView.of(await payloads.encode(body.stored(), x_namespace, by=user))
