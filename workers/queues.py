"""Which workflows and activities each task queue runs. A new feature adds its line here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from temporalio.client import Client
from temporalio.langgraph import LangGraphPlugin
from temporalio.worker import Plugin

from activities.artifacts import ArtifactActivities
from activities.coding_agents import CodingAgentActivities
from activities.decks import DeckActivities
from activities.files import FileActivities
from activities.frames import FrameActivities
from activities.ingestion import IngestionActivities, ResourceSweepActivities
from activities.logs import LogActivities
from activities.podcasts import PodcastActivities
from activities.prose import ProseActivities
from activities.sandboxes import CommandActivities, SandboxActivities, SandboxSweepActivities
from activities.schedulers import SchedulerActivities
from activities.speech import SpeechActivities
from activities.sweeps import SweepActivities
from activities.turns import TurnActivities
from agents_backend.agents.registry import AGENTS
from agents_backend.contracts import queues
from agents_backend.db.base import Database
from agents_backend.integrations import articles
from agents_backend.integrations.embeddings import providers
from agents_backend.integrations.events import EventLog
from agents_backend.integrations.models import Models
from agents_backend.integrations.outgoing import Outgoing
from agents_backend.integrations.pages import Pages
from agents_backend.integrations.parsing.reader import Reader as DocumentReader
from agents_backend.integrations.speech.providers import SpeechProviders
from agents_backend.integrations.storage import Storage
from agents_backend.services.artifacts import Artifacts
from agents_backend.services.attachments import Attachments
from agents_backend.services.chats import Chats
from agents_backend.services.decks import DeckFiles, DeckRequests
from agents_backend.services.fire_records import FireRecords
from agents_backend.services.launches import Launches
from agents_backend.services.logs import Retention
from agents_backend.services.lost_runs import LostRuns
from agents_backend.services.mcp_parts import claude_code, run_mcp
from agents_backend.services.model_calls import ModelCalls
from agents_backend.services.model_texts import ModelTexts
from agents_backend.services.outcomes import Outcomes, Signing
from agents_backend.services.pictures import Pictures
from agents_backend.services.podcasts import PodcastFiles, PodcastRequests
from agents_backend.services.progress import Progress
from agents_backend.services.prose import ProseTexts
from agents_backend.services.rag_documents import Documents
from agents_backend.services.rag_embedding import PassageEmbedding
from agents_backend.services.rag_ingestion import Ingestion
from agents_backend.services.rag_resources import Resources
from agents_backend.services.rag_sweeps import ResourceSweeps
from agents_backend.services.run_ends import RunEnds
from agents_backend.services.run_parts import RunParts
from agents_backend.services.run_starts import RunStarts
from agents_backend.services.runs import RunsService
from agents_backend.services.sandbox_parts import sandbox_parts
from agents_backend.services.schedule_mirror import ScheduleMirror
from agents_backend.services.scheduled_tasks import ScheduledTasks
from agents_backend.services.scheduler_runs import SchedulerRuns
from agents_backend.services.scheduler_sweeps import SchedulerSweeps
from agents_backend.services.speech import SpeechFiles
from agents_backend.services.spending import Spending
from agents_backend.services.spoken_lines import SpokenLines
from agents_backend.services.staged_files import StagedFiles
from agents_backend.services.sweeps import Sweeps
from agents_backend.services.task_parts import Carriers
from agents_backend.services.tool_calls import ToolCalls
from agents_backend.services.toolboxes import Toolboxes
from agents_backend.settings import Settings
from workflows.artifacts import ExpireArtifactsWorkflow
from workflows.chat import ChatWorkflow
from workflows.coding_agents import RefreshClaudeCodeWorkflow, SweepClaudeCodeWorkflow
from workflows.deck import DeckWorkflow
from workflows.files import ExpireFilesWorkflow
from workflows.ingestion import IngestWorkflow, SweepResourcesWorkflow
from workflows.logs import ForgetLogsWorkflow
from workflows.podcast import PodcastWorkflow
from workflows.prose import ProseWorkflow
from workflows.sandbox import SandboxWorkflow
from workflows.sandbox_command import SandboxCommandWorkflow
from workflows.schedulers import (
    AuditSchedulersWorkflow,
    ScheduledTaskWorkflow,
    SweepSchedulersWorkflow,
    WebhookWorkflow,
)
from workflows.speech import SpeechWorkflow
from workflows.sweeps import SweepRunsWorkflow, SweepSandboxesWorkflow


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


@dataclass(frozen=True)
class Work:
    workflows: Sequence[type[Any]] = ()
    activities: Sequence[Callable[..., Any]] = ()
    plugins: Sequence[Plugin] = ()


def chat(parts: Parts) -> Work:
    turns = TurnActivities(
        models=ModelCalls(
            database=parts.database,
            log=parts.log,
            models=parts.models,
            toolboxes=parts.toolboxes,
            spending=parts.spending,
            attachments=Attachments(
                storage=parts.storage(),
                settings=parts.settings.files,
                sandbox_bytes=parts.settings.sandboxes.max_file_bytes if parts.settings.e2b.api_key else None,
            ),
        ),
        tools=ToolCalls(
            database=parts.database,
            log=parts.log,
            toolboxes=parts.toolboxes,
            spending=parts.spending,
            settings=parts.settings.agents,
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


def media(parts: Parts) -> Work:
    storage = parts.storage()
    made = RunParts(database=parts.database)
    progress, providers = Progress(log=parts.log), SpeechProviders(parts.settings)
    artifacts = Artifacts(database=parts.database, storage=storage, settings=parts.settings)
    lines = SpokenLines(
        parts=made,
        storage=storage,
        providers=providers,
        progress=progress,
        spending=parts.spending,
        settings=parts.settings.speech,
    )
    frame = FrameActivities(ends=parts.ends)
    speech = SpeechActivities(
        files=SpeechFiles(parts=made, lines=lines, providers=providers, artifacts=artifacts), lines=lines
    )
    texts = ModelTexts(log=parts.log, models=parts.models, spending=parts.spending)
    prose = ProseActivities(texts=ProseTexts(parts=made, texts=texts, artifacts=artifacts, progress=progress))
    podcasts = PodcastActivities(
        files=PodcastFiles(parts=made, texts=texts, lines=lines, providers=providers, artifacts=artifacts)
    )
    pictures = Pictures(allow_loopback=parts.settings.agents.fetch_allow_loopback)
    decks = DeckActivities(
        files=DeckFiles(parts=made, texts=texts, artifacts=artifacts, progress=progress, pictures=pictures)
    )
    ingested = ingestion(parts, storage=storage, made=made, progress=progress)
    return Work(
        workflows=[DeckWorkflow, IngestWorkflow, PodcastWorkflow, ProseWorkflow, SpeechWorkflow],
        activities=[
            frame.mark_step,
            frame.finish_run,
            *(ingested.fetch_resource, ingested.parse_resource, ingested.cut_resource),
            *(ingested.embed_passages, ingested.index_resource, ingested.refuse_resource),
            prose.write_prose,
            decks.outline_deck,
            decks.build_deck,
            podcasts.write_script,
            podcasts.mix_podcast,
            speech.plan_speech,
            speech.speak_line,
            speech.mix_speech,
            speech.clear_lines,
        ],
    )


def ingestion(parts: Parts, *, storage: Storage, made: RunParts, progress: Progress) -> IngestionActivities:
    """The resources' part of `media`."""
    return IngestionActivities(
        ingestion=Ingestion(
            database=parts.database,
            parts=made,
            documents=Documents(storage=storage),
            pages=parts.pages,
            reader=DocumentReader(parts.settings.rag),
            embedding=PassageEmbedding(database=parts.database, embeddings=providers.connect(parts.settings)),
            progress=progress,
            settings=parts.settings.rag,
        )
    )


