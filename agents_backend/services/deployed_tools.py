"""The toolboxes of this deployment. A feature that brings tools adds its toolbox here."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from agents_backend.integrations.addresses import Policy
from agents_backend.integrations.pages import Pages
from agents_backend.integrations.search import Wire, connect
from agents_backend.services.builtin_tools import BuiltinTools
from agents_backend.services.toolboxes import Toolbox, Toolboxes
from agents_backend.services.web_tools import WebTools
from agents_backend.settings import Settings


@asynccontextmanager
async def deployed_tools(settings: Settings, more: Sequence[Toolbox] = ()) -> AsyncIterator[Toolboxes]:
    """All of them, their connections open as long as the block."""
    policy = Policy(allow_loopback=settings.agents.fetch_allow_loopback)
    async with Wire() as wire, Pages(policy=policy) as pages:
        yield Toolboxes(BuiltinTools(), WebTools(search=connect(settings.vendors, wire), pages=pages), *more)
