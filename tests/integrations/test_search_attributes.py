"""A Temporal that knows nothing of us, as a company runs it: the migration registers what our runs carry."""

import os
import shutil
import subprocess
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from agents_backend.domain.errors import Unavailable
from agents_backend.integrations.temporal import (
    SEARCH_ATTRIBUTES,
    SearchAttributesMissing,
    connect,
    ensure_search_attributes,
)
from agents_backend.settings import Settings, TemporalSettings, VaultSettings
from agents_backend.stack.process import ServerProcess, accepts, free_port
from agents_backend.stack.temporal import binary


def at(temporal: TemporalSettings) -> Settings:
    return Settings(temporal=temporal, vault=VaultSettings(keys="0123456789abcdef" * 4))


@pytest.fixture(scope="module")
async def strange(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    port, folder = free_port(), tmp_path_factory.mktemp("temporal")
    address = TemporalSettings(address=f"127.0.0.1:{port}")
    settings = at(address)

    async def answers() -> bool:
        if not await accepts(port):
            return False
        try:
            await (await connect(settings)).count_workflows()
        except (RPCError, RuntimeError):
            return False
        return True

    command = [str(binary()), "server", "start-dev", "--ip", "127.0.0.1", "--port", str(port), "--headless"]
    server = ServerProcess(
        "Temporal", command, log=folder / "log", ready=answers, env={"PATH": os.defpath, "HOME": str(folder)}
    )
    await server.start()
    yield await connect(settings)
    await server.stop()


async def test_a_temporal_that_does_not_let_us_add_them_is_said_with_what_to_do(strange, monkeypatch):
    async def denied(*_: object, **__: object) -> None:
        raise RPCError("Request unauthorized.", RPCStatusCode.PERMISSION_DENIED, b"")

    monkeypatch.setattr(strange.operator_service, "add_search_attributes", denied)
    with pytest.raises(SearchAttributesMissing, match=r"PERMISSION_DENIED.*Create UserId, ThreadId, Kind .*Keyword"):
        await ensure_search_attributes(strange)


async def test_what_is_missing_is_registered_once_and_a_run_can_carry_it(strange):
    carried = TypedSearchAttributes(
        [SearchAttributePair(SearchAttributeKey.for_keyword(name), "1") for name in SEARCH_ATTRIBUTES]
    )
    with pytest.raises(RPCError):
        await strange.start_workflow("w", id=str(uuid.uuid4()), task_queue="q", search_attributes=carried)
    assert await ensure_search_attributes(strange) == SEARCH_ATTRIBUTES
    assert await ensure_search_attributes(strange) == ()
    await strange.start_workflow("w", id=str(uuid.uuid4()), task_queue="q", search_attributes=carried)


async def test_a_namespace_that_is_not_there_is_said(strange):
    address = strange.service_client.config.target_host
    client = await connect(at(TemporalSettings(address=address, namespace="nowhere")))
    with pytest.raises(Unavailable, match="nowhere"):
        await ensure_search_attributes(client)


async def test_a_migration_that_cannot_reach_temporal_ends_with_one_clear_line(database, settings, tmp_path: Path):
    environment = {
        "PATH": os.environ["PATH"],
        "SECRETS_DIR": str(tmp_path),
        "DATABASE_URL": settings.database.url.get_secret_value(),
        "REDIS_URL": settings.redis.url.get_secret_value(),
        "AUTH_SECRET": settings.auth.secret.get_secret_value(),
        "VAULT_KEYS": settings.vault.keys.get_secret_value(),
        "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
    }
    command = [shutil.which("agents-backend"), "migrate"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=90)
    assert done.returncode == 1
    assert f"Temporal at {environment['TEMPORAL_ADDRESS']}" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
