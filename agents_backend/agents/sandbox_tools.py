"""The tools of an agent with a sandbox, as models know them. What they do is in `services/sandbox_tools.py`.

Most are the sandbox's own: its MCP server says what they are. `sandbox_tools.json` beside this file is what it says, for as long
as there is no sandbox to be asked; `make docs` writes it.
"""

import json
from functools import cache
from pathlib import Path
from typing import Final

from pydantic import Field

from agents_backend.agents.tools import Arguments, Tool, declare

_OF_THE_BOX = Path(__file__).with_suffix(".json")
RUN: Final = "shell_run"
REGISTER_PORT: Final = "port_register"
SLIDE_TOOLS: Final = frozenset({"slide_list", "slide_read", "slide_write", "slide_delete"})
FILE_CHANGES: Final = frozenset({"file_write", "file_edit", "file_patch"})


class SaveArtifact(Arguments):
    """Hand a file of the sandbox to the user, who can then download it. Use it for what you were asked to make."""

    path: str = Field(min_length=1, max_length=4_096, description="an absolute path; your own folder is /home/user")


SAVE_ARTIFACT = declare("save_artifact", SaveArtifact, repeatable=True)


@cache
def tools_of_the_box() -> tuple[Tool, ...]:
    """The tools of the MCP server that `sandbox_template/` puts into each sandbox."""
    return tuple(Tool(**described) for described in json.loads(_OF_THE_BOX.read_text(encoding="utf-8")))
