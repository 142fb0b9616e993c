"""The task `http_request`: a call to a public address, signed, its answer kept short."""

import json
import re
from typing import Any, Final, Literal

from pydantic import Field, field_validator

from agents_backend.db.base import now
from agents_backend.integrations.outgoing import Reply, signature
from agents_backend.services.outcomes import refuse
from agents_backend.services.task_parts import Arguments, Carriers, Checks, Owner, Performed

MAX_ANSWER: Final = 1_000_000
KEPT_CHARACTERS: Final = 4_000
QUICK_SECONDS: Final = 5.0
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_SECRETS = re.compile(r"auth|cookie|token|secret|key|password|credential|session", re.IGNORECASE)
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect"})
_READABLE = ("text/", "application/json", "application/xml")


class HttpRequest(Arguments):
    url: str = Field(max_length=2048)
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    headers: dict[str, str] = Field(
        default_factory=dict,
        max_length=30,
        description="none that carries a secret: each request is signed instead (webhook-id, -timestamp, -signature)",
    )
    body: str | dict[str, Any] | list[Any] | None = Field(None, description="a text as it is, anything else as JSON")
    timeout_seconds: float = Field(30, gt=0, le=120)

    @field_validator("headers")
    @classmethod
    def _plain(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not _NAME.fullmatch(name) or name.lower() in _OURS or name.lower().startswith("webhook-"):
                raise ValueError(f"the header {name[:64]!r} cannot be set")
            if _SECRETS.search(name):
                raise ValueError(f"the header {name!r} looks like a secret; secrets are not kept in a scheduler")
            if not value.isascii() or not value.isprintable():
                raise ValueError(f"the value of {name!r} is not printable ASCII")
        return headers

    @field_validator("body")
    @classmethod
    def _small(cls, body: Any) -> Any:
        if len(_bytes(body)) > MAX_ANSWER // 4:
            raise ValueError(f"must be {MAX_ANSWER // 4:,} bytes or less")
        return body


def is_quick(arguments: HttpRequest) -> bool:
    return arguments.timeout_seconds <= QUICK_SECONDS


async def check(checks: Checks, _: int, arguments: HttpRequest) -> None:
    checks.url(["kwargs", "url"], arguments.url)


async def perform(carriers: Carriers, owner: Owner, arguments: HttpRequest) -> Performed:
    """Send it; a fire's repetitions carry the same webhook-id.

    Raises:
        UpstreamFailed, UpstreamTimeout: may heal. UpstreamRejected, AddressRefused, TooLarge: will not.
    """
    content = _bytes(arguments.body)
    headers = {name.lower(): value for name, value in arguments.headers.items()}
    if arguments.body is not None and not isinstance(arguments.body, str):
        headers.setdefault("content-type", "application/json")
    secret = carriers.signing.secret(owner.scheduler_id, owner.secret_version)
    reply = await carriers.outgoing.send(
        arguments.method,
        arguments.url,
        headers={**headers, **signature(secret, str(owner.fire_id), now(), content)},
        content=content,
        max_bytes=MAX_ANSWER,
        seconds=arguments.timeout_seconds,
    )
    refuse(reply.status)
    return Performed(result=_told(reply))


def _bytes(body: Any) -> bytes:
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def _told(reply: Reply) -> dict[str, Any]:
    told: dict[str, Any] = {"status": reply.status, "media_type": reply.media_type, "size": len(reply.content)}
    if reply.media_type.startswith(_READABLE):
        text = reply.content.decode("utf-8", errors="replace").replace("\x00", "")
        told["body"] = text[:KEPT_CHARACTERS]
    return told
