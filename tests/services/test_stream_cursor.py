"""What one client is sent of a run's log, as a table of cases."""

import json

import pytest

from agents_backend.contracts import events
from agents_backend.contracts.turns import Usage
from agents_backend.integrations.events import LoggedEvent
from agents_backend.services.stream_cursor import BEGINNING, Cursor, order, parse_event_id


def log(*texts: str) -> list[LoggedEvent]:
    return [LoggedEvent(n, f"1000-{n}", text) for n, text in enumerate(texts, 1)]


def start(leg: int = 1) -> str:
    return events.run_started("t", f"r{leg}", leg=leg)


def interrupt(leg: int) -> str:
    return json.dumps({"type": "RUN_FINISHED", "outcome": {"type": "interrupt"}, "metadata": {"leg": leg}}).replace(
        ": ", ":"
    )


def finish(leg: int = 1) -> str:
    return events.run_finished("t", "r", usage=Usage(), model="m", leg=leg)


TWO_LEGS = log(start(), events.text_start("a"), events.text_end("a"), interrupt(1), start(2), finish(2))


def told(cursor: Cursor, logged: list[LoggedEvent]) -> list[int]:
    """The numbers of the events that the cursor lets through, until it is done."""
    return [event.n for event in logged if cursor.is_new(event) and not cursor.done and cursor.take(event)]


@pytest.mark.parametrize(
    ("cursor", "numbers"),
    [
        (Cursor(leg=1), [1, 2, 3, 4]),
        (Cursor(leg=2), [1, 2, 3, 6]),
        (Cursor(leg=2, begins_at_leg=2), [5, 6]),
        (Cursor("1000-2", leg=1), [3, 4]),
        (Cursor("1000-4", leg=2), [5, 6]),
        (Cursor("1000-3", leg=2), [5, 6]),
    ],
)
def test_what_each_client_is_told_of_a_run_that_was_answered_once(cursor, numbers):
    assert told(cursor, TWO_LEGS) == numbers
    assert cursor.done


def test_a_gap_in_the_numbers_is_a_miss_and_a_repeat_is_none():
    cursor = Cursor(leg=1)
    first, second, third = log(start(), events.text_start("a"), events.text_content("a", "x"))
    assert not cursor.misses(first)
    cursor.take(first)
    assert cursor.misses(third)
    assert not cursor.misses(second)
    assert not cursor.is_new(first)


def test_a_torn_cursor_closes_what_is_open_and_passes_only_what_begins_anew():
    cursor = Cursor(leg=1)
    told(cursor, log(start(), events.text_start("a"), events.text_content("a", "x"), events.tool_start("c", "f", "a")))
    closing = [json.loads(event.data) for event in cursor.tear()]
    assert [event["type"] for event in closing] == ["TOOL_CALL_END", "TEXT_MESSAGE_END", "CUSTOM"]
    assert closing[-1]["name"] == "gap"
    later = [
        LoggedEvent(n, f"2000-{n}", text)
        for n, text in enumerate(
            [
                events.text_content("a", "y"),
                events.text_end("a"),
                events.text_start("b"),
                events.text_content("b", "z"),
                events.text_end("b"),
                finish(),
            ]
        )
    ]
    assert told(cursor, later) == [2, 3, 4, 5]


def test_invented_events_stand_between_their_neighbours():
    cursor = Cursor("1000-7", leg=1)
    ids = [cursor.invent("{}").id for _ in range(3)]
    assert [order(i) for i in ids] == [(1000, 8), (1000, 9), (1000, 10)]


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (None, BEGINNING),
        ("", BEGINNING),
        ("12-3", "12-3"),
        ("12", BEGINNING),
        ("x-1", BEGINNING),
        ("1-2-3", BEGINNING),
        ("\u0661-\u0662", BEGINNING),
        ("9" * 50 + "-1", BEGINNING),
    ],
)
def test_a_last_event_id_that_is_not_ours_means_the_beginning(given, read):
    assert parse_event_id(given) == read
