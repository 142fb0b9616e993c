"""A research plan, as the model writes it."""

import json
import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

MAX_STEPS = 8


class PlanStep(BaseModel):
    model_config = ConfigDict(frozen=True)

    title: str = Field(min_length=1, max_length=300)
    description: str = ""


class Plan(BaseModel):
    model_config = ConfigDict(frozen=True)

    title: str = ""
    steps: tuple[PlanStep, ...] = Field(min_length=1, max_length=MAX_STEPS)

    @classmethod
    def single(cls, question: str) -> "Plan":
        """The plan for a model that cannot write one: the question itself is its one step."""
        title = " ".join(question.split())[:200] or "Answer the question"
        return cls(title=title, steps=(PlanStep(title=title, description=question),))

    @classmethod
    def given(cls, value: Any) -> "Plan | None":
        """The plan in a human's answer: an object as the model writes it, or a list of steps or titles; None where it is none."""
        data = {"steps": value} if isinstance(value, list) else value
        if isinstance(data, dict) and isinstance(data.get("steps"), list):
            steps = [{"title": step} if isinstance(step, str) else step for step in data["steps"]]
            data = {**data, "steps": steps}
        try:
            return cls.model_validate(data)
        except ValidationError:
            return None


def parse_plan(text: str) -> Plan | None:
    """The plan in a model's answer, with or without a code fence around it; None where there is none."""
    found = re.search(r"\{.*\}", text, re.DOTALL)
    if found is None:
        return None
    try:
        data = json.loads(found.group())
        data["steps"] = data.get("steps", [])[:MAX_STEPS]
        return Plan.model_validate(data)
    except (ValueError, ValidationError, AttributeError, TypeError):
        return None
