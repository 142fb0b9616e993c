"""What is known of each sandbox, kept as a JSON file in its folder so that a host that starts again finds it."""

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from sandbox_host.config import Limits

State = Literal["running", "paused"]
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_ID = re.compile(r"^i[a-z0-9]{20}$")


def new_id() -> str:
    return "i" + "".join(secrets.choice(_ALPHABET) for _ in range(20))


@dataclass(frozen=True)
class Record:
    """One sandbox. `slot` numbers its user id; times are seconds since the epoch."""

    id: str
    slot: int
    template: str
    base: str
    limits: Limits
    started_at: float
    ends_at: float
    seconds: int
    envd_token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    traffic_token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    state: State = "running"
    env: dict[str, str] = field(default_factory=dict, repr=False)
    metadata: dict[str, str] = field(default_factory=dict)
    pause_on_timeout: bool = False
    keep_memory: bool = True
    resume_on_traffic: bool = False
    internet: bool = False
    public_ports: bool = False
    idempotency_key: str | None = None

    def lasting(self, seconds: int, *, now: float) -> "Record":
        return replace(self, ends_at=now + seconds, seconds=seconds)

    def paused(self) -> "Record":
        return replace(self, state="paused")

    def running(self) -> "Record":
        return replace(self, state="running")

    @property
    def started(self) -> datetime:
        return datetime.fromtimestamp(self.started_at, UTC)

    @property
    def ends(self) -> datetime:
        return datetime.fromtimestamp(self.ends_at, UTC)


@dataclass(frozen=True)
class Snapshot:
    """A copy of a sandbox's disk, from which others start."""

    id: str
    sandbox: str
    base: str
    limits: Limits
    made_at: float
    names: tuple[str, ...] = ()


class Store:
    """Folders of sandboxes and snapshots; each is written as a whole or not at all."""

    def __init__(self, data_dir: Path) -> None:
        self.sandboxes, self.snapshots = data_dir / "sandboxes", data_dir / "snapshots"
        for folder in (self.sandboxes, self.snapshots):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o711)

    def folder(self, sandbox_id: str) -> Path:
        return self.sandboxes / sandbox_id

    def make_folder(self, sandbox_id: str) -> Path:
        folder = self.folder(sandbox_id)
        folder.mkdir(mode=0o711)
        return folder

    def keep(self, record: Record) -> None:
        _write(self.folder(record.id) / "sandbox.json", asdict(record))

    def forget(self, sandbox_id: str) -> None:
        _remove(self.folder(sandbox_id))

    def records(self) -> Iterator[Record]:
        """The sandboxes of earlier hosts; a folder without a readable record was never finished and is removed."""
        for folder in list(self.sandboxes.iterdir()):
            try:
                yield _record(json.loads((folder / "sandbox.json").read_text()))
            except (OSError, ValueError, TypeError, KeyError):
                shutil.rmtree(folder, ignore_errors=True)

    def keep_snapshot(self, snapshot: Snapshot) -> None:
        _write(self.snapshots / snapshot.id / "snapshot.json", asdict(snapshot))

    def forget_snapshot(self, snapshot_id: str) -> None:
        _remove(self.snapshots / snapshot_id)

    def all_snapshots(self) -> Iterator[Snapshot]:
        for folder in list(self.snapshots.iterdir()):
            try:
                values = json.loads((folder / "snapshot.json").read_text())
                yield Snapshot(**{**values, "limits": Limits(**values["limits"]), "names": tuple(values["names"])})
            except (OSError, ValueError, TypeError, KeyError):
                shutil.rmtree(folder, ignore_errors=True)


def _record(values: dict[str, Any]) -> Record:
    record = Record(**{**values, "limits": Limits(**values["limits"])})
    if not _ID.match(record.id):
        raise ValueError("not an id")
    return record


def _remove(folder: Path) -> None:
    """Remove what no box uses any more, folders included that it closed to its own user."""
    if os.getuid() != 0:
        for parent, folders, _ in os.walk(folder):
            for name in folders:
                path = Path(parent) / name
                if not path.is_symlink():
                    path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


def _write(path: Path, values: dict[str, Any]) -> None:
    scratch = path.with_suffix(".new")
    scratch.touch(mode=0o600)
    scratch.write_text(json.dumps(values))
    scratch.rename(path)
