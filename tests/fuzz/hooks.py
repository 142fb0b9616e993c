"""schemathesis acts in a session that is opened here, and in another whenever it has ended one. Read by its own process alone."""

import asyncio
import os
import uuid
from datetime import timedelta

import schemathesis

from agents_backend.db.base import Database, now
from agents_backend.db.tables.users import AuthSession
from agents_backend.services.tokens import AccessTokens
from agents_backend.settings import Settings

_USER = int(os.environ["FUZZ_USER"])


async def _open(settings: Settings) -> str:
    """A session of the user, past the door: the fuzzer may have renamed them, or locked itself out by guessing."""
    session_id, hours = uuid.uuid4(), timedelta(hours=1)
    async with Database(settings.database) as database, database.transaction() as session:
        session.add(AuthSession(id=session_id, user_id=_USER, refresh_hash="", expires_at=now() + hours))
    return AccessTokens(settings.auth).sign(_USER, session_id)


class Signed:
    token: str | None = None


@schemathesis.hook
def before_call(context, case, kwargs):
    # What makes a file would wait for it: the run is enough. A chat's stream is read to its end.
    case.headers = {"Prefer": "respond-async", **(case.headers or {})}


@schemathesis.hook
def after_call(context, case, response):
    if response.status_code == 401:
        Signed.token = None


@schemathesis.auth(refresh_interval=None)
class SignIn:
    def get(self, case, context):
        return Signed

    def set(self, case, data, context):
        if not _USER:
            return
        if Signed.token is None:
            Signed.token = asyncio.run(_open(Settings()))
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {Signed.token}"}
