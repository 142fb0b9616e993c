"""The toolboxes of this deployment. A feature that brings tools adds its toolbox here."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from temporalio.client import Client

from agents_backend.db.base import Database
from agents_backend.integrations.addresses import Policy, certificates
from agents_backend.integrations.articles import Reader
from agents_backend.integrations.box_mcp import BoxMcp
from agents_backend.integrations.embeddings import providers
from agents_backend.integrations.events import EventLog
from agents_backend.integrations.pages import Pages
from agents_backend.integrations.presigned import PresignedUrls
from agents_backend.integrations.search import Wire, connect, missing
from agents_backend.integrations.storage import Storage
from agents_backend.services.agent_sandboxes import AgentSandboxes
from agents_backend.services.artifacts import Artifacts
from agents_backend.services.builtin_tools import BuiltinTools
from agents_backend.services.mcp_parts import mcp_listings
from agents_backend.services.mcp_tools import McpTools
from agents_backend.services.rag_search import Retrieval
from agents_backend.services.rag_tools import RetrieveTools
from agents_backend.services.run_programs import RunPrograms
from agents_backend.services.sandbox_attachments import SandboxAttachments
from agents_backend.services.sandbox_parts import sandbox_files, sandbox_parts
from agents_backend.services.sandbox_servers import SandboxServers
from agents_backend.services.sandbox_tools import SandboxTools
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
        BoxMcp(trust) as box_mcp,
    ):
        web = WebTools(search=connect(vendors, wire), pages=pages, reader=reader, missing=missing(vendors))
        files = sandbox_files(parts, settings, pages=pages, presigned=presigned)
        storage = Storage(settings.storage, settings.data_dir)
        staged = StagedFiles(database=database, storage=storage, settings=settings.files)
        attachments = SandboxAttachments(database=database, log=log, storage=storage, staged=staged, files=files)
        places = AgentSandboxes(database=database, sandboxes=parts.sandboxes, attachments=attachments, log=log)
        artifacts = Artifacts(database=database, storage=storage, settings=settings)
        boxed = SandboxTools(
            parts=parts,
            servers=SandboxServers(boxes=parts.boxes, access=parts.access, entities=parts.entities, mcp=box_mcp),
            files=files,
            artifacts=artifacts,
            places=places,
            template=settings.e2b.template,
        )
        mine = RetrieveTools(retrieval=Retrieval(database=database, embeddings=providers.connect(settings)))
        programs = RunPrograms(database=database, places=places, access=parts.access, boxes=parts.boxes)
        listings = mcp_listings(database=database, settings=settings, trust=trust, programs=programs)
        remote = McpTools(database=database, listings=listings, artifacts=artifacts, log=log)
        yield Toolboxes(BuiltinTools(), web, mine, boxed, remote, *more)
