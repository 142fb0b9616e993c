"""What a process of the product stands on, be it an API or a worker: its connections, and what all areas share over them."""

from dataclasses import dataclass
from functools import cached_property

from redis.asyncio import Redis
from temporalio.client import Client

from agents_backend.db.base import Database
from agents_backend.integrations.events import EventLog
from agents_backend.integrations.storage import Storage
from agents_backend.services.artifacts import Artifacts
from agents_backend.services.launches import Launches
from agents_backend.services.lost_runs import LostRuns
from agents_backend.services.run_ends import RunEnds
from agents_backend.services.run_starts import RunStarts
from agents_backend.services.runs import RunsService
from agents_backend.services.spending import Spending
from agents_backend.settings import Settings


@dataclass(frozen=True, kw_only=True)
class ProcessParts:
    settings: Settings
    database: Database
    redis: Redis
    temporal: Client

    @cached_property
    def log(self) -> EventLog:
        return EventLog(self.redis)

    @cached_property
    def launches(self) -> Launches:
        return Launches(temporal=self.temporal, settings=self.settings)

    @cached_property
    def spending(self) -> Spending:
        return Spending(database=self.database, settings=self.settings.credits)

    @cached_property
    def starts(self) -> RunStarts:
        return RunStarts(
            database=self.database,
            log=self.log,
            launches=self.launches,
            spending=self.spending,
            settings=self.settings,
        )

    @cached_property
    def runs(self) -> RunsService:
        return RunsService(database=self.database, log=self.log, launches=self.launches, spending=self.spending)

    @cached_property
    def ends(self) -> RunEnds:
        return RunEnds(
            database=self.database,
            log=self.log,
            launches=self.launches,
            spending=self.spending,
            interrupt_days=self.settings.agents.interrupt_days,
        )

    @cached_property
    def lost(self) -> LostRuns:
        return LostRuns(launches=self.launches, ends=self.ends)

    @cached_property
    def storage(self) -> Storage:
        return Storage(self.settings.storage, self.settings.data_dir)

    @cached_property
    def artifacts(self) -> Artifacts:
        return Artifacts(database=self.database, storage=self.storage, settings=self.settings)
