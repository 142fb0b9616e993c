"""The codec of Temporal's payloads: against a real server, and by itself."""

import asyncio
import uuid
from datetime import timedelta

import pytest
from pydantic import SecretStr
from temporalio import activity, workflow
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from agents_backend.domain.errors import KeyMissing, SealBroken
from agents_backend.integrations.payloads import data_converter, payload_codec
from agents_backend.integrations.temporal import connect
from agents_backend.settings import Settings
from tests.histories import told

OLD, NEW = "0123456789abcdef" * 4, "fedcba9876543210" * 4
CANARY = "canary-of-a-payload"


@activity.defn
async def repeat(text: str) -> str:
    activity.heartbeat(f"{text} heartbeat")
    if "fail" in text:
        raise ApplicationError(f"{text} message", f"{text} detail", type="FAILED")
    return f"{text} result"


@workflow.defn
class Echo:
    def __init__(self) -> None:
        self._signals: list[str] = []

    @workflow.run
    async def run(self, text: str, count: int) -> list[str]:
        workflow.set_current_details(f"{text} details")
        await workflow.wait_condition(lambda: len(self._signals) == count)
        said = await workflow.execute_activity(
            repeat,
            text,
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(maximum_attempts=1),
            summary=f"{text} summary",
        )
        return [said, *self._signals]

    @workflow.signal
    def add(self, text: str) -> None:
        self._signals.append(text)

    @workflow.query
    def so_far(self) -> list[str]:
        return self._signals

    @workflow.update
    async def put(self, text: str) -> str:
        self._signals.append(text)
        return f"{text} put"


def with_keys(settings: Settings, *keys: str, encrypts: bool = True) -> Settings:
    """The same settings with other keys."""
    return settings.model_copy(
        update={
            "vault": settings.vault.model_copy(update={"keys": SecretStr(",".join(keys))}),
            "temporal": settings.temporal.model_copy(update={"encrypt_payloads": encrypts}),
        }
    )


def worker_of(client: Client, queue: str) -> Worker:
    return Worker(
        client,
        task_queue=queue,
        workflows=[Echo],
        activities=[repeat],
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_cached_workflows=0,  # so each task reads the whole history again
    )


async def start(client: Client, queue: str, text: str, *, count: int = 0):
    return await client.start_workflow(
        Echo.run,
        args=[text, count],
        id=f"echo-{uuid.uuid4()}",
        task_queue=queue,
        memo={"note": f"{text} memo"},
        static_summary=f"{text} static",
        execution_timeout=timedelta(seconds=60),
    )


@pytest.fixture
def queue() -> str:
    return f"echo-{uuid.uuid4()}"


async def test_nothing_that_passes_through_a_workflow_is_to_be_read_in_its_history(settings, queue):
    own = with_keys(settings, OLD)
    client = await connect(own)
    async with worker_of(client, queue):
        handle = await start(client, queue, CANARY, count=2)
        await handle.signal(Echo.add, f"{CANARY} signal")
        assert await handle.query(Echo.so_far) == [f"{CANARY} signal"]
        assert await handle.execute_update(Echo.put, f"{CANARY} update") == f"{CANARY} update put"
        assert await handle.result() == [f"{CANARY} result", f"{CANARY} signal", f"{CANARY} update"]
    described = await handle.describe()
    assert await described.memo() == {"note": f"{CANARY} memo"}
    assert await described.static_summary() == f"{CANARY} static"
    history = await handle.fetch_history()
    for stored in (history, described.raw_description):
        assert CANARY not in str(stored)
        assert CANARY in await told(stored, own)


async def test_a_failure_s_message_trace_and_details_are_encrypted_and_come_back(settings, queue):
    own = with_keys(settings, OLD)
    client = await connect(own)
    async with worker_of(client, queue):
        handle = await start(client, queue, f"{CANARY} fail")
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()
    cause = failed.value.cause
    assert isinstance(cause, ActivityError)
    assert isinstance(cause.cause, ApplicationError)
    assert cause.cause.message == f"{CANARY} fail message"
    assert cause.cause.details == (f"{CANARY} fail detail",)
    assert cause.cause.type == "FAILED"
    history = str(await handle.fetch_history())
    assert CANARY not in history
    assert __file__ not in history
    assert "Encoded failure" in history


