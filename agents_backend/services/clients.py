"""Where a request came from, as the administration's logs tell it."""

import ipaddress
from dataclasses import dataclass

from ua_parser import parse

_READ_CHARACTERS = 512  # of a user agent
_TOLD_CHARACTERS = 64  # of a name in it


@dataclass(frozen=True)
class Software:
    """What a user agent names; empty where it names none."""

    browser: str
    os: str


def software_of(user_agent: str) -> Software:
    """The first call compiles the patterns, for 0.1 s."""
    found = parse(user_agent[:_READ_CHARACTERS])
    return Software(
        browser=found.user_agent.family[:_TOLD_CHARACTERS] if found.user_agent else "",
        os=found.os.family[:_TOLD_CHARACTERS] if found.os else "",
    )


def ip_of(text: str) -> str | None:
    """An IP address as PostgreSQL takes it; None for what is none, such as the name of a Unix socket."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
