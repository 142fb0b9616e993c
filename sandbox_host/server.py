"""The host as a process: prove that it can jail, then serve until told to stop."""

import os
import sys

import structlog
import uvicorn
import uvloop

from sandbox_host.app import App
from sandbox_host.config import HostConfig
from sandbox_host.errors import HostError
from sandbox_host.host import Host
from sandbox_host.isolation import isolate

log = structlog.get_logger("sandbox_host")


async def serve(config: HostConfig) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        CannotIsolate: this machine cannot jail.
    """
    isolation = await isolate(config)
    log.info("isolation", how=isolation.describe())
    async with Host(config, isolation) as host:
        server = uvicorn.Server(
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
    try:
        uvloop.run(serve(HostConfig.from_environment(os.environ)))
    except HostError as error:
        print(f"The sandbox host does not start: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0
