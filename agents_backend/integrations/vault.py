"""The keyring: AES-256-GCM under the first key of `VAULT_KEYS`; each key that is listed opens what it sealed.

A sealed value is `version (1) | key id (4) | salt (16) | nonce (12) | ciphertext | tag (16)`. Each process seals under a key of its own,
drawn from the listed one by HKDF-SHA256 from the salt and the purpose: so random nonces stay far from the 2^32 messages that one
key may seal (NIST SP 800-38D, 8.3), and what was sealed for one purpose never opens for another. The header is authenticated too.
"""

import hashlib
import os
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from agents_backend.domain.errors import KeyMissing, SealBroken
from agents_backend.settings import VaultSettings

_VERSION: Final = b"\x01"
_ID, _SALT, _NONCE, _TAG = 4, 16, 12, 16
_HEADER = len(_VERSION) + _ID + _SALT + _NONCE
_DRAWN_KEYS = 4096
OVERHEAD: Final = _HEADER + _TAG


class Keyring:
    """Seals with the newest key and opens with any, for one purpose. It holds no connection and never blocks.

    Attributes:
        prefix: how all that the newest key sealed begins, whatever the process.
    """

    def __init__(self, settings: VaultSettings, purpose: str) -> None:
        """Take the keys.

        Raises:
            ValueError: there is none.
        """
        if not (keys := settings.listed()):
            raise ValueError("VAULT_KEYS is not set")
        self._purpose, self._keys = purpose.encode(), {_id_of(key): key for key in keys}
        self._salt = os.urandom(_SALT)
        self.prefix = _VERSION + _id_of(keys[0])
        self._drawn = lru_cache(_DRAWN_KEYS)(self._draw)

    @property
    def newest(self) -> str:
        return self.prefix[len(_VERSION) :].hex()

    def seal(self, plain: bytes, *, place: bytes = b"") -> bytes:
        """Encrypt; `place` is what the value belongs to, and must be told again to open it."""
        header = self.prefix + self._salt + os.urandom(_NONCE)
        cipher = self._drawn(self.prefix[len(_VERSION) :], self._salt)
        return header + cipher.encrypt(header[-_NONCE:], plain, header + place)

    def open(self, sealed: bytes, *, place: bytes = b"") -> bytes:
        """Decrypt.

        Raises:
            KeyMissing: its key is not listed.
            SealBroken: it was changed, cut off, or sealed for another place or purpose.
        """
        if len(sealed) < OVERHEAD or not sealed.startswith(_VERSION):
            raise SealBroken
        header = sealed[:_HEADER]
        key_id, salt = header[1 : 1 + _ID], header[1 + _ID : -_NONCE]
        try:
            return self._drawn(key_id, salt).decrypt(header[-_NONCE:], sealed[_HEADER:], header + place)
        except InvalidTag:
            raise SealBroken from None

    def _draw(self, key_id: bytes, salt: bytes) -> AESGCM:
        if (key := self._keys.get(key_id)) is None:
            raise KeyMissing(f"This was encrypted with the key {key_id.hex()}, which is not among VAULT_KEYS.")
        info = b"agents-backend " + self._purpose
        return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(key))


def _id_of(key: bytes) -> bytes:
    """A key's name is made from it, so that no two keys can be taken for each other."""
    return hashlib.sha256(b"agents-backend key id" + key).digest()[:_ID]