def background(parts: Parts) -> Work:
    sweeps = Sweeps(
        database=parts.database,
        launches=parts.launches,
        runs=runs_of(parts),
        ends=parts.ends,
        lost=LostRuns(launches=parts.launches, ends=parts.ends),
        spending=parts.spending,
    )
    of_sandboxes = sandbox_parts(database=parts.database, temporal=parts.temporal, settings=parts.settings).sweeps
    staged = StagedFiles(database=parts.database, storage=parts.storage(), settings=parts.settings.files)
    retention = Retention(database=parts.database, settings=parts.settings.retention)
    claude = claude_code(database=parts.database, temporal=parts.temporal, settings=parts.settings)
    coding = CodingAgentActivities(claude_code=claude)
    scheduled = schedulers(parts)
    resources = ResourceSweepActivities(
        sweeps=ResourceSweeps(
            database=parts.database,
            documents=Documents(storage=parts.storage()),
            embedding=PassageEmbedding(database=parts.database, embeddings=providers.connect(parts.settings)),
        )
    )
    return Work(
        workflows=[
            SweepRunsWorkflow,
            SweepResourcesWorkflow,
            SweepSandboxesWorkflow,
            ExpireArtifactsWorkflow,
            ExpireFilesWorkflow,
            ForgetLogsWorkflow,
            RefreshClaudeCodeWorkflow,
            SweepClaudeCodeWorkflow,
            *scheduled.workflows,
        ],
        activities=[
            SweepActivities(sweeps=sweeps).sweep_runs,
            SandboxSweepActivities(sweeps=of_sandboxes).sweep_sandboxes,
            ArtifactActivities(artifacts=parts.artifacts()).expire_artifacts,
            FileActivities(files=staged).expire_files,
            LogActivities(retention=retention).forget_logs,
            *(resources.sweep_resources, resources.embed_anew, resources.embedded_anew),
            coding.refresh_claude_code,
            coding.sweep_claude_code,
            *scheduled.activities,
        ],
    )


