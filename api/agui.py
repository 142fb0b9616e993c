"""AG-UI's `RunAgentInput` as a chat: what a client sends is brought to the same request as chat/stream's body."""

import json
import re
from typing import Any

from ag_ui.core import Context, RunAgentInput, Tool
from pydantic import ValidationError

from agents_backend.domain.errors import Invalid
from agents_backend.services.chats import ChatRequest, NewMessage
from api.schemas.runs import ChatOptions, answer_of

_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_MOST_TOOLS, _MOST_MESSAGES, _MOST_CHARACTERS = 128, 2_000, 128
_SPOKEN = {"user", "assistant", "system", "developer", "tool"}


def request_of(
    given: RunAgentInput, agent_name: str, user_id: int, *, idempotency_key: str | None, request_id: str
) -> ChatRequest:
    """The request.

    Raises:
        Invalid: names the field.
    """
    _check(given)
    options = _options(given.forwarded_props)
    context = [{"description": c.description, "value": c.value} for c in (*(given.context or ()), *_state(given.state))]
    return ChatRequest(
        user_id=user_id,
        messages=[m for message in given.messages if (m := _message(message)) is not None],
        thread_id=given.thread_id,
        agent_name=agent_name,
        options={
            **options.for_run(),
            "client_tools": [_declared(tool) for tool in given.tools or ()],
            "context": context,
        },
        mcp=options.mcp_settings.wishes(agent_name),
        protocol_run_id=given.run_id,
        idempotency_key=idempotency_key,
        request_id=request_id,
        create_thread=True,
        multitask_strategy=options.multitask_strategy,
        resume=[answer_of(entry.interrupt_id, entry.status, entry.payload) for entry in given.resume or ()],
        file_ids=options.file_ids,
    )


def _check(given: RunAgentInput) -> None:
    for field, value in (("threadId", given.thread_id), ("runId", given.run_id)):
        if not value or len(value) > _MOST_CHARACTERS or not value.isprintable():
            raise Invalid.field(field, f"1 to {_MOST_CHARACTERS} printable characters")
    if len(given.messages) > _MOST_MESSAGES:
        raise Invalid.field("messages", f"at most {_MOST_MESSAGES}")
    if not given.messages and not given.resume:
        raise Invalid.field("messages", "at least one, or an answer in `resume`")
    if any(len(m.id) > _MOST_CHARACTERS for m in given.messages):
        raise Invalid.field("messages", f"an id has at most {_MOST_CHARACTERS} characters")
    names = [tool.name for tool in given.tools or ()]
    if len(names) > _MOST_TOOLS or len(set(names)) < len(names):
        raise Invalid.field("tools", f"at most {_MOST_TOOLS}, each name once")
    if bad := next((name for name in names if not _TOOL_NAME.fullmatch(name)), None):
        raise Invalid.field("tools", f"{bad!r} is not a tool's name: letters, digits, _ and -, at most 64")


def _options(props: Any) -> ChatOptions:
    """The options of chat/stream, where the client forwards any of them; other properties are its own affair."""
    known = {k: v for k, v in props.items() if k in ChatOptions.model_fields} if isinstance(props, dict) else {}
    try:
        return ChatOptions.model_validate(known)
    except ValidationError as error:
        found = [
            {"loc": ["body", "forwardedProps", *e["loc"]], "msg": e["msg"], "type": e["type"]} for e in error.errors()
        ]
        raise Invalid(errors=found) from None


def _state(state: Any) -> list[Context]:
    if not state:
        return []
    return [Context(description="The application's state", value=json.dumps(state, ensure_ascii=False))]


def _declared(tool: Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters or {"type": "object", "properties": {}},
    }


def _message(message: Any) -> NewMessage | None:
    """A message to be stored; activities and a model's own reasoning are the client's, and are not sent back to a model."""
    if message.role not in _SPOKEN:
        return None
    content, parts = message.content or "", None
    if not isinstance(content, str):
        parts = [part.model_dump(by_alias=True, exclude_none=True) for part in content]
        content = "".join(part.get("text", "") for part in parts if part["type"] == "text")
    calls = [
        {"id": call.id, "name": call.function.name, "args": call.function.arguments}
        for call in getattr(message, "tool_calls", None) or ()
    ]
    return NewMessage(
        role=message.role,
        content=content,
        id=message.id,
        parts=parts,
        tool_call_id=getattr(message, "tool_call_id", None),
        tool_calls=calls or None,
    )
