"""Who may use a sandbox's envd: the holder of its access token, or of a signature made with it for one path."""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping

from sandbox_host.errors import BoxError
from sandbox_host.records import Record

USER = "user"


def has_token(record: Record, headers: Mapping[str, str]) -> bool:
    return _same(headers.get("x-access-token", ""), record.envd_token)


def has_signature(record: Record, query: Mapping[str, str], operation: str) -> bool:
    """Whether the query carries a signature for this path and operation that has not expired."""
    given, expires = query.get("signature"), query.get("signature_expiration")
    if given is None:
        return False
    if expires is not None and (not expires.isdecimal() or int(expires) < time.time()):
        return False
    parts = [query.get("path", ""), operation, query.get("username", ""), record.envd_token]
    if expires is not None:
        parts.append(expires)
    digest = hashlib.sha256(":".join(parts).encode()).digest()
    return _same(given, "v1_" + base64.b64encode(digest).rstrip(b"=").decode())


def check_user(name: str | None) -> None:
    """A box has one user.

    Raises:
        BoxError: `denied` for root, which needs capabilities that no box has; `invalid` for one that does not exist.
    """
    if name in {None, "", USER}:
        return
    if name == "root":
        raise BoxError("denied", "this host has no root in its sandboxes: run it as `user`")
    raise BoxError("invalid", f"invalid username: '{name}'")


def basic_user(authorization: str | None) -> str | None:
    """The name in a `Basic` header, as the SDK sends the user of a command."""
    if not authorization or not authorization.lower().startswith("basic "):
        return None
    try:
        decoded = base64.b64decode(authorization[6:], validate=True).decode()
    except ValueError:
        return None
    return decoded.partition(":")[0]


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
