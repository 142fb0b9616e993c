"""The tools of an agent with a sandbox, as models know them. What they do is in `services/sandbox_tools.py`."""

from typing import Final

from pydantic import Field

from agents_backend.agents.tools import Arguments, declare

# Within the time that one tool call may take, with the time in it that a sandbox takes to be made (`policies.TOOL`: 5 minutes).
MOST_SECONDS: Final = 200
_PATH = "an absolute path; your own folder is /home/user"


class RunCommand(Arguments):
    """Run a command in your Linux sandbox, with bash. Gives the exit code and what it wrote. Files and installed programs stay for later calls."""

    command: str = Field(min_length=1, max_length=100_000)
    cwd: str | None = Field(None, max_length=4_096, description="the folder to run it in; without it /home/user")
    timeout_seconds: int = Field(120, ge=1, le=MOST_SECONDS, description="after which it is killed")
    background: bool = Field(
        default=False,
        description="for servers: do not wait for its end; it is killed after an hour. Send its output to a file to read it.",
    )


class WriteFile(Arguments):
    """Write a text file in the sandbox, over an earlier one, making the folders above it."""

    path: str = Field(min_length=1, max_length=4_096, description=_PATH)
    content: str = Field(max_length=5_000_000)


class EditFile(Arguments):
    """Replace a piece of a text file in the sandbox. The old text must stand in it exactly as given, and once unless all are to be replaced."""

    path: str = Field(min_length=1, max_length=4_096, description=_PATH)
    old_text: str = Field(min_length=1, max_length=1_000_000)
    new_text: str = Field(max_length=1_000_000)
    replace_all: bool = False


class ReadFile(Arguments):
    """Read a text file of the sandbox, or some of its lines."""

    path: str = Field(min_length=1, max_length=4_096, description=_PATH)
    first_line: int = Field(1, ge=1)
    lines: int = Field(1_000, ge=1, le=10_000, description="how many at most")


class ListFiles(Arguments):
    """List a folder of the sandbox: files with their sizes in bytes, folders with a slash at the end."""

    path: str = Field("/home/user", min_length=1, max_length=4_096, description=_PATH)


class ExposePort(Arguments):
    """The address by which the user reaches a server that listens on a port of the sandbox."""

    port: int = Field(ge=1, le=65_535)


class SaveArtifact(Arguments):
    """Hand a file of the sandbox to the user, who can then download it. Use it for what you were asked to make."""

    path: str = Field(min_length=1, max_length=4_096, description=_PATH)


RUN_COMMAND = declare("run_command", RunCommand, repeatable=False)
WRITE_FILE = declare("write_file", WriteFile, repeatable=True)
EDIT_FILE = declare("edit_file", EditFile, repeatable=False)
READ_FILE = declare("read_file", ReadFile, repeatable=True)
LIST_FILES = declare("list_files", ListFiles, repeatable=True)
EXPOSE_PORT = declare("expose_port", ExposePort, repeatable=True)
SAVE_ARTIFACT = declare("save_artifact", SaveArtifact, repeatable=True)
TOOLS: Final = (RUN_COMMAND, WRITE_FILE, EDIT_FILE, READ_FILE, LIST_FILES, EXPOSE_PORT, SAVE_ARTIFACT)
