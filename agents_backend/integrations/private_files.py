"""Files in a sandbox that their owner alone may read: credentials."""

import asyncio
from typing import Final

from agents_backend.domain.errors import SandboxFailed, SandboxTimeout
from agents_backend.integrations.sandboxes import Boxes

_SECONDS: Final = 10.0
_WRITTEN: Final = "written"

# Reads as many bytes as it was told of, since not every host can close a program's input. The file appears whole, or not at all.
_WRITE: Final = f"""
umask 077
new=$AGENTS_PATH.new
mkdir -p -- "${{AGENTS_PATH%/*}}" && rm -f -- "$new" && head -c "$AGENTS_SIZE" > "$new" && mv -fT -- "$new" "$AGENTS_PATH" && echo {_WRITTEN}
"""


async def write_private(boxes: Boxes, box_id: str, path: str, text: str, *, seconds: int) -> None:
    """Write a small file that nobody but its owner may read, or may have read at any moment of its writing; new folders likewise.

    Args:
        boxes: where the box is.
        box_id: E2B's.
        path: absolute, in the box.
        text: goes by the program's input, and so into no list of processes.
        seconds: that the box is let run, at the least, where it has to be connected to.

    Raises:
        SandboxFailed: it could not be written, by the box's own fault or its user's. SandboxTimeout: not within 10 s.
        SandboxGone, SandboxUnavailable: as everything in a box.
    """
    env = {"AGENTS_PATH": path, "AGENTS_SIZE": str(len(text.encode()))}
    told: list[str] = []
    try:
        async with (
            asyncio.timeout(_SECONDS),
            boxes.program(box_id, _WRITE, env=env, take=told.append, seconds=seconds) as running,
        ):
            await running.send(text)
            await running.wait()
    except TimeoutError:
        raise SandboxTimeout(retry_after=5) from None
    if "".join(told).strip() != _WRITTEN:
        raise SandboxFailed("A file of credentials could not be written in the sandbox.")
