"""The agents, declared in one place: a name, what it is for, its graph."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from langgraph.graph import StateGraph

from agents_backend.agents.chat import chat_graph
from agents_backend.agents.researcher import researcher_graph

Graph = StateGraph[Any, Any, Any, Any]


@dataclass(frozen=True)
class Agent:
    name: str
    description: str
    build: Callable[[], Graph]


AGENTS: dict[str, Agent] = {
    agent.name: agent
    for agent in (
        Agent("chat", "Answers, and uses tools where they help.", lambda: chat_graph("chat")),
        Agent("coder", "Writes and explains code.", lambda: chat_graph("coder")),
        Agent("researcher", "Plans, asks for your approval, researches, and writes a cited report.", researcher_graph),
    )
}
DEFAULT_AGENT = "chat"
