"""What routes ask for by type. All of it is async: FastAPI would call plain functions in a thread, at ten times the price."""

from typing import Annotated

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
from agents_backend.services.deliveries import Deliveries
from agents_backend.services.depts import Depts
from agents_backend.services.logs import Logs
from agents_backend.services.menus import Menus
from agents_backend.services.monitor import Monitor
from agents_backend.services.podcasts import PodcastRequests
from agents_backend.services.prose import ProseRequests
from agents_backend.services.roles import Roles
from agents_backend.services.runs import RunsService
from agents_backend.services.sessions import Sessions
from agents_backend.services.speech import SpeechRequests
from agents_backend.services.threads import Threads
from agents_backend.services.users import Users
from api.sse import Sse

_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT")


async def _auth(request: Request) -> AuthService:
    found: AuthService = request.app.state.services.auth
    return found


Auth = Annotated[AuthService, Depends(_auth)]


async def _user(
    request: Request, auth: Auth, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
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


async def require_superuser(user: CurrentUser) -> Principal:
    if not user.is_superuser:
        raise Forbidden
    return user


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


async def _runs(request: Request) -> RunsService:
    found: RunsService = request.app.state.services.runs
    return found


async def _chats(request: Request) -> Chats:
    found: Chats = request.app.state.services.chats
    return found


async def _threads(request: Request) -> Threads:
    found: Threads = request.app.state.services.threads
    return found


async def _sse(request: Request, user: CurrentUser) -> Sse:
    services = request.app.state.services
    return Sse(streams=services.streams, watched=services.watched, user=user)


async def _agent_config(request: Request) -> AgentConfig:
    found: AgentConfig = request.app.state.services.agent_config
    return found


AgentConfigOf = Annotated[AgentConfig, Depends(_agent_config)]
ChatsOf = Annotated[Chats, Depends(_chats)]
ThreadsOf = Annotated[Threads, Depends(_threads)]
RunsOf = Annotated[RunsService, Depends(_runs)]
SseOf = Annotated[Sse, Depends(_sse)]


async def _people(request: Request) -> Users:
    found: Users = request.app.state.services.users
    return found


async def _roles(request: Request) -> Roles:
    found: Roles = request.app.state.services.roles
    return found


async def _depts(request: Request) -> Depts:
    found: Depts = request.app.state.services.depts
    return found


async def _menus(request: Request) -> Menus:
    found: Menus = request.app.state.services.menus
    return found


async def _logs(request: Request) -> Logs:
    found: Logs = request.app.state.services.logs
    return found


async def _monitor(request: Request) -> Monitor:
    found: Monitor = request.app.state.services.monitor
    return found


async def _sessions(request: Request) -> Sessions:
    found: Sessions = request.app.state.services.sessions
    return found


MonitorOf = Annotated[Monitor, Depends(_monitor)]
SessionsOf = Annotated[Sessions, Depends(_sessions)]
LogsOf = Annotated[Logs, Depends(_logs)]
UsersOf = Annotated[Users, Depends(_people)]
RolesOf = Annotated[Roles, Depends(_roles)]
DeptsOf = Annotated[Depts, Depends(_depts)]
MenusOf = Annotated[Menus, Depends(_menus)]
IdempotencyKey = Annotated[str | None, Header(max_length=255, pattern=r"^[^\x00]+$")]


async def _artifacts(request: Request) -> Artifacts:
    found: Artifacts = request.app.state.services.artifacts
    return found


async def _deliveries(request: Request) -> Deliveries:
    found: Deliveries = request.app.state.services.deliveries
    return found


async def _speech(request: Request) -> SpeechRequests:
    found: SpeechRequests = request.app.state.services.speech
    return found


async def _podcasts(request: Request) -> PodcastRequests:
    found: PodcastRequests = request.app.state.services.podcasts
    return found


async def _prose(request: Request) -> ProseRequests:
    found: ProseRequests = request.app.state.services.prose
    return found


ArtifactsOf = Annotated[Artifacts, Depends(_artifacts)]
DeliveriesOf = Annotated[Deliveries, Depends(_deliveries)]
PodcastsOf = Annotated[PodcastRequests, Depends(_podcasts)]
ProseOf = Annotated[ProseRequests, Depends(_prose)]
SpeechOf = Annotated[SpeechRequests, Depends(_speech)]
