"""The deployment's MCP servers: administrators write them, every user reads them and their tools."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

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
from agents_backend.domain.mcp import ServerName
from agents_backend.domain.principals import Principal
from agents_backend.services.mcp_servers import NewServer
from api.dependencies import CurrentUser, IdempotencyKey, McpServersOf, requires
from api.openapi import errors
from api.schemas.mcp import CreateMcpServerBody, McpServerBody, McpServerView
from api.schemas.pages import Number, Page, Size

router = APIRouter(prefix="/agent/mcp/servers", tags=["mcp"], responses=errors(Invalid, Unauthenticated, Unavailable))
Named = Annotated[ServerName, Path(description="the server's name")]


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
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> McpServerView:
    new = NewServer(body.name, body.config(), None, user.user_id, idempotency_key)
    made = McpServerView.of(await servers.add(new))
    response.headers["Location"] = f"/api/v1/agent/mcp/servers/{made.name}"
    return made


@router.put(
    "/{name}",
    summary="Change an MCP server; a secret that is written back masked stays as it is",
    responses=errors(Forbidden, NotFound),
    dependencies=[Depends(requires("agent:mcp:edit"))],
)
async def update_mcp_server(name: Named, body: McpServerBody, servers: McpServersOf) -> McpServerView:
    return McpServerView.of(await servers.change(None, name, body.config()))


@router.delete(
    "/{name}",
    status_code=204,
    summary="Remove an MCP server",
    responses=errors(Forbidden, NotFound),
    dependencies=[Depends(requires("agent:mcp:delete"))],
)
async def delete_mcp_server(name: Named, servers: McpServersOf) -> None:
    await servers.remove(None, name)
