"""The code generator: descriptions, imports, previews and archives."""

import io
import uuid
import zipfile

import pytest
from sqlalchemy import text

from tests.api.people import Admin, unique

URL = "/admin/gen/business"
COLUMNS = [
    {"name": "label", "type": "string", "length": 32, "unique": True, "searchable": True},
    {"name": "total", "type": "numeric", "precision": 12, "scale": 2, "default": "0.00", "comment": "in €"},
]
LIVE = """
    id serial PRIMARY KEY, code varchar(12) NOT NULL UNIQUE, price numeric(10,3), note text, amount integer NOT NULL,
    at timestamptz NOT NULL, extra jsonb, ref uuid, day date, ok boolean NOT NULL
"""


def noun() -> str:
    return "gadgets_" + "".join(chr(97 + int(digit, 16)) for digit in uuid.uuid4().hex[:8])


def body(**more) -> dict:
    return {"table_name": noun(), "singular": f"{noun()}_row", "app_name": "shop", "columns": COLUMNS, **more}


@pytest.fixture
def admin(admin_client) -> Admin:
    return Admin(admin_client)


@pytest.fixture
async def live_table(database):
    """A table that somebody else made."""
    name = f"{noun()}_items"
    statements = (
        f"CREATE TABLE {name} ({LIVE})",
        f"COMMENT ON TABLE {name} IS 'Taken over.'",
        f"COMMENT ON COLUMN {name}.price IS 'before tax'",
        f"CREATE INDEX ON {name} (amount)",
    )
    async with database.transaction() as session:
        for statement in statements:
            await session.execute(text(statement))
    yield name
    async with database.transaction() as session:
        await session.execute(text(f"DROP TABLE {name}"))


async def test_a_description_is_added_found_changed_and_deleted(admin):
    sent = body(table_name="widgets", singular=None, comment="Widgets.")
    answer = await admin.client.post(URL, json=sent)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["Location"] == f"/api/v1{URL}/{made['id']}"
    assert (made["singular"], made["is_imported"], made["columns"][0]["length"]) == ("widget", False, 32)
    listed = (await admin.client.get(URL, params={"table_name": "widgets", "sort": "-created_at"})).json()
    assert (listed["items"], listed["total"]) == ([made], 1)
    one = f"{URL}/{made['id']}"
    assert (await admin.client.get(one)).json() == made
    changed = await admin.client.put(one, json={"table_name": "sprockets", "comment": ""})
    assert (changed.json()["singular"], changed.json()["columns"]) == ("sprocket", made["columns"])
    assert (await admin.client.delete(one)).status_code == 204
    for method in ("GET", "DELETE"):
        assert (await admin.client.request(method, one)).status_code == 404
    assert (await admin.client.get(f"{one}/preview")).status_code == 404
    assert (await admin.client.post(f"{one}/generate")).status_code == 404


async def test_the_archive_is_a_named_zip_of_what_the_preview_shows(admin):
    made = await admin.post(URL, **body())
    shown = (await admin.client.get(f"{URL}/{made['id']}/preview")).json()["files"]
    answer = await admin.client.post(f"{URL}/{made['id']}/generate")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/zip")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="shop-{made["table_name"]}.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert {name: archive.read(name).decode() for name in archive.namelist()} == shown
    assert f"api/routes/{made['table_name']}.py" in shown
    assert (await admin.client.post(f"{URL}/{made['id']}/generate")).content == answer.content


