"""Sandboxes: their lives, their commands, their ports."""

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Response

from agents_backend.domain.errors import (
    IdempotencyMismatch,
    Invalid,
    NotFound,
    SandboxBusy,
    SandboxFailed,
    SandboxGone,
    SandboxTimeout,
    SandboxUnavailable,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from agents_backend.services.sandboxes import NewSandbox
from api.dependencies import CurrentUser, SandboxCommandsOf, SandboxesOf
from api.openapi import errors
from api.schemas.pages import Number, Page, Size
from api.schemas.sandboxes import (
    CommandBody,
    CommandView,
    ConnectSandboxBody,
    CreateSandboxBody,
    PortBody,
    PortView,
    SandboxDetailView,
    SandboxId,
    SandboxInfoView,
    SandboxUrlsView,
    SandboxView,
    TimeoutBody,
)

OF_E2B = (SandboxGone, SandboxFailed, SandboxTimeout, SandboxUnavailable, Unavailable)
router = APIRouter(
    prefix="/agent/sandboxes", tags=["sandboxes"], responses=errors(Invalid, Unauthenticated, NotFound, Unavailable)
)
Key = Annotated[str | None, Header(max_length=255)]
Prefer = Annotated[str | None, Header(max_length=255)]
Status = Literal["creating", "running", "paused", "failed", "lost", "expired"]


def wants_no_wait(prefer: str | None) -> bool:
    """Whether the client would rather be answered at once (RFC 7240)."""
    return any(part.strip().lower() == "respond-async" for part in (prefer or "").split(","))


@router.post(
    "",
    status_code=201,
    summary="Make a sandbox, or find the one of a session",
    responses={
        **errors(IdempotencyMismatch, TooMany, *OF_E2B),
        200: {"model": SandboxDetailView, "description": "The session's own, or an earlier request's"},
        202: {"model": SandboxDetailView, "description": "It is being made (Prefer: respond-async)"},
    },
)
async def create_sandbox(
    body: CreateSandboxBody,
    user: CurrentUser,
    sandboxes: SandboxesOf,
    response: Response,
    idempotency_key: Key = None,
    prefer: Prefer = None,
) -> SandboxDetailView:
    new = NewSandbox(
        user_id=user.user_id, idempotency_key=idempotency_key, wait=not wants_no_wait(prefer), **body.model_dump()
    )
    found = await sandboxes.create(new)
    response.headers["Location"] = f"/api/v1/agent/sandboxes/{found.sandbox.id}"
    response.status_code = 202 if found.sandbox.status == "creating" else 201 if found.is_new else 200
    return SandboxDetailView.of_found(found)


@router.get("", summary="List one's sandboxes, newest first")
async def list_sandboxes(
    user: CurrentUser, sandboxes: SandboxesOf, page: Number = 1, size: Size = 20, status: Status | None = None
) -> Page[SandboxView]:
    found, total = await sandboxes.list(user.user_id, page=page, size=size, status=status)
    return Page(items=[SandboxView.of(row) for row in found], total=total, page=page, size=size)


@router.post("/connect", summary="Connect to a sandbox, resuming it if it is paused", responses=errors(*OF_E2B))
async def connect_sandbox(body: ConnectSandboxBody, user: CurrentUser, sandboxes: SandboxesOf) -> SandboxDetailView:
    return SandboxDetailView.of_found(await sandboxes.connect(body.sandbox_id, user.user_id, body.timeout_seconds))


@router.post(
    "/run-command",
    summary="Run a command; one that fails is a 200 with its exit code",
    responses={
        **errors(IdempotencyMismatch, TooMany, *OF_E2B),
        202: {"model": CommandView, "description": "It runs (background, or Prefer: respond-async)"},
    },
)
async def run_sandbox_command(
    body: CommandBody,
    user: CurrentUser,
    commands: SandboxCommandsOf,
    response: Response,
    idempotency_key: Key = None,
    prefer: Prefer = None,
) -> CommandView:
    wait = not (body.background or wants_no_wait(prefer))
    row = await commands.run(body.request(user.user_id, wait=wait, idempotency_key=idempotency_key))
    if row.finished_at is None:
        response.status_code = 202
        response.headers["Location"] = f"/api/v1/agent/sandboxes/{row.sandbox_id}/commands/{row.id}"
    return CommandView.of(row)


@router.get("/{sandbox_id}", summary="A sandbox's status")
async def get_sandbox(sandbox_id: SandboxId, user: CurrentUser, sandboxes: SandboxesOf) -> SandboxView:
    return SandboxView.of(await sandboxes.get(sandbox_id, user.user_id))


@router.get("/{sandbox_id}/info", summary="A sandbox's details, as E2B has them now", responses=errors(*OF_E2B))
async def get_sandbox_info(sandbox_id: SandboxId, user: CurrentUser, sandboxes: SandboxesOf) -> SandboxInfoView:
    return SandboxInfoView.of_box(*await sandboxes.info(sandbox_id, user.user_id))


@router.get(
    "/{sandbox_id}/urls",
    summary="The URLs of a sandbox's MCP server and VS Code; a paused one is resumed",
    responses=errors(*OF_E2B),
)
async def get_sandbox_urls(sandbox_id: SandboxId, user: CurrentUser, sandboxes: SandboxesOf) -> SandboxUrlsView:
    return SandboxUrlsView.of_urls(await sandboxes.urls(sandbox_id, user.user_id))


@router.post("/{sandbox_id}/timeout", summary="Let a sandbox run for so long from now", responses=errors(*OF_E2B))
async def set_sandbox_timeout(
    sandbox_id: SandboxId, body: TimeoutBody, user: CurrentUser, sandboxes: SandboxesOf
) -> SandboxView:
    return SandboxView.of(await sandboxes.set_timeout(sandbox_id, user.user_id, body.timeout_seconds))


@router.post(
    "/{sandbox_id}/pause", summary="Pause a sandbox; its files are kept", responses=errors(SandboxBusy, *OF_E2B)
)
async def pause_sandbox(sandbox_id: SandboxId, user: CurrentUser, sandboxes: SandboxesOf) -> SandboxView:
    return SandboxView.of(await sandboxes.pause(sandbox_id, user.user_id))


@router.delete("/{sandbox_id}", status_code=204, summary="Delete a sandbox; its slides stay", responses=errors(*OF_E2B))
async def delete_sandbox(sandbox_id: SandboxId, user: CurrentUser, sandboxes: SandboxesOf) -> None:
    await sandboxes.delete(sandbox_id, user.user_id)


@router.post("/{sandbox_id}/expose-port", summary="The URL of a port of a sandbox", responses=errors(*OF_E2B))
async def expose_sandbox_port(
    sandbox_id: SandboxId, body: PortBody, user: CurrentUser, sandboxes: SandboxesOf
) -> PortView:
    url, token = await sandboxes.expose(sandbox_id, user.user_id, body.port)
    return PortView(port=body.port, url=url, access_token=token)


@router.get("/{sandbox_id}/commands", summary="List a sandbox's commands, newest first")
async def list_sandbox_commands(
    sandbox_id: SandboxId, user: CurrentUser, commands: SandboxCommandsOf, page: Number = 1, size: Size = 20
) -> Page[CommandView]:
    found, total = await commands.list(sandbox_id, user.user_id, page=page, size=size)
    return Page(items=[CommandView.of(row) for row in found], total=total, page=page, size=size)


@router.get(
    "/{sandbox_id}/commands/{command_id}",
    summary="A command; while it runs, with its output so far",
    responses=errors(*OF_E2B),
)
async def get_sandbox_command(
    sandbox_id: SandboxId, command_id: SandboxId, user: CurrentUser, commands: SandboxCommandsOf
) -> CommandView:
    return CommandView.of(*await commands.get(sandbox_id, command_id, user.user_id))


@router.post(
    "/{sandbox_id}/commands/{command_id}/cancel",
    summary="Stop a command; what it wrote is kept",
    responses=errors(*OF_E2B),
)
async def cancel_sandbox_command(
    sandbox_id: SandboxId, command_id: SandboxId, user: CurrentUser, commands: SandboxCommandsOf
) -> CommandView:
    return CommandView.of(await commands.cancel(sandbox_id, command_id, user.user_id))
