"""The administrator of a first start."""

import secrets

from agents_backend.db import users
from agents_backend.db.base import Database
from agents_backend.services.passwords import Passwords
from agents_backend.settings import Settings


async def ensure_administrator(database: Database, settings: Settings) -> str | None:
    """Make the administrator if there is no superuser; the generated password, once, when none was configured."""
    async with database.transaction() as session:
        if await users.superusers(session):
            return None
    given = settings.admin_password
    password = given.get_secret_value() if given else secrets.token_urlsafe(18)
    passwords = Passwords(1)
    try:
        hashed = await passwords.hash(password)
    finally:
        passwords.close()
    async with database.transaction() as session:
        added = await users.add_superuser(session, settings.admin_username, hashed)
    return password if added and given is None else None
