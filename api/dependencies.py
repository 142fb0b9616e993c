"""What routes ask for by type. All of it is async: FastAPI would call plain functions in a thread, at ten times the price."""

from typing import Annotated, Any

from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from agents_backend.domain.errors import Forbidden, Unauthenticated
from agents_backend.domain.permissions import PERMISSIONS
from agents_backend.integrations.telemetry import request_id
from agents_backend.services.agent_config import AgentConfig
from agents_backend.services.artifacts import Artifacts
from agents_backend.services.auth import AuthService, Principal
from agents_backend.services.auth import RequestContext as Context
from agents_backend.services.chats import Chats
from agents_backend.services.coding_agents import CodingAgents
from agents_backend.services.credits import Credits
from agents_backend.services.decks import DeckRequests
from agents_backend.services.deliveries import Deliveries
from agents_backend.services.depts import Depts
from agents_backend.services.generator import Generator
from agents_backend.services.logs import Logs
from agents_backend.services.mcp_consents import McpConsents
from agents_backend.services.mcp_servers import McpServers
from agents_backend.services.menus import Menus
from agents_backend.services.monitor import Monitor
from agents_backend.services.oauth import OAuth
from agents_backend.services.payloads import Payloads
from agents_backend.services.podcasts import PodcastRequests
from agents_backend.services.prose import ProseRequests
from agents_backend.services.rag_resources import Resources
from agents_backend.services.rag_search import Retrieval
from agents_backend.services.roles import Roles
from agents_backend.services.runs import RunsService
from agents_backend.services.sandbox_commands import SandboxCommands
from agents_backend.services.sandbox_files import SandboxFiles
from agents_backend.services.sandbox_reach import SandboxReach
from agents_backend.services.sandboxes import Sandboxes
from agents_backend.services.scheduler_runs import SchedulerRuns
from agents_backend.services.schedulers import Schedulers
from agents_backend.services.sessions import Sessions
from agents_backend.services.slide_exports import SlideExports
from agents_backend.services.slides import Slides
from agents_backend.services.speech import SpeechRequests
from agents_backend.services.staged_files import StagedFiles
from agents_backend.services.threads import Threads
from agents_backend.services.users import Users
from api.sse import Sse


def _service(name: str) -> Any:
    """One of `app.state.services`; a coroutine, for FastAPI takes plain functions to a thread."""

    async def find(request: Request) -> Any:
        return getattr(request.app.state.services, name)

    return Depends(find)


bearer = HTTPBearer(auto_error=False, bearerFormat="JWT")


Auth = Annotated[AuthService, _service("auth")]


async def _user(
    request: Request, auth: Auth, given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Principal:
    if given is None:
        raise Unauthenticated
    request.state.principal = found = await auth.authenticate(given.credentials)
    return found


CurrentUser = Annotated[Principal, Depends(_user)]


def context_of(request: Request) -> Context:
    """Where a request comes from; `X-Forwarded-For` is believed as far as trusted proxies wrote it."""
    trusted: tuple[str, ...] = request.app.state.services.settings.api.trusted_proxies
    address = request.client.host if request.client else "0.0.0.0"  # no peer: a Unix socket
    hops = [hop.strip() for hop in request.headers.get("x-forwarded-for", "").split(",") if hop.strip()]
    while address in trusted and hops:  # from the nearest: what a client wrote itself is never reached
        address = hops.pop()
    return Context(address, request.headers.get("user-agent", ""), request_id())


async def _context(request: Request) -> Context:
    return context_of(request)


RequestContext = Annotated[Context, Depends(_context)]


class Requires:
    """Lets a caller pass who holds a permission. OpenAPI shows it as `x-permission`."""

    def __init__(self, permission: str) -> None:
        if permission not in PERMISSIONS:
            raise ValueError(f"{permission} is not in agents_backend/domain/permissions.py")
        self.permission = permission

    async def __call__(self, request: Request, user: CurrentUser) -> Principal:
        request.state.permission = self.permission
        if not user.may(self.permission):
            raise Forbidden
        return user


def requires(permission: str) -> Requires:
    """`Annotated[Principal, Depends(requires("sys:user:add"))]`: the signed-in user, if they hold the permission."""
    return Requires(permission)


async def _sse(request: Request, user: CurrentUser) -> Sse:
    services = request.app.state.services
    return Sse(streams=services.streams, watched=services.watched, user=user)


SseOf = Annotated[Sse, Depends(_sse)]


IdempotencyKey = Annotated[str | None, Header(max_length=255, pattern=r"^[^\x00]+$")]


AgentConfigOf = Annotated[AgentConfig, _service("agent_config")]
ArtifactsOf = Annotated[Artifacts, _service("artifacts")]
ChatsOf = Annotated[Chats, _service("chats")]
CodingAgentsOf = Annotated[CodingAgents, _service("coding_agents")]
CreditsOf = Annotated[Credits, _service("credits")]
DecksOf = Annotated[DeckRequests, _service("decks")]
DeliveriesOf = Annotated[Deliveries, _service("deliveries")]
DeptsOf = Annotated[Depts, _service("depts")]
FilesOf = Annotated[StagedFiles, _service("files")]
GeneratorOf = Annotated[Generator, _service("generator")]
LogsOf = Annotated[Logs, _service("logs")]
McpConsentsOf = Annotated[McpConsents, _service("mcp_consents")]
McpServersOf = Annotated[McpServers, _service("mcp_servers")]
MenusOf = Annotated[Menus, _service("menus")]
MonitorOf = Annotated[Monitor, _service("monitor")]
OAuthOf = Annotated[OAuth, _service("oauth")]
PayloadsOf = Annotated[Payloads, _service("payloads")]
PodcastsOf = Annotated[PodcastRequests, _service("podcasts")]
ProseOf = Annotated[ProseRequests, _service("prose")]
ResourcesOf = Annotated[Resources, _service("resources")]
RetrievalOf = Annotated[Retrieval, _service("retrieval")]
RolesOf = Annotated[Roles, _service("roles")]
RunsOf = Annotated[RunsService, _service("runs")]
SchedulersOf = Annotated[Schedulers, _service("schedulers")]
SchedulerRunsOf = Annotated[SchedulerRuns, _service("scheduler_runs")]
SandboxCommandsOf = Annotated[SandboxCommands, _service("sandbox_commands")]
SandboxFilesOf = Annotated[SandboxFiles, _service("sandbox_files")]
SandboxReachOf = Annotated[SandboxReach, _service("sandbox_reach")]
SandboxesOf = Annotated[Sandboxes, _service("sandboxes")]
SessionsOf = Annotated[Sessions, _service("sessions")]
SlideExportsOf = Annotated[SlideExports, _service("slide_exports")]
SlidesOf = Annotated[Slides, _service("slides")]
SpeechOf = Annotated[SpeechRequests, _service("speech")]
ThreadsOf = Annotated[Threads, _service("threads")]
UsersOf = Annotated[Users, _service("users")]
