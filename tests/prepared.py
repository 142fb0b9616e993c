"""A database that is made and migrated once for the whole session, and copied into the folder of each stack."""

import asyncio
import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from agents_backend.db.migrate import upgrade
from agents_backend.stack.postgres import EmbeddedPostgres
from agents_backend.stack.process import free_port
from agents_backend.stack.stack import Kept


def place() -> Path:
    """The session's own, whichever of its processes asks."""
    session = os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"process-{os.getpid()}"
    return Path(tempfile.gettempdir()) / f"agents-backend-prepared-{session}"


async def prepare(folder: Path) -> None:
    """Put a migrated database, and the password to it, where a stack with this folder looks for them."""
    made = await asyncio.to_thread(_made)
    await asyncio.to_thread(subprocess.run, ["cp", "-a", f"{made}/.", str(folder)], check=True)


def forget() -> None:
    shutil.rmtree(place(), ignore_errors=True)


def _made() -> Path:
    made = place()
    made.mkdir(mode=0o711, exist_ok=True)
    with (made / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made / "whole").exists():
            asyncio.run(_make(made / "whole.new"))
            (made / "whole.new").rename(made / "whole")
    return made / "whole"


async def _make(folder: Path) -> None:
    folder.mkdir(mode=0o711)
    kept = Kept(folder / "secrets.json")
    postgres = EmbeddedPostgres(folder / "postgres", port=free_port(), password=kept.secret("postgres"))
    await postgres.start()
    await asyncio.to_thread(upgrade, postgres.url)
    await postgres.stop()
    shutil.rmtree(folder / "logs")
