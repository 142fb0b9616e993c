"""The researcher: plan → human review unless it is accepted beforehand → each step researched with tools → cited report."""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt
from typing_extensions import TypedDict  # pydantic reads it back after continue-as-new, and wants this one before 3.12

from agents_backend.agents.chat import approval, run_tools
from agents_backend.agents.turns import Turns
from agents_backend.contracts.turns import ModelTurn, Question
from agents_backend.domain.runs import Decision

STEP_ROUNDS = 8
_IN_WORKFLOW = {"execute_in": "workflow"}


class ResearchState(TypedDict, total=False):
    """Control state alone.

    Attributes:
        step: model calls made so far.
        titles: the plan's steps.
        task: the index of the step that is researched now.
        round: model calls made for it.
        turn: what the last one gave.
        decision: what the human said of the plan.
    """

    step: int
    titles: tuple[str, ...]
    task: int
    round: int
    turn: ModelTurn
    decision: Decision


def researcher_graph() -> StateGraph[Any, Any, Any, Any]:
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(ResearchState)
    nodes: dict[str, Any] = {
        "plan": plan,
        "review": review,
        "research": research,
        "approval": approval,
        "tools": tools,
        "next_task": next_task,
        "report": report,
    }
    for name, node in nodes.items():
        graph.add_node(name, node, metadata=dict(_IN_WORKFLOW))
    graph.add_edge(START, "plan")
    graph.add_conditional_edges("plan", after_plan, ["review", "research"])
    graph.add_conditional_edges("review", after_review, ["plan", "research"])
    graph.add_conditional_edges("research", after_research, ["approval", "next_task"])
    graph.add_edge("approval", "tools")
    graph.add_edge("tools", "research")
    graph.add_conditional_edges("next_task", after_task, ["research", "report"])
    graph.add_edge("report", END)
    return graph


async def plan(state: ResearchState, runtime: Runtime[Any]) -> ResearchState:
    """The model's plan; after an edit, the human's own in its place."""
    step = state.get("step", 0) + 1
    turns: Turns = runtime.context
    turn = await turns.ask_model("researcher_plan", step=step, plan=True)
    return {"step": step, "titles": turn.steps, "task": 0, "round": 0}


async def after_plan(state: ResearchState) -> str:
    return "research" if state.get("decision") == "edit" else "review"


async def review(state: ResearchState, runtime: Runtime[Any]) -> ResearchState:
    """Show the plan and wait, unless the caller has accepted it beforehand."""
    if runtime.context.auto_accept_plan:
        return {"decision": "approve"}
    message = "\n".join(f"{number}. {title}" for number, title in enumerate(state["titles"], 1))
    question = Question(id=f"plan-{state['step']}", reason="plan_review", message=message)
    decisions = interrupt([question])
    return {"decision": decisions[question.id]}


async def after_review(state: ResearchState) -> str:
    return "research" if state["decision"] == "approve" else "plan"


async def research(state: ResearchState, runtime: Runtime[Any]) -> ResearchState:
    """One model call of the present task; its last round has no tools, so that it must answer."""
    turns: Turns = runtime.context
    task, rounds, step = state["task"], state.get("round", 0) + 1, state["step"] + 1
    if rounds == 1:
        await turns.mark(state["titles"][task], started=True)
    turn = await turns.ask_model(
        "researcher_step", step=step, scope=scope_of(task), task=task, tools=rounds < STEP_ROUNDS
    )
    return {"step": step, "round": rounds, "turn": turn}


async def after_research(state: ResearchState) -> str:
    return "approval" if state["turn"].tool_calls else "next_task"


async def tools(state: ResearchState, runtime: Runtime[Any]) -> ResearchState:
    await run_tools(runtime.context, state["turn"], step=state["step"], scope=scope_of(state["task"]))
    return {}


async def next_task(state: ResearchState, runtime: Runtime[Any]) -> ResearchState:
    await runtime.context.mark(state["titles"][state["task"]], started=False)
    return {"task": state["task"] + 1, "round": 0}


async def after_task(state: ResearchState) -> str:
    return "research" if state["task"] < len(state["titles"]) else "report"


async def report(state: ResearchState, runtime: Runtime[Any]) -> ResearchState:
    step = state["step"] + 1
    await runtime.context.ask_model("researcher_report", step=step)
    return {"step": step}


def scope_of(task: int) -> str:
    return f"task-{task + 1}"
