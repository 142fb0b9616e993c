"""The embedded servers together: what is not given by URL is started here, on loopback, with passwords made once."""

import asyncio
import json
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from agents_backend.settings import Settings
from agents_backend.stack.model import EmbeddedModel, weights
from agents_backend.stack.postgres import EmbeddedPostgres
from agents_backend.stack.process import ServerProcess, StackError, check_free, free_port
from agents_backend.stack.redis import EmbeddedRedis
from agents_backend.stack.sandbox_host import EmbeddedSandboxHost
from agents_backend.stack.temporal import EmbeddedTemporal

_LOOK_SECONDS = 1.0


class Stack:
    """Use it as an async context manager; `environment()` is for the processes that use it.

    A machine that cannot isolate sandboxes goes on without them; `no_sandboxes` then says why. `temporal_config` adds dynamic
    configuration values of Temporal's, each `key=value`.

    Raises:
        StackError: on entering, when a port is taken or a server does not start.
    """

    def __init__(
        self,
        settings: Settings,
        data_dir: Path,
        *,
        ui: bool = True,
        sandboxes: bool = True,
        temporal_config: Sequence[str] = (),
    ) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        self._settings, self.data_dir = settings, data_dir
        self._kept = Kept(data_dir / "secrets.json")
        stack = settings.stack
        self.postgres: EmbeddedPostgres | None = None
        self.redis: EmbeddedRedis | None = None
        self.temporal: EmbeddedTemporal | None = None
        self.sandbox_host: EmbeddedSandboxHost | None = None
        self.no_sandboxes: str | None = None
        self._keeping: asyncio.Task[None] | None = None
        if settings.database.url is None:
            self.postgres = EmbeddedPostgres(
                data_dir / "postgres",
                port=self._kept.port("postgres", stack.postgres_port),
                password=self._kept.secret("postgres"),
            )
        if settings.redis.url is None:
            self.redis = EmbeddedRedis(
                data_dir / "redis", port=self._kept.port("redis", stack.redis_port), password=self._kept.secret("redis")
            )
        if settings.temporal.address is None:
            self.temporal = EmbeddedTemporal(
                data_dir / "temporal",
                port=self._kept.port("temporal", stack.temporal_port),
                ui_port=stack.temporal_ui_port if ui else None,
                codec_url=settings.api.codec_url,
                config=temporal_config,
            )
        if sandboxes and stack.embedded_sandboxes and settings.e2b.api_key is None:
            self.sandbox_host = EmbeddedSandboxHost(
                data_dir / "sandboxes",
                port=self._kept.port("sandbox_host", stack.sandbox_host_port),
                key=self._kept.secret("sandbox_host"),
            )

        self.model = self._small_model(data_dir / "model")

    def _small_model(self, data_dir: Path) -> EmbeddedModel | None:
        """The model that answers when no other is configured, where it is installed."""
        if self._settings.configured_models() or not self._settings.stack.embedded_model:
            return None
        if (found := weights()) is None:
            return None
        port = self._kept.port("model", self._settings.stack.model_port)
        return EmbeddedModel(data_dir, port=port, key=self._kept.secret("model"), weights=found)

    @property
    def servers(self) -> list[ServerProcess]:
        found = (self.postgres, self.redis, self.temporal, self.model)
        return [server for server in found if server is not None]

    def environment(self) -> dict[str, str]:
        """What a process that uses these servers must find in its environment."""
        values = {"AUTH_SECRET": self._kept.secret("auth")} if self._settings.auth.secret is None else {}
        if self._settings.vault.keys is None:
            values["VAULT_KEYS"] = self._kept.key("vault")
        if self.postgres:
            values["DATABASE_URL"] = self.postgres.url
        if self.redis:
            values["REDIS_URL"] = self.redis.url
        if self.temporal:
            values["TEMPORAL_ADDRESS"] = self.temporal.address
            values["TEMPORAL_UI_URL"] = f"http://localhost:{self._settings.stack.temporal_ui_port}"
        if self.model:
            values["MODEL_EMBEDDED_URL"], values["MODEL_EMBEDDED_KEY"] = self.model.url, self.model.key
        if self.sandbox_host:
            values |= self.sandbox_host.environment()
            if self._settings.sandboxes.vscode is None:
                values["SANDBOX_VSCODE"] = str(self.sandbox_host.has_vscode).lower()
        return values

    def check_ports(self) -> None:
        stack = self._settings.stack
        if self.temporal:
            check_free(self._kept.port("temporal", stack.temporal_port), "Temporal", "STACK_TEMPORAL_PORT")
            check_free(stack.temporal_ui_port, "the Temporal UI", "STACK_TEMPORAL_UI_PORT")

    async def __aenter__(self) -> Self:
        try:
            async with asyncio.TaskGroup() as starting:
                for server in self.servers:
                    starting.create_task(server.start())
                starting.create_task(self._start_sandboxes())
        except BaseExceptionGroup as failures:
            await self.__aexit__()
            raise failures.exceptions[0] from None
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def _start_sandboxes(self) -> None:
        if self.sandbox_host is not None:
            try:
                await self.sandbox_host.start()
            except StackError as error:
                self.no_sandboxes, self.sandbox_host = str(error), None
            else:
                self._keeping = asyncio.create_task(self._keep_sandboxes(self.sandbox_host))

    @staticmethod
    async def _keep_sandboxes(host: EmbeddedSandboxHost) -> None:
        """Start it again when it has died: it finds its sandboxes on disk."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if host.pid is None:
                with suppress(StackError):  # its log says why; the next look tries again
                    await host.start()

    async def __aexit__(self, *_: object) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])
        hosts = [self.sandbox_host] if self.sandbox_host is not None else []
        await asyncio.gather(*(server.stop() for server in (*hosts, *self.servers)))


class Kept:
    """Generated passwords and ports, in a file that only its owner reads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}

    def secret(self, name: str) -> str:
        return self._keep(f"{name}_secret", lambda: secrets.token_urlsafe(32))

    def key(self, name: str) -> str:
        """256 random bits, as 64 hexadecimal digits."""
        return self._keep(f"{name}_key", lambda: secrets.token_hex(32))

    def port(self, name: str, wanted: int) -> int:
        """The port of the settings, or a free one, the same each time."""
        return wanted or int(self._keep(f"{name}_port", lambda: str(free_port())))

    def _keep(self, name: str, make: Callable[[], str]) -> str:
        if name not in self._values:
            self._values[name] = make()
            beside = self._path.with_suffix(".new")  # a file cut off would lose the keys of all that is encrypted
            beside.touch(mode=0o600)
            beside.write_text(json.dumps(self._values, indent=1))
            beside.replace(self._path)
        return self._values[name]
