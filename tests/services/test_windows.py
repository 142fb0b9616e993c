"""A conversation as one certain model can take it."""

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from agents_backend.services.windows import THOUGHTS, shape
from agents_backend.settings import ModelConfig

SMALL = ModelConfig(name="small", model="small", context_window=1_000, max_output_tokens=200, tools=False)
CLAUDE = ModelConfig(name="claude", model="claude", provider="anthropic")
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "signed"}


def call(call_id: str) -> dict:
    return {"tool_calls": [{"id": call_id, "type": "function", "function": {"name": "look", "arguments": "{}"}}]}


def test_a_model_without_tools_is_told_their_results_in_words():
    told = shape(
        [HumanMessage("look"), AIMessage("", additional_kwargs=call("1")), ToolMessage("seen", tool_call_id="1")],
        SMALL,
        reasoning=False,
    )
    assert [type(message) for message in told] == [HumanMessage, HumanMessage]
    assert told[-1].text.endswith("seen")


def test_a_small_window_keeps_the_instructions_and_the_newest_messages():
    talk = [m for n in range(50) for m in (HumanMessage(f"question {n} " * 10), AIMessage(f"answer {n} " * 10))]
    told = shape([SystemMessage("Be kind."), *talk, HumanMessage("the last")], SMALL, reasoning=False)
    assert told[0].content == "Be kind."
    assert told[-1].content == "the last"
    assert len(told) < len(talk) // 2


def test_a_message_that_is_larger_than_the_window_is_cut_and_not_dropped():
    told = shape([SystemMessage("Be kind."), HumanMessage("long " * 10_000)], SMALL, reasoning=False)
    assert [type(message) for message in told] == [SystemMessage, HumanMessage]
    assert 0 < len(told[1].content) <= 3_000


def test_thinking_blocks_go_back_to_anthropic_while_it_thinks_and_to_nobody_else():
    said = AIMessage("so", additional_kwargs={THOUGHTS: [THOUGHT], **call("1")})
    history = [HumanMessage("why?"), said, ToolMessage("seen", tool_call_id="1")]
    assert shape(history, CLAUDE, reasoning=True)[1].content == [THOUGHT, {"type": "text", "text": "so"}]
    assert shape(history, CLAUDE, reasoning=False)[1].content == "so"
    other = shape(history, ModelConfig(name="gpt", model="gpt"), reasoning=True)[1]
    assert other.content == "so"
    assert THOUGHTS not in other.additional_kwargs
    assert other.tool_calls[0]["name"] == "look"
