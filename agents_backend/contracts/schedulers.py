"""What a scheduler's workflow starts with and asks of its activities: ids; arguments and results stay in PostgreSQL."""

from datetime import datetime
from typing import Literal

from agents_backend.contracts.turns import Frozen

FireStatus = Literal["pending", "running", "succeeded", "failed", "cancelled", "skipped"]
Overlap = Literal["skip", "buffer_one", "buffer_all", "cancel_other", "allow_all"]


class Fire(Frozen):
    """The argument of the workflow.

    Attributes:
        fire_id: of a run by hand, whose row is there before its workflow; by the schedule it is derived from the workflow.
        looks: how often the run that was started has been looked at, over continue-as-new.
    """

    scheduler_id: str
    fire_id: str | None = None
    looks: int = 0


class FireRef(Frozen):
    """Names a fire to the activities.

    Attributes:
        scheduled_for: the time by the schedule; None for a run by hand.
    """

    scheduler_id: str
    fire_id: str
    workflow_id: str
    scheduled_for: datetime | None = None


class FireEnd(Frozen):
    """How a fire ends that its task could not end itself."""

    fire: FireRef
    status: Literal["failed", "cancelled"]
    error_code: str | None = None
    error_detail: str | None = None


class FireState(Frozen):
    """How far a fire is.

    Attributes:
        ended: whether anything is left to wait for.
        todo: the task is yet to be carried out, by an activity of its own.
        deliver: whether a webhook is to be told.
    """

    status: FireStatus
    ended: bool
    todo: bool = False
    deliver: bool = False


class SchedulersSwept(Frozen):
    """How many of each kind.

    Attributes:
        synced: changed rows whose Schedule had not been told. started: runs by hand without their workflow.
        paused: schedulers of owners who may not sign in. lost: fires whose workflow was gone.
        drifted: Schedules that differed from their row. orphans: Schedules without a row. forgotten: old fires.
    """

    synced: int = 0
    started: int = 0
    paused: int = 0
    lost: int = 0
    drifted: int = 0
    orphans: int = 0
    forgotten: int = 0
