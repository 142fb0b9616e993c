"""A conversation as one certain model can take it: its size, its tools, its own thoughts."""

from typing import Final

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage, trim_messages
from langchain_core.messages.utils import count_tokens_approximately

from agents_backend.settings import ModelConfig

CHARACTERS_A_TOKEN: Final = 3  # on the safe side for most languages
THOUGHTS: Final = "thoughts"


def shape(messages: list[BaseMessage], config: ModelConfig, *, reasoning: bool) -> list[BaseMessage]:
    """The messages for one model: no calls for one without tools, its own thinking blocks back to Anthropic, and not too many."""
    if not config.tools:
        messages = without_tools(messages)
    is_theirs = config.provider == "anthropic"
    told = [_thinking(m, is_theirs, reasoning) if isinstance(m, AIMessage) else m for m in messages]
    return fit(told, config)


def _thinking(message: AIMessage, is_theirs: bool, reasoning: bool) -> AIMessage:  # noqa: FBT001  # one caller
    """Anthropic wants its blocks back while it thinks; those without text are of models that think unasked."""
    more, content = dict(message.additional_kwargs), message.content
    thoughts = [b for b in more.pop(THOUGHTS, ()) if is_theirs and (reasoning or not b.get("thinking"))]
    if thoughts:
        content = [*thoughts, *([{"type": "text", "text": content}] if content else [])]
    return AIMessage(content, additional_kwargs=more)


def without_tools(messages: list[BaseMessage]) -> list[BaseMessage]:
    """The same conversation told in words: results stand as messages of the user."""
    told: list[BaseMessage] = []
    for message in messages:
        if isinstance(message, ToolMessage):
            told.append(HumanMessage(f"(The result of a tool:)\n{message.content}"))
        elif not isinstance(message, AIMessage):
            told.append(message)
        elif message.content:
            told.append(AIMessage(message.content))
    return told


def fit(messages: list[BaseMessage], config: ModelConfig) -> list[BaseMessage]:
    """The newest messages that the model's window holds beside its answer; the instructions always stay, and something of the last message."""
    room = max(config.context_window - config.max_output_tokens, config.context_window // 2)
    if sum(len(str(m.content)) for m in messages) // CHARACTERS_A_TOKEN <= room:
        return messages
    kept: list[BaseMessage] = trim_messages(
        messages,
        max_tokens=room,
        token_counter=count_tokens_approximately,
        strategy="last",
        include_system=True,
        start_on="human",
    )
    if any(not isinstance(m, SystemMessage) for m in kept):
        return kept
    return [*kept, _beginning(messages, kept, room)]


def _beginning(messages: list[BaseMessage], kept: list[BaseMessage], room: int) -> BaseMessage:
    """The last thing that was said to the model, cut to what is left of the room."""
    last = next((m for m in reversed(messages) if isinstance(m, HumanMessage)), messages[-1])
    used = sum(len(str(m.content)) for m in kept)
    text = last.content if isinstance(last.content, str) else str(last.text)
    return HumanMessage(text[: max(500, room * CHARACTERS_A_TOKEN - used)])
