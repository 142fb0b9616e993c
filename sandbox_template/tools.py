"""Prints the MCP server's tools as the product offers them to models before a sandbox is there to be asked (`make docs`)."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from sandbox_template.mcp_server.calls import ONCE
from sandbox_template.mcp_server.paths import Paths
from sandbox_template.mcp_server.server import make


async def tools() -> list[dict[str, Any]]:
    """Each tool's name, description, parameters, and whether a second call of it does no harm."""
    return [
        {
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.input_schema,
            "repeatable": bool((tool.meta or {}).get(ONCE)),
        }
        for tool in await make(Paths(Path("/home/user"))).list_tools()
    ]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(tools()), indent=1) + "\n")
