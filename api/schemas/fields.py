"""Types that many bodies and queries share. PostgreSQL stores no NUL, and a name is one line."""

import math
from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

LARGEST_ID = 2**31 - 1


class Body(BaseModel):
    """A request's body: an unknown field is a 400."""

    model_config = ConfigDict(extra="forbid")


def line(*, least: int = 0, most: int) -> Any:
    """A type of text on one line."""
    return Annotated[str, StringConstraints(min_length=least, max_length=most, pattern=r"^[^\x00-\x1f\x7f]*$")]


def sorting(*names: str) -> Any:
    """The declaration of a `sort` parameter: names with commas, `-` before one turns it around; anything else is a 400."""
    one = f"-?({'|'.join(names)})"
    described = f"by {', '.join(names)}; `-` before a name turns its order around, several are separated by commas"
    return Query(pattern=f"^{one}(,{one})*$", max_length=200, description=described)


def _within_reach(given: datetime) -> datetime:
    # PostgreSQL and Python agree on these years in every time zone.
    if not 1900 <= given.year <= 9000:  # noqa: PLR2004
        raise ValueError("the year must be from 1900 to 9000")
    return given


_DEEPEST = 32


def _storable(given: Any, depth: int = 0) -> Any:
    """JSON that PostgreSQL takes: no NUL, no half of a character, no NaN, no bottomless nesting."""
    if depth > _DEEPEST:
        raise ValueError(f"nested deeper than {_DEEPEST} levels")
    if isinstance(given, str) and ("\0" in given or (not given.isprintable() and _is_broken(given))):
        raise ValueError("text with a NUL or half of a character")
    if isinstance(given, float) and not math.isfinite(given):
        raise ValueError("a number that is not finite")
    for part in (*given, *given.values()) if isinstance(given, dict) else given if isinstance(given, list) else ():
        _storable(part, depth + 1)
    return given


def _is_broken(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


JsonObject = Annotated[dict[str, Any], AfterValidator(_storable)]
Integer = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]
BigInteger = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Id = Annotated[int, Path(ge=1, le=LARGEST_ID)]
IdQuery = Annotated[int | None, Query(ge=1, le=LARGEST_ID)]
SomeId = Annotated[int, Field(ge=1, le=LARGEST_ID)]
Flag = Annotated[bool | None, Query()]
Search = Annotated[str | None, Query(max_length=100, pattern=r"^[^\x00]*$")]
When = Annotated[AwareDatetime, AfterValidator(_within_reach)]
Name = line(least=1, most=64)
Text64 = line(most=64)
Text255 = line(most=255)
Remark = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
Email = Annotated[
    str, StringConstraints(max_length=254, pattern=r"^[^\s@\x00-\x1f]+@[^\s@\x00-\x1f]+\.[^\s@\x00-\x1f]+$")
]
Phone = Annotated[str, StringConstraints(max_length=32, pattern=r"^[0-9+() .-]*$")]
Avatar = Annotated[str, StringConstraints(max_length=512, pattern=r"^(https?://[^\s\x00-\x1f]+)?$")]
Sort = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
