"""AG-UI events as JSON texts. The official package's models are the definition; its hot, tiny ones are written out for speed.

Source: AG-UI 1.0, https://docs.ag-ui.com; `tests/services/test_events.py` holds every one of these to the package's own models.
"""

import json
from collections.abc import Sequence
from typing import Any

from ag_ui.core import (
    CustomEvent,
    Interrupt,
    RunErrorEvent,
    RunFinishedCancelledOutcome,
    RunFinishedEvent,
    RunFinishedInterruptOutcome,
    RunFinishedSuccessOutcome,
    RunStartedEvent,
    StateDeltaEvent,
    StateSnapshotEvent,
    StepFinishedEvent,
    StepStartedEvent,
    TokenUsage,
    ToolCallResultEvent,
)
from ag_ui.core.version import PROTOCOL_VERSION
from pydantic import BaseModel

from agents_backend.contracts.turns import Usage


def dump(event: BaseModel) -> str:
    return event.model_dump_json(by_alias=True, exclude_none=True)


def _tiny(kind: str, **fields: str) -> str:
    return json.dumps({"type": kind, **fields}, ensure_ascii=False, separators=(",", ":"))


def text_start(message_id: str) -> str:
    return _tiny("TEXT_MESSAGE_START", messageId=message_id, role="assistant")


def text_content(message_id: str, delta: str) -> str:
    return _tiny("TEXT_MESSAGE_CONTENT", messageId=message_id, delta=delta)


def text_end(message_id: str) -> str:
    return _tiny("TEXT_MESSAGE_END", messageId=message_id)


def reasoning_start(message_id: str) -> tuple[str, str]:
    return (
        _tiny("REASONING_START", messageId=message_id),
        _tiny("REASONING_MESSAGE_START", messageId=message_id, role="reasoning"),
    )


def reasoning_content(message_id: str, delta: str) -> str:
    return _tiny("REASONING_MESSAGE_CONTENT", messageId=message_id, delta=delta)


def reasoning_end(message_id: str) -> tuple[str, str]:
    return _tiny("REASONING_MESSAGE_END", messageId=message_id), _tiny("REASONING_END", messageId=message_id)


def tool_start(call_id: str, name: str, parent_id: str) -> str:
    return _tiny("TOOL_CALL_START", toolCallId=call_id, toolCallName=name, parentMessageId=parent_id)


def tool_args(call_id: str, delta: str) -> str:
    return _tiny("TOOL_CALL_ARGS", toolCallId=call_id, delta=delta)


def tool_end(call_id: str) -> str:
    return _tiny("TOOL_CALL_END", toolCallId=call_id)


def tool_result(message_id: str, call_id: str, content: str) -> str:
    return dump(ToolCallResultEvent(message_id=message_id, tool_call_id=call_id, content=content, role="tool"))


def custom(name: str, value: Any) -> str:
    return dump(CustomEvent(name=name, value=value))


def discarded(message_id: str) -> str:
    return custom("message.discarded", {"messageId": message_id})


def state(snapshot: dict[str, Any]) -> str:
    return dump(StateSnapshotEvent(snapshot=snapshot))


def state_delta(operations: Sequence[dict[str, Any]]) -> str:
    """Changes of the state as JSON Patch (RFC 6902)."""
    return dump(StateDeltaEvent(delta=list(operations)))


def step_started(name: str) -> str:
    return dump(StepStartedEvent(step_name=name))


def step_finished(name: str) -> str:
    return dump(StepFinishedEvent(step_name=name))


def run_started(thread_id: str, run_id: str, *, leg: int = 1) -> str:
    """The beginning of a leg: the first is the run's own, each later one follows an answer."""
    return dump(
        RunStartedEvent(thread_id=thread_id, run_id=run_id, protocol_version=PROTOCOL_VERSION, metadata={"leg": leg})
    )


def run_error(message: str, code: str, usage: Usage, model: str) -> str:
    return dump(RunErrorEvent(message=message, code=code, usage=token_usage(usage, model)))


def run_finished(
    thread_id: str,
    run_id: str,
    *,
    usage: Usage,
    model: str,
    cancelled: bool = False,
    pending_tool_call_ids: Sequence[str] = (),
    interrupts: Sequence[Interrupt] = (),
    leg: int = 1,
    result: Any = None,
) -> str:
    outcome: RunFinishedInterruptOutcome | RunFinishedCancelledOutcome | RunFinishedSuccessOutcome
    if interrupts:
        outcome = RunFinishedInterruptOutcome(type="interrupt", interrupts=list(interrupts))
    elif cancelled:
        outcome = RunFinishedCancelledOutcome(type="cancelled")
    else:
        outcome = RunFinishedSuccessOutcome(type="success", pending_tool_call_ids=list(pending_tool_call_ids) or None)
    return dump(
        RunFinishedEvent(
            thread_id=thread_id,
            run_id=run_id,
            outcome=outcome,
            usage=token_usage(usage, model),
            result=result,
            metadata={"leg": leg},
        )
    )


def is_start(data: str) -> bool:
    return data.startswith('{"type":"RUN_STARTED"')


def is_end(data: str) -> bool:
    return data.startswith(('{"type":"RUN_FINISHED"', '{"type":"RUN_ERROR"'))


def leg_of(data: str) -> int:
    """The leg that a RUN_STARTED begins or a RUN_FINISHED ends."""
    found = json.loads(data).get("metadata") or {}
    return int(found.get("leg", 1))


def is_interrupt(data: str) -> bool:
    """Whether a RUN_FINISHED only ends a leg: the run waits for a human."""
    return (json.loads(data).get("outcome") or {}).get("type") == "interrupt"


def token_usage(usage: Usage, model: str) -> list[TokenUsage] | None:
    if not usage.total_tokens:
        return None
    return [
        TokenUsage(
            model=model or None,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            total_tokens=usage.total_tokens,
            reasoning_tokens=usage.reasoning_tokens or None,
            cached_input_tokens=usage.cached_input_tokens or None,
        )
    ]


def closing_of(item: dict[str, Any]) -> list[str]:
    """The events that close what was left open by a dead attempt; see `EventLog.take_over`."""
    match item["kind"]:
        case "text":
            return [text_end(item["id"])]
        case "reasoning":
            return list(reasoning_end(item["id"]))
        case "tool":
            return [tool_end(item["id"])]
        case _:
            return []
