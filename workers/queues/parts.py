"""What the queues are made of: a process's connections, and the services that several queues share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from temporalio.client import Client
from temporalio.worker import Plugin

from agents_backend.db.base import Database
from agents_backend.integrations import articles
from agents_backend.integrations.embeddings import providers
from agents_backend.integrations.events import EventLog
from agents_backend.integrations.models import Models
from agents_backend.integrations.outgoing import Outgoing
from agents_backend.integrations.pages import Pages
from agents_backend.integrations.storage import Storage
from agents_backend.services.artifacts import Artifacts
from agents_backend.services.launches import Launches
from agents_backend.services.pictures import Pictures
from agents_backend.services.rag_embedding import PassageEmbedding
from agents_backend.services.run_ends import RunEnds
from agents_backend.services.runs import RunsService
from agents_backend.services.sandbox_parts import SandboxParts, sandbox_parts
from agents_backend.services.spending import Spending
from agents_backend.services.toolboxes import Toolboxes
from agents_backend.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A worker process's connections, and what several queues share."""

    settings: Settings
    database: Database
    redis: Redis
    temporal: Client
    log: EventLog
    launches: Launches
    spending: Spending
    ends: RunEnds
    models: Models
    toolboxes: Toolboxes
    outgoing: Outgoing
    pages: Pages
    reader: articles.Reader

    def artifacts(self) -> Artifacts:
        return Artifacts(database=self.database, storage=self.storage(), settings=self.settings)

    def storage(self) -> Storage:
        return Storage(self.settings.storage, self.settings.data_dir)

    def runs(self) -> RunsService:
        return RunsService(database=self.database, log=self.log, launches=self.launches, spending=self.spending)

    def pictures(self) -> Pictures:
        return Pictures(allow_loopback=self.settings.agents.fetch_allow_loopback)

    def embedding(self) -> PassageEmbedding:
        embeddings = providers.connect(self.settings)
        return PassageEmbedding(database=self.database, embeddings=embeddings, spending=self.spending)

    def sandboxes(self) -> SandboxParts:
        return sandbox_parts(database=self.database, temporal=self.temporal, settings=self.settings)


@dataclass(frozen=True)
class Work:
    """What a queue runs, or one noun's part of it."""

    workflows: Sequence[type[Any]] = ()
    activities: Sequence[Callable[..., Any]] = ()
    plugins: Sequence[Plugin] = ()


def together(*works: Work) -> Work:
    """One queue's work from that of its nouns."""
    return Work(
        workflows=[workflow for work in works for workflow in work.workflows],
        activities=[activity for work in works for activity in work.activities],
        plugins=[plugin for work in works for plugin in work.plugins],
    )
