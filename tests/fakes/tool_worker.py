"""A worker process with two tools of a test's own. Each call writes a line into MARKS; the first one of each then never ends.

`charge` must not run twice; `look` may.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agents_backend.agents.tools import Tool
from agents_backend.db.tables.runs import Run
from agents_backend.services.toolboxes import Availability, ToolContext, ToolResult
from agents_backend.settings import load
from workers.main import run

NOTHING = {"type": "object", "properties": {}}
TOOLS = [Tool("charge", "Charges.", NOTHING), Tool("look", "Looks.", NOTHING, repeatable=True)]


class SlowTools:
    def __init__(self, marks: Path) -> None:
        self._marks = marks

    def catalogue(self) -> Sequence[Availability]:
        return [Availability(tool) for tool in TOOLS]

    async def tools(self, run: Run) -> Sequence[Tool]:
        return TOOLS

    async def call(self, name: str, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        marks = self._marks / name
        with marks.open("a") as file:
            file.write(f"{context.call_id}\n")
        if len(marks.read_text().splitlines()) == 1:
            await asyncio.sleep(3600)
        return ToolResult(f"{name} is done")


def main() -> None:
    asyncio.run(run(load(), ["chat"], more_tools=[SlowTools(Path(os.environ["MARKS"]))]))
