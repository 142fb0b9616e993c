"""Records the histories that `test_replay.py` replays, through the real stack and the embedded host."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

from agents_backend.db.base import Database
from agents_backend.db.migrate import upgrade
from agents_backend.integrations.temporal import connect
from agents_backend.services.administrator import ensure_administrator
from agents_backend.settings import SandboxSettings
from tests.conftest import running_stack, settings_for
from tests.replay.record import one_event_a_line, without_this_machine
from tests.running import running_worker
from tests.sandbox_host.running_host import RunningHost
from tests.sandboxes.conftest import e2b_of, serving, signed_in

HISTORIES = Path(__file__).parent / "histories"
BASE = "/agent/sandboxes"


async def whole_life(client: httpx.AsyncClient) -> str:
    """Made, looked at, extended, paused, resumed, deleted."""
    sandbox = (await client.post(BASE, json={})).json()["sandbox_id"]
    await client.post(f"{BASE}/{sandbox}/timeout", json={"timeout_seconds": 600})
    await client.post(f"{BASE}/{sandbox}/pause")
    await client.post(f"{BASE}/connect", json={"sandbox_id": sandbox})
    await client.delete(f"{BASE}/{sandbox}")
    return f"sandbox-{sandbox}"


async def not_made(client: httpx.AsyncClient) -> str:
    await client.post(BASE, json={"template_id": "no-such-template"})
    failed = (await client.get(BASE, params={"status": "failed"})).json()["items"][0]["sandbox_id"]
    return f"sandbox-{failed}"


async def quick_command(client: httpx.AsyncClient) -> str:
    return await _command(client, "echo canary")


async def followed_command(client: httpx.AsyncClient) -> str:
    return await _command(client, "sleep 6; echo canary")


async def cancelled_command(client: httpx.AsyncClient) -> str:
    return await _command(client, "echo canary; sleep 600", cancel=True)


SCENARIOS: tuple[Callable[[httpx.AsyncClient], Awaitable[str]], ...] = (
    whole_life,
    not_made,
    quick_command,
    followed_command,
    cancelled_command,
)


async def _command(client: httpx.AsyncClient, command: str, *, cancel: bool = False) -> str:
    sandbox = (await client.post(BASE, json={"session_id": "recorded"})).json()["sandbox_id"]
    body = {"sandbox_id": sandbox, "command": command, "background": cancel}
    command_id = (await client.post(f"{BASE}/run-command", json=body)).json()["command_id"]
    if cancel:
        await client.post(f"{BASE}/{sandbox}/commands/{command_id}/cancel")
    return f"sandbox-command-{command_id}"


async def main() -> None:
    host = RunningHost()
    host.start()
    async with running_stack() as stack:
        settings = settings_for(stack, encrypt_payloads=False, e2b=e2b_of(host), sandboxes=SandboxSettings())
        await asyncio.to_thread(upgrade, stack.environment()["DATABASE_URL"])
        async with Database(settings.database) as database:
            await ensure_administrator(database, settings)
        temporal = await connect(settings)
        async with running_worker(settings, ["sandbox"]), serving(settings) as url, signed_in(url) as client:
            for scenario in SCENARIOS:
                handle = temporal.get_workflow_handle(await scenario(client))
                await handle.result()
                history = without_this_machine((await handle.fetch_history()).to_json_dict())
                (HISTORIES / f"{scenario.__name__}.json").write_text(one_event_a_line(history))
    host.stop()
    host.remove()


if __name__ == "__main__":
    asyncio.run(main())
