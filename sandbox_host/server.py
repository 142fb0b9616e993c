"""The host as a process: prove that it can jail, then serve until told to stop."""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import uvicorn
import uvloop

from sandbox_host.config import HostConfig
from sandbox_host.errors import HostError
from sandbox_host.isolation import isolate

log = structlog.get_logger("sandbox_host")


class _Server(uvicorn.Server):
    """Uvicorn raises a caught signal again when it is done, which would end us before our boxes are."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        yield

    def _stop(self) -> None:
        self.force_exit = self.should_exit  # asked twice: do not wait for open streams
        self.should_exit = True


async def serve(config: HostConfig) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        CannotIsolate: this machine cannot jail.
    """
    isolation = await isolate(config)
    log.info("isolation", how=isolation.describe())
    from sandbox_host.app import App  # noqa: PLC0415  # a refusal need not wait for the SDK to load
    from sandbox_host.host import Host  # noqa: PLC0415

    async with Host(config, isolation) as host:
        server = _Server(
            uvicorn.Config(
                App(host),
                host=config.host,
                port=config.port,
                log_config=None,
                access_log=False,
                lifespan="off",
                http="httptools",
                ws="websockets-sansio",
                ws_max_size=16 << 20,
                timeout_graceful_shutdown=2,
                timeout_keep_alive=75,
            )
        )
        await server.serve()


def main() -> int:
    """Run the host that the environment describes; 1 when it cannot."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # every command holds pipes, every port a connection
    try:
        uvloop.run(serve(HostConfig.from_environment(os.environ)))
    except HostError as error:
        print(f"The sandbox host does not start: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0
