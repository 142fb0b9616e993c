"""What is to be spoken: lines by speakers, in their order."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Method = Literal["verbatim", "model", "structure"]


class Line(BaseModel):
    """Something said in one go.

    Attributes:
        voice: a name that the voice catalogue resolves.
        pause: milliseconds of silence after it.
    """

    model_config = ConfigDict(frozen=True)

    speaker: str = ""
    voice: str
    text: str
    pause: int = Field(300, ge=0)


class Chapter(BaseModel):
    """A stretch of lines under a title, from `first` (from 0) to the next chapter."""

    model_config = ConfigDict(frozen=True)

    title: str
    first: int


class Script(BaseModel):
    """Everything that is spoken, and by which provider.

    Attributes:
        speed: 1 is the voice's own.
        may_stand_in: whether the embedded voice may speak a line that the provider fails on.
        note: why it was not the model that wrote it, if so.
    """

    model_config = ConfigDict(frozen=True)

    title: str = ""
    language: str = ""
    lines: tuple[Line, ...]
    chapters: tuple[Chapter, ...] = ()
    provider: str
    may_stand_in: bool = False
    speed: float = 1
    method: Method = "verbatim"
    note: str = ""

    @property
    def characters(self) -> int:
        return sum(len(line.text) for line in self.lines)
