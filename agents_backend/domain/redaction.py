"""Hides secrets in what is kept for people to read: by the name of the field, and by the shape of the value."""

import re
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, urlencode

HIDDEN = "[redacted]"
_LONGEST_TEXT, _DEEPEST, _WIDEST = 500, 8, 100
_NAMES = re.compile(
    r"pass(word|wd|phrase)?$|password|secret|authori[sz]ation(?!_url)|cookie|api[_-]?key|private_?key|credential|^headers$|^env$"
    r"|(access|refresh|id|auth|bearer|session)_?token|^token$|captcha_code|signature|code_verifier",
    re.IGNORECASE,
)
_SHAPES = re.compile(
    r"""
    eyJ[\w-]{5,}\.[\w-]+\.[\w-]*                              # a JWT
    | \b(?:Bearer|Basic)\s+[\w.~+/=-]+                        # a header's credentials
    | \b(?:sk|rk|pk)-[\w-]{8,}                                # OpenAI, Anthropic and their kin
    | \bgh[pousr]_\w{16,} | \bgithub_pat_\w{16,}              # GitHub
    | \bxox[abeoprs]-[\w-]{8,}                                # Slack
    | \bA(?:KIA|SIA)[0-9A-Z]{16}\b | \bAIza[\w-]{30,}         # AWS, Google
    | \be2b_\w{16,} | \btvly-[\w-]{8,}                        # E2B, Tavily
    | [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[\w-]{20,} # our refresh tokens
    | -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----.*                # keys
    | (?<=://)[^/\s:@]*:[^/\s@]+(?=@)                         # user:password in a URL
    | (?:(?<=[?&_-]key=)|(?<=[?&_a-z]Key=)|(?<=token=)|(?<=secret=))[^&\s"'\#]{6,}  # and in its query
    """,
    re.VERBOSE | re.DOTALL,
)


def redacted(value: Any, name: str = "", depth: int = 0) -> Any:
    """A copy of a JSON value that holds no secret, is of bounded size, and that PostgreSQL takes as JSON."""
    if name and _NAMES.search(name):
        return HIDDEN
    if isinstance(value, str):
        return redacted_text(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, dict | list | tuple | set | frozenset):
        return "…" if depth >= _DEEPEST else _inside(value, depth + 1)
    return redacted_text(str(value))


def _inside(value: Any, depth: int) -> Any:
    if isinstance(value, dict):
        pairs = islice(value.items(), _WIDEST)
        return {redacted_text(str(key)): redacted(inner, str(key), depth) for key, inner in pairs}
    return [redacted(inner, "", depth) for inner in islice(value, _WIDEST)]


def redacted_text(text: str) -> str:
    """A text without what looks like a secret, without NUL and halves of surrogate pairs, cut where it is long."""
    storable = text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    hidden = _SHAPES.sub(HIDDEN, storable)
    return hidden if len(hidden) <= _LONGEST_TEXT else f"{hidden[:_LONGEST_TEXT]}…"


def redacted_query(query: str) -> str:
    """A query string whose secrets are hidden."""
    pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=None)[:_WIDEST]
    return urlencode([(redacted_text(name), redacted(value, name)) for name, value in pairs])
