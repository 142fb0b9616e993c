"""What the workflows of files and texts ask of their activities. The texts stand in PostgreSQL, the sound in storage."""

from typing import Literal

from pydantic import Field

from agents_backend.contracts.turns import Frozen, RunRef


class MediaInput(Frozen):
    """What starts a media run's workflow; what it was given is the run's part `input`.

    Attributes:
        concurrency: lines spoken at once, at most.
    """

    run: RunRef
    concurrency: int = Field(8, ge=1)
    request_id: str = ""


class SpeechPlan(Frozen):
    """How much there is to speak."""

    lines: int
    provider: str
    title: str = ""


class LineRef(Frozen):
    """One line of the run's part `script`, from 0."""

    run: RunRef
    index: int


class SpokenLine(Frozen):
    """A line that is in storage; `stands_in` when the embedded voice spoke it because the chosen provider failed."""

    milliseconds: int
    provider: str
    stands_in: bool = False


class MadeFile(Frozen):
    name: str
    size: int


class Drafted(Frozen):
    """How a script, an outline or a text came to be: by the model, or from the content's own structure."""

    method: Literal["model", "structure"]
    items: int = 0
    note: str = ""
