"""A run: one piece of durable work, and the states that it passes through.

queued ──▶ pending ──▶ running ──▶ succeeded | failed | cancelled
                          ▲ │
                          │ ▼
                        waiting (for a human)
"""

from enum import StrEnum
from typing import Literal


class RunStatus(StrEnum):
    QUEUED = "queued"
    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in FINAL


FINAL = frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED})
HOLDING = frozenset({RunStatus.PENDING, RunStatus.RUNNING, RunStatus.WAITING})

MultitaskStrategy = Literal["reject", "enqueue", "interrupt", "rollback"]
Decision = Literal["approve", "edit", "reject"]


def workflow_id(kind: str, run_id: str) -> str:
    """The id of a run's workflow: derived, so that a retried start cannot make a second one."""
    return f"{kind}-{run_id}"
