"""The queue of what nobody waits for: sweeps, what expires, and schedulers."""

from activities.artifacts import ArtifactActivities
from activities.coding_agents import CodingAgentActivities
from activities.files import FileActivities
from activities.ingestion import ResourceSweepActivities
from activities.logs import LogActivities
from activities.sandboxes import SandboxSweepActivities
from activities.sweeps import SweepActivities
from agents_backend.services.logs import Retention
from agents_backend.services.mcp_parts import claude_code
from agents_backend.services.rag_documents import Documents
from agents_backend.services.rag_sweeps import ResourceSweeps
from agents_backend.services.staged_files import StagedFiles
from agents_backend.services.sweeps import Sweeps
from workers.queues.parts import Parts, Work, together
from workers.queues.schedulers import schedulers
from workflows.artifacts import ExpireArtifactsWorkflow
from workflows.coding_agents import RefreshClaudeCodeWorkflow, SweepClaudeCodeWorkflow
from workflows.files import ExpireFilesWorkflow
from workflows.ingestion import SweepResourcesWorkflow
from workflows.logs import ForgetLogsWorkflow
from workflows.sweeps import SweepRunsWorkflow, SweepSandboxesWorkflow


def background(parts: Parts) -> Work:
    return together(
        _runs(parts),
        _sandboxes(parts),
        _resources(parts),
        _files(parts),
        _logs(parts),
        _coding_agents(parts),
        schedulers(parts),
    )


def _runs(parts: Parts) -> Work:
    sweeps = Sweeps(
        database=parts.database,
        launches=parts.launches,
        runs=parts.runs,
        ends=parts.ends,
        lost=parts.lost,
        spending=parts.spending,
    )
    return Work(workflows=[SweepRunsWorkflow], activities=[SweepActivities(sweeps=sweeps).sweep_runs])


def _sandboxes(parts: Parts) -> Work:
    made = SandboxSweepActivities(sweeps=parts.sandboxes.sweeps)
    return Work(workflows=[SweepSandboxesWorkflow], activities=[made.sweep_sandboxes])


def _resources(parts: Parts) -> Work:
    sweeps = ResourceSweeps(
        database=parts.database, documents=Documents(storage=parts.storage), embedding=parts.embedding
    )
    made = ResourceSweepActivities(sweeps=sweeps)
    return Work(
        workflows=[SweepResourcesWorkflow],
        activities=[made.sweep_resources, made.embed_anew, made.embedded_anew],
    )


def _files(parts: Parts) -> Work:
    staged = StagedFiles(database=parts.database, storage=parts.storage, settings=parts.settings.files)
    return Work(
        workflows=[ExpireArtifactsWorkflow, ExpireFilesWorkflow],
        activities=[
            ArtifactActivities(artifacts=parts.artifacts).expire_artifacts,
            FileActivities(files=staged).expire_files,
        ],
    )


def _logs(parts: Parts) -> Work:
    retention = Retention(database=parts.database, settings=parts.settings.retention)
    return Work(workflows=[ForgetLogsWorkflow], activities=[LogActivities(retention=retention).forget_logs])


def _coding_agents(parts: Parts) -> Work:
    claude = claude_code(database=parts.database, temporal=parts.temporal, settings=parts.settings)
    made = CodingAgentActivities(claude_code=claude)
    return Work(
        workflows=[RefreshClaudeCodeWorkflow, SweepClaudeCodeWorkflow],
        activities=[made.refresh_claude_code, made.sweep_claude_code],
    )