async def test_a_run_goes_on_when_encryption_is_turned_on_midway_then_the_key_changes_then_it_is_turned_off(
    settings, queue
):
    stages = [
        with_keys(settings, OLD, encrypts=False),
        with_keys(settings, OLD),
        with_keys(settings, NEW, OLD),
        with_keys(settings, NEW, OLD, encrypts=False),
    ]
    handle = None
    for number, stage in enumerate(stages):
        client = await connect(stage)
        async with worker_of(client, queue):
            handle = handle or await start(client, queue, CANARY, count=len(stages))
            here = client.get_workflow_handle_for(Echo.run, handle.id)
            await here.execute_update(Echo.put, f"stage {number}")
    async with worker_of(client, queue):
        assert await here.result() == [f"{CANARY} result", *(f"stage {number}" for number in range(len(stages)))]
    history = str(await here.fetch_history())
    assert [f"stage {number} put" in history for number in range(len(stages))] == [True, False, False, True]
    for stage in stages[1:3]:
        assert payload_codec(stage)._keyring.newest in history


async def test_a_worker_without_the_key_waits_and_goes_on_once_it_has_it(settings, queue):
    client = await connect(with_keys(settings, OLD))
    handle = await start(client, queue, CANARY)
    async with worker_of(await connect(with_keys(settings, NEW)), queue):
        async with asyncio.timeout(30):
            while "WORKFLOW_TASK_FAILED" not in str(await handle.fetch_history()):
                await asyncio.sleep(0.05)
    assert (await handle.describe()).status.name == "RUNNING"
    async with worker_of(await connect(with_keys(settings, NEW, OLD)), queue):
        assert await (await connect(with_keys(settings, NEW, OLD))).get_workflow_handle(handle.id).result() == [
            f"{CANARY} result"
        ]


PAYLOADS = [
    Payload(metadata={"encoding": b"json/plain"}, data=b'"canary"'),
    Payload(metadata={"encoding": b"binary/null"}),
    Payload(metadata={"encoding": b"binary/plain", "canary": b"\x00\xff"}, data=bytes(range(256)) * 1000),
]


async def test_payloads_come_back_as_they_were_and_encoding_twice_is_encoding_once(settings):
    codec = payload_codec(with_keys(settings, OLD))
    encoded = await codec.encode(PAYLOADS)
    assert await codec.encode(encoded) == encoded
    assert await codec.decode(encoded) == PAYLOADS
    assert await codec.decode(PAYLOADS) == PAYLOADS
    assert not any(b"canary" in payload.SerializeToString() for payload in encoded)
    assert {payload.metadata["encoding"] for payload in encoded} == {b"binary/encrypted"}


async def test_another_key_and_an_altered_payload_are_errors_that_say_so(settings):
    codec = payload_codec(with_keys(settings, OLD))
    (encoded,) = await codec.encode(PAYLOADS[:1])
    with pytest.raises(KeyMissing, match="which is not among VAULT_KEYS"):
        await payload_codec(with_keys(settings, NEW)).decode([encoded])
    for data in (encoded.data[:-1] + bytes([encoded.data[-1] ^ 1]), encoded.data[:9], b""):
        with pytest.raises(SealBroken):
            await codec.decode([Payload(metadata=encoded.metadata, data=data)])


@pytest.mark.parametrize(
    ("environment", "wanted", "encrypts"),
    [("development", None, False), ("production", None, True), ("production", False, False), ("test", True, True)],
)
def test_it_is_on_in_production_and_where_it_is_set(environment, wanted, encrypts, settings):
    temporal = settings.temporal.model_copy(update={"encrypt_payloads": wanted})
    found = settings.model_copy(update={"environment": environment, "temporal": temporal})
    assert found.payloads_encrypted == encrypts
    assert data_converter(found).payload_codec._encrypts == encrypts
