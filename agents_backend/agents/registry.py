"""The agents, declared in one place: a name, what it is for, its graph."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langgraph.graph import StateGraph


@dataclass(frozen=True)
class Agent:
    """`build` makes a fresh graph; LangGraph is imported then, for the API only needs the names."""

    name: str
    description: str
    build: "Callable[[], StateGraph[Any, Any, Any, Any]]"


def _conversation(prompt: str) -> "StateGraph[Any, Any, Any, Any]":
    from agents_backend.agents.chat import chat_graph  # noqa: PLC0415

    return chat_graph(prompt)


def _research() -> "StateGraph[Any, Any, Any, Any]":
    from agents_backend.agents.researcher import researcher_graph  # noqa: PLC0415

    return researcher_graph()


AGENTS: dict[str, Agent] = {
    agent.name: agent
    for agent in (
        Agent("chat", "Answers, and uses tools where they help.", lambda: _conversation("chat")),
        Agent("coder", "Writes and explains code.", lambda: _conversation("coder")),
        Agent("researcher", "Plans, asks for your approval, researches, and writes a cited report.", _research),
    )
}
DEFAULT_AGENT = "chat"
