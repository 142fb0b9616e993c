"""Bring the database's schema to this version's."""

from pathlib import Path

from alembic import command
from alembic.config import Config

FOLDER = Path(__file__).resolve().parents[2] / "migrations"


def config(database_url: str) -> Config:
    made = Config()
    made.set_main_option("script_location", str(FOLDER))
    made.attributes["url"] = database_url
    return made


def upgrade(database_url: str) -> None:
    """Apply what is missing. Blocks; call it from a thread where a loop runs."""
    command.upgrade(config(database_url), "head")
