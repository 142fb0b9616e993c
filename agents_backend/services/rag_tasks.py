"""The task `rag_refresh`: a resource that came from a URL is fetched again, and ingested anew where it has changed."""

import uuid

from pydantic import Field

from agents_backend.db.rag import RagRepository
from agents_backend.services.task_parts import Arguments, Carriers, Checks, Owner, Performed, at


class RagRefresh(Arguments):
    resource_id: uuid.UUID = Field(description="one's own resource that came from a URL")


async def check(checks: Checks, user_id: int, arguments: RagRefresh) -> None:
    found = await RagRepository(checks.session).get(arguments.resource_id, user_id=user_id)
    if found is None:
        raise at(["kwargs", "resource_id"], "there is no such resource")
    if found.url is None:
        raise at(["kwargs", "resource_id"], "only what came from a URL can be fetched again")


async def perform(carriers: Carriers, owner: Owner, arguments: RagRefresh) -> Performed:
    """Start the ingestion.

    Raises:
        NotFound: it was deleted since. Conflict: it is being ingested. TooMany, Unavailable: as every ingestion.
    """
    ingesting = await carriers.resources.refresh(
        arguments.resource_id, owner.user_id, idempotency_key=owner.key, request_id=owner.key
    )
    return Performed(run_id=ingesting.started.run.id)
