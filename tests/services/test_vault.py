"""Secrets in rows, and the rotation of their keys, in a real PostgreSQL."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import String, func, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from agents_backend.db.base import Base, Database, Timestamps, now
from agents_backend.db.tables.sandboxes import Sandbox, SandboxCommand
from agents_backend.db.vault import sealed, sealed_columns
from agents_backend.domain.errors import KeyMissing, SealBroken
from agents_backend.services import vault as rotation_module
from agents_backend.services.vault import KeyRotation, Vault
from agents_backend.settings import Settings, VaultSettings

OLD, NEW, OTHER = "0123456789abcdef" * 4, "fedcba9876543210" * 4, "02468ace13579bdf" * 4


class Own(DeclarativeBase):
    """Tables of this test, which migrations know nothing of."""

    type_annotation_map = Base.type_annotation_map


class Account(Timestamps, Own):
    __tablename__ = "vault_test_accounts"

    owner: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[bytes | None] = sealed("owner", "number")
    spare: Mapped[bytes | None] = sealed("owner")


def keys(*found: str) -> VaultSettings:
    return VaultSettings(keys=",".join(found))


@pytest.fixture
async def accounts(database: Database) -> AsyncIterator[Database]:
    async with database.engine.begin() as connection:
        await connection.run_sync(Own.metadata.create_all)
    yield database
    async with database.engine.begin() as connection:
        await connection.run_sync(Own.metadata.drop_all)


async def write(database: Database, vault: Vault, *, owner: str = "ann", count: int = 1) -> None:
    async with database.transaction() as session:
        for number in range(count):
            row = Account(owner=owner, number=number)
            vault.seal(row, "token", {"secret": f"canary-{owner}-{number}"})
            session.add(row)


async def read(database: Database, vault: Vault) -> list:
    async with database.autocommit() as session:
        rows = (await session.scalars(select(Account).order_by(Account.owner, Account.number))).all()
    return [vault.open(row, "token") for row in rows]


def rotation(database: Database, settings: VaultSettings) -> KeyRotation:
    return KeyRotation(database=database, settings=settings, metadata=Own.metadata)


async def rotate(database: Database, settings: VaultSettings) -> dict:
    found = rotation(database, settings)
    return {column.name: await found.run(column) for column in found.columns()}


async def test_a_sealed_value_comes_back_and_is_not_to_be_read_in_the_table(accounts):
    vault = Vault(keys(OLD))
    await write(accounts, vault)
    assert await read(accounts, vault) == [{"secret": "canary-ann-0"}]
    async with accounts.autocommit() as session:
        stored = (
            await session.execute(text("select t::text, encode(token, 'escape') from vault_test_accounts t"))
        ).one()
    assert not any("canary" in part or "secret" in part for part in stored)


async def test_a_value_that_is_moved_to_another_row_or_column_does_not_open(accounts):
    vault = Vault(keys(OLD))
    await write(accounts, vault, count=2)
    async with accounts.transaction() as session:
        one, two = (await session.scalars(select(Account).order_by(Account.number))).all()
        two.token, one.spare = one.token, one.token
    for row, column in ((two, "token"), (one, "spare")):
        with pytest.raises(SealBroken):
            vault.open(row, column)
    assert vault.open(one, "token") == {"secret": "canary-ann-0"}


async def test_nothing_is_sealed_before_it_is_known_whose_it_is_and_none_is_none():
    vault = Vault(keys(OLD))
    with pytest.raises(ValueError, match="must be set before"):
        vault.seal(Account(owner="ann"), "token", "x")
    row = Account(owner="ann", number=1)
    vault.seal(row, "token", None)
    assert row.token is None
    assert vault.open(row, "token") is None


async def test_rotation_gives_every_value_the_newest_key_and_a_second_one_finds_nothing_to_do(accounts, monkeypatch):
    monkeypatch.setattr(rotation_module, "_BATCH", 7)
    await write(accounts, Vault(keys(OLD)), count=20)
    await write(accounts, Vault(keys(NEW, OLD)), owner="bob", count=3)
    async with accounts.transaction() as session:
        session.add(Account(owner="cyd", number=0))
        before = dict(
            (await session.execute(text("select owner || number, updated_at from vault_test_accounts"))).all()
        )
    found = await rotate(accounts, keys(NEW, OLD))
    assert (found["token"].done, found["token"].failures) == (20, {})
    assert (found["spare"].done, found["spare"].failures) == (0, {})
    everything = [{"secret": f"canary-ann-{n}"} for n in range(20)] + [{"secret": f"canary-bob-{n}"} for n in range(3)]
    assert await read(accounts, Vault(keys(NEW))) == [*everything, None]
    assert (await rotate(accounts, keys(NEW)))["token"].done == 0
    async with accounts.autocommit() as session:
        after = dict((await session.execute(text("select owner || number, updated_at from vault_test_accounts"))).all())
    assert {name: after[name] for name in before} == before


async def test_a_rotation_that_was_stopped_goes_on_where_it_was_and_two_at_once_do_each_value_once(
    accounts, monkeypatch
):
    monkeypatch.setattr(rotation_module, "_BATCH", 5)
    await write(accounts, Vault(keys(OLD)), count=40)
    task = asyncio.create_task(rotate(accounts, keys(NEW, OLD)))
    async with asyncio.timeout(30):
        while await with_prefix(accounts, keys(NEW, OLD)) == 0:
            await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    done = await with_prefix(accounts, keys(NEW, OLD))
    both = await asyncio.gather(*(rotate(accounts, keys(NEW, OLD)) for _ in range(2)))
    assert sum(found["token"].done for found in both) == 40 - done
    assert len(await read(accounts, Vault(keys(NEW)))) == 40


async def with_prefix(database: Database, settings: VaultSettings) -> int:
    prefix = rotation(database, settings)._keyring.prefix
    async with database.autocommit() as session:
        return len(
            (await session.scalars(select(Account).where(func.substr(Account.token, 1, len(prefix)) == prefix))).all()
        )


async def test_what_cannot_be_opened_is_counted_left_as_it_is_and_stops_nothing(accounts, monkeypatch):
    monkeypatch.setattr(rotation_module, "_BATCH", 2)
    await write(accounts, Vault(keys(OTHER)), owner="gone", count=3)
    await write(accounts, Vault(keys(OLD)), owner="zoe", count=2)
    found = (await rotate(accounts, keys(NEW, OLD)))["token"]
    assert found.done == 2
    assert [count for why, count in found.failures.items() if "not among VAULT_KEYS" in why] == [3]
    with pytest.raises(KeyMissing):
        await read(accounts, Vault(keys(NEW)))
    assert len(await read(accounts, Vault(keys(NEW, OTHER)))) == 5


def test_every_sealed_column_is_in_the_registry_and_a_column_names_what_it_is_bound_to():
    assert [str(column) for column in sealed_columns(Own.metadata)] == [
        "vault_test_accounts.token",
        "vault_test_accounts.spare",
    ]
    with pytest.raises(ValueError, match="bound to"):
        sealed()


async def test_the_command_gives_the_product_s_own_columns_the_newest_key_and_tells_how_many(database, settings):
    ours = settings.vault.keys.get_secret_value()
    command = SandboxCommand(
        id="sealed", sandbox_id="sealing", user_id=1, command="x", timeout_seconds=1, status="failed"
    )
    Vault(keys(OLD)).seal(command, "env", {"KEY": "canary"})
    async with database.transaction() as session:
        session.add(
            Sandbox(id="sealing", user_id=1, template_id="x", status="deleted", timeout_seconds=1, ended_at=now())
        )
        await session.flush()
        session.add(command)
    done = rotate_keys(settings, f"{ours},{OLD}")
    assert done.returncode == 0, done.stdout
    assert "sandbox_commands.env: 1 encrypted anew" in done.stdout
    assert OLD not in done.stdout
    async with database.transaction() as session:
        found = await session.get(SandboxCommand, "sealed")
        assert Vault(settings.vault).open(found, "env") == {"KEY": "canary"}
        await session.delete(found)


def rotate_keys(settings: Settings, found: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "SECRETS_DIR": "/nonexistent",
        "DATABASE_URL": settings.database.url.get_secret_value(),
        "REDIS_URL": settings.redis.url.get_secret_value(),
        "TEMPORAL_ADDRESS": settings.temporal.address,
        "AUTH_SECRET": settings.auth.secret.get_secret_value(),
        "VAULT_KEYS": found,
    }
    command = [sys.executable, "-m", "agents_backend.cli", "rotate-keys"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
