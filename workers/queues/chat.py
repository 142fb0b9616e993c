"""The queue of the agents' turns, where somebody waits for each word."""

from temporalio.langgraph import LangGraphPlugin

from activities.frames import FrameActivities
from activities.turns import TurnActivities
from agents_backend.agents.registry import AGENTS
from agents_backend.services.attachments import Attachments
from agents_backend.services.model_calls import ModelCalls
from agents_backend.services.tool_calls import ToolCalls
from workers.queues.parts import Parts, Work
from workflows.chat import ChatWorkflow


def chat(parts: Parts) -> Work:
    frame = FrameActivities(ends=parts.ends)
    turns = TurnActivities(
        models=ModelCalls(
            database=parts.database,
            log=parts.log,
            models=parts.models,
            toolboxes=parts.toolboxes,
            spending=parts.spending,
            attachments=Attachments(
                storage=parts.storage,
                settings=parts.settings.files,
                sandbox_bytes=parts.settings.sandboxes.max_file_bytes if parts.settings.e2b.api_key else None,
            ),
        ),
        tools=ToolCalls(
            database=parts.database,
            log=parts.log,
            toolboxes=parts.toolboxes,
            spending=parts.spending,
            settings=parts.settings.agents,
        ),
        ends=parts.ends,
    )
    return Work(
        workflows=[ChatWorkflow],
        activities=[turns.call_model, turns.call_tool, turns.pause_run, frame.mark_step, frame.finish_run],
        plugins=[graphs()],
    )


def graphs() -> LangGraphPlugin:
    """The agents' graphs, fresh: the plugin changes the ones it is given."""
    return LangGraphPlugin(graphs={agent.name: agent.build() for agent in AGENTS.values()})
