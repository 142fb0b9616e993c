"""A description becomes files: templates fill in, ruff puts them in form."""

import io
import subprocess
import sys
import tempfile
import zipfile
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from agents_backend.domain.errors import Unavailable
from agents_backend.generator import names
from agents_backend.generator.code import Code, ColumnCode, literal, named, put
from agents_backend.generator.description import Subject

_HERE = Path(__file__).parent
_SECONDS = 30
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say: the same description gives the same bytes


@cache
def _templates() -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(_HERE / "templates"),
        undefined=StrictUndefined,
        finalize=put,
        autoescape=False,  # HTML's escapes are none in Python: `put` makes what is not code a literal  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def paths(table_name: str, revision: str) -> dict[str, str]:
    """Each template and the file that it becomes, in the repository.

    Raises:
        ValueError: the table's name is no name.
    """
    noun = named(table_name)
    return {
        "README.md.j2": f"{noun}.README.md",
        "tables.py.j2": f"agents_backend/db/tables/{noun}.py",
        "repository.py.j2": f"agents_backend/db/{noun}.py",
        "service.py.j2": f"agents_backend/services/{noun}.py",
        "schemas.py.j2": f"api/schemas/{noun}.py",
        "routes.py.j2": f"api/routes/{noun}.py",
        "migration.py.j2": f"migrations/versions/{revision}.py",
        "tests.py.j2": f"tests/api/test_{noun}.py",
    }


def files(subject: Subject) -> dict[str, str]:
    """The path and text of each file. Blocks for some 0.1 s: call it from a thread.

    Raises:
        Unavailable: ruff did not answer in time, or failed.
    """
    words = _words(subject)
    found = paths(subject.description.table_name, subject.revision)
    return _formatted({path: _templates().get_template(name).render(words) for name, path in found.items()})


def archive(made: dict[str, str]) -> bytes:
    """The files as a zip; every name in it is relative and stays beneath the root.

    Raises:
        ValueError: a path would leave it.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as written:
        for path, text in sorted(made.items()):
            pure = PurePosixPath(path)
            if pure.is_absolute() or ".." in pure.parts or "\\" in path:
                raise ValueError(f"{path} leaves the archive")
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.external_attr, entry.compress_type = 0o100644 << 16, zipfile.ZIP_DEFLATED
            written.writestr(entry, text)
    return buffer.getvalue()


def _words(subject: Subject) -> dict[str, Any]:
    """All that a template may name."""
    description = subject.description
    plural, singular, app = named(description.table_name), named(description.entity), named(description.app_name)
    columns = [ColumnCode(column, plural) for column in description.columns]
    article = "an" if singular[0] in "aeio" else "a"
    revision = Code(subject.revision)
    return {
        "plural": plural,
        "singular": singular,
        "Plural": Code(names.class_name(plural)),
        "Singular": Code(names.class_name(singular)),
        "words": Code(names.words(singular)),
        "plural_words": Code(names.words(plural)),
        "plural_title": Code(names.words(plural).capitalize()),
        "title": Code(names.words(plural).capitalize()),
        "an": Code(article),
        "An": Code(article.capitalize()),
        "app": app,
        "app_title": Code(names.words(app).capitalize()),
        "app_path": Code(app.replace("_", "-")),
        "path": Code(plural.replace("_", "-")),
        "id_path": Code("{" + singular + "_id}"),
        "permission": Code(f"{app}:{singular}"),
        "comment": description.comment,
        "columns": columns,
        "searched": [column for column in columns if column.searchable],
        "timestamps": description.timestamps,
        "is_imported": subject.is_imported,
        "revision": revision,
        "down_revision": literal(subject.down_revision),
        "down_revision_name": Code(subject.down_revision or ""),
    }


def _formatted(made: dict[str, str]) -> dict[str, str]:
    with tempfile.TemporaryDirectory(prefix="generator-") as folder:
        root = Path(folder)
        for path, text in made.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        _ruff(root, "check", "--fix", "--quiet")
        _ruff(root, "format", "--quiet")
        return {path: (root / path).read_text(encoding="utf-8") for path in made}


def _ruff(root: Path, *command: str) -> None:
    config = str(_HERE / "ruff.toml")
    line = [sys.executable, "-m", "ruff", *command, "--no-cache", "--config", config, "."]
    try:
        subprocess.run(line, cwd=root, check=True, capture_output=True, timeout=_SECONDS)  # noqa: S603  # names that were checked
    except (subprocess.SubprocessError, OSError) as error:
        raise Unavailable("The generated code could not be put in form.", retry_after=5) from error
