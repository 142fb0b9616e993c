"""What a model call is given: the instructions of its prompt file and the messages of its scope."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from agents_backend.agents.plans import Plan
from agents_backend.agents.prompt_files import render
from agents_backend.agents.tools import TOOLS
from agents_backend.contracts.turns import ModelRequest
from agents_backend.db.tables.runs import Message, Run
from agents_backend.services.content import blocks

FEEDBACK = "plan-feedback"


def assemble(request: ModelRequest, run: Run, messages: Sequence[Message]) -> list[BaseMessage]:
    """The conversation for one call, instructions first.

    `main` is the thread's conversation; a plan also sees earlier plans and what was said of them; a task sees its own
    messages; the report sees what every task found.
    """
    mine = [m for m in messages if str(m.run_id) == request.run.run_id]
    main = [m for m in messages if m.scope == "main"]
    instructions = SystemMessage(
        render(
            request.prompt, locale=run.options.get("locale") or "en-US", now=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        )
    )
    extra = [SystemMessage(f"{c['description']}: {c['value']}") for c in run.options.get("context") or ()]
    if request.task is not None:
        body = _task(request, main, mine)
    elif request.prompt == "researcher_report":
        body = [*_spoken(main), *_findings(mine)]
    elif request.output == "plan":
        body = _spoken([m for m in messages if m.scope == "main" or (m in mine and m.scope in {"plan", FEEDBACK})])
    else:
        body = _spoken(main)
    return [instructions, *extra, *body]


def _task(request: ModelRequest, main: Sequence[Message], mine: Sequence[Message]) -> list[BaseMessage]:
    plan = _plan(mine)
    step = plan.steps[request.task or 0]
    question = next((m.content for m in reversed(main) if m.role == "user"), "")
    brief = f"The question: {question}\n\nYour task: {step.title}\n{step.description}"
    return [HumanMessage(brief), *_spoken([m for m in mine if m.scope == request.scope])]


def _findings(mine: Sequence[Message]) -> list[BaseMessage]:
    parts = []
    for number, step in enumerate(_plan(mine).steps, 1):
        found = [m.content for m in mine if m.scope == f"task-{number}" and m.role == "assistant" and not m.tool_calls]
        sources = [m.content for m in mine if m.scope == f"task-{number}" and m.role == "tool" and not m.error]
        excerpt = "\n".join(source[:4_000] for source in sources)
        parts.append(f"## {step.title}\n{found[-1] if found else ''}\n### Sources\n{excerpt}")
    return [HumanMessage("What the research found:\n\n" + "\n\n".join(parts))]


def _plan(mine: Sequence[Message]) -> Plan:
    return Plan.model_validate_json([m for m in mine if m.scope == "plan"][-1].content)


def _spoken(messages: Sequence[Message]) -> list[BaseMessage]:
    """Messages as LangChain has them. A call without a result (its run was cancelled) is left out: vendors refuse it."""
    answered = {m.tool_call_id for m in messages if m.role == "tool"}
    out: list[BaseMessage] = []
    for message in messages:
        match message.role:
            case "user":
                out.append(HumanMessage(blocks(message.parts) if message.parts else message.content))
            case "system" | "developer":
                out.append(SystemMessage(message.content))
            case "tool" if message.tool_call_id:
                out.append(ToolMessage(message.content, tool_call_id=message.tool_call_id))
            case "assistant":
                calls = [call for call in message.tool_calls or () if call["id"] in answered]
                if message.content or calls:
                    out.append(AIMessage(message.content, additional_kwargs=_openai_calls(calls)))
            case _:
                continue
    known = {call["id"] for m in messages for call in m.tool_calls or ()}
    return [m for m in out if not isinstance(m, ToolMessage) or m.tool_call_id in known]


def _openai_calls(calls: Sequence[dict[str, Any]]) -> dict[str, Any]:
    if not calls:
        return {}
    return {
        "tool_calls": [
            {
                "id": c["id"],
                "type": "function",
                "function": {"name": c["name"], "arguments": c.get("edited") or c["args"] or "{}"},
            }
            for c in calls
        ]
    }


def offered_tools(request: ModelRequest, run: Run) -> list[dict[str, Any]]:
    """The server's tools of the request and, where it allows them, the client's own, as OpenAI function declarations."""
    mine = [TOOLS[name].declaration for name in request.tools if name in TOOLS]
    theirs = run.options.get("client_tools") or () if request.client_tools else ()
    return mine + [{"type": "function", "function": tool} for tool in theirs]
