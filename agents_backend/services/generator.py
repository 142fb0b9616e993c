"""The code generator: descriptions of tables, kept as rows, and the files that are made of them. It writes nothing here."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from agents_backend.db import catalog, generator
from agents_backend.db.base import Database, now
from agents_backend.db.catalog import LiveColumn, LiveTable
from agents_backend.db.conflicts import refusals
from agents_backend.db.generator import GeneratorFilter
from agents_backend.db.idempotency import Once, once
from agents_backend.db.lists import Found, Row, Slice
from agents_backend.db.migrate import FOLDER, revision_before
from agents_backend.db.tables.generator import GeneratedTable
from agents_backend.domain.audit import changed
from agents_backend.domain.errors import Conflict, Invalid, NotFound
from agents_backend.domain.principals import Principal
from agents_backend.generator import names, render
from agents_backend.generator.description import Description, Subject, revision_of
from agents_backend.generator.imported import column
from agents_backend.services.idempotency import reading_what_was_made

_PLAIN = ("table_name", "app_name", "singular", "comment", "timestamps", "columns")
_AT_ONCE = 2
_ROOT = FOLDER.parent
_SHARED = ("api/dependencies.py", "api/composition/*.py")
_STAMPS = ("created_at", "updated_at")


@dataclass(frozen=True)
class Import:
    """Which table of the database is to be described, and in which words."""

    table_name: str
    app_name: str
    singular: str | None = None
    comment: str | None = None


@dataclass(frozen=True)
class Archive:
    name: str
    content: bytes


class Generator:
    def __init__(self, *, database: Database) -> None:
        self._database = database
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def list(self, wanted: GeneratorFilter, part: Slice) -> Found:
        async with self._database.autocommit() as session:
            return await generator.listed(session, wanted, part)

    async def tables(self) -> Sequence[Row]:
        """The tables of the database that are none of this server's own."""
        async with self._database.autocommit() as session:
            return await catalog.tables(session)

    async def get(self, table_id: int) -> GeneratedTable:
        """A table's description.

        Raises:
            NotFound: there is none of this id.
        """
        async with self._database.autocommit() as session:
            return _there(await generator.by_id(session, table_id))

    async def create(self, new: Description, actor: Principal, key: str | None) -> GeneratedTable:
        """Keep a new description.

        Raises:
            Conflict: the table is described already, or this version has such a table, module or class.
            IdempotencyMismatch: the key was used for another body.
        """
        return await self._keep(Once(actor.user_id, key, "create_business", _told(new)), new, is_imported=False)

    async def create_from(self, wanted: Import, actor: Principal, key: str | None) -> GeneratedTable:
        """Describe a table that stands in the database.

        Raises:
            Invalid: there is no such table, or no code can be generated for it; it says why.
            Conflict, IdempotencyMismatch: as for `create`.
        """
        async with self._database.autocommit() as session:
            live = await catalog.table(session, wanted.table_name)
        if live is None:
            raise Invalid.field("table_name", "there is no such table that could be imported")
        body = {name: getattr(wanted, name) for name in ("table_name", "app_name", "singular", "comment")}
        request = Once(actor.user_id, key, "import_business", body)
        return await self._keep(request, _imported(live, wanted), is_imported=True)

    async def _keep(self, request: Once, new: Description, *, is_imported: bool) -> GeneratedTable:
        values = _told(new) | {"is_imported": is_imported}

        async def insert() -> int:
            await asyncio.to_thread(_check_free, new)
            row = GeneratedTable(**values)
            await generator.add(session, row)
            return row.id

        async with self._database.transaction() as session, refusals(session, generator.REFUSALS):
            table_id, made = await once(session, request, insert)
        if made:
            changed("generated_table", table_id, None, values)
        with reading_what_was_made():
            return await self.get(table_id)

    async def update(self, table_id: int, change: Mapping[str, Any]) -> GeneratedTable:
        """Change the given fields; `columns` are replaced together.

        Raises:
            NotFound: not there. Invalid: it no longer holds together.
            Conflict: the new name is taken, or is that of a table, module or class of this version.
        """
        async with self._database.transaction() as session, refusals(session, generator.REFUSALS):
            row = _there(await generator.locked(session, table_id))
            before = _row_told(row)
            # A new name has a singular of its own, unless one is given with it.
            kept = before | ({"singular": None} if "table_name" in change else {})
            new = _described(kept | dict(change))
            if (new.table_name, new.entity) != (row.table_name, row.singular):
                await asyncio.to_thread(_check_free, new)
            after = _told(new)
            for name in _PLAIN:
                setattr(row, name, after[name])
            row.updated_at = now()
        changed("generated_table", table_id, before, after)
        return row

    async def delete(self, table_id: int) -> None:
        """Forget a description; code that was made of it is not touched.

        Raises:
            NotFound: not there.
        """
        async with self._database.transaction() as session:
            before = _row_told(_there(await generator.locked(session, table_id)))
            await generator.remove(session, table_id)
        changed("generated_table", table_id, before, None)

    async def preview(self, table_id: int) -> dict[str, str]:
        """The path and the text of each file.

        Raises:
            NotFound: there is no such description. Unavailable: the files could not be put in form.
        """
        row = await self.get(table_id)
        async with self._places:
            return await asyncio.to_thread(_files, row)

    async def generate(self, table_id: int) -> Archive:
        """The files as a zip, the same bytes for the same description.

        Raises:
            NotFound: there is no such description. Unavailable: the files could not be put in form.
        """
        row = await self.get(table_id)
        async with self._places:
            content = await asyncio.to_thread(lambda: render.archive(_files(row)))
        return Archive(f"{row.app_name}-{row.table_name}.zip", content)


