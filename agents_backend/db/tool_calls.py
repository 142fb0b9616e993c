"""SQL of tool calls: what is needed to carry one out, that it has begun, its one result."""

import uuid
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from agents_backend.db.base import now
from agents_backend.db.tables.runs import Artifact, Message
from agents_backend.db.tables.tool_calls import BegunCall
from agents_backend.domain.errors import NotFound


class ToolCallRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def begin(self, run_id: uuid.UUID, call_id: str, name: str) -> bool:
        """Write that the call begins; False when it had begun before."""
        query = insert(BegunCall).values(call_id=call_id, run_id=run_id, name=name, begun_at=now())
        once = query.on_conflict_do_nothing(index_elements=["call_id"]).returning(BegunCall.call_id)
        return await self._session.scalar(once) is not None

    async def keep_result(self, **values: Any) -> Message:
        """Write a call's result as a `tool` message, or find the one that was written first.

        Raises:
            NotFound: the thread was deleted meanwhile.
        """
        query = insert(Message).values(created_at=now(), role="tool", **values)
        await self._session.execute(query.on_conflict_do_nothing(index_elements=["thread_id", "message_id"]))
        kept = await self._session.scalar(
            select(Message).where(Message.thread_id == values["thread_id"], Message.message_id == values["message_id"])
        )
        if kept is None:
            raise NotFound("The thread of the tool call is gone.")
        return kept

    async def keep_edit(self, message: Message, call_id: str, arguments: str) -> None:
        """Write the arguments that a human put in place of the model's."""
        calls = [{**c, "edited": arguments} if c["id"] == call_id else c for c in message.tool_calls or ()]
        await self._session.execute(update(Message).where(Message.seq == message.seq).values(tool_calls=calls))

    async def add_artifact(self, run_id: uuid.UUID, **values: Any) -> None:
        """Write a file of the run once."""
        query = insert(Artifact).values(run_id=run_id, details={}, created_at=now(), **values)
        await self._session.execute(query.on_conflict_do_nothing(index_elements=["run_id", "name"]))
