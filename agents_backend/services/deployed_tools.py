"""The toolboxes of this deployment. A feature that brings tools adds its toolbox here."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from agents_backend.integrations.addresses import Policy, certificates
from agents_backend.integrations.articles import Reader
from agents_backend.integrations.pages import Pages
from agents_backend.integrations.search import Wire, connect, missing
from agents_backend.services.builtin_tools import BuiltinTools
from agents_backend.services.toolboxes import Toolbox, Toolboxes
from agents_backend.services.web_tools import WebTools
from agents_backend.settings import Settings


@asynccontextmanager
async def deployed_tools(settings: Settings, more: Sequence[Toolbox] = ()) -> AsyncIterator[Toolboxes]:
    """All of them, their connections open as long as the block."""
    policy = Policy(allow_loopback=settings.agents.fetch_allow_loopback)
    vendors = settings.vendors
    trust = await certificates()
    async with Wire(trust=trust) as wire, Pages(policy=policy, trust=trust) as pages, Reader() as reader:
        web = WebTools(search=connect(vendors, wire), pages=pages, reader=reader, missing=missing(vendors))
        yield Toolboxes(BuiltinTools(), web, *more)
