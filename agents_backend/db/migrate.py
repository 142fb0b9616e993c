"""Bring the database's schema to this version's."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

FOLDER = Path(__file__).resolve().parents[2] / "migrations"


def config(database_url: str) -> Config:
    made = Config()
    made.set_main_option("script_location", str(FOLDER))
    made.attributes["url"] = database_url
    return made


def upgrade(database_url: str) -> None:
    """Apply what is missing. Blocks; call it from a thread where a loop runs."""
    command.upgrade(config(database_url), "head")


def revision_before(revision: str) -> str | None:
    """The migration that a new one of this name follows: the newest, or its own predecessor where it is the newest already.

    Raises:
        MultipleHeads: the migrations have several ends.
    """
    scripts = ScriptDirectory.from_config(config(""))
    newest = scripts.get_current_head()
    if newest != revision:
        return newest
    before = scripts.get_revision(revision).down_revision
    return before if isinstance(before, str) else None
