"""A row more for every list of the API, put past it: what tests that count statements need many of.

Nothing of them is left to do, for the workers of other tests have the same database: they have ended, are disabled, or are ready.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db import tables
from agents_backend.db.base import now
from agents_backend.db.tables.users import AuthSession, LoginLog, User
from agents_backend.services.vault import Vault
from tests.api.people import unique
from tests.api.test_logs import operation_of

MODEL = {"kind": "charge", "source": "model", "amount": -1, "reserved": 0, "credits": 1, "calls": 1}


@dataclass(frozen=True)
class Place:
    """Whose rows they are, and what holds them, by the names that the paths' parameters have."""

    user_id: int
    role_id: int
    thread_id: str
    run_id: uuid.UUID
    scheduler_id: uuid.UUID
    sandbox_id: str
    thread_key: uuid.UUID


async def some_place(session: AsyncSession, user_id: int) -> Place:
    """Things of a user that hold lists, all of them empty."""
    word = unique("holder")
    role, thread, run, scheduler = tables.Role(name=word, data_scope="self"), uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    place = Place(user_id, 0, word, run, scheduler, f"sbx_{word}", thread)
    session.add_all([role, _thread(place, thread, word)])
    session.add_all([_scheduler(place, scheduler, word), _sandbox(place, place.sandbox_id)])
    await session.flush()
    session.add_all([_run(place, run, thread), tables.UserRole(user_id=user_id, role_id=role.id)])
    return Place(**{**vars(place), "role_id": role.id})


async def one_more(session: AsyncSession, place: Place, number: int, vault: Vault) -> None:
    """Make each list one longer."""
    word, run, thread = unique("many"), uuid.uuid4(), uuid.uuid4()
    menu = tables.Menu(type="page", name=word, title=word)
    user = User(username=word, nickname=word)
    role = tables.Role(name=word, data_scope="self")
    session.add_all([menu, user, role, _thread(place, thread, word)])
    await session.flush()
    session.add(_run(place, run, thread))
    await session.flush()
    session.add_all([tables.UserRole(user_id=user.id, role_id=role.id)])
    session.add_all([tables.RoleMenu(role_id=place.role_id, menu_id=menu.id)])
    session.add_all([tables.CreditAccount(user_id=user.id, balance=1, reserved=0), tables.Dept(name=word)])
    session.add_all([*_of_runs(place, run, word), *_of_sandboxes(place, word, number), *_logged(place, word)])
    session.add_all([*_servers(place, word, vault), *_documents(place, word), _scheduler(place, uuid.uuid4(), word)])
    noun = word.replace("-", "_")
    session.add(tables.GeneratedTable(table_name=noun, app_name="many", singular=f"a{noun}", columns=[]))
    if number < len(_PROVIDERS):
        provider = _PROVIDERS[number]
        session.add(
            tables.OAuthLink(user_id=place.user_id, provider=provider, subject=word, login=word, created_at=now())
        )
    await session.flush()
    await session.execute(text(f"create table {noun} (id serial primary key)"))


_PROVIDERS = ("github", "google")


def _thread(place: Place, key: uuid.UUID, name: str) -> tables.Thread:
    return tables.Thread(id=key, user_id=place.user_id, public_id=name)


def _run(place: Place, key: uuid.UUID, thread: uuid.UUID) -> tables.Run:
    plain: dict[str, Any] = {"kind": "chat", "status": "succeeded", "protocol_run_id": str(key), "finished_at": now()}
    return tables.Run(id=key, user_id=place.user_id, thread_id=thread, **plain)


def _scheduler(place: Place, key: uuid.UUID, name: str) -> tables.Scheduler:
    when = {"type": "crontab", "crontab": "0 0 1 1 *", "enabled": False, "version": 1, "synced_version": 1}
    return tables.Scheduler(id=key, user_id=place.user_id, name=name, task="agent_prompt", **when)


def _sandbox(place: Place, key: str) -> tables.Sandbox:
    ended = {"status": "expired", "ended_at": now(), "timeout_seconds": 60}
    return tables.Sandbox(id=key, user_id=place.user_id, template_id="t", **ended)


def _of_runs(place: Place, run: uuid.UUID, word: str) -> Iterator[Any]:
    for of in (run, place.run_id):
        yield tables.Artifact(run_id=of, name=word, media_type="text/plain", size=1, key=word, sha256="")
        answered = {"answered_at": now(), "delivered_at": now(), "answer": {}}
        yield tables.Interrupt(id=f"{word}-{of}", run_id=of, leg=1, reason="approval", **answered)
    yield tables.Message(thread_id=place.thread_key, run_id=run, message_id=word, role="user", content=word)
    yield tables.CreditEntry(user_id=place.user_id, run_id=run, run_kind="chat", key=word, name=word, **MODEL)
    plain = {"workflow_id": word, "task": "agent_prompt", "trigger": "manual", "status": "succeeded"}
    yield tables.SchedulerRun(id=uuid.uuid4(), scheduler_id=place.scheduler_id, run_id=run, finished_at=now(), **plain)


def _of_sandboxes(place: Place, word: str, number: int) -> Iterator[Any]:
    yield _sandbox(place, f"sbx_{word}")
    inside = {"sandbox_id": place.sandbox_id, "user_id": place.user_id}
    ended = {"status": "finished", "finished_at": now(), "timeout_seconds": 60}
    yield tables.SandboxCommand(id=f"cmd_{word}", command="true", **inside, **ended)
    yield tables.Slide(presentation_name="many", slide_number=number + 1, title=word, content="x", **inside)


def _logged(place: Place, word: str) -> Iterator[Any]:
    yield LoginLog(user_id=place.user_id, username=word, succeeded=True, message="")
    yield operation_of(word)
    later = now() + timedelta(days=1)
    yield AuthSession(id=uuid.uuid4(), user_id=place.user_id, refresh_hash=word, expires_at=later)


def _servers(place: Place, word: str, vault: Vault) -> Iterator[Any]:
    """One of the user's, and one of the deployment's, which no chat of another test is offered."""
    for owner in (place.user_id, None):
        server = tables.McpServer(id=uuid.uuid4(), user_id=owner, name=word, is_active=False)
        vault.seal(server, "config", {"url": "https://example.com/mcp"})
        yield server


def _documents(place: Place, word: str) -> Iterator[Any]:
    yield tables.RagResource(id=uuid.uuid4(), user_id=place.user_id, title=word, source="text", status="ready")
    about: dict[str, Any] = {"media_type": "text/plain", "size": 1, "sha256": "", "key": word, "is_ready": True}
    later = now() + timedelta(days=1)
    yield tables.StagedFile(id=uuid.uuid4(), user_id=place.user_id, name=word, expires_at=later, **about)
