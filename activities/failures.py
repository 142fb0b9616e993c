"""Domain errors become Temporal failures here and nowhere else: what may heal is retried, what cannot is not."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from temporalio.exceptions import ApplicationError

from agents_backend.domain.errors import AgentsError, ModelRejected, Unavailable, UpstreamRejected


@contextmanager
def as_failures() -> Iterator[None]:
    try:
        yield
    except (ModelRejected, UpstreamRejected) as error:
        raise ApplicationError(error.detail, type=error.code, non_retryable=True) from error
    except Unavailable as error:
        delay = timedelta(seconds=min(error.retry_after, 60)) if error.retry_after else None
        raise ApplicationError(error.detail, type=error.code, next_retry_delay=delay) from error
    except AgentsError as error:
        raise ApplicationError(error.detail, type=error.code, non_retryable=True) from error
