"""A user's own MCP settings: Codex, Claude Code and servers of theirs. Turning one on turns no other off."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Request, Response

from agents_backend.domain.errors import (
    Conflict,
    IdempotencyMismatch,
    Invalid,
    NotFound,
    TooMany,
    Unauthenticated,
    Unavailable,
    UpstreamFailed,
    UpstreamTimeout,
)
from agents_backend.domain.mcp import CLAUDE_CODE, CODEX
from agents_backend.services.mcp_servers import NewServer
from api.dependencies import CodingAgentsOf, CurrentUser, IdempotencyKey, McpServersOf
from api.openapi import errors
from api.routes.mcp import Named, shown
from api.schemas.coding_agents import (
    AnySetting,
    AuthorizeClaudeCodeView,
    ClaudeCodeBody,
    ClaudeCodeView,
    CodexBody,
    CodexView,
    CustomServerBody,
    CustomServerView,
    ToggleBody,
    claude_code_view,
    codex_view,
    view_of,
)
from api.schemas.mcp import McpServerBody
from api.schemas.pages import Number, Page, Size

_PATH = "/agent/user-settings/mcp"
router = APIRouter(prefix=_PATH, tags=["mcp"], responses=errors(Invalid, Unauthenticated, Unavailable))
ToolType = Annotated[
    str,
    Path(
        max_length=64,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="`codex`, `claude-code`, or the name of a server of one's own",
    ),
]


def _placed(response: Response, tool_type: str, *, is_new: bool) -> None:
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/api/v1{_PATH}/{tool_type}"


@router.get("", summary="My MCP settings; secrets are masked")
async def list_mcp_settings(
    user: CurrentUser, agents: CodingAgentsOf, page: Number = 1, size: Size = 20
) -> Page[AnySetting]:
    found, total = await agents.list(user.user_id, page=page, size=size)
    return Page(items=[view_of(setting) for setting in found], total=total, page=page, size=size)


@router.get("/codex", summary="My Codex", responses=errors(NotFound))
async def get_codex(user: CurrentUser, agents: CodingAgentsOf) -> CodexView:
    return codex_view(await agents.get(user.user_id, CODEX))


@router.post(
    "/codex",
    status_code=201,
    summary="Set Codex, or change it (200)",
    responses={200: {"model": CodexView}, **errors(IdempotencyMismatch)},
)
async def set_codex(
    body: CodexBody,
    user: CurrentUser,
    agents: CodingAgentsOf,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> CodexView:
    made, is_new = await agents.set_codex(user.user_id, body.new(), idempotency_key)
    _placed(response, CODEX, is_new=is_new)
    return codex_view(made)


@router.get("/claude-code", summary="My Claude Code", responses=errors(NotFound))
async def get_claude_code(user: CurrentUser, agents: CodingAgentsOf) -> ClaudeCodeView:
    return claude_code_view(await agents.get(user.user_id, CLAUDE_CODE))


@router.get("/claude-code/authorize", summary="Where to consent that Claude Code may be used in my sandboxes")
async def authorize_claude_code(user: CurrentUser, agents: CodingAgentsOf) -> AuthorizeClaudeCodeView:  # noqa: ARG001  # any user
    url, verifier = agents.begin_claude_code()
    return AuthorizeClaudeCodeView(url=url, verifier=verifier)


@router.post(
    "/claude-code",
    status_code=201,
    summary="Sign in to Claude Code with what its page shows, or sign in anew (200)",
    responses={200: {"model": ClaudeCodeView}, **errors(IdempotencyMismatch, UpstreamFailed, UpstreamTimeout)},
)
async def set_claude_code(
    body: ClaudeCodeBody,
    user: CurrentUser,
    agents: CodingAgentsOf,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> ClaudeCodeView:
    made, is_new = await agents.set_claude_code(user.user_id, body.authorization_code, idempotency_key)
    _placed(response, CLAUDE_CODE, is_new=is_new)
    return claude_code_view(made)


@router.post(
    "/custom",
    status_code=201,
    summary="Add an MCP server of my own, whose tools my chats get",
    responses=errors(Conflict, IdempotencyMismatch, TooMany),
)
async def create_custom_mcp_server(
    body: CustomServerBody,
    user: CurrentUser,
    servers: McpServersOf,
    request: Request,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> CustomServerView:
    new = NewServer(body.name, body.config(), user.user_id, user.user_id, idempotency_key)
    made = CustomServerView.over(shown(await servers.add(new), request, response))
    _placed(response, made.tool_type, is_new=True)
    return made


@router.put(
    "/custom/{name}",
    summary="Change a server of my own; a secret that is written back masked stays as it is",
    responses=errors(NotFound),
)
async def update_custom_mcp_server(
    name: Named, body: McpServerBody, user: CurrentUser, servers: McpServersOf, request: Request, response: Response
) -> CustomServerView:
    return CustomServerView.over(shown(await servers.change(user.user_id, name, body.config()), request, response))


@router.post(
    "/custom/{name}/authorize",
    summary="Consent that a server of my own may be used for me, or consent anew",
    description="`authorization_url` is to be opened in the browser that got this answer's cookie.",
    responses=errors(NotFound),
)
async def authorize_custom_mcp_server(
    name: Named, user: CurrentUser, servers: McpServersOf, request: Request, response: Response
) -> CustomServerView:
    return CustomServerView.over(shown(await servers.authorize(user.user_id, name), request, response))


@router.get("/{tool_type}", summary="A server of my own", responses=errors(NotFound))
async def get_mcp_setting(tool_type: ToolType, user: CurrentUser, servers: McpServersOf) -> CustomServerView:
    return CustomServerView.of(await servers.get(user.user_id, tool_type))


@router.delete(
    "/{tool_type}",
    status_code=204,
    summary="Delete one of my MCP settings, with its secrets",
    responses=errors(NotFound),
)
async def delete_mcp_setting(tool_type: ToolType, user: CurrentUser, agents: CodingAgentsOf) -> None:
    await agents.remove(user.user_id, tool_type)


@router.patch(
    "/{tool_type}/toggle",
    summary="Turn one of my MCP settings on or off",
    description="Without a body, the other way round.",
    responses=errors(NotFound),
)
async def toggle_mcp_setting(
    tool_type: ToolType, user: CurrentUser, agents: CodingAgentsOf, body: Annotated[ToggleBody | None, Body()] = None
) -> AnySetting:
    wanted = None if body is None else body.is_active
    return view_of(await agents.set_active(user.user_id, tool_type, wanted=wanted))