def runs_of(parts: Parts) -> RunsService:
    return RunsService(database=parts.database, log=parts.log, launches=parts.launches, spending=parts.spending)


def schedulers(parts: Parts) -> Work:
    """The schedulers' part of `background`."""
    mirror = ScheduleMirror(database=parts.database, temporal=parts.temporal)
    signing, runs = Signing(parts.settings), runs_of(parts)
    scheduled = ScheduledTasks(
        database=parts.database,
        records=FireRecords(database=parts.database, mirror=mirror),
        runs=runs,
        carriers=carriers(parts, runs, signing),
    )
    outcomes = Outcomes(database=parts.database, outgoing=parts.outgoing, signing=signing, settings=parts.settings)
    sweeps = SchedulerSweeps(
        database=parts.database,
        temporal=parts.temporal,
        mirror=mirror,
        runs=SchedulerRuns(database=parts.database, mirror=mirror, temporal=parts.temporal, settings=parts.settings),
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


def carriers(parts: Parts, runs: RunsService, signing: Signing) -> Carriers:
    """What schedulers' tasks are carried out with."""
    settings, artifacts = parts.settings, parts.artifacts()
    starts = RunStarts(
        database=parts.database, log=parts.log, launches=parts.launches, spending=parts.spending, settings=settings
    )
    pictures = Pictures(allow_loopback=settings.agents.fetch_allow_loopback)
    return Carriers(
        chats=Chats(
            database=parts.database,
            starts=starts,
            runs=runs,
            launches=parts.launches,
            mcp=run_mcp(settings),
            settings=settings,
        ),
        podcasts=PodcastRequests(starts=starts, artifacts=artifacts),
        decks=DeckRequests(starts=starts, artifacts=artifacts, pictures=pictures),
        resources=Resources(
            database=parts.database,
            starts=starts,
            launches=parts.launches,
            documents=Documents(storage=parts.storage()),
            settings=settings,
        ),
        outgoing=parts.outgoing,
        signing=signing,
        pages=parts.pages,
        reader=parts.reader,
        sandbox_sweeps=sandbox_parts(database=parts.database, temporal=parts.temporal, settings=settings).sweeps,
        retention=Retention(database=parts.database, settings=settings.retention),
        artifacts=artifacts,
    )


def sandbox(parts: Parts) -> Work:
    made = sandbox_parts(database=parts.database, temporal=parts.temporal, settings=parts.settings)
    lives, commands = SandboxActivities(lives=made.lives), CommandActivities(commands=made.commands)
    return Work(
        workflows=[SandboxWorkflow, SandboxCommandWorkflow],
        activities=[
            *(lives.create_sandbox, lives.resume_sandbox, lives.extend_sandbox, lives.pause_sandbox),
            *(lives.pause_idle_sandbox, lives.remove_sandbox, lives.check_sandbox),
            *(
                commands.begin_command,
                commands.start_command,
                commands.await_command,
                commands.stop_command,
                commands.fail_command,
            ),
        ],
    )


WORK: dict[str, Callable[[Parts], Work]] = {
    queues.CHAT: chat,
    queues.MEDIA: media,
    queues.SANDBOX: sandbox,
    queues.BACKGROUND: background,
}
