"""The errors of the host.

HostError
├── CannotIsolate      this machine cannot jail: the host does not start
├── BootFailed         a sandbox did not come up
├── NotFound           no such sandbox, template or snapshot
├── Conflict           the sandbox is not in a state for that
├── Invalid            the request makes no sense
├── Full               no room for another sandbox
└── BoxError           the box refused an operation; `code` says why
    └── BoxGone        the box ended meanwhile
"""


class HostError(Exception):
    """Anything that the host refuses; the message is for the caller."""

    status = 500


class CannotIsolate(HostError):
    pass


class BootFailed(HostError):
    pass


class NotFound(HostError):
    status = 404


class Conflict(HostError):
    status = 409


class Invalid(HostError):
    status = 400


class Full(HostError):
    status = 429


class BoxError(HostError):
    """`code` is one of: not_found, exists, denied, no_space, busy, invalid, gone."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class BoxGone(BoxError):
    def __init__(self) -> None:
        super().__init__("gone", "the sandbox was not found")
