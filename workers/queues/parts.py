"""What the queues are made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from temporalio.worker import Plugin

from agents_backend.integrations import articles
from agents_backend.integrations.embeddings import providers
from agents_backend.integrations.models import Models
from agents_backend.integrations.outgoing import Outgoing
from agents_backend.integrations.pages import Pages
from agents_backend.services.pictures import Pictures
from agents_backend.services.process_parts import ProcessParts
from agents_backend.services.rag_embedding import PassageEmbedding
from agents_backend.services.sandbox_parts import SandboxParts, sandbox_parts
from agents_backend.services.toolboxes import Toolboxes


@dataclass(frozen=True, kw_only=True)
class Parts(ProcessParts):
    models: Models
    toolboxes: Toolboxes
    outgoing: Outgoing
    pages: Pages
    reader: articles.Reader

    @cached_property
    def pictures(self) -> Pictures:
        return Pictures(allow_loopback=self.settings.agents.fetch_allow_loopback)

    @cached_property
    def embedding(self) -> PassageEmbedding:
        embeddings = providers.connect(self.settings)
        return PassageEmbedding(database=self.database, embeddings=embeddings, spending=self.spending)

    @cached_property
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
