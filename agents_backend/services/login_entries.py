"""What the login log says of an attempt to sign in."""

import asyncio
from dataclasses import dataclass

from agents_backend.db.tables.users import LoginLog, User
from agents_backend.services.clients import ip_of, software_of


@dataclass(frozen=True)
class RequestContext:
    address: str
    user_agent: str
    request_id: str


async def login_entry(
    username: str, user: User | None, context: RequestContext, message: str, *, succeeded: bool
) -> LoginLog:
    software = await asyncio.to_thread(software_of, context.user_agent)
    return LoginLog(
        user_id=user.id if user else None,
        username=username[:64],
        succeeded=succeeded,
        message=message,
        address=ip_of(context.address),
        user_agent=context.user_agent[:512],
        browser=software.browser,
        os=software.os,
        request_id=context.request_id,
    )
