"""Telling a scheduler's webhook how a run ended, signed by a secret of the scheduler's own (Standard Webhooks)."""

import json
import uuid
from datetime import datetime
from typing import Any, Final

from agents_backend.contracts.schedulers import FireRef
from agents_backend.db.base import Database, now
from agents_backend.db.schedulers import SchedulerRepository
from agents_backend.db.tables.runs import Artifact
from agents_backend.db.tables.schedulers import Scheduler, SchedulerRun
from agents_backend.domain.errors import UpstreamFailed, UpstreamRejected
from agents_backend.integrations.outgoing import Outgoing, derive_secret, signature
from agents_backend.settings import Settings

SECONDS: Final = 15.0
MAX_ANSWER: Final = 65_536
_OK, _REDIRECT, _ERROR, _SERVER_ERROR = 200, 300, 400, 500
_LATER: Final = frozenset({408, 425, 429})


class Signing:
    """The secrets of schedulers, derived: nothing is stored that could leak, and a new AUTH_SECRET makes new ones."""

    def __init__(self, settings: Settings) -> None:
        if settings.auth.secret is None:
            raise ValueError("AUTH_SECRET is not set")
        self._key = settings.auth.secret.get_secret_value()

    def secret(self, scheduler_id: uuid.UUID, version: int) -> str:
        return derive_secret(self._key, f"scheduler:{scheduler_id}:{version}")


class Outcomes:
    def __init__(self, *, database: Database, outgoing: Outgoing, signing: Signing, settings: Settings) -> None:
        self._database, self._outgoing, self._signing = database, outgoing, signing
        self._public_url = settings.api.public_url or ""

    async def deliver(self, fire: FireRef) -> None:
        """Tell the webhook once more; its id stays the same, so that a receiver knows a repetition.

        Raises:
            UpstreamFailed, UpstreamTimeout: it may yet answer. UpstreamRejected, AddressRefused: it will not.
            Unavailable: PostgreSQL is away.
        """
        async with self._database.transaction() as session:
            rows = SchedulerRepository(session)
            row = await rows.fire(uuid.UUID(fire.fire_id))
            scheduler = await rows.locked(uuid.UUID(fire.scheduler_id))
            artifacts = await rows.artifacts([row.run_id] if row and row.run_id else [])
        if row is None or scheduler is None or scheduler.webhook_url is None or row.webhook_status != "pending":
            return
        content = json.dumps(message(scheduler, row, artifacts, self._public_url)).encode()
        secret = self._signing.secret(scheduler.id, scheduler.webhook_secret_version)
        headers = {"Content-Type": "application/json", **signature(secret, str(row.id), now(), content)}
        reply = await self._outgoing.send(
            "POST", scheduler.webhook_url, headers=headers, content=content, max_bytes=MAX_ANSWER, seconds=SECONDS
        )
        refuse(reply.status)
        await self._mark(row.id, "delivered")

    async def give_up(self, fire: FireRef) -> None:
        await self._mark(uuid.UUID(fire.fire_id), "failed")

    async def _mark(self, fire_id: uuid.UUID, status: str) -> None:
        async with self._database.transaction() as session:
            row = await SchedulerRepository(session).fire(fire_id)
            if row is not None and row.webhook_status == "pending":
                row.webhook_status = status


def refuse(status: int) -> None:
    """Raise for an HTTP status that is no success.

    Raises:
        UpstreamFailed: it may be another one later. UpstreamRejected: it will not.
    """
    if _OK <= status < _REDIRECT:
        return
    detail = f"The address answered with HTTP {status}."
    if status >= _SERVER_ERROR or status in _LATER:
        raise UpstreamFailed(detail)
    raise UpstreamRejected(detail)


def message(scheduler: Scheduler, row: SchedulerRun, artifacts: Any, public_url: str) -> dict[str, Any]:
    run = {
        "id": str(row.id),
        "task": row.task,
        "trigger": row.trigger,
        "status": row.status,
        "scheduled_for": _stamp(row.scheduled_for),
        "started_at": _stamp(row.started_at),
        "finished_at": _stamp(row.finished_at),
        "run_id": str(row.run_id) if row.run_id else None,
        "result": row.result,
        "error": row.error,
        "artifacts": [artifact_of(item, public_url) for item in artifacts],
    }
    return {
        "type": f"scheduler.run.{row.status}",
        "timestamp": _stamp(row.finished_at),
        "data": {"scheduler_id": str(scheduler.id), "scheduler_name": scheduler.name, "run": run},
    }


def artifact_of(artifact: Artifact, public_url: str) -> dict[str, Any]:
    url = f"{public_url}/api/v1/agent/runs/{artifact.run_id}/artifacts/{artifact.name}"
    return {"name": artifact.name, "media_type": artifact.media_type, "size": artifact.size, "url": url}


def _stamp(time: datetime | None) -> str | None:
    return time.isoformat().replace("+00:00", "Z") if time else None
