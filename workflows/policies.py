"""Timeouts and retries: each has a name here and stands nowhere else."""

from datetime import timedelta
from typing import TypedDict

from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.workflow import ActivityCancellationType


class ActivityConfig(TypedDict, total=False):
    start_to_close_timeout: timedelta
    schedule_to_close_timeout: timedelta
    heartbeat_timeout: timedelta
    retry_policy: RetryPolicy
    cancellation_type: ActivityCancellationType


class LocalActivityConfig(TypedDict, total=False):
    start_to_close_timeout: timedelta
    retry_policy: RetryPolicy
    cancellation_type: ActivityCancellationType


# Upstream answers again within seconds or minutes; an error that cannot heal is raised non-retryable by the activity.
UPSTREAM = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(seconds=20)
)
# Our own PostgreSQL and Redis come back; the run waits for them rather than fail.
OURS = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), backoff_coefficient=1.5, maximum_interval=timedelta(seconds=5)
)

MODEL = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=10),
    schedule_to_close_timeout=timedelta(minutes=30),
    heartbeat_timeout=timedelta(seconds=3),
    retry_policy=UPSTREAM,
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)
TOOL = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=5),
    schedule_to_close_timeout=timedelta(minutes=15),
    heartbeat_timeout=timedelta(seconds=3),
    retry_policy=UPSTREAM,
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)
RECORD = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=90),
    schedule_to_close_timeout=timedelta(days=1),
    heartbeat_timeout=timedelta(seconds=3),
    retry_policy=OURS,
)
# A round that fails is left to the next one.
SWEEP = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=5),
    schedule_to_close_timeout=timedelta(minutes=10),
    heartbeat_timeout=timedelta(seconds=10),
    retry_policy=RetryPolicy(maximum_attempts=2),
)

_TOLD_AT_ONCE = [
    "SANDBOX_UNAVAILABLE",
    "SANDBOX_INTERRUPTED",
    "SANDBOX_TIMEOUT",
    "SANDBOX_FAILED",
    "SANDBOX_DISK_FULL",
]


def is_told_at_once(error: ActivityError) -> bool:
    """Whether a sandbox's activity has failed for good, for whoever waits for it."""
    cause = error.cause
    return isinstance(cause, ApplicationError) and (cause.non_retryable or cause.type in _TOLD_AT_ONCE)


# Somebody waits for the answer: E2B's failure is told at once (the activity has tried again by itself), a worker's death is not.
SANDBOX_ASKED = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=60),
    schedule_to_close_timeout=timedelta(minutes=3),
    heartbeat_timeout=timedelta(seconds=3),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(milliseconds=200),
        maximum_attempts=5,
        non_retryable_error_types=_TOLD_AT_ONCE,
    ),
)
# The row says what failed, so that only PostgreSQL's absence and a worker's death are tried again.
SANDBOX_CREATE = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=60),
    schedule_to_close_timeout=timedelta(days=1),
    heartbeat_timeout=timedelta(seconds=3),
    retry_policy=OURS,
)
# Nobody waits: E2B may be away for hours.
SANDBOX_UPKEEP = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=2),
    schedule_to_close_timeout=timedelta(hours=6),
    heartbeat_timeout=timedelta(seconds=3),
    retry_policy=UPSTREAM,
)
# Whoever waits for a command lets go of it before it is stopped, or would tell of its end as its own.
COMMAND_START = ActivityConfig(**SANDBOX_ASKED, cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED)
# Beside the command's own time: E2B may be away for so long in the middle of it.
COMMAND_PATIENCE = timedelta(hours=6)


def command_await(timeout_seconds: int) -> ActivityConfig:
    """Wait for a command that may itself take `timeout_seconds`."""
    return ActivityConfig(
        schedule_to_close_timeout=timedelta(seconds=timeout_seconds) + COMMAND_PATIENCE,
        heartbeat_timeout=timedelta(seconds=3),
        retry_policy=UPSTREAM,
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    )


# Storage may be full or away: the run waits ten minutes for room before it fails.
ROOM = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2,
    maximum_interval=timedelta(seconds=20),
    maximum_attempts=34,
)
MEDIA = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=15),
    schedule_to_close_timeout=timedelta(minutes=25),
    heartbeat_timeout=timedelta(seconds=5),
    retry_policy=ROOM,
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)
# A line: the activity itself says when a provider has failed too often (about a minute); storage is waited for.
SPEAK = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=5),
    schedule_to_close_timeout=timedelta(minutes=30),
    heartbeat_timeout=timedelta(seconds=5),
    retry_policy=ROOM,
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)
# A document that kills its parser, or its worker, does so the next time as well.
PARSE = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=15),
    schedule_to_close_timeout=timedelta(minutes=30),
    heartbeat_timeout=timedelta(seconds=5),
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=4),
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)
# Tokens live for hours and are refreshed in good time; what fails for a day is left to the sweep.
REFRESH = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=60),
    schedule_to_close_timeout=timedelta(days=1),
    heartbeat_timeout=timedelta(seconds=10),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(minutes=5)
    ),
)
# What cannot be put away now goes with the run's files.
CLEAR = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=2),
    schedule_to_close_timeout=timedelta(minutes=10),
    heartbeat_timeout=timedelta(seconds=10),
    retry_policy=UPSTREAM,
)
# Within the workflow task that asks for it; what fails here is done again as an activity of its own.
AT_ONCE = LocalActivityConfig(
    start_to_close_timeout=timedelta(seconds=20),
    retry_policy=RetryPolicy(maximum_attempts=1),
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)
# A scheduler's task: the activity itself says when the task has failed, so what is retried here is our own servers' absence.
TASK = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=10),
    schedule_to_close_timeout=timedelta(days=1),
    heartbeat_timeout=timedelta(seconds=5),
    retry_policy=UPSTREAM,
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)
# A receiver that is down has about a day to come back.
WEBHOOK = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=1),
    schedule_to_close_timeout=timedelta(days=1),
    heartbeat_timeout=timedelta(seconds=10),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=2), backoff_coefficient=3, maximum_interval=timedelta(hours=1)
    ),
)
