"""kill -9 in the middle of an answer: seconds until its next token, and until it has ended, right and whole.

`python -m bench.deaths [--trials 5]`. All worker processes are killed after the eighth piece of text and started again at once; the
client stays and reads. Prints a table; the issue asks for 15 seconds at the most.
"""

import argparse
import json
import time
from dataclasses import dataclass

import httpx
import uvloop
from rich.console import Console
from rich.table import Table

from bench.deployment import Deployment, deployment

TOKENS, DELAY = 100, 30
EXPECTED = "".join(f"tok{i} " for i in range(TOKENS)).strip()
BODY = {"messages": [{"role": "user", "content": f"bench [tokens={TOKENS} delay={DELAY}]"}]}
WORKERS = ("worker", "worker-2")
out = Console(width=120)


@dataclass
class Watched:
    """Seconds after the kill; what was withdrawn is not in the text."""

    text: str = ""
    pieces: int = 0
    killed_at: float | None = None
    withdrawn: bool = False
    next_token: float = 0.0
    end: float = 0.0
    last: str = ""

    def see(self, event: dict[str, object]) -> None:
        self.last = str(event["type"])
        if self.last == "TEXT_MESSAGE_CONTENT":
            self.text += str(event["delta"])
            self.pieces += 1
            if self.withdrawn and not self.next_token:
                self.next_token = self._since()
        elif event.get("name") == "message.discarded":
            self.text, self.withdrawn = "", True
        elif self.last in ("RUN_FINISHED", "RUN_ERROR"):
            self.end = self._since()

    def _since(self) -> float:
        return time.perf_counter() - self.killed_at if self.killed_at else 0.0


async def trial(client: httpx.AsyncClient, found: Deployment) -> Watched:
    seen = Watched()
    async with client.stream("POST", "/agent/chat/stream", json=BODY) as response:
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                seen.see(json.loads(line[6:]))
            if seen.pieces == 8 and seen.killed_at is None:  # in the middle
                seen.killed_at = time.perf_counter()
                for name in WORKERS:
                    found.kill(name)
                for name in WORKERS:
                    found.start(name)
    return seen


async def main(trials: int) -> None:
    table = Table(
        title=f"all workers killed in an answer of {TOKENS * DELAY / 1000:.0f} s, and started again",
        title_justify="left",
    )
    for name in ("trial", "next token after", "end after", "ended with", "text"):
        table.add_column(name, justify="right")
    async with deployment() as found:
        headers = {"Authorization": f"Bearer {found.token}"}
        async with httpx.AsyncClient(base_url=f"{found.api}/api/v1", headers=headers, timeout=60) as client:
            for number in range(1, trials + 1):
                seen = await trial(client, found)
                right = "right" if seen.text.strip() == EXPECTED else "WRONG"
                table.add_row(str(number), f"{seen.next_token:.1f} s", f"{seen.end:.1f} s", seen.last, right)
    out.print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=5)
    uvloop.run(main(parser.parse_args().trials))
