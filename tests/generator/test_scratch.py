"""The archive, taken into a scratch copy of this project as its README says, passes what the project itself must pass."""

import asyncio
import io
import os
import re
import shutil
import sys
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import text

from agents_backend.db.base import Database
from tests.conftest import secret

ROOT = Path(__file__).parents[2]
URL = "/admin/gen/business"
WHOLE = [
    {
        "name": "number",
        "type": "string",
        "length": 32,
        "unique": True,
        "searchable": True,
        "comment": 'the "number" \\',
    },
    {"name": "type", "type": "string", "length": 8, "default": "plain"},
    {"name": "note", "type": "text", "default": 'He said "no" \'\\', "comment": "{{ 7 * 7 }}"},
    {"name": "count", "type": "integer", "default": 3, "index": True},
    {"name": "serial_number_of_the_manufacturer", "type": "bigint", "unique": True},
    {"name": "weight", "type": "float", "nullable": True},
    {"name": "total", "type": "numeric", "precision": 12, "scale": 2, "default": "1.50"},
    {"name": "is_paid", "type": "boolean", "default": False, "searchable": True},
    {"name": "due", "type": "date", "nullable": True, "index": True},
    {"name": "seen_at", "type": "datetime"},
    {"name": "ref", "type": "uuid", "unique": True},
    {"name": "extra", "type": "json"},
]
WHOLE_BODY = {"table_name": "parcel_invoices", "app_name": "shop", "comment": 'What "they" owe \\', "columns": WHOLE}
LEAST_BODY = {
    "table_name": "op",
    "singular": "op_entry",
    "app_name": "yard",
    "columns": [{"name": "a", "type": "date"}],
}
# A table that others made, with names of their own.
LIVE = (
    """CREATE TABLE old_orders (id serial PRIMARY KEY, code varchar(12) NOT NULL UNIQUE, amount integer NOT NULL,
    price numeric(10, 3), at timestamptz NOT NULL, ok boolean NOT NULL)""",
    "CREATE INDEX orders_by_amount ON old_orders (amount)",
    "COMMENT ON TABLE old_orders IS 'Taken over.'",
    "COMMENT ON COLUMN old_orders.price IS 'before tax'",
)
LEFT_OUT = shutil.ignore_patterns(
    ".git",
    ".venv",
    ".data",
    "node_modules",
    "__pycache__",
    ".pytest_cache",
    ".ruff_cache",
    ".hypothesis",
    "console",
    "bench",
)
# A block of the README: the file that its section names, the line that it goes beneath, and what goes there.
_SECTION = re.compile(r"^## `(?P<file>[^`]+)`$(?P<text>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^Beneath `(?P<line>.+?)`:\n\n```text\n(?P<code>.*?)```$", re.MULTILINE | re.DOTALL)
# Applies and takes back the migrations, and compares what they made with the models.
_MIGRATE = """
import sys
from alembic import command
from agents_backend.db.migrate import FOLDER, config, upgrade
assert str(FOLDER).startswith(sys.argv[2]), FOLDER
upgrade(sys.argv[1])
command.check(config(sys.argv[1]))
command.downgrade(config(sys.argv[1]), "-3")
upgrade(sys.argv[1])
"""


async def run(folder: Path, *command: str) -> str:
    """Run a tool in the scratch copy; what it printed, when it succeeded."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *command),
        cwd=folder,
        env={**plain, "PYTHONPATH": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed = (await process.communicate())[0].decode(errors="replace")
    assert process.returncode == 0, f"{' '.join(command)}\n{printed}"
    return printed


def take_in(folder: Path, archive: bytes, noun: str) -> list[str]:
    """Do what the archive's README says; the new files that are type-checked."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        for name in opened.namelist():
            assert not (folder / name).exists(), name
        opened.extractall(folder)
        names = opened.namelist()
    blocks = 0
    for section in _SECTION.finditer((folder / f"{noun}.README.md").read_text()):
        file = folder / section["file"]
        for block in _BLOCK.finditer(section["text"]):
            lines = file.read_text().split("\n")
            assert lines.count(block["line"]) == 1, block["line"]
            lines.insert(lines.index(block["line"]) + 1, block["code"].rstrip("\n"))
            file.write_text("\n".join(lines))
            blocks += 1
    assert blocks == 9
    return [name for name in names if name.startswith(("agents_backend", "api"))]


@pytest.fixture
async def scratch_database(settings, database):
    """An empty database beside the tests' own."""
    name = "scratch_of_the_generator"
    plain = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    async with plain.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    url = settings.database.url.get_secret_value().rpartition("/")[0] + f"/{name}"
    plain_settings = settings.database.model_copy(update={"url": secret(url)})
    async with Database(plain_settings) as scratch:
        await make_live_table(scratch)
    await make_live_table(database)
    yield url
    async with database.transaction() as session:
        await session.execute(text("DROP TABLE old_orders"))
    async with plain.connect() as connection:
        await connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


async def make_live_table(database: Database) -> None:
    async with database.transaction() as session:
        for statement in LIVE:
            await session.execute(text(statement))


async def archive_of(client, body: dict, url: str = URL) -> bytes:
    made = await client.post(url, json=body)
    assert made.status_code == 201, made.text
    answer = await client.post(f"{URL}/{made.json()['id']}/generate")
    assert answer.status_code == 200, answer.text
    return answer.content


@pytest.mark.timeout(600)
async def test_a_scratch_copy_with_the_generated_code_passes_its_checks_migrates_and_passes_its_tests(
    admin_client, scratch_database, tmp_path
):
    folder = tmp_path / "scratch"
    await asyncio.to_thread(shutil.copytree, ROOT, folder, ignore=LEFT_OUT)
    (folder / "console").symlink_to(ROOT / "console")
    typed = await asyncio.to_thread(take_in, folder, await archive_of(admin_client, WHOLE_BODY), "parcel_invoices")
    typed += await asyncio.to_thread(take_in, folder, await archive_of(admin_client, LEAST_BODY), "op")
    imported = {"table_name": "old_orders", "app_name": "shop"}
    archive = await archive_of(admin_client, imported, f"{URL}/import")
    typed += await asyncio.to_thread(take_in, folder, archive, "old_orders")
    chain(folder, "parcel_invoices", "op", "old_orders")
    shared = _shared(folder)
    await run(folder, "ruff", "check", "--fix", "--quiet", *shared)
    await run(folder, "ruff", "format", "--quiet", *shared)
    await run(folder, "ruff", "format", "--check", "--no-cache", ".")
    await run(folder, "ruff", "check", "--no-cache", ".")
    await run(folder, "mypy", *typed, *shared)
    (folder / "migrate_scratch.py").write_text(_MIGRATE)
    await run(folder, "migrate_scratch", scratch_database, str(folder))
    (folder / "migrate_scratch.py").unlink()
    tests = (
        "tests/api/test_parcel_invoices.py",
        "tests/api/test_op.py",
        "tests/api/test_old_orders.py",
        "tests/api/test_permissions.py",
    )
    printed = await run(folder, "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", *tests)
    assert "passed" in printed


def chain(folder: Path, *nouns: str) -> None:
    """Put each migration behind the one before, as the READMEs say: the server that made them knows of none of them."""
    made = [next((folder / "migrations/versions").glob(f"*_{noun}.py")) for noun in nouns]
    for before, file in pairwise(made):
        file.write_text(re.sub(r"down_revision = .*", f'down_revision = "{before.stem}"', file.read_text()))


def _shared(folder: Path) -> list[str]:
    return [section["file"] for section in _SECTION.finditer((folder / "op.README.md").read_text())]
