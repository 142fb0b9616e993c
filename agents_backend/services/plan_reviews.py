"""What a human said of a research plan: the answers of its interrupts, newest last."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from agents_backend.agents.plans import Plan
from agents_backend.db.tables.runs import Interrupt
from agents_backend.domain.errors import Invalid

REASON: Final = "plan_review"


def check_answer(item: Interrupt, answer: dict[str, Any]) -> None:
    """Refuse an edit that is no plan, while its author is still there to be told.

    Raises:
        Invalid: `answers` is no plan.
    """
    if item.reason == REASON and answer.get("decision") == "edit" and Plan.given(answer.get("answers")) is None:
        raise Invalid.field(
            "answers",
            'with edit, the new plan: {"title": "…", "steps": [{"title": "…", "description": "…"}]} or a list of '
            "1 to 8 titles; to have it planned anew, reject with feedback",
        )


def given_plan(reviews: Sequence[Interrupt]) -> Plan | None:
    """The plan that a human put in place of the last one shown."""
    last = next((item for item in reversed(reviews) if item.reason == REASON), None)
    if last is None or (last.answer or {}).get("decision") != "edit":
        return None
    return Plan.given((last.answer or {}).get("answers"))


def said_of(reviews: Iterable[Interrupt]) -> dict[int, str]:
    """What was said of each plan, by the step that made it."""
    told: dict[int, str] = {}
    for item in reviews:
        step = item.id.rpartition(":plan-")[2]
        if item.reason == REASON and step.isdigit() and item.answer is not None:
            told[int(step)] = str(item.answer.get("feedback") or "I do not want this plan. Make another one.")
    return told
