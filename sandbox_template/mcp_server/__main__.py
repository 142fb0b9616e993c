"""`python3 -m mcp_server --port 6060 --root /home/user`."""

import argparse
from pathlib import Path

import uvicorn

from .paths import Paths
from .server import build


def main() -> None:
    parser = argparse.ArgumentParser(prog="mcp_server", description=__doc__)
    parser.add_argument("--host", default="0.0.0.0", help="the address to listen on (default: all of the sandbox's)")
    parser.add_argument("--port", type=int, default=6060)
    parser.add_argument("--root", type=Path, default=Path("/home/user"), help="the folder of the file tools")
    parser.add_argument("--also", type=Path, action="append", help="a further folder of theirs (default: /tmp)")
    parser.add_argument("--allow-host", action="append", default=[], help="a further Host name; * and ? are wild")
    given = parser.parse_args()
    if not given.root.is_dir():
        parser.error(f"--root {given.root} is not a folder")
    paths = Paths(given.root, given.also or [Path("/tmp")])  # noqa: S108  # the sandbox's own
    app = build(paths, port=given.port, hosts=tuple(given.allow_host))
    uvicorn.run(app, host=given.host, port=given.port, loop="asyncio", log_level="warning", timeout_graceful_shutdown=3)


main()
