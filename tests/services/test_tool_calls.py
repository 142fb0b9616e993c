"""Carrying out tool calls against the real PostgreSQL and Redis, with toolboxes of the tests' own."""

import json
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from agents_backend.agents.tools import Tool
from agents_backend.contracts.turns import RunRef, ToolCallRef, ToolRequest
from agents_backend.db.base import Database, now
from agents_backend.db.runs import RunRepository
from agents_backend.db.tables.runs import Run
from agents_backend.domain.errors import RunClosed, Unavailable, UpstreamFailed
from agents_backend.domain.runs import RunStatus
from agents_backend.integrations.events import EventLog
from agents_backend.integrations.redis_connections import connect
from agents_backend.services.spending import Spending
from agents_backend.services.tool_calls import UNCERTAIN, ToolCalls
from agents_backend.services.toolboxes import Availability, NewArtifact, Source, Toolboxes, ToolContext, ToolResult
from agents_backend.settings import AgentSettings, CreditSettings, Settings

OBJECT = {"type": "object", "properties": {}}


class Box:
    """One tool, `act`, that answers what it is told to."""

    def __init__(self, *answers: ToolResult | Exception, repeatable: bool = False) -> None:
        self.tool = Tool("act", "Acts.", OBJECT, repeatable)
        self.answers, self.called = list(answers), []

    def catalogue(self) -> Sequence[Availability]:
        return [Availability(self.tool)]

    async def tools(self, run: Run) -> Sequence[Tool]:
        return [self.tool]

    async def call(self, name: str, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        self.called.append((arguments, context))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(scope="module")
async def log(settings: Settings) -> AsyncIterator[EventLog]:
    async with connect(settings.redis) as redis:
        yield EventLog(redis)


class Scene:
    """A run whose model has called `act`."""

    def __init__(self, database: Database, log: EventLog) -> None:
        self.database, self._log = database, log
        self.run_id = uuid.uuid4()

    async def begin(self, arguments: str = "{}") -> ToolRequest:
        call_id = f"call_{self.run_id.hex}"
        async with self.database.transaction() as session:
            rows = RunRepository(session)
            thread = await rows.add_thread(1, None, "")
            await rows.add_run(run_row(self.run_id, thread.id))
            await rows.add_message(
                thread_id=thread.id,
                run_id=self.run_id,
                message_id=f"msg_{self.run_id.hex}",
                role="assistant",
                tool_calls=[{"id": call_id, "name": "act", "args": arguments}],
            )
        ref = RunRef(run_id=str(self.run_id), thread_id=str(thread.id), user_id=1, kind="chat", agent_name="chat")
        call = ToolCallRef(id=call_id, name="act")
        return ToolRequest(run=ref, step=1, message_id=f"msg_{self.run_id.hex}", call=call)

    async def ask(self, request: ToolRequest, **answer: Any) -> ToolRequest:
        """Let a human be asked before the call, and answer."""
        interrupt_id = f"{self.run_id}:{request.call.id}"
        async with self.database.transaction() as session:
            await RunRepository(session).add_interrupt(
                id=interrupt_id, run_id=self.run_id, leg=1, reason="tool_approval", answer=answer
            )
        return request.model_copy(update={"interrupt_id": interrupt_id})

    def calls(self, *boxes: Box, max_bytes: int = 1_000) -> ToolCalls:
        return ToolCalls(
            database=self.database,
            log=self._log,
            toolboxes=Toolboxes(*boxes),
            spending=Spending(database=self.database, settings=CreditSettings()),
            settings=AgentSettings(max_tool_result_bytes=max_bytes),
        )

    async def result(self, request: ToolRequest):
        async with self.database.transaction() as session:
            rows = RunRepository(session)
            message = await rows.message(uuid.UUID(request.run.thread_id), f"{request.call.id}-result")
            return message, await rows.artifacts(self.run_id)


def run_row(run_id: uuid.UUID, thread_id: uuid.UUID) -> Run:
    return Run(
        id=run_id,
        user_id=1,
        thread_id=thread_id,
        kind="chat",
        agent_name="chat",
        status=RunStatus.RUNNING,
        options={"resources": ["x"]},
        protocol_run_id=str(run_id),
        created_at=now(),
    )


@pytest.fixture
async def scene(database: Database, log: EventLog) -> Scene:
    return Scene(database, log)


async def test_a_result_is_stored_with_its_sources_and_artifacts_and_the_tool_knows_whose_call_it_is(scene):
    request = await scene.begin('{"a": 1}')
    made = NewArtifact("chart.png", "image/png", 3, "runs/chart.png", "0" * 64)
    box = Box(ToolResult("done", sources=(Source("T", "https://t.example/"),), artifacts=(made,)))
    outcome = await scene.calls(box).call(request)
    assert not outcome.failed
    message, artifacts = await scene.result(request)
    assert message.content == "done"
    assert message.sources == [{"title": "T", "url": "https://t.example/"}]
    assert [(a.name, a.media_type, a.size, a.key) for a in artifacts] == [
        ("chart.png", "image/png", 3, "runs/chart.png")
    ]
    arguments, context = box.called[0]
    assert arguments == {"a": 1}
    assert (context.user_id, context.call_id, context.options) == (1, request.call.id, {"resources": ["x"]})


async def test_a_call_whose_result_is_stored_is_not_run_again(scene):
    request, box = await scene.begin(), Box(ToolResult("once"), ToolResult("twice"), repeatable=True)
    for _ in range(2):
        await scene.calls(box).call(request)
    assert len(box.called) == 1


async def test_when_our_own_servers_are_away_the_call_is_tried_again_unless_it_may_not_be_repeated(scene):
    request, box = await scene.begin(), Box(Unavailable(), ToolResult("done"), repeatable=True)
    with pytest.raises(Unavailable):
        await scene.calls(box).call(request)
    assert not (await scene.calls(box).call(request)).failed
    other = Scene(scene.database, scene._log)
    request, box = await other.begin(), Box(Unavailable(), ToolResult("twice"))
    with pytest.raises(Unavailable):
        await other.calls(box).call(request)
    assert (await other.calls(box).call(request)).failed
    assert (await other.result(request))[0].content == UNCERTAIN
    assert len(box.called) == 1


async def test_what_a_vendor_cannot_do_is_told_to_the_model(scene):
    request = await scene.begin()
    assert (await scene.calls(Box(UpstreamFailed("The vendor is down."))).call(request)).failed
    assert (await scene.result(request))[0].error == "The vendor is down."


@pytest.mark.parametrize(("arguments", "told"), [("{not", "not JSON"), ("[1]", "JSON object")])
async def test_arguments_that_are_no_object_never_reach_the_tool(scene, arguments, told):
    request, box = await scene.begin(arguments), Box()
    assert (await scene.calls(box).call(request)).failed
    assert told in (await scene.result(request))[0].content


async def test_a_result_is_cut_to_the_limit_at_a_character_and_holds_no_nul(scene):
    request = await scene.begin()
    await scene.calls(Box(ToolResult("\x00" + "ä" * 5_000)), max_bytes=1_001).call(request)
    assert (await scene.result(request))[0].content == "ä" * 500


async def test_an_edit_runs_with_the_human_s_arguments_and_is_what_the_model_sees_of_its_call(scene):
    request = await scene.ask(await scene.begin('{"a": 1}'), decision="edit", answers={"a": 2})
    box = Box(ToolResult("done"))
    await scene.calls(box).call(request)
    assert box.called[0][0] == {"a": 2}
    async with scene.database.transaction() as session:
        message = await RunRepository(session).message(uuid.UUID(request.run.thread_id), request.message_id)
    assert json.loads(message.tool_calls[0]["edited"]) == {"a": 2}


async def test_a_refused_call_does_not_run_and_the_model_is_told_why(scene):
    request = await scene.ask(await scene.begin(), decision="reject", feedback="Too dear.")
    box = Box()
    await scene.calls(box).call(request)
    assert box.called == []
    assert (await scene.result(request))[0].content == "The user refused this call. Too dear."


async def test_a_run_that_has_ended_calls_no_tool(scene):
    request, box = await scene.begin(), Box()
    async with scene.database.transaction() as session:
        await RunRepository(session).set_status(scene.run_id, RunStatus.CANCELLED, finished_at=now())
    with pytest.raises(RunClosed):
        await scene.calls(box).call(request)
    assert box.called == []


async def test_of_two_tools_with_one_name_the_earlier_toolbox_is_asked(scene):
    request, first, second = await scene.begin(), Box(ToolResult("first")), Box(ToolResult("second"))
    second.tool = replace(second.tool, description="Another.")
    await scene.calls(first, second).call(request)
    assert (await scene.result(request))[0].content == "first"
