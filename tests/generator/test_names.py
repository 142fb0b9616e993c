"""What a description may say, and that whatever it says stays text."""

import ast
import io
import zipfile
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from agents_backend.domain.errors import AgentsError
from agents_backend.generator import render
from agents_backend.generator.code import literal, put
from agents_backend.generator.description import Column, Description, Subject
from agents_backend.generator.names import singular_of

HOSTILE = [
    '"""; import os; os.system("id") #',
    "'); raise SystemExit(); ('",
    "{{ 7 * 7 }}",
    "{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "{{ cycler.__init__.__globals__ }}",
    "\\",
    '\\"',
    "${jndi:ldap://x}",
    "*/ -- ; drop table users",
    "```\n",
    "</script>",
    "# type: ignore",
    "\u2028\u202e é \U0001f600",
]
NOT_NAMES = [
    "",
    "1st",
    "Upper",
    "with space",
    "semi;colon",
    "dash-ed",
    "dot.ted",
    "../../etc/passwd",
    "..",
    "/etc/passwd",
    "a\\b",
    "a/b",
    "nul\0",
    "new\nline",
    "trailing\n",
    "{{x}}",
    "{%x%}",
    "__class__",
    "_private",
    "double__under",
    "end_",
    'quo"te',
    "ünicode",
    "\uff46\uff55\uff4c\uff4c",
    "class",
    "match",
    "import",
    "select",
    "user",
    "order",
    "table",
    "x" * 64,
]


def described(**more) -> Description:
    return Description.model_validate(
        {"table_name": "parcels", "app_name": "shop", "columns": [{"name": "weight", "type": "float"}], **more}
    )


def made(description: Description, *, is_imported: bool = False) -> dict[str, str]:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    return render.files(
        Subject(description=description, is_imported=is_imported, created_at=now, down_revision="before")
    )


@pytest.mark.parametrize("name", NOT_NAMES)
def test_what_is_no_name_is_refused_wherever_a_name_stands(name):
    for more in (
        {"table_name": name, "singular": "parcel"},
        {"singular": name},
        {"app_name": name},
        {"columns": [{"name": name, "type": "float"}]},
    ):
        with pytest.raises(ValidationError):
            described(**more)


@pytest.mark.parametrize("name", ["metadata", "model_dump", "json", "id", "created_at", "str", "date", "xmin", "copy"])
def test_a_column_takes_no_name_that_the_generated_classes_need(name):
    with pytest.raises(ValidationError):
        described(columns=[{"name": name, "type": "float"}])


@pytest.mark.parametrize(
    "column",
    [
        {"type": "money"},
        {"type": "string"},
        {"type": "string", "length": 0},
        {"type": "string", "length": 10**9},
        {"type": "string", "length": "5); DROP"},
        {"type": "text", "length": 5},
        {"type": "integer", "default": "1; import os"},
        {"type": "integer", "default": 2**31},
        {"type": "integer", "default": True},
        {"type": "bigint", "default": 2**63},
        {"type": "boolean", "default": "False"},
        {"type": "float", "default": float("nan")},
        {"type": "string", "length": 2, "default": "abc"},
        {"type": "numeric"},
        {"type": "numeric", "precision": 4},
        {"type": "numeric", "precision": 2, "scale": 4},
        {"type": "numeric", "precision": 4, "scale": 2, "default": "100.00"},
        {"type": "numeric", "precision": 4, "scale": 2, "default": "1.001"},
        {"type": "numeric", "precision": 4, "scale": 2, "default": "NaN"},
        {"type": "json", "unique": True},
        {"type": "json", "index": True},
        {"type": "boolean", "unique": True},
        {"type": "integer", "searchable": True},
        {"type": "date", "default": "2026-01-01"},
        {"type": "float", "comment": "two\nlines"},
        {"type": "float", "key_name": "x"},
        {"type": "float", "index": True, "key_name": 'x"; drop'},
        {"type": "float", "server_default": "now()"},
    ],
)
def test_a_column_that_does_not_hold_together_is_refused(column):
    with pytest.raises(ValidationError):
        Column.model_validate({"name": "weight", **column})


def test_columns_differ_in_name_and_fit_postgresql():
    twice = {"name": "weight", "type": "float"}
    with pytest.raises(ValidationError, match="twice"):
        described(columns=[twice, twice])
    with pytest.raises(ValidationError, match="too long"):
        described(table_name="parcels_of_a_very_long_name", singular="parcel", columns=[{**twice, "name": "c" * 40}])


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        ("invoices", "invoice"),
        ("companies", "company"),
        ("boxes", "box"),
        ("branches", "branch"),
        ("news_items", "news_item"),
    ],
)
def test_the_singular_is_the_usual_one(plural, singular):
    assert singular_of(plural) == singular


@pytest.mark.parametrize("name", ["staff", "status"])
def test_a_table_that_is_called_like_its_rows_asks_for_their_name(name):
    with pytest.raises(ValidationError, match="singular"):
        described(table_name=name)
    assert described(table_name=name, singular=f"{name}_entry").entity == f"{name}_entry"


@given(st.text())
@settings(max_examples=300, deadline=None)
def test_any_text_becomes_one_literal_of_itself(text):
    code = literal(text)
    assert ast.literal_eval(code) == text
    assert code.isascii()
    assert code.isprintable()


def test_nothing_but_literals_and_checked_names_is_written():
    for value in ([], {}, object(), b"x"):
        with pytest.raises(TypeError):
            put(value)


def test_hostile_text_stays_text_in_every_file():
    columns = [
        {"name": f"text_{at}", "type": "text", "default": hostile, "comment": hostile.replace("\n", "")}
        for at, hostile in enumerate(HOSTILE)
    ]
    plain = [{"name": column["name"], "type": "text", "default": "x", "comment": "y"} for column in columns]
    hostile_files = made(described(comment=HOSTILE[0], columns=columns))
    plain_files = made(described(comment="z", columns=plain))
    assert hostile_files.keys() == plain_files.keys()
    for path, text in hostile_files.items():
        if path.endswith(".py"):
            assert _shape(text) == _shape(plain_files[path]), path
        else:
            assert text == plain_files[path]
    found = {
        node.value
        for node in ast.walk(ast.parse(hostile_files["agents_backend/db/tables/parcels.py"]))
        if isinstance(node, ast.Constant)
    }
    assert set(HOSTILE) <= found


def _shape(text: str) -> str:
    """A program without what its strings say."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "a\\..\\x"])
def test_no_path_leaves_the_archive(path):
    with pytest.raises(ValueError, match="leaves"):
        render.archive({path: ""})
    with pytest.raises(ValueError, match="must be"):
        render.paths(path, "20260102_x")


def test_the_same_description_gives_the_same_bytes_and_only_regular_files():
    archive = render.archive(made(described()))
    assert archive == render.archive(made(described()))
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert len(opened.namelist()) == 8
        assert {entry.external_attr >> 16 for entry in opened.infolist()} == {0o100644}


def test_the_migration_of_an_imported_table_neither_makes_it_twice_nor_drops_it():
    text = made(described(), is_imported=True)["migrations/versions/20260102_parcels.py"]
    assert 'has_table("parcels")' in text
    assert "drop_table" not in text


def test_ruff_that_fails_is_an_error_of_the_tree(monkeypatch):
    monkeypatch.setattr(render.sys, "executable", "/nowhere/python")
    with pytest.raises(AgentsError, match="put in form"):
        made(described())
