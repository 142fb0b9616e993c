"""What a run's workflow asks of its activities: small control state and ids; the texts themselves stay in PostgreSQL."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from agents_backend.domain.runs import Decision, RunStatus


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class RunRef(Frozen):
    """Names a run wherever it is spoken of; everything else about it is in its row."""

    run_id: str
    thread_id: str
    user_id: int
    kind: str
    agent_name: str


class Usage(Frozen):
    """Tokens of one call or the sum of many, and characters spoken; cost in US dollars by the settings' prices."""

    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cached_input_tokens: int = 0
    characters: int = 0
    cost_usd: float = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(**{name: getattr(self, name) + getattr(other, name) for name in type(self).model_fields})

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens


class ToolCallRef(Frozen):
    """A tool call that the model asked for. Its arguments are in the message's row; `preview` is them, shortened, for people."""

    id: str
    name: str
    preview: str = ""


class ModelRequest(Frozen):
    """One model call.

    Attributes:
        step: which call of the run this is, from 1; message ids and retries are keyed by it.
        prompt: the file under `agents/prompts` that instructs the model.
        scope: which messages are its context: `main` is the thread's conversation, another name a part of this run.
        task: what the scope is about, when it has no user message of its own: the index of the plan's step.
        tools: whether the server's tools are offered; which those are, its toolboxes say at the time of the call.
        client_tools: whether the client's own tools are offered too.
        output: `text` is streamed to the client; `plan` is parsed and shown as state.
        reasoning: whether to use the reasoning model and stream its thoughts apart.
    """

    run: RunRef
    step: int = Field(ge=1)
    prompt: str
    scope: str = "main"
    task: int | None = None
    tools: bool = False
    client_tools: bool = False
    output: Literal["text", "plan"] = "text"
    reasoning: bool = False


class ModelTurn(Frozen):
    """What came of a model call.

    Attributes:
        tool_calls: the calls to run next, in the model's order.
        steps: for `output="plan"`, the titles of the plan's steps.
        summary: one line for the Temporal UI.
    """

    message_id: str
    tool_calls: tuple[ToolCallRef, ...] = ()
    usage: Usage = Usage()
    model: str = ""
    steps: tuple[str, ...] = ()
    summary: str = ""


class ToolRequest(Frozen):
    """One tool call. `answer` is the interrupt whose answer decides it, if a human was asked."""

    run: RunRef
    step: int
    scope: str = "main"
    message_id: str
    call: ToolCallRef
    interrupt_id: str | None = None


class ToolOutcome(Frozen):
    """How a tool call ended; its result is in PostgreSQL as a `tool` message."""

    call_id: str
    failed: bool = False
    size: int = 0


class Question(Frozen):
    """What a run asks a human. The id is derived from the run, the step and the call."""

    id: str
    reason: Literal["tool_approval", "question", "plan_review"]
    message: str
    tool_call_id: str | None = None
    tool_name: str | None = None


class Pause(Frozen):
    run: RunRef
    leg: int
    questions: tuple[Question, ...] = Field(min_length=1)


class Answers(Frozen):
    """The decision on each open question by its id, and the leg that they begin. Texts stay in PostgreSQL."""

    leg: int
    decisions: dict[str, Decision]


class RunProgress(Frozen):
    """A step's beginning or end, shown as AG-UI's STEP events and STATE."""

    run: RunRef
    leg: int
    order: int
    step_name: str
    phase: Literal["started", "finished"]


class RunEnd(Frozen):
    """How a run ends.

    Attributes:
        pending_tool_call_ids: the client's own tool calls that it is to run.
        error_code, error_detail: with `FAILED`.
    """

    run: RunRef
    status: RunStatus
    pending_tool_call_ids: tuple[str, ...] = ()
    error_code: str | None = None
    error_detail: str | None = None


class Midway(Frozen):
    """Where a run goes on after continue-as-new.

    Attributes:
        node: the graph's node that was done last.
        values: the graph's control state after it, as JSON.
        leg: the leg that was running.
        marks: the steps that had been marked.
    """

    node: str
    values: dict[str, Any]
    leg: int
    marks: int


class ChatInput(Frozen):
    """What starts a chat's workflow.

    Attributes:
        client_tools: names of tools that the client runs.
        held_tools: names of tools that wait for a human's approval.
        max_steps: model calls in the run, at most.
        interrupt_days: how long the run waits for a human.
        midway: None when the run begins.
    """

    run: RunRef
    client_tools: tuple[str, ...] = ()
    held_tools: tuple[str, ...] = ()
    deep_thinking: bool = False
    auto_accept_plan: bool = False
    max_steps: int = 150
    interrupt_days: int = 30
    request_id: str = ""
    midway: Midway | None = None
