"""Two attempts of one model call that both finish: the later one's answer is the step's, in whatever order they write."""

import uuid

import pytest

from agents_backend.db.base import Database, now
from agents_backend.db.runs import RunRepository
from agents_backend.db.tables.runs import Run
from agents_backend.db.users import by_username


@pytest.fixture
async def place(database: Database) -> dict:
    """A run in a thread, as the start of an answer's row."""
    async with database.transaction() as session:
        user, rows = await by_username(session, "admin"), RunRepository(session)
        thread = await rows.add_thread(user.id, None, "two attempts")
        run_id = uuid.uuid4()
        run = Run(id=run_id, user_id=user.id, thread_id=thread.id, kind="chat", status="succeeded", options={})
        run.protocol_run_id, run.usage, run.finished_at = str(run_id), {}, now()
        await rows.add_run(run)
    return {"thread_id": thread.id, "run_id": run_id, "role": "assistant", "scope": "main", "step": 1}


@pytest.mark.parametrize("order", [(1, 2), (2, 1), (1, 1, 2, 2, 1)])
async def test_the_later_attempt_s_answer_stays(order, place: dict, database: Database):
    for attempt in order:
        values = {**place, "message_id": f"{place['run_id']}-{attempt}", "content": f"{attempt}", "attempt": attempt}
        async with database.transaction() as session:
            await RunRepository(session).keep_answer(**values, is_partial=attempt == 1)
    async with database.transaction() as session:
        (kept,) = await RunRepository(session).messages(place["thread_id"])
    assert (kept.content, kept.attempt, kept.is_partial) == ("2", 2, False)
