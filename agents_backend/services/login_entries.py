"""What the login log says of an attempt to sign in."""

import asyncio
import ipaddress
from dataclasses import dataclass

from ua_parser import parse

from agents_backend.db.tables.users import LoginLog, User


@dataclass(frozen=True)
class RequestContext:
    address: str
    user_agent: str
    request_id: str


async def login_entry(
    username: str, user: User | None, context: RequestContext, message: str, *, succeeded: bool
) -> LoginLog:
    agent = await asyncio.to_thread(parse, context.user_agent[:512])  # the first one compiles for 0.1 s
    return LoginLog(
        user_id=user.id if user else None,
        username=username[:64],
        succeeded=succeeded,
        message=message,
        address=ip_of(context.address),
        user_agent=context.user_agent[:512],
        browser=agent.user_agent.family[:64] if agent.user_agent else "",
        os=agent.os.family[:64] if agent.os else "",
        request_id=context.request_id,
    )


def ip_of(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
