"""The box's refusals as Connect errors and as HTTP statuses: the one place where they meet."""

from collections.abc import Iterator
from contextlib import contextmanager

from connectrpc.code import Code
from connectrpc.errors import ConnectError

from sandbox_host.errors import BoxError, HostError

_CONNECT = {
    "not_found": Code.NOT_FOUND,
    "exists": Code.ALREADY_EXISTS,
    "denied": Code.PERMISSION_DENIED,
    "no_space": Code.RESOURCE_EXHAUSTED,
    "busy": Code.RESOURCE_EXHAUSTED,
    "invalid": Code.INVALID_ARGUMENT,
    "gone": Code.UNAVAILABLE,
}
STATUS = {
    "not_found": 404,
    "exists": 409,
    "denied": 403,
    "no_space": 507,
    "busy": 429,
    "invalid": 400,
    "gone": 502,
}


@contextmanager
def as_connect_errors() -> Iterator[None]:
    try:
        yield
    except BoxError as error:
        raise ConnectError(_CONNECT[error.code], str(error)) from None
    except HostError as error:
        raise ConnectError(Code.INVALID_ARGUMENT, str(error)) from None
