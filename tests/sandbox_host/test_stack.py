"""The sandbox host as a part of the embedded stack."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from e2b import AsyncSandbox
from pydantic import SecretStr

from agents_backend.settings import (
    DatabaseSettings,
    E2BSettings,
    RedisSettings,
    SandboxSettings,
    Settings,
    TemporalSettings,
)
from agents_backend.stack.stack import Stack
from tests.sandbox_host import vscode


@pytest.fixture
async def folder() -> AsyncIterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="sandbox-host-stack-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def settings(**more) -> Settings:
    """All other servers are given, so that the stack starts the sandbox host alone."""
    return Settings(
        database=DatabaseSettings(url=SecretStr("postgresql://given")),
        redis=RedisSettings(url=SecretStr("redis://given")),
        temporal=TemporalSettings(address="given:7233"),
        **more,
    )


def options(stack: Stack) -> dict:
    made = stack.environment()
    return {"api_key": made["E2B_API_KEY"], "api_url": made["E2B_API_URL"], "sandbox_url": made["E2B_SANDBOX_URL"]}


async def test_the_stack_starts_it_keeps_its_key_and_starts_it_again_when_it_dies(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SANDBOX_HOST_VSCODE_DIR", str(vscode.lay(folder / "vscode")))
    async with Stack(settings(), folder, ui=False) as stack:
        if stack.no_sandboxes:
            pytest.skip(stack.no_sandboxes)
        assert stack.environment()["SANDBOX_VSCODE"] == "true"
        first = options(stack)
        sandbox = await AsyncSandbox.create(timeout=600, **first)
        await sandbox.files.write("kept", "1")
        stack.sandbox_host.kill()
        async with asyncio.timeout(60):
            while stack.sandbox_host.pid is None or not await stack.sandbox_host._answers():
                await asyncio.sleep(0.05)
        again = await AsyncSandbox.connect(sandbox.sandbox_id, timeout=600, **first)
        assert await again.files.read("kept") == "1"
        assert again.get_host(80) == f"80-{sandbox.sandbox_id}.{stack.environment()['E2B_DOMAIN']}"
    again = Stack(settings(sandboxes=SandboxSettings(vscode=False)), folder, ui=False)
    assert options(again) == first
    assert "SANDBOX_VSCODE" not in again.environment()  # who sets it is not overruled


async def test_a_stack_that_cannot_have_it_says_why_and_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SANDBOX_HOST_EGRESS", "everywhere")
    async with Stack(settings(), folder, ui=False) as stack:
        assert "SANDBOX_HOST_EGRESS" in stack.no_sandboxes
        assert "E2B_API_KEY" not in stack.environment()


def test_with_a_key_to_e2b_or_without_the_wish_there_is_none(folder: Path):
    assert Stack(settings(e2b=E2BSettings(api_key=SecretStr("e2b_key"))), folder).sandbox_host is None
    assert Stack(settings(), folder, sandboxes=False).sandbox_host is None
