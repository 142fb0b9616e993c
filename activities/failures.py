"""Domain errors become Temporal failures here and nowhere else: what may heal is retried, what cannot is not.

A failure is kept in the workflow's history, so its cause is not: a vendor's own words may quote a key or a user's text.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from temporalio.exceptions import ApplicationError

from agents_backend.domain.errors import AgentsError, ModelRejected, SpeechFailed, Unavailable, UpstreamRejected


@contextmanager
def as_failures() -> Iterator[None]:
    try:
        yield
    except (ModelRejected, UpstreamRejected, SpeechFailed) as error:
        raise ApplicationError(error.detail, type=error.code, non_retryable=True) from None
    except Unavailable as error:
        delay = timedelta(seconds=min(error.retry_after, 60)) if error.retry_after else None
        raise ApplicationError(error.detail, type=error.code, next_retry_delay=delay) from None
    except AgentsError as error:
        raise ApplicationError(error.detail, type=error.code, non_retryable=True) from None
