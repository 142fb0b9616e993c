"""Which workflows and activities each task queue runs. A new feature adds its line here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from temporalio.client import Client
from temporalio.langgraph import LangGraphPlugin
from temporalio.worker import Plugin

from activities.sweeps import SweepActivities
from activities.turns import TurnActivities
from agents_backend.agents.registry import AGENTS
from agents_backend.contracts import queues
from agents_backend.db.base import Database
from agents_backend.integrations.events import EventLog
from agents_backend.integrations.models import Models
from agents_backend.services.launches import Launches
from agents_backend.services.lost_runs import LostRuns
from agents_backend.services.model_calls import ModelCalls
from agents_backend.services.run_ends import RunEnds
from agents_backend.services.runs import RunsService
from agents_backend.services.sweeps import Sweeps
from agents_backend.services.tool_calls import ToolCalls
from agents_backend.services.toolboxes import Toolboxes
from agents_backend.settings import Settings
from workflows.chat import ChatWorkflow
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
        plugins=[LangGraphPlugin(graphs={agent.name: agent.build() for agent in AGENTS.values()})],
    )


def background(parts: Parts) -> Work:
    sweeps = Sweeps(
        database=parts.database,
        launches=parts.launches,
        runs=RunsService(database=parts.database, log=parts.log, launches=parts.launches),
        ends=parts.ends,
        lost=LostRuns(launches=parts.launches, ends=parts.ends),
    )
    return Work(workflows=[SweepRunsWorkflow], activities=[SweepActivities(sweeps=sweeps).sweep_runs])


WORK: dict[str, Callable[[Parts], Work]] = {queues.CHAT: chat, queues.BACKGROUND: background}
