"""The toolboxes of this deployment. A feature that brings tools adds its toolbox here."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from temporalio.client import Client

from agents_backend.db.base import Database
from agents_backend.integrations.addresses import Policy, certificates
from agents_backend.integrations.articles import Reader
from agents_backend.integrations.embeddings import providers
from agents_backend.integrations.events import EventLog
from agents_backend.integrations.pages import Pages
from agents_backend.integrations.presigned import PresignedUrls
from agents_backend.integrations.search import Wire, connect, missing
from agents_backend.integrations.storage import Storage
from agents_backend.services.agent_sandboxes import AgentSandboxes
from agents_backend.services.artifacts import Artifacts
from agents_backend.services.attachment_tools import AttachmentTools
from agents_backend.services.builtin_tools import BuiltinTools
from agents_backend.services.mcp_parts import mcp_listings
from agents_backend.services.mcp_tools import McpTools
from agents_backend.services.rag_search import Retrieval
from agents_backend.services.rag_tools import RetrieveTools
from agents_backend.services.run_programs import RunPrograms
from agents_backend.services.sandbox_parts import sandbox_files, sandbox_parts
from agents_backend.services.sandbox_tools import NO_SANDBOXES, SandboxTools
from agents_backend.services.staged_files import StagedFiles
from agents_backend.services.toolboxes import Toolbox, Toolboxes
from agents_backend.services.web_tools import WebTools
from agents_backend.settings import Settings


@asynccontextmanager
async def deployed_tools(
    settings: Settings, more: Sequence[Toolbox] = (), *, database: Database, temporal: Client, log: EventLog
) -> AsyncIterator[Toolboxes]:
    """All of them, their connections open as long as the block."""
    policy = Policy(allow_loopback=settings.agents.fetch_allow_loopback)
    vendors = settings.vendors
    trust = await certificates()
    parts = sandbox_parts(database=database, temporal=temporal, settings=settings)
    async with (
        Wire(trust=trust) as wire,
        Pages(policy=policy, trust=trust) as pages,
        Reader() as reader,
        PresignedUrls(policy, trust=trust) as presigned,
    ):
        web = WebTools(search=connect(vendors, wire), pages=pages, reader=reader, missing=missing(vendors))
        files = sandbox_files(parts, settings, pages=pages, presigned=presigned)
        places = AgentSandboxes(database=database, sandboxes=parts.sandboxes, log=log)
        storage = Storage(settings.storage, settings.data_dir)
        artifacts = Artifacts(database=database, storage=storage, settings=settings)
        boxed = SandboxTools(
            database=database,
            parts=parts,
            files=files,
            artifacts=artifacts,
            places=places,
        )
        mine = RetrieveTools(retrieval=Retrieval(database=database, embeddings=providers.connect(settings)))
        attached = AttachmentTools(
            staged=StagedFiles(database=database, storage=storage, settings=settings.files),
            storage=storage,
            files=files,
            places=places,
            reason=None if parts.boxes.are_configured else NO_SANDBOXES,
        )
        programs = RunPrograms(database=database, places=places, access=parts.access, boxes=parts.boxes)
        listings = mcp_listings(database=database, settings=settings, trust=trust, programs=programs)
        remote = McpTools(database=database, listings=listings, artifacts=artifacts, log=log)
        yield Toolboxes(BuiltinTools(), web, mine, boxed, attached, remote, *more)