def _there(row: GeneratedTable | None) -> GeneratedTable:
    if row is None:
        raise NotFound("There is no such description of a table.")
    return row


def _files(row: GeneratedTable) -> dict[str, str]:
    before = revision_before(revision_of(row.table_name, row.created_at))
    subject = Subject(
        description=_described(_row_told(row)),
        is_imported=row.is_imported,
        created_at=row.created_at,
        down_revision=before,
    )
    return render.files(subject)


def _check_free(new: Description) -> None:
    """No table, class or file of this version shall be in the way of what is generated."""
    entity, noun = names.class_name(new.entity), names.class_name(new.table_name)
    files = render.paths(new.table_name, revision_of(new.table_name, now())).values()
    if new.table_name in catalog.own_tables() or {entity, noun} & catalog.classes():
        raise Conflict("This version has a table or a class of this name already.", code="TABLE_NAME_TAKEN")
    if taken := [path for path in files if (_ROOT / path).exists()]:
        raise Conflict(f"This version has a file {taken[0]} already.", code="TABLE_NAME_TAKEN")
    named = re.compile(rf"\b({noun}|{noun}Of|{entity})\b|^ +self\.{new.table_name} = ", re.MULTILINE)
    for path in (path for pattern in _SHARED for path in sorted(_ROOT.glob(pattern))):
        if found := named.search(path.read_text(encoding="utf-8")):
            told = f"{path.relative_to(_ROOT).as_posix()} names {found[0].strip(' =')} already."
            raise Conflict(told, code="TABLE_NAME_TAKEN")


def _described(values: Mapping[str, Any]) -> Description:
    """A description that holds together.

    Raises:
        Invalid: it does not; the first fault is told in its sentence, each in its fields.
    """
    try:
        return Description.model_validate(dict(values))
    except ValidationError as error:
        found = [{"loc": ["body", *item["loc"]], "msg": item["msg"], "type": item["type"]} for item in error.errors()]
        raise Invalid(error.errors()[0]["msg"].removeprefix("Value error, "), errors=found) from error


def _imported(live: LiveTable, wanted: Import) -> Description:
    has_stamps = {item.name for item in live.columns if item.name in _STAMPS and _is_stamp(item)} == set(_STAMPS)
    if not any(item.name == "id" and item.is_key and item.type == "integer" for item in live.columns) or (
        sum(item.is_key for item in live.columns) != 1
    ):
        raise Invalid.field("table_name", "its primary key is not one integer column that is called id")
    skipped = {"id", *(_STAMPS if has_stamps else ())}
    try:
        columns = [_column(item) for item in live.columns if item.name not in skipped]
    except ValueError as error:
        raise Invalid.field("table_name", str(error)) from error
    values = {"table_name": live.name, "app_name": wanted.app_name, "singular": wanted.singular, "columns": columns}
    comment = live.comment if wanted.comment is None else wanted.comment
    return _described({**values, "timestamps": has_stamps, "comment": _one_line(comment)})


def _is_stamp(item: LiveColumn) -> bool:
    return item.type == "timestamp with time zone" and not item.nullable


def _column(item: LiveColumn) -> dict[str, Any]:
    if item.is_generated:
        raise ValueError(f"the column {item.name} is computed by PostgreSQL, for which no code is generated")
    key = {
        "unique": item.is_unique,
        "index": item.key_name is not None and not item.is_unique,
        "key_name": item.key_name,
    }
    more = {"nullable": item.nullable, "comment": _one_line(item.comment)}
    return column(item.name, item.type, item.modifier, **key, **more)


def _one_line(comment: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]+", " ", comment)[:500]


def _told(new: Description) -> dict[str, Any]:
    return new.model_dump(mode="json") | {"singular": new.entity}


def _row_told(row: GeneratedTable) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _PLAIN}
