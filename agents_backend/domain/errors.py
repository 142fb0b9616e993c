"""The error tree. Each error carries a stable `code`; `api/errors.py` turns it into HTTP, `activities/failures.py` into Temporal.

AgentsError
├── SealBroken               what is encrypted at rest was altered, or moved to another place
├── Invalid                  the caller sent something that can never work
│   ├── TooLarge
│   ├── ContextExceeded      the text does not fit the model
│   ├── UnsupportedMedia
│   └── AddressRefused       a URL that we do not connect to
├── Unauthenticated
├── Forbidden
├── InsufficientCredits
├── NotFound                 none, or somebody else's: the same answer
│   └── PathNotFound         no such file in the sandbox
├── Conflict                 true now, may change
│   ├── ThreadBusy
│   ├── RunClosed
│   ├── IdempotencyMismatch
│   ├── SandboxBusy          a command runs in it
│   └── SandboxGone          it died, was removed, or was never made
├── TooMany                  rate or count limits
└── Unavailable              a dependency fails; it may heal
    ├── KeyMissing           the key that something was encrypted with is not configured
    ├── SandboxUnavailable   E2B, or the sandbox within it, cannot be reached
    │   └── SandboxInterrupted   it was reached, and went away in the middle
    ├── SandboxFull          its disk
    ├── UpstreamFailed
    │   ├── ModelRejected    the vendor refuses the request itself: not tried again
    │   ├── SandboxFailed    E2B answered with an error
    │   │   └── CommandLost  how far it came is not known; it is not run again
    │   ├── UpstreamRejected
    │   └── SpeechFailed     a line could not be spoken, however often it was tried
    ├── UpstreamOverloaded
    │   └── ModelOverloaded
    ├── StorageFull          there is no room to write a file
    └── UpstreamTimeout
        └── SandboxTimeout
"""

from collections.abc import Sequence
from typing import Any, ClassVar


class AgentsError(Exception):
    """The root.

    Attributes:
        code: stable, UPPER_SNAKE.
        detail: one clear sentence for the caller.
        retry_after: seconds after which the same request may succeed, or None.
        errors: the fields at fault, each `{loc, msg, type}`.
    """

    code: ClassVar[str] = "INTERNAL_ERROR"
    default_detail: ClassVar[str] = "Something went wrong."

    def __init__(
        self,
        detail: str | None = None,
        *,
        retry_after: float | None = None,
        errors: Sequence[dict[str, Any]] = (),
        code: str | None = None,
    ) -> None:
        self.detail = detail or self.default_detail
        self.retry_after = retry_after
        self.errors = tuple(errors)
        if code is not None:
            self.code = code  # type: ignore[misc]  # an instance may be more exact than its class
        super().__init__(self.detail)


class SealBroken(AgentsError):
    code = "SEAL_BROKEN"
    default_detail = "What was encrypted here was altered, or belongs to another place."


class Invalid(AgentsError):
    code = "VALIDATION_ERROR"
    default_detail = "The request is not valid."

    @classmethod
    def field(cls, name: str, message: str, *, where: str = "body") -> "Invalid":
        """An error about one field of the request."""
        return cls(f"{name}: {message}", errors=[{"loc": [where, name], "msg": message, "type": "value_error"}])


class TooLarge(Invalid):
    code = "PAYLOAD_TOO_LARGE"
    default_detail = "The request is too large."


class ContextExceeded(Invalid):
    code = "MODEL_CONTEXT_EXCEEDED"
    default_detail = "The text is longer than the model can read at once."


class UnsupportedMedia(Invalid):
    code = "UNSUPPORTED_MEDIA_TYPE"
    default_detail = "This media type is not supported."


class AddressRefused(Invalid):
    code = "ADDRESS_REFUSED"
    default_detail = "This address is not allowed."


class Unauthenticated(AgentsError):
    code = "UNAUTHORIZED"
    default_detail = "Missing or invalid credentials."


class Forbidden(AgentsError):
    code = "FORBIDDEN"
    default_detail = "You do not have the permission for this."


