"""Every event that is written out by hand is held to AG-UI's own models."""

import json

import pytest
from ag_ui.core import Event
from pydantic import TypeAdapter

from agents_backend.contracts import events
from agents_backend.contracts.turns import Usage

USAGE = Usage(input_tokens=1, output_tokens=2, reasoning_tokens=1)
EVENTS = [
    events.text_start("m"),
    events.text_content("m", 'x"\n✓'),
    events.text_end("m"),
    *events.reasoning_start("m"),
    events.reasoning_content("m", "x"),
    *events.reasoning_end("m"),
    events.tool_start("c", "f", "m"),
    events.tool_args("c", "{"),
    events.tool_end("c"),
    events.tool_result("r", "c", "done"),
    events.custom("gap", {}),
    events.discarded("m"),
    events.state({"plan": {}}),
    events.step_started("s"),
    events.step_finished("s"),
    events.run_started("t", "r"),
    events.run_error("no", "CODE", USAGE, "m"),
    events.run_finished("t", "r", usage=USAGE, model="m"),
    events.run_finished("t", "r", usage=USAGE, model="m", cancelled=True),
]


@pytest.mark.parametrize("text", EVENTS, ids=lambda text: json.loads(text)["type"])
def test_an_event_is_what_the_protocol_s_own_model_makes_of_it(text):
    parsed = TypeAdapter(Event).validate_json(text)
    assert parsed.model_extra in (None, {})
    assert json.loads(parsed.model_dump_json(by_alias=True, exclude_none=True)) == json.loads(text)


def test_starts_ends_and_legs_are_told_from_the_text():
    assert events.is_start(events.run_started("t", "r", leg=3))
    assert events.leg_of(events.run_started("t", "r", leg=3)) == 3
    assert all(events.is_end(text) for text in EVENTS[-3:])
    assert not any(events.is_end(text) for text in EVENTS[:-3])
