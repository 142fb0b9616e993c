"""A sandbox and its commands, and the states that they pass through.

creating ──▶ running ◀──▶ paused ──▶ expired (idle for too long; said, never silent)
    │           │           │
    ▼           ▼           ▼
  failed      lost        deleted
(was not     (it died     (its user
  made)    underneath)    deleted it)
"""

import posixpath
import uuid
from enum import StrEnum

from agents_backend.domain.errors import Invalid


class SandboxStatus(StrEnum):
    CREATING = "creating"
    RUNNING = "running"
    PAUSED = "paused"
    FAILED = "failed"
    LOST = "lost"
    EXPIRED = "expired"
    DELETED = "deleted"

    @property
    def is_final(self) -> bool:
        return self not in LIVING


LIVING = frozenset({SandboxStatus.CREATING, SandboxStatus.RUNNING, SandboxStatus.PAUSED})


class CommandStatus(StrEnum):
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"


def new_sandbox_id() -> str:
    return f"sbx_{uuid.uuid4().hex[:20]}"


def new_command_id() -> str:
    return f"cmd_{uuid.uuid4().hex[:20]}"


def sandbox_workflow_id(sandbox_id: str) -> str:
    """Derived, so that a retried start cannot make a second one."""
    return f"sandbox-{sandbox_id}"


def command_workflow_id(command_id: str) -> str:
    return f"sandbox-command-{command_id}"


def checked_path(path: str) -> str:
    """A path within a sandbox, without its dots.

    Raises:
        Invalid: it is not absolute, or holds a NUL character.
    """
    if not path.startswith("/"):
        raise Invalid.field("path", "a path in a sandbox is absolute")
    if "\x00" in path:
        raise Invalid.field("path", "a path holds no NUL character")
    return posixpath.normpath(path).replace("//", "/")
