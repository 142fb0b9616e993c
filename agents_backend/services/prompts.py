"""What a model call is given: the instructions of its prompt file and the messages of its scope."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from agents_backend.agents.plans import Plan
from agents_backend.agents.prompt_files import render
from agents_backend.contracts.turns import ModelRequest
from agents_backend.db.tables.runs import Interrupt, Message, Run
from agents_backend.services.citations import sources_of
from agents_backend.services.content import blocks
from agents_backend.services.plan_reviews import said_of
from agents_backend.services.windows import THOUGHTS

REPORT_EXCERPT = 4_000  # characters of one source in the report's context


def assemble(
    request: ModelRequest, run: Run, messages: Sequence[Message], reviews: Sequence[Interrupt] = ()
) -> list[BaseMessage]:
    """The conversation for one call, instructions first and in one message, for some vendors take no second.

    `main` is the thread's conversation; a plan also sees this run's earlier plans and what was said of them; a task sees its
    own messages; the report sees what every task found.
    """
    mine = [m for m in messages if str(m.run_id) == request.run.run_id]
    main = [m for m in messages if m.scope == "main"]
    if request.task is not None:
        body = _task(request, main, mine)
    elif request.prompt == "researcher_report":
        body = [*_spoken(main), *_findings(mine)]
    elif request.output == "plan":
        body = [*_spoken(main), *_reviewed(mine, reviews)]
    else:
        body = _spoken(main)
    said = [m for m in main if m.role in {"system", "developer"}] if request.scope == "main" else []
    return [SystemMessage("\n\n".join(_instructions(request, run, said))), *body]


def _instructions(request: ModelRequest, run: Run, said: Sequence[Message]) -> list[str]:
    locale = run.options.get("locale") or "en-US"
    own = render(request.prompt, locale=locale, now=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
    place = [render("sandbox")] if run.kind == "agent" else []
    context = [f"{item['description']}: {item['value']}" for item in run.options.get("context") or ()]
    return [own, *place, *context, *(m.content for m in said)]


def _reviewed(mine: Sequence[Message], reviews: Sequence[Interrupt]) -> list[BaseMessage]:
    """Earlier plans of this run, each with what the human said of it."""
    told = said_of(reviews)
    plans = [m for m in mine if m.scope == "plan" and m.step in told]
    return [turn for m in plans for turn in (AIMessage(m.content), HumanMessage(told[m.step]))]


def _task(request: ModelRequest, main: Sequence[Message], mine: Sequence[Message]) -> list[BaseMessage]:
    plan = _plan(mine)
    step = plan.steps[request.task or 0]
    question = next((m.content for m in reversed(main) if m.role == "user"), "")
    brief = f"The question: {question}\n\nYour task: {step.title}\n{step.description}"
    return [HumanMessage(brief), *_spoken([m for m in mine if m.scope == request.scope])]


def _findings(mine: Sequence[Message]) -> list[BaseMessage]:
    """The numbered sources, then each task's findings with excerpts of what they rest on."""
    sources = sources_of(mine)
    listed = "\n".join(f"[{number}] {source.title} {source.url}" for number, source in enumerate(sources, 1))
    parts = [f"# Sources\n{listed or 'There are none: cite nothing.'}"]
    for number, step in enumerate(_plan(mine).steps, 1):
        scope = [m for m in mine if m.scope == f"task-{number}"]
        found = [m.content for m in scope if m.role == "assistant" and m.content]
        excerpts = [m.content[:REPORT_EXCERPT] for m in scope if m.role == "tool" and not m.error]
        parts.append("\n\n".join([f"# {step.title}", *found[-1:], *(f"Excerpt:\n{text}" for text in excerpts)]))
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
            case "tool" if message.tool_call_id:
                out.append(ToolMessage(message.content, tool_call_id=message.tool_call_id))
            case "assistant":
                calls = [call for call in message.tool_calls or () if call["id"] in answered]
                if message.content or calls:
                    thoughts = {THOUGHTS: message.parts} if message.parts else {}
                    out.append(AIMessage(message.content, additional_kwargs={**_openai_calls(calls), **thoughts}))
            case _:
                continue
    known = {call["id"] for m in messages for call in m.tool_calls or ()}
    return [m for m in out if not isinstance(m, ToolMessage) or m.tool_call_id in known]


def _openai_calls(calls: Sequence[dict[str, Any]]) -> dict[str, Any]:
    if not calls:
        return {}
    return {
        "tool_calls": [
            {"id": c["id"], "type": "function", "function": {"name": c["name"], "arguments": _arguments(c)}}
            for c in calls
        ]
    }


def _arguments(call: dict[str, Any]) -> str:
    """What was called with; the nonsense that a model may write is no JSON, and vendors take nothing else."""
    text: str = call.get("edited") or call["args"]
    try:
        return text if isinstance(json.loads(text), dict) else "{}"
    except ValueError:
        return "{}"
