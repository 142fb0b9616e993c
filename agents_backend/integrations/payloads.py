"""What Temporal stores is ciphertext: the one codec of every client, worker, replay and of the codec server.

It reads what is plain as well as what is encrypted, so histories that began before it was turned on, or go on after it was turned off,
are read as ever. A history needs the key it was written with for as long as Temporal keeps it.
"""

import dataclasses
from collections.abc import Sequence
from typing import Final

from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec

from agents_backend.domain.errors import SealBroken
from agents_backend.integrations.vault import Keyring
from agents_backend.settings import Settings

_PURPOSE: Final = "temporal payloads"
_ENCODING: Final = b"binary/encrypted"


class EncryptedPayloads(PayloadCodec):
    """AES-256-GCM over whole payloads, their metadata included, with the newest key; decrypts with any that is listed."""

    def __init__(self, keyring: Keyring, *, encrypts: bool) -> None:
        self._keyring, self._encrypts = keyring, encrypts
        self._metadata = {"encoding": _ENCODING, "encryption-key-id": keyring.newest.encode()}

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        if not self._encrypts:
            return list(payloads)
        return [self._encoded(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """What was encoded, and what was not as it is.

        Raises:
            KeyMissing: a key is not among `VAULT_KEYS`.
            SealBroken: a payload was altered.
        """
        return [self._decoded(payload) for payload in payloads]

    def _encoded(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") == _ENCODING:
            return payload
        return Payload(metadata=self._metadata, data=self._keyring.seal(payload.SerializeToString()))

    def _decoded(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != _ENCODING:
            return payload
        try:
            return Payload.FromString(self._keyring.open(payload.data))
        except DecodeError:
            raise SealBroken from None


def payload_codec(settings: Settings) -> EncryptedPayloads:
    return EncryptedPayloads(Keyring(settings.vault, _PURPOSE), encrypts=settings.payloads_encrypted)


def data_converter(settings: Settings) -> DataConverter:
    """How values become payloads. Where they are encrypted, so are the messages and stack traces of failures."""
    found = dataclasses.replace(pydantic_data_converter, payload_codec=payload_codec(settings))
    if not settings.payloads_encrypted:
        return found
    return dataclasses.replace(found, failure_converter_class=DefaultFailureConverterWithEncodedAttributes)
