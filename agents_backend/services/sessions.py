"""Who is signed in, and signing them out."""

import uuid

from agents_backend.db import sessions
from agents_backend.db.base import Database
from agents_backend.db.lists import Found, Slice
from agents_backend.db.sessions import SessionFilter
from agents_backend.domain.audit import changed
from agents_backend.domain.errors import Forbidden, NotFound
from agents_backend.domain.principals import Principal
from agents_backend.services.principals import Principals


class Sessions:
    def __init__(self, *, database: Database, principals: Principals) -> None:
        self._database, self._principals = database, principals

    async def list(self, actor: Principal, wanted: SessionFilter, part: Slice) -> Found:
        """The sessions that live, of the people within reach."""
        async with self._database.autocommit() as session:
            return await sessions.listed(session, actor.reach, wanted, part)

    async def end(self, session_id: uuid.UUID, actor: Principal) -> None:
        """Sign somebody out.

        Raises:
            NotFound: there is no such session, or not within reach. Forbidden: it is a superuser's, and the actor is none.
        """
        async with self._database.transaction() as session:
            owner = await sessions.owner(session, session_id, actor.reach)
            if owner is None:
                raise NotFound("There is no such session.")
            if owner["is_superuser"] and not actor.is_superuser:
                raise Forbidden("Only a superuser signs a superuser out.")
            await sessions.revoke(session, session_id, "ended by administrator")
        self._principals.forget(session_id=session_id)
        changed("session", session_id, {"username": owner["username"]}, None)
