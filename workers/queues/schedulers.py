"""The schedulers' part of the background."""

from activities.schedulers import SchedulerActivities
from agents_backend.services.chats import Chats
from agents_backend.services.decks import DeckRequests
from agents_backend.services.fire_records import FireRecords
from agents_backend.services.logs import Retention
from agents_backend.services.mcp_parts import run_mcp
from agents_backend.services.outcomes import Outcomes, Signing
from agents_backend.services.podcasts import PodcastRequests
from agents_backend.services.rag_documents import Documents
from agents_backend.services.rag_resources import Resources
from agents_backend.services.schedule_mirror import ScheduleMirror
from agents_backend.services.scheduled_tasks import ScheduledTasks
from agents_backend.services.scheduler_runs import SchedulerRuns
from agents_backend.services.scheduler_sweeps import SchedulerSweeps
from agents_backend.services.task_parts import Carriers
from workers.queues.parts import Parts, Work
from workflows.schedulers import (
    AuditSchedulersWorkflow,
    ScheduledTaskWorkflow,
    SweepSchedulersWorkflow,
    WebhookWorkflow,
)


def schedulers(parts: Parts) -> Work:
    """What starts tasks by the clock, carries them out and tells of them."""
    mirror = ScheduleMirror(database=parts.database, temporal=parts.temporal)
    signing = Signing(parts.settings)
    scheduled = ScheduledTasks(
        database=parts.database,
        records=FireRecords(database=parts.database, mirror=mirror),
        runs=parts.runs,
        carriers=carriers(parts, signing),
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


def carriers(parts: Parts, signing: Signing) -> Carriers:
    """What schedulers' tasks are carried out with."""
    settings, artifacts = parts.settings, parts.artifacts
    return Carriers(
        chats=Chats(
            database=parts.database,
            starts=parts.starts,
            runs=parts.runs,
            launches=parts.launches,
            mcp=run_mcp(settings),
            settings=settings,
        ),
        podcasts=PodcastRequests(starts=parts.starts, artifacts=artifacts),
        decks=DeckRequests(starts=parts.starts, artifacts=artifacts, pictures=parts.pictures),
        resources=Resources(
            database=parts.database,
            starts=parts.starts,
            launches=parts.launches,
            documents=Documents(storage=parts.storage),
            settings=settings,
        ),
        outgoing=parts.outgoing,
        signing=signing,
        pages=parts.pages,
        reader=parts.reader,
        sandbox_sweeps=parts.sandboxes.sweeps,
        retention=Retention(database=parts.database, settings=settings.retention),
        artifacts=artifacts,
    )
