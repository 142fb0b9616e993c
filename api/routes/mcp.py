"""The deployment's MCP servers: administrators write them, every user reads them and their tools."""

from typing import Annotated

from fastapi import APIRouter, Cookie, Depends, Path, Query, Request, Response

from agents_backend.domain.errors import (
    Conflict,
    Forbidden,
    IdempotencyMismatch,
    Invalid,
    NotFound,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from agents_backend.domain.principals import Principal
from agents_backend.services.mcp_servers import KnownServer, NewServer
from agents_backend.settings import Settings
from api.dependencies import CurrentUser, IdempotencyKey, McpConsentsOf, McpServersOf, requires
from api.openapi import errors
from api.schemas.mcp import ConsentQuery, ConsentView, CreateMcpServerBody, McpServerBody, McpServerView
from api.schemas.pages import Number, Page, Size

router = APIRouter(prefix="/agent/mcp/servers", tags=["mcp"], responses=errors(Invalid, Unauthenticated, Unavailable))
callback = APIRouter(prefix="/agent/mcp", tags=["mcp"])
Named = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9_-]+$", description="the server's name")]
_COOKIE = "mcp_browser"
Browser = Annotated[str | None, Cookie(alias=_COOKIE, max_length=64, description="binds a consent to who began it")]


def shown(server: KnownServer, request: Request, response: Response) -> McpServerView:
    """A server; where a person is to consent, with the cookie that the browser has to come back with."""
    if server.consent is not None:
        settings: Settings = request.app.state.services.settings
        secure = settings.auth.cookie_secure
        response.set_cookie(
            _COOKIE,
            server.consent.browser,
            max_age=settings.oauth2.flow_seconds,
            path="/api/v1/agent/mcp/oauth",
            secure=settings.in_production if secure is None else secure,
            httponly=True,
            samesite="lax",  # the authorization server sends the browser back: that is a visit from another site
        )
    return McpServerView.of(server)


@router.get("", summary="The deployment's MCP servers and their tools; secrets are masked")
async def list_mcp_servers(
    user: CurrentUser,  # noqa: ARG001  # any user
    servers: McpServersOf,
    page: Number = 1,
    size: Size = 20,
) -> Page[McpServerView]:
    found, total = await servers.list(None, page=page, size=size)
    return Page(items=[McpServerView.of(server) for server in found], total=total, page=page, size=size)


@router.get("/{name}", summary="An MCP server and its tools", responses=errors(NotFound))
async def get_mcp_server(name: Named, user: CurrentUser, servers: McpServersOf) -> McpServerView:  # noqa: ARG001  # any user
    return McpServerView.of(await servers.get(None, name))


@router.post(
    "",
    status_code=201,
    summary="Add an MCP server: it is connected to, its tools are listed and kept",
    responses=errors(Forbidden, Conflict, IdempotencyMismatch, TooMany),
)
async def create_mcp_server(
    body: CreateMcpServerBody,
    user: Annotated[Principal, Depends(requires("agent:mcp:add"))],
    servers: McpServersOf,
    request: Request,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> McpServerView:
    new = NewServer(body.name, body.config(), None, user.user_id, idempotency_key)
    found = await servers.add(new)
    response.headers["Location"] = f"/api/v1/agent/mcp/servers/{found.name}"
    return shown(found, request, response)


@router.put(
    "/{name}",
    summary="Change an MCP server; a secret that is written back masked stays as it is",
    responses=errors(Forbidden, NotFound),
    dependencies=[Depends(requires("agent:mcp:edit"))],
)
async def update_mcp_server(
    name: Named, body: McpServerBody, servers: McpServersOf, request: Request, response: Response
) -> McpServerView:
    return shown(await servers.change(None, name, body.config()), request, response)


@router.post(
    "/{name}/authorize",
    summary="Consent that an OAuth-protected MCP server may be used, or consent anew",
    description="`authorization_url` is to be opened in the browser that got this answer's cookie.",
    responses=errors(Forbidden, NotFound),
    dependencies=[Depends(requires("agent:mcp:edit"))],
)
async def authorize_mcp_server(
    name: Named, servers: McpServersOf, request: Request, response: Response
) -> McpServerView:
    return shown(await servers.authorize(None, name), request, response)


@callback.get(
    "/oauth/callback",
    summary="Where an authorization server sends the browser back to",
    responses=errors(Invalid, NotFound, Unavailable),
)
async def mcp_oauth_callback(
    query: Annotated[ConsentQuery, Query()], consents: McpConsentsOf, response: Response, browser: Browser = None
) -> ConsentView:
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"  # the address holds the code
    return ConsentView.model_validate(await consents.finish(query.returned(), browser or ""))


@router.delete(
    "/{name}",
    status_code=204,
    summary="Remove an MCP server",
    responses=errors(Forbidden, NotFound),
    dependencies=[Depends(requires("agent:mcp:delete"))],
)
async def delete_mcp_server(name: Named, servers: McpServersOf) -> None:
    await servers.remove(None, name)
