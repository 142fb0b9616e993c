"""schemathesis over the OpenAPI document, as administrator, as a plain user and as nobody, on servers of its own.

What each phase does is bounded by number, not by time: of a time for all, what comes first leaves nothing to the rest, and on a
busy machine it is always the same operations that nobody asks. Coverage, which takes some thirty requests an operation, is of a
few operations, others each day. The seed is the day's, so that what fails fails again, and is told by a failure:
`FUZZ_SEED=N pytest tests/fuzz` repeats it, and `python -m tests.fuzz` goes on for as long as it is let.
"""

import os
import random
from collections.abc import AsyncIterator

import pytest

from agents_backend.db.base import now
from tests.fuzz.target import Target, attack, operations, wreckable

PEOPLE = ("nobody", "plain", "admin")  # the administrator is last: it may delete the plain user
COVERED = {"nobody": 4, "plain": 12, "admin": 12}  # operations; nobody is refused nearly all alike
SCENARIOS = {"nobody": 5, "plain": 20, "admin": 40}


@pytest.fixture(scope="module")
async def target(tmp_path_factory) -> AsyncIterator[Target]:
    async with wreckable(tmp_path_factory.mktemp("fuzzed")) as target:
        yield target


@pytest.fixture(scope="module")
def seed() -> int:
    return int(os.environ.get("FUZZ_SEED") or now().toordinal())


async def attacked(target: Target, person: str, seed: int, phases: str, *options: str) -> dict[str, set[str]]:
    """The operations that each phase has asked; every answer was as the document says."""
    made = await attack(target, person, seed, "--phases", phases, *options)
    assert made.code == 0, f"FUZZ_SEED={seed}\n{made.printed[-20_000:]}"
    return {phase: {operation for operation, times in asked.items() if times} for phase, asked in made.asked.items()}


@pytest.mark.parametrize("person", PEOPLE)
async def test_examples_and_the_edges_of_some_operations(target, seed, person):
    known = await operations(target)
    chosen = random.Random(f"{seed}{person}").sample(sorted(known), COVERED[person])
    options = [word for name in chosen for word in ("--include-operation-id", known[name])]
    asked = await attacked(target, person, seed, "examples,coverage", *options)
    assert asked["coverage"] >= set(chosen), f"FUZZ_SEED={seed}"


@pytest.mark.parametrize("person", PEOPLE)
async def test_something_drawn_for_every_operation(target, seed, person):
    asked = await attacked(target, person, seed, "examples,fuzzing", "--max-examples", "1")
    assert asked["examples"], f"FUZZ_SEED={seed}"
    assert asked["fuzzing"] == set(await operations(target)), f"FUZZ_SEED={seed}"


@pytest.mark.parametrize("person", PEOPLE)
async def test_from_answer_to_answer(target, seed, person):
    asked = await attacked(target, person, seed, "stateful", "--max-examples", str(SCENARIOS[person]))
    assert asked["stateful"], f"FUZZ_SEED={seed}"
