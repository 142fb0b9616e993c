"""A line that its provider fails on: the embedded voice stands in where it may, and is said; else the run fails with the reason."""

import uuid
from datetime import timedelta

import pytest

from agents_backend.contracts.media import LineRef
from agents_backend.contracts.turns import RunRef
from agents_backend.db.base import Database, now
from agents_backend.db.runs import RunRepository
from agents_backend.db.tables.runs import Artifact, Run
from agents_backend.domain.errors import Invalid, SpeechFailed, UpstreamFailed
from agents_backend.domain.scripts import Line, Script
from agents_backend.integrations.events import EventLog
from agents_backend.integrations.redis_connections import connect
from agents_backend.integrations.speech.providers import SpeechProviders
from agents_backend.integrations.storage import Storage
from agents_backend.services.artifacts import Artifacts, NewArtifact
from agents_backend.services.progress import Progress
from agents_backend.services.run_parts import RunParts
from agents_backend.services.spending import Spending
from agents_backend.services.spoken_lines import LAST_ATTEMPT, PATIENCE, SpokenLines


@pytest.fixture
async def lines(settings, database: Database):
    async with connect(settings.redis) as redis:
        yield SpokenLines(
            parts=RunParts(database=database),
            storage=Storage(settings.storage, settings.data_dir),
            providers=SpeechProviders(settings),
            progress=Progress(log=EventLog(redis)),
            spending=Spending(database=database, settings=settings.credits),
            settings=settings.speech,
        )


async def new_run(database: Database, **more) -> RunRef:
    run_id = uuid.uuid4()
    async with database.transaction() as session:
        run = Run(
            id=run_id,
            user_id=1,
            kind="podcast",
            status="running",
            options={},
            protocol_run_id=str(run_id),
            leg=1,
            usage={},
            created_at=now(),
            **more,
        )
        await RunRepository(session).add_run(run)
    return RunRef(run_id=str(run_id), thread_id="", user_id=1, kind="podcast", agent_name="")


def script(text: str, *, may_stand_in: bool) -> Script:
    line = Line(speaker="Mia", voice="en-US-AriaNeural", text=text)
    return Script(title="t", lines=(line,), provider="edge", may_stand_in=may_stand_in)


async def test_the_embedded_voice_stands_in_after_some_attempts_and_only_where_it_may(lines, database):
    run = await new_run(database)
    await lines.plan(run, script("This never arrives [drop], however often one asks.", may_stand_in=True))
    ref = LineRef(run=run, index=0)
    with pytest.raises(UpstreamFailed):
        await lines.speak(ref, attempt=PATIENCE - 1)
    spoken = await lines.speak(ref, attempt=PATIENCE)
    assert (spoken.provider, spoken.stands_in) == ("embedded", True)
    assert await lines.speak(ref, attempt=PATIENCE + 1) == spoken


async def test_with_a_fixed_provider_the_line_fails_with_its_number_and_reason(lines, database):
    run = await new_run(database)
    await lines.plan(run, script("This one is mute [mute].", may_stand_in=False))
    with pytest.raises(SpeechFailed, match="Line 1 could not be spoken"):
        await lines.speak(LineRef(run=run, index=0), attempt=LAST_ATTEMPT)


async def test_a_script_that_the_provider_cannot_read_is_refused_before_anything_is_spoken(lines, database):
    run = await new_run(database)
    chinese = script("你好", may_stand_in=False).model_copy(update={"provider": "embedded"})
    with pytest.raises(Invalid, match="Line 1 cannot be spoken"):
        await lines.plan(run, chinese)


async def test_files_past_their_time_are_deleted_and_younger_ones_stay(settings, database):
    storage = Storage(settings.storage, settings.data_dir)
    artifacts = Artifacts(database=database, storage=storage, settings=settings)

    old = await new_run(database, finished_at=now() - timedelta(days=settings.storage.retention_days + 1))
    young = await new_run(database, finished_at=now() - timedelta(days=1))
    for run in (old, young):
        await artifacts.save(run, NewArtifact("a.txt", "text/plain", b"kept for a while"))
        await storage.write(f"runs/{run.run_id}/work/left", b"over")
    assert await artifacts.expire() >= 1
    found = await artifacts.of_runs([uuid.UUID(old.run_id), uuid.UUID(young.run_id)])
    assert found[uuid.UUID(old.run_id)] == []
    assert isinstance(found[uuid.UUID(young.run_id)][0], Artifact)
    assert await storage.list(f"runs/{old.run_id}/") == []
    assert len(await storage.list(f"runs/{young.run_id}/")) == 2
