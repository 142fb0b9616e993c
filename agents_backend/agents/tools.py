"""The tools' declarations: name, purpose, arguments. What they do is in `services/tool_calls.py`."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents_backend.domain.errors import Invalid


class Arguments(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class AskHuman(Arguments):
    """Ask the user a question and wait for the answer. Use it only when you cannot go on without it."""

    question: str = Field(min_length=1, max_length=2_000)
    options: list[str] = Field(default_factory=list, max_length=10)


class CurrentTime(Arguments):
    """The date and time now, in UTC or in an IANA time zone."""

    timezone: str | None = Field(None, max_length=64)


@dataclass(frozen=True)
class ToolSpec:
    name: str
    arguments: type[Arguments]

    @property
    def description(self) -> str:
        return (self.arguments.__doc__ or "").strip()

    @property
    def declaration(self) -> dict[str, Any]:
        """The tool as OpenAI's function calling has it."""
        schema = self.arguments.model_json_schema()
        schema.pop("title", None)
        schema.pop("description", None)
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.description, "parameters": schema},
        }


TOOLS: dict[str, ToolSpec] = {
    spec.name: spec
    for spec in (
        ToolSpec("ask_human", AskHuman),
        ToolSpec("current_time", CurrentTime),
    )
}


def validate(name: str, given: Any) -> Arguments:
    """A call's arguments, checked.

    Raises:
        Invalid: there is no such tool, or the arguments do not fit it; the sentence is for the model to read.
    """
    spec = TOOLS.get(name)
    if spec is None:
        raise Invalid(f"There is no tool named {name}. The tools are: {', '.join(TOOLS)}.")
    try:
        return spec.arguments.model_validate(given)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise Invalid(f"The arguments of {name} are not valid: {problems}") from None
