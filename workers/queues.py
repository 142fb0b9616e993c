"""Which workflows and activities each task queue runs. A new feature adds its line here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from temporalio.client import Client
from temporalio.langgraph import LangGraphPlugin
from temporalio.worker import Plugin

from activities.schedulers import SchedulerActivities
from activities.sweeps import SweepActivities
from activities.turns import TurnActivities
from agents_backend.agents.registry import AGENTS
from agents_backend.contracts import queues
from agents_backend.db.base import Database
from agents_backend.integrations.events import EventLog
from agents_backend.integrations.models import Models
from agents_backend.integrations.outgoing import Outgoing
from agents_backend.services.chats import Chats
from agents_backend.services.launches import Launches
from agents_backend.services.lost_runs import LostRuns
from agents_backend.services.model_calls import ModelCalls
from agents_backend.services.outcomes import Outcomes, Signing
from agents_backend.services.run_ends import RunEnds
from agents_backend.services.run_starts import RunStarts
from agents_backend.services.runs import RunsService
from agents_backend.services.schedule_mirror import ScheduleMirror
from agents_backend.services.scheduled_tasks import ScheduledTasks
from agents_backend.services.scheduler_sweeps import SchedulerSweeps
from agents_backend.services.schedulers import Schedulers
from agents_backend.services.sweeps import Sweeps
from agents_backend.services.task_parts import Carriers
from agents_backend.services.tool_calls import ToolCalls
from agents_backend.services.toolboxes import Toolboxes
from agents_backend.settings import Settings
from workflows.chat import ChatWorkflow
from workflows.schedulers import (
    AuditSchedulersWorkflow,
    ScheduledTaskWorkflow,
    SweepSchedulersWorkflow,
    WebhookWorkflow,
)
from workflows.sweeps import SweepRunsWorkflow


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A worker process's connections, and what several queues share."""

    settings: Settings
    database: Database
    redis: Redis
    temporal: Client
    log: EventLog
    launches: Launches
    ends: RunEnds
    models: Models
    toolboxes: Toolboxes
    outgoing: Outgoing


@dataclass(frozen=True)
class Work:
    workflows: Sequence[type[Any]] = ()
    activities: Sequence[Callable[..., Any]] = ()
    plugins: Sequence[Plugin] = ()


def chat(parts: Parts) -> Work:
    turns = TurnActivities(
        models=ModelCalls(database=parts.database, log=parts.log, models=parts.models, toolboxes=parts.toolboxes),
        tools=ToolCalls(
            database=parts.database, log=parts.log, toolboxes=parts.toolboxes, settings=parts.settings.agents
        ),
        ends=parts.ends,
    )
    return Work(
        workflows=[ChatWorkflow],
        activities=[turns.call_model, turns.call_tool, turns.pause_run, turns.mark_step, turns.finish_run],
        plugins=[graphs()],
    )


def graphs() -> LangGraphPlugin:
    """The agents' graphs, fresh: the plugin changes the ones it is given."""
    return LangGraphPlugin(graphs={agent.name: agent.build() for agent in AGENTS.values()})


def background(parts: Parts) -> Work:
    sweeps = Sweeps(
        database=parts.database,
        launches=parts.launches,
        runs=RunsService(database=parts.database, log=parts.log, launches=parts.launches),
        ends=parts.ends,
        lost=LostRuns(launches=parts.launches, ends=parts.ends),
    )
    scheduled = schedulers(parts)
    return Work(
        workflows=[SweepRunsWorkflow, *scheduled.workflows],
        activities=[SweepActivities(sweeps=sweeps).sweep_runs, *scheduled.activities],
    )


def schedulers(parts: Parts) -> Work:
    """The schedulers' part of `background`."""
    mirror = ScheduleMirror(database=parts.database, temporal=parts.temporal)
    starts = RunStarts(database=parts.database, log=parts.log, launches=parts.launches, settings=parts.settings)
    signing = Signing(parts.settings)
    runs = RunsService(database=parts.database, log=parts.log, launches=parts.launches)
    scheduled = ScheduledTasks(
        database=parts.database,
        mirror=mirror,
        runs=runs,
        carriers=Carriers(
            chats=Chats(
                database=parts.database, starts=starts, runs=runs, launches=parts.launches, settings=parts.settings
            ),
            starts=starts,
            outgoing=parts.outgoing,
            signing=signing,
        ),
    )
    outcomes = Outcomes(database=parts.database, outgoing=parts.outgoing, signing=signing, settings=parts.settings)
    sweeps = SchedulerSweeps(
        database=parts.database,
        temporal=parts.temporal,
        mirror=mirror,
        schedulers=Schedulers(database=parts.database, mirror=mirror, temporal=parts.temporal, settings=parts.settings),
        scheduled=scheduled,
        history_days=parts.settings.schedulers.history_days,
    )
    made = SchedulerActivities(scheduled=scheduled, outcomes=outcomes, sweeps=sweeps)
    return Work(
        workflows=[ScheduledTaskWorkflow, WebhookWorkflow, SweepSchedulersWorkflow, AuditSchedulersWorkflow],
        activities=[
            made.start_task,
            made.perform_task,
            made.look_at_task,
            made.end_task,
            made.deliver_webhook,
            made.give_webhook_up,
            made.sweep_schedulers,
            made.audit_schedulers,
        ],
    )


WORK: dict[str, Callable[[Parts], Work]] = {queues.CHAT: chat, queues.BACKGROUND: background}
