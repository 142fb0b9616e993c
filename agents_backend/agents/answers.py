"""JSON in a model's answer."""

import json
from typing import Any


def json_of(text: str) -> Any:
    """The JSON object in an answer, with or without a fence or words around it.

    Raises:
        ValueError: there is none.
    """
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        raise ValueError("there is no JSON object in it")
    return json.loads(text[start : end + 1])
