"""The plain agent: model, approval where it is asked for, tools, model again, until the model calls no tool."""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt
from typing_extensions import TypedDict  # pydantic reads it back after continue-as-new, and wants this one before 3.12

from agents_backend.agents.turns import Turns
from agents_backend.contracts.turns import ModelTurn, Question, ToolCallRef

ASK_HUMAN = "ask_human"
_IN_WORKFLOW = {"execute_in": "workflow"}


class ChatState(TypedDict, total=False):
    """Control state alone; the texts are in PostgreSQL.

    Attributes:
        step: model calls made so far.
        turn: what the last one gave.
        pending: calls that the client itself is to run.
    """

    step: int
    turn: ModelTurn
    pending: tuple[str, ...]


def chat_graph(prompt: str) -> StateGraph[Any, Any, Any, Any]:
    """A fresh graph (the Temporal plugin changes the one it is given) whose model is instructed by `prompts/<prompt>.md`."""

    async def model(state: ChatState, runtime: Runtime[Any]) -> ChatState:
        step = state.get("step", 0) + 1
        turns: Turns = runtime.context
        return {"step": step, "turn": await turns.ask_model(prompt, step=step, tools=True)}

    graph: StateGraph[Any, Any, Any, Any] = StateGraph(ChatState)
    graph.add_node("model", model, metadata=dict(_IN_WORKFLOW))
    graph.add_node("approval", approval, metadata=dict(_IN_WORKFLOW))
    graph.add_node("tools", tools, metadata=dict(_IN_WORKFLOW))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", after_model, ["approval", END])
    graph.add_edge("approval", "tools")
    graph.add_conditional_edges("tools", after_tools, ["model", END])
    return graph


async def after_model(state: ChatState) -> str:
    return "approval" if state["turn"].tool_calls else END


async def after_tools(state: ChatState) -> str:
    return END if state.get("pending") else "model"


async def approval(state: Any, runtime: Runtime[Any]) -> Any:
    """Ask about every call that is held, all at once. Nothing has run yet, and nothing runs twice: this node only asks."""
    questions = [q for call in state["turn"].tool_calls if (q := question_about(call, runtime.context.held_tools))]
    if questions:
        interrupt(questions)
    return {}


async def tools(state: ChatState, runtime: Runtime[Any]) -> ChatState:
    turn, client_tools = state["turn"], runtime.context.client_tools
    await run_tools(runtime.context, turn, step=state["step"])
    return {"pending": tuple(call.id for call in turn.tool_calls if call.name in client_tools)}


async def run_tools(turns: Turns, turn: ModelTurn, *, step: int, scope: str = "main") -> None:
    """Run a turn's calls side by side; the client's own are left to it."""
    mine = [call for call in turn.tool_calls if call.name not in turns.client_tools]
    calls = [(call, question_about(call, turns.held_tools)) for call in mine]
    await turns.call_tools(calls, step=step, scope=scope, message_id=turn.message_id)


def question_about(call: ToolCallRef, held: frozenset[str]) -> Question | None:
    """The question that a call raises before it may run, if any; its id is the call's."""
    if call.name == ASK_HUMAN:
        return Question(id=call.id, reason="question", message=call.preview, tool_call_id=call.id, tool_name=call.name)
    if call.name in held:
        message = f"{call.name}({call.preview})"
        return Question(id=call.id, reason="tool_approval", message=message, tool_call_id=call.id, tool_name=call.name)
    return None
