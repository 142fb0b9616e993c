"""Keeps secrets out of what leaves the process as logs and spans: by a field's name, by their shape, and by their value."""

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr

HIDDEN = "[redacted]"
_NAMES = re.compile(r"password|secret|authorization|cookie|api_?key|(access|refresh|id)_?token|^token$", re.IGNORECASE)
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), HIDDEN),  # a JWT
    (re.compile(r"\b(?:sk|pk|rk|tvly|gh[pousr]|github_pat|xox[abprs]|e2b|AIza)[-_]?[\w-]{16,}"), HIDDEN),
    (re.compile(r"(\w://[^/\s:@]*:)[^@/\s]+@"), rf"\1{HIDDEN}@"),  # a URL's password
    (
        re.compile(r"(?i)([?&](?:code|state|key|sig|signature|\w*(?:token|password|secret|api_?key))=)[^&\s\"'#]+"),
        rf"\1{HIDDEN}",
    ),
)
_SHORTEST = 8  # a shorter value would hide innocent text


class Scrubber:
    """Replaces secrets in texts and in nested values.

    Attributes:
        secrets: values that must never appear, such as this process's own keys.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({value for value in secrets if len(value) >= _SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(re.escape(value) for value in known)) if known else None

    @classmethod
    def of(cls, settings: BaseModel) -> "Scrubber":
        """One that knows every secret of the settings, and the passwords inside their URLs."""
        return cls(_secrets_of(settings))

    def text(self, value: str) -> str:
        if self._known is not None:
            value = self._known.sub(HIDDEN, value)
        for shape, replacement in _SHAPES:
            value = shape.sub(replacement, value)
        return value

    def field(self, name: str, value: Any) -> Any:
        """The value of a named field, clean at any depth."""
        if _NAMES.search(name):
            return HIDDEN
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.field(str(key), inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.field("", inner) for inner in value]
        return value


def _secrets_of(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        text = value.get_secret_value()
        yield text
        yield from text.split(",")  # a list of keys
        if password := _password(text):
            yield password
            yield unquote(password)
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets_of(getattr(value, name))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _secrets_of(inner)


def _password(text: str) -> str | None:
    try:
        return urlsplit(text).password
    except ValueError:
        return None
