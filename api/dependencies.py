"""What routes ask for by type."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from agents_backend.domain.errors import Forbidden, Unauthenticated
from agents_backend.integrations.telemetry import request_id
from agents_backend.services.agent_config import AgentConfig
from agents_backend.services.artifacts import Artifacts
from agents_backend.services.auth import AuthService, Principal
from agents_backend.services.auth import RequestContext as Context
from agents_backend.services.chats import Chats
from agents_backend.services.deliveries import Deliveries
from agents_backend.services.podcasts import PodcastRequests
from agents_backend.services.prose import ProseRequests
from agents_backend.services.runs import RunsService
from agents_backend.services.sandbox_commands import SandboxCommands
from agents_backend.services.sandbox_files import SandboxFiles
from agents_backend.services.sandboxes import Sandboxes
from agents_backend.services.slide_exports import SlideExports
from agents_backend.services.slides import Slides
from agents_backend.services.speech import SpeechRequests
from agents_backend.services.threads import Threads
from api.sse import Sse

_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT")


def _auth(request: Request) -> AuthService:
    found: AuthService = request.app.state.services.auth
    return found


Auth = Annotated[AuthService, Depends(_auth)]


async def _user(auth: Auth, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Principal:
    if given is None:
        raise Unauthenticated
    return await auth.authenticate(given.credentials)


CurrentUser = Annotated[Principal, Depends(_user)]


def _context(request: Request) -> Context:
    trusted: tuple[str, ...] = request.app.state.services.settings.api.trusted_proxies
    address = request.client.host if request.client else "0.0.0.0"  # no peer: a Unix socket
    hops = [hop.strip() for hop in request.headers.get("x-forwarded-for", "").split(",") if hop.strip()]
    while address in trusted and hops:  # from the nearest: what a client wrote itself is never reached
        address = hops.pop()
    return Context(address, request.headers.get("user-agent", ""), request_id())


RequestContext = Annotated[Context, Depends(_context)]


async def require_superuser(user: CurrentUser) -> Principal:
    if not user.is_superuser:
        raise Forbidden
    return user


def _runs(request: Request) -> RunsService:
    found: RunsService = request.app.state.services.runs
    return found


def _chats(request: Request) -> Chats:
    found: Chats = request.app.state.services.chats
    return found


def _threads(request: Request) -> Threads:
    found: Threads = request.app.state.services.threads
    return found


def _sse(request: Request, user: CurrentUser) -> Sse:
    services = request.app.state.services
    return Sse(streams=services.streams, watched=services.watched, user=user)


def _agent_config(request: Request) -> AgentConfig:
    found: AgentConfig = request.app.state.services.agent_config
    return found


AgentConfigOf = Annotated[AgentConfig, Depends(_agent_config)]
ChatsOf = Annotated[Chats, Depends(_chats)]
ThreadsOf = Annotated[Threads, Depends(_threads)]
RunsOf = Annotated[RunsService, Depends(_runs)]
SseOf = Annotated[Sse, Depends(_sse)]


def _artifacts(request: Request) -> Artifacts:
    found: Artifacts = request.app.state.services.artifacts
    return found


def _deliveries(request: Request) -> Deliveries:
    found: Deliveries = request.app.state.services.deliveries
    return found


def _speech(request: Request) -> SpeechRequests:
    found: SpeechRequests = request.app.state.services.speech
    return found


def _podcasts(request: Request) -> PodcastRequests:
    found: PodcastRequests = request.app.state.services.podcasts
    return found


def _prose(request: Request) -> ProseRequests:
    found: ProseRequests = request.app.state.services.prose
    return found


ArtifactsOf = Annotated[Artifacts, Depends(_artifacts)]
DeliveriesOf = Annotated[Deliveries, Depends(_deliveries)]
PodcastsOf = Annotated[PodcastRequests, Depends(_podcasts)]
ProseOf = Annotated[ProseRequests, Depends(_prose)]
SpeechOf = Annotated[SpeechRequests, Depends(_speech)]


def _sandboxes(request: Request) -> Sandboxes:
    found: Sandboxes = request.app.state.services.sandboxes.sandboxes
    return found


def _sandbox_commands(request: Request) -> SandboxCommands:
    found: SandboxCommands = request.app.state.services.sandboxes.commands
    return found


def _sandbox_files(request: Request) -> SandboxFiles:
    found: SandboxFiles = request.app.state.services.sandbox_files
    return found


def _slides(request: Request) -> Slides:
    found: Slides = request.app.state.services.sandboxes.slides
    return found


def _slide_exports(request: Request) -> SlideExports:
    found: SlideExports = request.app.state.services.sandboxes.exports
    return found


SandboxesOf = Annotated[Sandboxes, Depends(_sandboxes)]
SandboxCommandsOf = Annotated[SandboxCommands, Depends(_sandbox_commands)]
SandboxFilesOf = Annotated[SandboxFiles, Depends(_sandbox_files)]
SlidesOf = Annotated[Slides, Depends(_slides)]
SlideExportsOf = Annotated[SlideExports, Depends(_slide_exports)]
