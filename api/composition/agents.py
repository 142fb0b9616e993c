"""Runs of agents: how they are talked to, watched and started by the clock, and which tools they have."""

from agents_backend.services.agent_config import agent_config
from agents_backend.services.chats import Chats
from agents_backend.services.schedule_mirror import ScheduleMirror
from agents_backend.services.scheduler_runs import SchedulerRuns
from agents_backend.services.schedulers import Schedulers
from agents_backend.services.streams import Streams
from agents_backend.services.threads import Threads
from api.composition.parts import Parts


class Agents:
    def __init__(self, parts: Parts) -> None:
        settings, database = parts.settings, parts.database
        self.agent_config = agent_config(settings, parts.toolboxes)
        self.mcp_servers = parts.mcp.servers
        self.mcp_consents = parts.mcp.consents
        self.coding_agents = parts.mcp.agents
        self.runs = parts.runs
        self.chats = Chats(
            database=database,
            starts=parts.starts,
            runs=parts.runs,
            launches=parts.launches,
            mcp=parts.mcp.of_runs,
            settings=settings,
        )
        self.threads = Threads(database=database)
        self.streams = Streams(database=database, log=parts.log, hub=parts.hub, lost=parts.lost)
        self.watched = parts.watched
        mirror = ScheduleMirror(database=database, temporal=parts.temporal)
        self.schedulers = Schedulers(database=database, mirror=mirror, settings=settings)
        self.scheduler_runs = SchedulerRuns(
            database=database, mirror=mirror, temporal=parts.temporal, settings=settings
        )
