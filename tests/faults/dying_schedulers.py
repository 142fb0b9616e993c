"""A program that changes a scheduler and kills itself before, or after, Temporal is told."""

import asyncio
import json
import os
import signal
import uuid

from agents_backend.db.base import Database
from agents_backend.integrations.temporal import connect
from agents_backend.services.schedule_mirror import ScheduleMirror
from agents_backend.services.schedulers import Schedulers
from agents_backend.settings import Settings


class Dying(ScheduleMirror):
    when = "before"

    async def _put(self, row):
        if self.when == "after":
            await super()._put(row)
        os.kill(os.getpid(), signal.SIGKILL)

    async def delete(self, schedule):
        if self.when == "after":
            await super().delete(schedule)
        os.kill(os.getpid(), signal.SIGKILL)


async def _change(when: str, what: str, scheduler_id: str, body: dict) -> None:
    settings = Settings()
    temporal = await connect(settings)
    async with Database(settings.database) as database:
        mirror = Dying(database=database, temporal=temporal)
        mirror.when = when
        schedulers = Schedulers(database=database, mirror=mirror, settings=settings)
        if what == "create":
            await schedulers.create(1, body, idempotency_key=None)
        elif what == "update":
            await schedulers.update(uuid.UUID(scheduler_id), 1, body, version=None)
        else:
            await schedulers.delete(uuid.UUID(scheduler_id), 1)


def main(when: str, what: str, scheduler_id: str, body: str) -> None:
    asyncio.run(_change(when, what, scheduler_id, json.loads(body)))
