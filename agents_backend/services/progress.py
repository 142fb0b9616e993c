"""What a run tells its watchers on the way. Each thing is told by a writer of its own, so a repeated activity tells it once."""

from collections.abc import Sequence
from typing import Any

from agents_backend.contracts import events
from agents_backend.contracts.turns import RunRef
from agents_backend.integrations.events import EventLog
from agents_backend.services.step_writer import StepWriter


class Progress:
    def __init__(self, *, log: EventLog) -> None:
        self._log = log

    async def snapshot(self, run: RunRef, name: str, state: dict[str, Any]) -> None:
        await self._tell(run, f"state-{name}", [events.state(state)])

    async def change(self, run: RunRef, name: str, path: str, value: Any) -> None:
        """Replace a value of the state."""
        delta = events.state_delta([{"op": "replace", "path": path, "value": value}])
        await self._tell(run, f"delta-{name}", [delta])

    async def custom(self, run: RunRef, name: str, value: Any) -> None:
        await self._tell(run, f"custom-{name}", [events.custom(name, value)])

    async def message(self, run: RunRef, name: str, text: str) -> None:
        """A whole message at once."""
        item = f"msg_{run.run_id.replace('-', '')}_{name}"
        told = [events.text_start(item), events.text_content(item, text), events.text_end(item)]
        await self._tell(run, f"message-{name}", told)

    async def _tell(self, run: RunRef, writer: str, items: Sequence[str]) -> None:
        await StepWriter(self._log, run.run_id, writer=writer, attempt=1).emit(items, urgent=True)
