"""How far one client has read a run's events, and what of them it may be sent: pure, so that it can be tried in a table of cases."""

import json

from agents_backend.contracts import events
from agents_backend.integrations.events import LoggedEvent

BEGINNING = "0-0"
_OPENS = {
    "TEXT_MESSAGE_START": "messageId",
    "REASONING_START": "messageId",
    "REASONING_MESSAGE_START": "messageId",
    "TOOL_CALL_START": "toolCallId",
    "STEP_STARTED": "stepName",
}
_CLOSES = {
    "TEXT_MESSAGE_END": "TEXT_MESSAGE_START",
    "REASONING_END": "REASONING_START",
    "REASONING_MESSAGE_END": "REASONING_MESSAGE_START",
    "TOOL_CALL_END": "TOOL_CALL_START",
    "STEP_FINISHED": "STEP_STARTED",
}
_WITHIN = {
    "TEXT_MESSAGE_CONTENT": "TEXT_MESSAGE_START",
    "REASONING_MESSAGE_CONTENT": "REASONING_MESSAGE_START",
    "TOOL_CALL_ARGS": "TOOL_CALL_START",
}
_CLOSING = {opens: closes for closes, opens in _CLOSES.items()}
_HEAD = 48  # the type stands within an event's first characters


class Cursor:
    """One client's place in a run.

    A run is shown as one: interrupts that were answered before the client came, and the starts of the legs behind them,
    are passed over. Where the log has lost events the cursor is torn: what was open is closed, what goes on from before
    is dropped, and the messages come from PostgreSQL, once there and once more before the end.

    Attributes:
        after: the id of the last event that the client was sent.
        torn: whether the log had lost something.
        done: whether the client has its end.
    """

    def __init__(self, after: str = BEGINNING, *, leg: int, begins_at_leg: int = 1) -> None:
        self.after, self.torn, self.done = after, False, False
        self._leg, self._begins_at = leg, begins_at_leg
        self._n: int | None = 0 if after == BEGINNING else None
        self._begun = begins_at_leg == 1 or after != BEGINNING
        self._started = False
        self._open: dict[tuple[str, str], None] = {}
        self._results: set[str] = set()

    def is_new(self, event: LoggedEvent) -> bool:
        return order(event.id) > order(self.after)

    def misses(self, event: LoggedEvent) -> bool:
        """Whether events between the last one and this one are gone."""
        return self._n is not None and event.n != self._n + 1

    def tear(self) -> list[LoggedEvent]:
        """The log has lost events: close what is open for the client, say `gap`."""
        self.torn = True
        closing = [_closing(kind, key) for kind, key in reversed(self._open)]
        self._open.clear()
        return [self.invent(data) for data in (*closing, events.custom("gap", {}))]

    def invent(self, data: str) -> LoggedEvent:
        """An event that is not in the log, with an id between its neighbours."""
        time, number = order(self.after)
        self.after = f"{time}-{number + 1}"
        return LoggedEvent(0, self.after, data)

    def take(self, event: LoggedEvent) -> bool:
        """Move on to an event; whether the client is to be sent it."""
        self.after, self._n = event.id, event.n
        if events.is_start(event.data):
            return self._take_start(event.data)
        if not self._begun:
            return False
        if events.is_end(event.data):
            self.done = not (events.is_interrupt(event.data) and events.leg_of(event.data) < self._leg)
            return self.done
        return self._belongs(event.data)

    def _take_start(self, data: str) -> bool:
        self._begun = self._begun or events.leg_of(data) >= self._begins_at
        first = self._begun and not self._started
        self._started = self._started or self._begun
        return first

    def started(self) -> bool:
        """Whether the client has had its RUN_STARTED; it has when it comes back with an id."""
        return self._started or self._n is None

    def _belongs(self, data: str) -> bool:
        """Keep count of what is open; when torn, only what began after the tear belongs."""
        head = data[:_HEAD]
        if not self.torn and "_START" not in head and "_END" not in head and "_FINISHED" not in head:
            return True
        event = json.loads(data)
        kind = event["type"]
        if kind in _OPENS:
            self._open[kind, event[_OPENS[kind]]] = None
            self._results.add(event.get("toolCallId", ""))
            return True
        opened = _CLOSES.get(kind) or _WITHIN.get(kind)
        if opened is not None:
            key = (opened, event[_OPENS[opened]])
            known = key in self._open
            if kind in _CLOSES:
                self._open.pop(key, None)
            return known or not self.torn
        return kind != "TOOL_CALL_RESULT" or event["toolCallId"] in self._results


def _closing(kind: str, key: str) -> str:
    return json.dumps({"type": _CLOSING[kind], _OPENS[kind]: key}, ensure_ascii=False, separators=(",", ":"))


def order(event_id: str) -> tuple[int, int]:
    time, _, number = event_id.partition("-")
    return int(time), int(number or 0)


def parse_event_id(text: str | None) -> str:
    """A `Last-Event-ID`, or the beginning where there is none or it is not ours."""
    head, _, tail = (text or "").partition("-")
    ours = head.isascii() and head.isdigit() and tail.isascii() and tail.isdigit() and len(head) + len(tail) <= 40  # noqa: PLR2004
    return f"{int(head)}-{int(tail)}" if ours else BEGINNING
