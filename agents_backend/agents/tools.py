"""Tools as models know them: name, purpose, arguments. What they do is in the toolboxes under `services/`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents_backend.domain.errors import Invalid


@dataclass(frozen=True)
class Tool:
    """One tool, as it is offered to a model.

    Attributes:
        parameters: the JSON schema of its arguments, an object.
        repeatable: whether running it a second time does no harm; if not, a crash in the middle of it is told to the model.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    repeatable: bool = False

    @property
    def declaration(self) -> dict[str, Any]:
        """The tool as OpenAI's function calling has it."""
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.description, "parameters": dict(self.parameters)},
        }


class Arguments(BaseModel):
    """The arguments of one of our own tools; the class's docstring is what the model is told of the tool."""

    model_config = ConfigDict(frozen=True, extra="ignore")


Given = TypeVar("Given", bound=Arguments)


class AskHuman(Arguments):
    """Ask the user a question and wait for the answer. Use it only when you cannot go on without it."""

    question: str = Field(min_length=1, max_length=2_000)
    options: list[str] = Field(default_factory=list, max_length=10)


class CurrentTime(Arguments):
    """The date and time now, in UTC or in an IANA time zone."""

    timezone: str | None = Field(None, max_length=64)


class WebSearch(Arguments):
    """Search the web. Gives titles, addresses and snippets; read the pages that matter with fetch_page."""

    query: str = Field(min_length=1, max_length=400)
    count: int = Field(5, ge=1, le=10, description="how many results")


class FetchPage(Arguments):
    """Read a public web page as text, by its full http(s) address."""

    url: str = Field(min_length=1, max_length=4_096)


class Retrieve(Arguments):
    """Search the user's own documents, by meaning and by words. Gives passages, each with the rag:// address to cite it by."""

    query: str = Field(min_length=1, max_length=1_000, description="what you want to know, as a full question")
    count: int = Field(6, ge=1, le=20, description="how many passages")


def declare(name: str, arguments: type[Arguments], *, repeatable: bool) -> Tool:
    """One of our own tools, declared by the class of its arguments."""
    schema = arguments.model_json_schema()
    schema.pop("title", None)
    return Tool(name, schema.pop("description", ""), schema, repeatable)


def validate(arguments: type[Given], given: Mapping[str, Any]) -> Given:
    """A call's arguments, checked.

    Raises:
        Invalid: they do not fit; the sentence is for the model to read.
    """
    try:
        return arguments.model_validate(given)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise Invalid(f"The arguments are not valid: {problems}") from None