async def test_a_table_of_the_database_is_imported_with_its_columns(admin, live_table):
    found = (await admin.client.get(f"{URL}/tables")).json()
    assert {"name": live_table, "comment": "Taken over."} in found
    assert not {"users", "alembic_version"} & {table["name"] for table in found}
    made = await admin.post(f"{URL}/import", table_name=live_table, app_name="shop")
    assert (made["is_imported"], made["timestamps"], made["comment"]) == (True, False, "Taken over.")
    columns = {column["name"]: column for column in made["columns"]}
    assert {name: column["type"] for name, column in columns.items()} == {
        "code": "string",
        "price": "numeric",
        "note": "text",
        "amount": "integer",
        "at": "datetime",
        "extra": "json",
        "ref": "uuid",
        "day": "date",
        "ok": "boolean",
    }
    assert (columns["code"]["length"], columns["code"]["unique"], columns["code"]["nullable"]) == (12, True, False)
    assert (columns["price"]["precision"], columns["price"]["scale"], columns["price"]["comment"]) == (
        10,
        3,
        "before tax",
    )
    assert (columns["amount"]["index"], columns["note"]["nullable"]) == (True, True)
    assert columns["code"]["key_name"] == f"{live_table}_code_key"
    files = (await admin.client.get(f"{URL}/{made['id']}/preview")).json()["files"]
    assert any("has_table(" in text for path, text in files.items() if path.startswith("migrations/"))


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ("id serial PRIMARY KEY, where_to point", "point"),
        ("id serial PRIMARY KEY, amount numeric", "precision"),
        ("id serial PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a) STORED", "computed"),
        ('id serial PRIMARY KEY, "Quoted; DROP" int', "snake case"),
        ("code text PRIMARY KEY", "primary key"),
        ("id serial PRIMARY KEY", "1 item"),
    ],
)
async def test_a_table_that_no_code_fits_is_refused_and_told_why(admin, database, columns, why):
    name = noun()
    async with database.transaction() as session:
        await session.execute(text(f"CREATE TABLE {name} ({columns})"))
    answer = await admin.client.post(
        f"{URL}/import", json={"table_name": name, "singular": "gadget", "app_name": "shop"}
    )
    async with database.transaction() as session:
        await session.execute(text(f"DROP TABLE {name}"))
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
    assert why in answer.json()["detail"]


@pytest.mark.parametrize("name", ["users", "alembic_version", "no_such_table", "pg_class", "x; drop table users"])
async def test_no_table_of_the_servers_own_is_imported(admin, name):
    answer = await admin.client.post(f"{URL}/import", json={"table_name": name, "app_name": "shop"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "more",
    [
        {"table_name": "users"},  # a table
        {"table_name": "lists"},  # a module
        {"singular": "user"},  # a class
        {"table_name": "telemetries", "singular": "hub"},  # a name in api/composition
    ],
)
async def test_what_this_version_has_already_is_not_generated_again(admin, more):
    answer = await admin.client.post(URL, json=body(**more))
    assert answer.status_code in {400, 409}, answer.text
    made = await admin.post(URL, **body())
    assert (await admin.client.put(f"{URL}/{made['id']}", json=more)).status_code in {400, 409}


async def test_a_table_is_described_once(admin):
    sent = body()
    await admin.post(URL, **sent)
    again = await admin.client.post(URL, json=sent)
    assert (again.status_code, again.json()["code"]) == (409, "TABLE_NAME_TAKEN")


async def test_the_same_key_makes_one_description(admin):
    sent, headers = body(), {"Idempotency-Key": unique("key")}
    first, second = [await admin.client.post(URL, json=sent, headers=headers) for _ in range(2)]
    assert (first.status_code, first.json()) == (second.status_code, second.json()) == (201, first.json())
    other = await admin.client.post(URL, json=body(), headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_MISMATCH")


@pytest.mark.parametrize(
    "more",
    [
        {"table_name": "../etc"},
        {"table_name": "a;b"},
        {"table_name": "{{ x }}"},
        {"app_name": "Shop/../x"},
        {"singular": "class"},
        {"columns": []},
        {"columns": [{"name": "a.b", "type": "text"}]},
        {"columns": [{"name": "a", "type": "text); drop"}]},
        {"comment": "two\nlines"},
        {"is_imported": True},
        {"id": 1},
    ],
)
async def test_what_is_no_description_is_a_400(admin, more):
    refused = await admin.client.post(URL, json=body(**more))
    assert (refused.status_code, refused.json()["code"]) == (400, "VALIDATION_ERROR")
    made = await admin.post(URL, **body())
    refused = await admin.client.put(f"{URL}/{made['id']}", json=more)
    assert (refused.status_code, refused.json()["code"]) == (400, "VALIDATION_ERROR")
    assert (await admin.client.get(f"{URL}/{made['id']}")).json() == made


async def test_each_right_opens_its_own_routes_alone(admin):
    made = await admin.post(URL, **body())
    one = f"{URL}/{made['id']}"
    async with admin.as_user("gen:business:list") as (_, reader):
        assert (await reader.get(f"{one}/preview")).status_code == 200
        assert (await reader.post(f"{one}/generate")).status_code == 403
        assert (await reader.put(one, json={"comment": "x"})).status_code == 403
        assert (await reader.delete(one)).status_code == 403
        assert (await reader.post(f"{URL}/import", json={"table_name": "xx", "app_name": "xx"})).status_code == 403
    async with admin.as_user("gen:business:generate") as (_, maker):
        assert (await maker.post(f"{one}/generate")).status_code == 200
        assert (await maker.get(one)).status_code == 403
