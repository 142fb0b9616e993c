"""What a sandbox's workflows ask of their activities. Commands, outputs and tokens stay in PostgreSQL and in E2B."""

from datetime import datetime

from pydantic import Field

from agents_backend.contracts.turns import Frozen
from agents_backend.domain.sandboxes import SandboxStatus


class SandboxRef(Frozen):
    """Names a sandbox; everything else about it is in its row."""

    sandbox_id: str
    user_id: int


class SandboxState(Frozen):
    """A sandbox as its workflow knows it.

    Attributes:
        expires_at: when it is paused, unless it is extended or busy; while it is paused, when it is removed.
        reason: why it came to its end.
    """

    status: SandboxStatus = SandboxStatus.CREATING
    expires_at: datetime | None = None
    reason: str = ""


class SandboxInput(Frozen):
    """What starts a sandbox's workflow; `state` is where to go on."""

    sandbox: SandboxRef
    state: SandboxState = SandboxState()
    check_seconds: int = Field(600, ge=1, description="between two looks at E2B while it runs")


class Lease(Frozen):
    """How long a sandbox may run from now on; None: as long as when it was made."""

    sandbox: SandboxRef
    seconds: int | None = None


class Farewell(Frozen):
    sandbox: SandboxRef
    status: SandboxStatus
    reason: str = ""


class CommandRef(Frozen):
    command_id: str
    sandbox_id: str
    user_id: int


class CommandInput(Frozen):
    """What starts a command's workflow; `timeout_seconds` is the command's own."""

    command: CommandRef
    timeout_seconds: int


class CommandProgress(Frozen):
    finished: bool


class CommandFailure(Frozen):
    command: CommandRef
    code: str
    detail: str


class SandboxesSwept(Frozen):
    """How many of each.

    Attributes:
        strays: sandboxes at E2B whose row is ended or names another: removed.
        checked: sandboxes whose row and E2B disagree: their workflow was asked to look.
        revived: living sandboxes whose workflow was gone: started again.
        ended_commands: commands whose workflow was gone: ended, and told so.
        departed: living sandboxes of users who were deleted: removed.
    """

    strays: int = 0
    checked: int = 0
    revived: int = 0
    ended_commands: int = 0
    departed: int = 0
