"""The tool by which an agent with a sandbox gets what the user attached."""

import uuid
from typing import Final

from pydantic import Field

from agents_backend.agents.tools import Arguments, declare


class CopyAttachment(Arguments):
    """Copy a file that the user attached into the sandbox, to work on it there."""

    file_id: uuid.UUID = Field(description="the id that stands where the file is attached")
    path: str | None = Field(
        None, min_length=1, max_length=4_096, description="an absolute path; without it /home/user/uploads/<its name>"
    )


COPY_ATTACHMENT: Final = declare("copy_attachment", CopyAttachment, repeatable=True)
