"""Secrets in rows: written encrypted, read back in clear, and given the newest key."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, MetaData
from sqlalchemy.orm import DeclarativeBase

import agents_backend.db.tables  # noqa: F401  # the rotation must see every table
from agents_backend.db.base import Base, Database
from agents_backend.db.vault import SealedRows, place_of, sealed_columns
from agents_backend.domain.errors import KeyMissing, SealBroken
from agents_backend.integrations.vault import Keyring
from agents_backend.settings import VaultSettings

_PURPOSE: Final = "rows"
_BATCH = 500


class Vault:
    """Seals JSON values into the columns that `db.vault.sealed` declares, and opens them."""

    def __init__(self, settings: VaultSettings) -> None:
        self._keyring = Keyring(settings, _PURPOSE)

    def seal(self, row: DeclarativeBase, attribute: str, value: Any) -> None:
        """Set a row's sealed column; None empties it. The columns that it is bound to must have their values.

        Raises:
            ValueError: one of them has none yet.
        """
        plain = None if value is None else json.dumps(value, separators=(",", ":")).encode()
        place = place_of(row, attribute)
        setattr(row, attribute, None if plain is None else self._keyring.seal(plain, place=place))

    def open(self, row: DeclarativeBase, attribute: str) -> Any:
        """What was sealed; None where nothing was.

        Raises:
            KeyMissing: the key that sealed it is not among `VAULT_KEYS`.
            SealBroken: it was altered, or belongs to another row.
        """
        found: bytes | None = getattr(row, attribute)
        return None if found is None else json.loads(self._keyring.open(found, place=place_of(row, attribute)))


@dataclass(frozen=True)
class Rotated:
    """What became of one column.

    Attributes:
        column: `table.column`.
        done: values that were encrypted anew, by this run.
        failures: why others could not be, each as many times as it happened.
    """

    column: str
    done: int
    failures: dict[str, int]


class KeyRotation:
    """Encrypts what older keys sealed with the newest, in batches that each commit: stop it anywhere and run it again."""

    def __init__(self, *, database: Database, settings: VaultSettings, metadata: MetaData = Base.metadata) -> None:
        self._database, self._metadata = database, metadata
        self._keyring = Keyring(settings, _PURPOSE)

    @property
    def newest(self) -> str:
        return self._keyring.newest

    def columns(self) -> Iterator[Column[Any]]:
        return sealed_columns(self._metadata)

    async def run(self, column: Column[Any]) -> Rotated:
        """Bring one column to the newest key."""
        done, failures, after = 0, dict[str, int](), None
        while True:
            async with self._database.transaction() as session:
                rows = SealedRows(session, column)
                batch = await rows.locked(without=self._keyring.prefix, after=after, limit=_BATCH)
                anew = []
                for key, place, value in batch:
                    try:
                        anew.append((key, self._keyring.seal(self._keyring.open(value, place=place), place=place)))
                    except (KeyMissing, SealBroken) as error:
                        failures[error.detail] = failures.get(error.detail, 0) + 1
                await rows.replace(anew)
            done += len(anew)
            if len(batch) < _BATCH:
                return Rotated(str(column), done, failures)
            after = batch[-1][0]
