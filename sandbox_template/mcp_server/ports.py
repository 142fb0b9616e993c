"""Ports that the agent's programs serve on, told so that they can be shown to the user.

Registering opens nothing: the sandbox's ingress serves every port, to those who hold the sandbox's access token.
"""

import socket
import threading
from typing import Annotated

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field

from .paths import Paths
from .state import StateFile

MAX_PORTS = 50
_PROBE_SECONDS = 0.5

Number = Annotated[int, Field(ge=1, le=65_535)]


class Port(BaseModel):
    port: Number
    name: str = Field(min_length=1, max_length=100)


class PortState(Port):
    listening: bool


class Known(BaseModel):
    ports: list[Port] = Field(default_factory=list)


class Ports:
    def __init__(self, paths: Paths) -> None:
        self._file = StateFile(paths, "ports.json", Known)
        self._changing = threading.Lock()  # tools run in threads

    def port_register(
        self, port: Number, name: Annotated[str, Field(min_length=1, max_length=100, description="what is served")]
    ) -> PortState:
        """Say that a program serves on a port; the same port again renames it. The answer tells whether it listens now."""
        with self._changing:
            others = [known for known in self._file.read().ports if known.port != port]
            if len(others) >= MAX_PORTS:
                raise ToolError(f"{MAX_PORTS} ports are registered; remove one first.")
            self._file.write(Known(ports=[*others, Port(port=port, name=name)]))
        return PortState(port=port, name=name, listening=_listens(port))

    def port_list(self) -> list[PortState]:
        """List the registered ports and whether each listens now."""
        known = sorted(self._file.read().ports, key=lambda found: found.port)
        return [PortState(port=found.port, name=found.name, listening=_listens(found.port)) for found in known]

    def port_remove(self, port: Number) -> list[PortState]:
        """Forget a port; gives those that remain."""
        with self._changing:
            known = self._file.read().ports
            if port not in {found.port for found in known}:
                raise ToolError(f"Port {port} is not registered.")
            self._file.write(Known(ports=[found for found in known if found.port != port]))
        return self.port_list()


def _listens(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_SECONDS)
        return probe.connect_ex(("127.0.0.1", port)) == 0