class InsufficientCredits(AgentsError):
    code = "INSUFFICIENT_CREDITS"
    default_detail = "There are not enough credits for this."


class NotFound(AgentsError):
    code = "NOT_FOUND"
    default_detail = "There is no such thing."


class Conflict(AgentsError):
    code = "CONFLICT"
    default_detail = "This conflicts with the present state."


class ThreadBusy(Conflict):
    code = "THREAD_BUSY"
    default_detail = "Another run is active on this thread."


class RunClosed(Conflict):
    code = "RUN_CLOSED"
    default_detail = "The run has ended."


class IdempotencyMismatch(Conflict):
    code = "IDEMPOTENCY_MISMATCH"
    default_detail = "This Idempotency-Key was used with another request."


class IdempotencyGone(Conflict):
    code = "IDEMPOTENCY_GONE"
    default_detail = "What an earlier request with this Idempotency-Key made was deleted since."


class TooMany(AgentsError):
    code = "TOO_MANY_REQUESTS"
    default_detail = "Too many requests."


class Unavailable(AgentsError):
    code = "SERVICE_UNAVAILABLE"
    default_detail = "A service that this depends on is not available now."


class KeyMissing(Unavailable):
    code = "KEY_MISSING"
    default_detail = "The key that this was encrypted with is not configured."


class UpstreamFailed(Unavailable):
    code = "UPSTREAM_FAILED"
    default_detail = "An upstream service failed."


class UpstreamTimeout(Unavailable):
    code = "UPSTREAM_TIMEOUT"
    default_detail = "An upstream service did not answer in time."


class ModelRejected(UpstreamFailed):
    code = "MODEL_REJECTED"
    default_detail = "The model refused the request."


class UpstreamRejected(UpstreamFailed):
    code = "UPSTREAM_REJECTED"
    default_detail = "An upstream service refused the request."


class UpstreamOverloaded(Unavailable):
    code = "UPSTREAM_OVERLOADED"
    default_detail = "An upstream service takes no more requests now."


class ModelOverloaded(UpstreamOverloaded):
    code = "MODEL_OVERLOADED"
    default_detail = "The model is overloaded now."


class PathNotFound(NotFound):
    code = "PATH_NOT_FOUND"
    default_detail = "There is no such file or folder in the sandbox."


class SandboxBusy(Conflict):
    code = "SANDBOX_BUSY"
    default_detail = "A command is running in the sandbox."


class SandboxGone(Conflict):
    code = "SANDBOX_GONE"
    default_detail = "The sandbox has ended; make a new one."


class SandboxUnavailable(Unavailable):
    code = "SANDBOX_UNAVAILABLE"
    default_detail = "The sandbox service is not available now."


class SandboxInterrupted(SandboxUnavailable):
    code = "SANDBOX_INTERRUPTED"
    default_detail = "The connection to the sandbox was lost."


class SandboxFull(Unavailable):
    code = "SANDBOX_DISK_FULL"
    default_detail = "The sandbox's disk is full."


class SandboxFailed(UpstreamFailed):
    code = "SANDBOX_FAILED"
    default_detail = "The sandbox service answered with an error."


class CommandLost(SandboxFailed):
    code = "COMMAND_LOST"
    default_detail = "How far the command came is not known. It was not run again."


class SandboxTimeout(UpstreamTimeout):
    code = "SANDBOX_TIMEOUT"
    default_detail = "The sandbox service did not answer in time."


class SpeechFailed(UpstreamFailed):
    code = "SPEECH_FAILED"
    default_detail = "A line could not be spoken."


class StorageFull(Unavailable):
    code = "STORAGE_FULL"
    default_detail = "There is no room left to store the file."


def error_of(code: str, detail: str) -> AgentsError:
    """The error that a run ended with, as it was stored: of the class that has its code, or a failed upstream's."""
    waiting = [AgentsError]
    while waiting:
        kind = waiting.pop()
        if kind.code == code:
            return kind(detail)
        waiting += kind.__subclasses__()
    return UpstreamFailed(detail, code=code)
