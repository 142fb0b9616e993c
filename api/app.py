"""The composition root of the API: the one place that knows which collaborator goes where."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from redis.asyncio import Redis
from starlette.middleware.cors import CORSMiddleware
from temporalio.client import Client

from agents_backend.db.base import Database
from agents_backend.integrations.addresses import Policy, certificates
from agents_backend.integrations.embeddings import providers
from agents_backend.integrations.events import EventLog
from agents_backend.integrations.hub import Hub
from agents_backend.integrations.metrics import DATABASE_CONNECTIONS
from agents_backend.integrations.pages import Pages
from agents_backend.integrations.payloads import payload_codec
from agents_backend.integrations.presigned import PresignedUrls
from agents_backend.integrations.redis_connections import connect
from agents_backend.integrations.storage import Storage
from agents_backend.integrations.telemetry import configure_logging
from agents_backend.integrations.temporal import connect as connect_temporal
from agents_backend.integrations.temporal_state import TemporalState
from agents_backend.integrations.tracing import configure_tracing
from agents_backend.services.agent_config import AgentConfig, agent_config
from agents_backend.services.artifacts import Artifacts
from agents_backend.services.auth import AuthService
from agents_backend.services.chats import Chats
from agents_backend.services.coding_agents import CodingAgents
from agents_backend.services.credits import Credits
from agents_backend.services.decks import DeckRequests
from agents_backend.services.deliveries import Deliveries
from agents_backend.services.deployed_tools import deployed_tools
from agents_backend.services.depts import Depts
from agents_backend.services.generator import Generator
from agents_backend.services.health import HealthService
from agents_backend.services.launches import Launches
from agents_backend.services.logs import Logs
from agents_backend.services.lost_runs import LostRuns
from agents_backend.services.mcp_consents import McpConsents
from agents_backend.services.mcp_parts import mcp_parts
from agents_backend.services.mcp_servers import McpServers
from agents_backend.services.menus import Menus
from agents_backend.services.monitor import Monitor
from agents_backend.services.oauth import OAuth
from agents_backend.services.open_streams import OpenStreams
from agents_backend.services.opera_logs import OperaLogs
from agents_backend.services.passwords import Passwords
from agents_backend.services.payloads import Payloads
from agents_backend.services.pictures import Pictures
from agents_backend.services.podcasts import PodcastRequests
from agents_backend.services.principals import Principals
from agents_backend.services.prose import ProseRequests
from agents_backend.services.rag_documents import Documents
from agents_backend.services.rag_resources import Resources
from agents_backend.services.rag_search import Retrieval
from agents_backend.services.roles import Roles
from agents_backend.services.run_ends import RunEnds
from agents_backend.services.run_starts import RunStarts
from agents_backend.services.runs import RunsService
from agents_backend.services.sandbox_commands import SandboxCommands
from agents_backend.services.sandbox_files import SandboxFiles
from agents_backend.services.sandbox_parts import sandbox_files, sandbox_parts
from agents_backend.services.sandbox_reach import SandboxReach
from agents_backend.services.sandboxes import Sandboxes
from agents_backend.services.schedule_mirror import ScheduleMirror
from agents_backend.services.scheduler_runs import SchedulerRuns
from agents_backend.services.schedulers import Schedulers
from agents_backend.services.sessions import Sessions
from agents_backend.services.slide_exports import SlideExports
from agents_backend.services.slides import Slides
from agents_backend.services.speech import SpeechRequests
from agents_backend.services.spending import Spending
from agents_backend.services.staged_files import StagedFiles
from agents_backend.services.streams import Streams
from agents_backend.services.threads import Threads
from agents_backend.services.users import Users
from agents_backend.settings import Settings
from api import console, errors, openapi
from api.middleware import BodyLimit, Metrics, OperationLog, RequestId, TemporalUi, TrailingSlash
from api.observation import Observe
from api.routes import ROUTERS, health

FORM_BYTES = 100_000  # what a form may have around its file


@dataclass(frozen=True, kw_only=True)
class Services:
    """What routes may call, on `app.state.services`."""

    settings: Settings
    database: Database
    redis: Redis
    temporal: Client
    auth: AuthService
    oauth: OAuth
    users: Users
    roles: Roles
    depts: Depts
    menus: Menus
    generator: Generator
    mcp_servers: McpServers
    mcp_consents: McpConsents
    coding_agents: CodingAgents
    logs: Logs
    opera_logs: OperaLogs
    monitor: Monitor
    sessions: Sessions
    health: HealthService
    chats: Chats
    runs: RunsService
    threads: Threads
    schedulers: Schedulers
    scheduler_runs: SchedulerRuns
    streams: Streams
    watched: OpenStreams
    agent_config: AgentConfig
    sandbox_reach: SandboxReach
    sandboxes: Sandboxes
    sandbox_commands: SandboxCommands
    sandbox_files: SandboxFiles
    slides: Slides
    slide_exports: SlideExports
    artifacts: Artifacts
    files: StagedFiles
    deliveries: Deliveries
    speech: SpeechRequests
    payloads: Payloads
    prose: ProseRequests
    podcasts: PodcastRequests
    decks: DeckRequests
    resources: Resources
    retrieval: Retrieval
    credits: Credits


@asynccontextmanager
async def _services(settings: Settings) -> AsyncIterator[Services]:
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(settings.database))
        DATABASE_CONNECTIONS.set_function(database.connections_in_use)
        redis = await stack.enter_async_context(connect(settings.redis))
        temporal = await connect_temporal(settings, lazy=True)
        passwords = Passwords(settings.auth.hash_concurrency)
        stack.callback(passwords.close)
        principals = Principals(database, kept_seconds=settings.auth.session_cache_seconds)
        auth = AuthService(
            database=database, redis=redis, passwords=passwords, settings=settings, principals=principals
        )
        trust = await certificates()
        log, hub = EventLog(redis), Hub(redis)
        await hub.start()
        stack.push_async_callback(hub.close)
        opera_logs = OperaLogs(database=database)
        await opera_logs.start()
        stack.push_async_callback(opera_logs.close)
        launches = Launches(temporal=temporal, settings=settings)
        spending = Spending(database=database, settings=settings.credits)
        starts = RunStarts(database=database, log=log, launches=launches, spending=spending, settings=settings)
        ends = RunEnds(
            database=database,
            log=log,
            launches=launches,
            spending=spending,
            interrupt_days=settings.agents.interrupt_days,
        )
        runs = RunsService(database=database, log=log, launches=launches, spending=spending)
        watched = OpenStreams(database=database, per_user=settings.api.streams_per_user)
        await watched.start()
        stack.push_async_callback(watched.close)
        mcp = mcp_parts(database=database, redis=redis, temporal=temporal, settings=settings, trust=trust)
        stack.push_async_callback(mcp.consents.close)
        toolboxes = await stack.enter_async_context(
            deployed_tools(settings, database=database, temporal=temporal, log=log)
        )
        lost = LostRuns(launches=launches, ends=ends)
        boxed = sandbox_parts(database=database, temporal=temporal, settings=settings)
        policy = Policy(allow_loopback=settings.agents.fetch_allow_loopback)
        pages = await stack.enter_async_context(Pages(policy=policy, trust=trust))
        presigned = await stack.enter_async_context(PresignedUrls(policy, trust=trust))
        storage = Storage(settings.storage, settings.data_dir)
        artifacts = Artifacts(database=database, storage=storage, settings=settings)
        deliveries = Deliveries(database=database, hub=hub, lost=lost, artifacts=artifacts)
        mirror = ScheduleMirror(database=database, temporal=temporal)
        yield Services(
            settings=settings,
            database=database,
            redis=redis,
            temporal=temporal,
            auth=auth,
            oauth=OAuth(database=database, redis=redis, auth=auth, settings=settings),
            users=Users(database=database, passwords=passwords, principals=principals),
            roles=Roles(database=database, principals=principals),
            depts=Depts(database=database, principals=principals),
            menus=Menus(database=database, principals=principals),
            generator=Generator(database=database),
            mcp_servers=mcp.servers,
            mcp_consents=mcp.consents,
            coding_agents=mcp.agents,
            logs=Logs(database=database),
            opera_logs=opera_logs,
            monitor=Monitor(redis=redis, temporal=TemporalState(temporal), data_dir=settings.data_dir),
            sessions=Sessions(database=database, principals=principals),
            health=HealthService(database=database, redis=redis, temporal=temporal),
            chats=Chats(
                database=database, starts=starts, runs=runs, launches=launches, mcp=mcp.of_runs, settings=settings
            ),
            runs=runs,
            threads=Threads(database=database),
            schedulers=Schedulers(database=database, mirror=mirror, settings=settings),
            scheduler_runs=SchedulerRuns(database=database, mirror=mirror, temporal=temporal, settings=settings),
            sandbox_reach=SandboxReach(boxed.boxes),
            sandboxes=boxed.sandboxes,
            sandbox_commands=boxed.commands,
            sandbox_files=sandbox_files(boxed, settings, pages=pages, presigned=presigned),
            slides=boxed.slides,
            slide_exports=boxed.exports,
            streams=Streams(database=database, log=log, hub=hub, lost=lost),
            watched=watched,
            agent_config=agent_config(settings, toolboxes),
            artifacts=artifacts,
            deliveries=deliveries,
            files=StagedFiles(database=database, storage=storage, settings=settings.files),
            speech=SpeechRequests(starts=starts, artifacts=artifacts),
            payloads=Payloads(payload_codec(settings), namespace=settings.temporal.namespace),
            prose=ProseRequests(starts=starts, artifacts=artifacts),
            podcasts=PodcastRequests(starts=starts, artifacts=artifacts),
            credits=Credits(database=database, settings=settings.credits),
            decks=DeckRequests(
                starts=starts,
                artifacts=artifacts,
                pictures=Pictures(allow_loopback=settings.agents.fetch_allow_loopback),
            ),
            resources=Resources(
                database=database,
                starts=starts,
                launches=launches,
                documents=Documents(storage=storage),
                settings=settings,
            ),
            retrieval=Retrieval(database=database, embeddings=providers.connect(settings)),
        )


def create_app(settings: Settings) -> FastAPI:
    """The application. Its connections open with its lifespan.

    Raises:
        ValueError: a needed setting is missing, or is unfit for production; the message names it.
    """
    if problems := (*settings.unfit_for_production(), *settings.missing()):
        raise ValueError("; ".join(problems))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        configure_logging(settings)
        tracing = configure_tracing(settings)
        await asyncio.to_thread(app.openapi)  # it takes a third of a second, which no request shall wait for
        async with _services(settings) as services:
            app.state.services = services
            gc.freeze()  # a full collection of all that was imported would hold the loop for 0.1 s, again and again
            yield
        if tracing is not None:
            tracing.shutdown()

    app: FastAPI = FastAPIOffline(
        title="Agents Backend",
        version=version("agents-backend"),
        lifespan=lifespan,
        redirect_slashes=False,
        generate_unique_id_function=openapi.operation_id,
    )
    errors.install(app)
    openapi.install(app)
    app.include_router(health.router)
    for router in ROUTERS:
        app.include_router(router, prefix="/api/v1")
    console.install(app)
    _middleware(app, settings)
    return app


def _middleware(app: FastAPI, settings: Settings) -> None:
    # The last one added is the outermost.
    app.add_middleware(OperationLog)
    uploads = {
        "/api/v1/agent/sandboxes/upload-file": settings.sandboxes.max_file_bytes,
        "/api/v1/agent/rag/resources": settings.rag.max_file_bytes + FORM_BYTES,
        "/api/v1/agent/files/upload": settings.files.max_bytes + FORM_BYTES,
    }
    app.add_middleware(BodyLimit, limit=settings.api.max_body_bytes, larger=uploads)
    app.add_middleware(TrailingSlash)
    app.add_middleware(Metrics)
    app.add_middleware(Observe)
    if settings.api.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.api.cors_origins,
            allow_credentials=True,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=[
                "X-Request-Id",
                "X-Run-Id",
                "X-Thread-Id",
                "Location",
                "Content-Location",
                "Retry-After",
                "Content-Disposition",
                "Content-Range",
                "ETag",
            ],
            max_age=int(timedelta(hours=1).total_seconds()),
        )
    # Outside of the origins above, which may not ask for payloads.
    app.add_middleware(TemporalUi, origin=settings.temporal.ui_origin, prefix="/api/v1/admin/auth/payloads/")
    if settings.telemetry.exporter_otlp_endpoint:
        # One span for a request, not one more for each token that is sent.
        app.add_middleware(OpenTelemetryMiddleware, exclude_spans=["receive", "send"], excluded_urls="health,metrics")
    app.add_middleware(RequestId)
