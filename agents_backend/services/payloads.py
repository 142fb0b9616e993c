"""The codec server: what Temporal's payloads say, for those who may know, and how the Temporal UI encodes what it sends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from temporalio.api.common.v1 import Payload

from agents_backend.domain.errors import Invalid, KeyMissing, SealBroken
from agents_backend.domain.principals import Principal
from agents_backend.integrations.payloads import EncryptedPayloads

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class StoredPayload:
    """A payload as Temporal has it."""

    metadata: Mapping[str, bytes] = field(default_factory=dict)
    data: bytes = b""


class Payloads:
    """Temporal's remote codec. Who asked, and for how many, is in the process's log; what they say is in none."""

    def __init__(self, codec: EncryptedPayloads, *, namespace: str) -> None:
        self._codec, self._namespace = codec, namespace

    async def decode(
        self, given: Sequence[StoredPayload], namespace: str | None, *, by: Principal
    ) -> list[StoredPayload]:
        """Decrypt what is encrypted, and leave the rest.

        Raises:
            Invalid: one was altered or its key is not configured, or the namespace is not ours.
        """
        self._check(namespace)
        try:
            found = await self._codec.decode(_protos(given))
        except (KeyMissing, SealBroken) as error:
            raise Invalid(error.detail) from error
        _log.info("payloads_decoded", user_id=by.user_id, count=len(found))
        return _stored(found)

    async def encode(
        self, given: Sequence[StoredPayload], namespace: str | None, *, by: Principal
    ) -> list[StoredPayload]:
        """Encrypt, where payloads are encrypted.

        Raises:
            Invalid: the namespace is not ours.
        """
        self._check(namespace)
        _log.info("payloads_encoded", user_id=by.user_id, count=len(given))
        return _stored(await self._codec.encode(_protos(given)))

    def _check(self, namespace: str | None) -> None:
        if namespace not in {None, self._namespace}:
            raise Invalid.field("X-Namespace", "the runs of this API are in another namespace", where="header")


def _protos(given: Sequence[StoredPayload]) -> list[Payload]:
    return [Payload(metadata=one.metadata, data=one.data) for one in given]


def _stored(found: Sequence[Payload]) -> list[StoredPayload]:
    return [StoredPayload(dict(one.metadata), one.data) for one in found]
