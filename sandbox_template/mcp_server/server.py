"""The server: every tool, `/mcp` and `/health`."""

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import ToolAnnotations
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp

from .calls import ONCE, Calls
from .files import Files
from .hosts import HostGuard
from .paths import Paths
from .ports import Ports
from .search import Search
from .shells import Shells
from .slides import Slides
from .todos import Todos

NAME = "agents-backend-sandbox"
VERSION = "1.0.0"
INSTRUCTIONS = (
    "Tools of a Linux sandbox. Paths are absolute. shell_run runs a command to its end, shell_start in a session that lives on; "
    "file_* read and change files; todo_* keep your plan; port_register tells of a server that you started; slide_* keep HTML "
    "slides of 1280x720 px."
)
# Requests carry whole files, JSON-escaped.
MAX_REQUEST_BYTES = 16 * 1024 * 1024


def build(paths: Paths, *, port: int, hosts: tuple[str, ...] = ()) -> ASGIApp:
    """The application. Each request stands alone, so that a client survives the sandbox's pause and the server's restart."""
    server = make(paths)

    async def health(_: Request) -> JSONResponse:
        return JSONResponse({"status": "healthy", "name": NAME, "version": VERSION, "mcp": version("mcp")})

    server.custom_route("/health", methods=["GET"])(health)
    app = server.streamable_http_app(
        stateless_http=True,
        max_request_body_size=MAX_REQUEST_BYTES,
        # The SDK knows exact hosts only; HostGuard knows the ingress's form.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    return HostGuard(app, hosts=(f"{port}-*", *hosts))


def make(paths: Paths) -> MCPServer[None]:
    """The server with all its tools."""
    shells, calls = Shells(paths), Calls(paths)

    @asynccontextmanager
    async def lifespan(_: MCPServer[None]) -> AsyncIterator[None]:
        calls.clear()
        async with shells.open():
            yield

    server: MCPServer[None] = MCPServer(
        NAME,
        version=VERSION,
        instructions=INSTRUCTIONS,
        lifespan=lifespan,
        log_level="WARNING",
        subscriptions=False,
        middleware=[calls],
    )
    for tool in _tools(paths, shells):
        _add(server, tool)
    return server


def _tools(paths: Paths, shells: Shells) -> list[Callable[..., Any]]:
    changing = threading.Lock()  # tools run in threads, and two changes of one file are both to be kept
    slides = Slides(paths, changing)
    files, search, todos, ports = Files(paths, slides, changing), Search(paths), Todos(paths), Ports(paths)
    return [
        *(
            shells.shell_run,
            shells.shell_start,
            shells.shell_view,
            shells.shell_write,
            shells.shell_stop,
            shells.shell_list,
        ),
        *(files.file_read, files.file_write, files.file_edit, files.file_patch),
        *(search.file_grep, search.file_list, search.file_glob),
        *(todos.todo_read, todos.todo_write),
        *(ports.port_register, ports.port_list, ports.port_remove),
        *(slides.slide_list, slides.slide_read, slides.slide_write, slides.slide_delete),
    ]


_READS = frozenset({"read", "list", "view", "grep", "glob"})
_DESTROYS = frozenset({"write", "edit", "patch", "delete", "remove", "stop", "start", "run"})


def _add(server: MCPServer[None], tool: Callable[..., Any]) -> None:
    noun, verb = tool.__name__.split("_")
    server.add_tool(
        tool,
        title=f"{noun.capitalize()}: {verb}",
        description=" ".join((tool.__doc__ or "").split()),
        annotations=ToolAnnotations(
            read_only_hint=verb in _READS, destructive_hint=verb in _DESTROYS, open_world_hint=noun == "shell"
        ),
        meta={ONCE: True},
    )
