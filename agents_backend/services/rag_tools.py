"""The tool that searches a user's documents. It is there where there is something to search, or a request names documents."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from agents_backend.agents.tools import Retrieve, Tool, declare, validate
from agents_backend.db.tables.runs import Run
from agents_backend.services.rag_search import Hit, Hits, Retrieval
from agents_backend.services.toolboxes import Availability, Source, ToolContext, ToolResult

RETRIEVE = declare("retrieve", Retrieve, repeatable=True)
RESOURCES = "resources"  # the option of a run whose request named documents: their ids
_CITE = "Passages of the user's documents. Cite each one that you rely on by its address, as a Markdown link: [title](rag://…)."
_UNREADY = "Some of the documents that the request names cannot be searched yet, or failed to be read."


class RetrieveTools:
    def __init__(self, *, retrieval: Retrieval) -> None:
        self._retrieval = retrieval

    def catalogue(self) -> Sequence[Availability]:
        return [Availability(RETRIEVE)]

    async def tools(self, run: Run) -> Sequence[Tool]:
        named = bool(run.options.get(RESOURCES))
        return [RETRIEVE] if named or await self._retrieval.is_possible(run.user_id) else []

    async def call(self, name: str, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:  # noqa: ARG002  # there is one
        wanted = validate(Retrieve, arguments)
        named = named_in(context.options)
        found = await self._retrieval.search(context.user_id, wanted.query, limit=wanted.count, resources=named or None)
        notes = [found.notice] if found.notice else []
        if set(named) - set(found.searched):
            notes.append(_UNREADY)
        sources = tuple(_source(hit) for hit in found.items)
        return ToolResult("\n\n".join([*_told(found), *notes]), sources=sources, cost_usd=found.cost_usd)


def _told(found: Hits) -> list[str]:
    if not found.items:
        return ["Nothing was found in the user's documents."]
    return [_CITE, *(f"{hit.place}\n{hit.uri}\n{hit.passage.text}" for hit in found.items)]


def _source(hit: Hit) -> Source:
    return Source(hit.place, hit.uri)


def named_in(options: Mapping[str, Any]) -> list[uuid.UUID]:
    """The documents that a run's request named."""
    return [uuid.UUID(given) for given in options.get(RESOURCES) or ()]
