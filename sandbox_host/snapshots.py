"""Copies of disks, from which sandboxes start."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

from sandbox_host.disks import Disks
from sandbox_host.errors import NotFound
from sandbox_host.records import Record, Snapshot, Store, new_id


class Snapshots:
    """The snapshots of a host; a name is of the newest that was given it."""

    def __init__(self, store: Store, disks: Disks) -> None:
        self._store, self._disks = store, disks
        self._all = {snapshot.id: snapshot for snapshot in store.all_snapshots()}

    def find(self, name: str) -> Snapshot | None:
        return next((found for found in self._all.values() if name in {found.id, *found.names}), None)

    def all(self, *, sandbox_id: str | None = None, name: str | None = None) -> list[Snapshot]:
        """The newest first."""
        found = [
            snapshot
            for snapshot in self._all.values()
            if sandbox_id in {None, snapshot.sandbox} and (name is None or name in snapshot.names)
        ]
        return sorted(found, key=lambda snapshot: (-snapshot.made_at, snapshot.id))

    async def take(self, record: Record, source: Path, name: str | None) -> Snapshot:
        """Copy the disk of a sandbox whose processes stand still."""
        names = (name,) if name else ()
        snapshot = Snapshot(new_id(), record.id, record.base, record.limits, time.time(), names)
        folder = self._store.snapshots / snapshot.id
        folder.mkdir(mode=0o711)
        try:
            await asyncio.to_thread(self._disks.disk(record.id, source).copy_to, folder)
            self._store.keep_snapshot(snapshot)
        except BaseException:
            self._store.forget_snapshot(snapshot.id)
            raise
        if name:
            self._take_name(name)
        self._all[snapshot.id] = snapshot
        return snapshot

    def _take_name(self, name: str) -> None:
        if older := self.find(name):
            kept = replace(older, names=tuple(other for other in older.names if other != name))
            self._all[older.id] = kept
            self._store.keep_snapshot(kept)

    async def delete(self, name: str) -> None:
        """Remove one, by its id or a name.

        Raises:
            NotFound: there is none.
        """
        found = self.find(name)
        if found is None:
            raise NotFound(f"template '{name}' not found")
        del self._all[found.id]
        await asyncio.to_thread(self._store.forget_snapshot, found.id)
