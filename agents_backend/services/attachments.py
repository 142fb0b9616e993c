"""Attached files as a model is shown them: text as text, pictures to models that see, everything else by its name.

A message keeps which file it is; the bytes are read from storage for each call and stand nowhere else.
"""

import base64
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage

from agents_backend.db.tables.files import StagedFile
from agents_backend.domain.attachments import attachment_path
from agents_backend.domain.errors import NotFound
from agents_backend.domain.media_types import IMAGES, is_text_like
from agents_backend.integrations.storage import Storage
from agents_backend.services.content import STAGED
from agents_backend.services.staged_files import key_of
from agents_backend.services.windows import shape
from agents_backend.settings import FileSettings, ModelConfig

Block = str | dict[str, Any]


class Attachments:
    """`sandbox_bytes` is the size of the largest file that goes into a sandbox; None where there are no sandboxes."""

    def __init__(self, *, storage: Storage, settings: FileSettings, sandbox_bytes: int | None) -> None:
        self._storage, self._settings, self._sandbox_bytes = storage, settings, sandbox_bytes

    async def shape(
        self, context: list[BaseMessage], config: ModelConfig, *, reasoning: bool, in_sandbox: bool
    ) -> list[BaseMessage]:
        """The messages for one model (`windows.shape`), with what is attached to them, and where that is in the run's sandbox.

        Pictures come last: their bytes are no text, and must not be counted as such where a conversation is too long.

        Raises:
            Unavailable: the storage does not answer.
        """
        if not any(_has_files(message) for message in context):
            return shape(context, config, reasoning=reasoning)
        limit = self._sandbox_bytes if in_sandbox else None
        told = [await _changed(message, lambda block: self._told(block, config, limit)) for message in context]
        return [await _changed(message, self._shown) for message in shape(told, config, reasoning=reasoning)]

    async def _told(self, file: dict[str, Any], config: ModelConfig, limit: int | None) -> list[Block]:
        title = f"Attached: {file['name']} ({file['media_type']}, {file['size']:,} bytes){_place(file, limit)}"
        if file["media_type"] in IMAGES and config.vision and file["size"] <= self._settings.image_bytes:
            return [_text(title), file] if limit is not None else [file]
        if not is_text_like(file["media_type"]):
            return [_text(f"[{title}: what is in it cannot be shown to you here.]")]
        size, most = file["size"], self._settings.text_bytes
        try:
            pieces = await self._storage.open(key_of(uuid.UUID(file["file_id"])), 0, min(size, most))
            text = b"".join([piece async for piece in pieces]).decode(errors="ignore")
        except NotFound:
            return [_deleted(file)]
        rest = f"\n[{size - most:,} bytes more are left out here.]" if size > most else ""
        return [_text(f"{title}\n<file>\n{text}{rest}\n</file>")]

    async def _shown(self, file: dict[str, Any]) -> list[Block]:
        try:
            data = await self._storage.read(key_of(uuid.UUID(file["file_id"])))
        except NotFound:
            return [_deleted(file)]
        return [{"type": "image", "mime_type": file["media_type"], "base64": base64.b64encode(data).decode()}]


async def _changed(message: BaseMessage, change: Callable[[dict[str, Any]], Awaitable[list[Block]]]) -> BaseMessage:
    """The message with each of its files turned into something else."""
    if not _has_files(message):
        return message
    blocks: list[Block] = []
    for block in message.content:
        blocks += await change(block) if isinstance(block, dict) and _is_file(block) else [block]
    return HumanMessage(blocks)


def _has_files(message: BaseMessage) -> bool:
    return isinstance(message.content, list) and any(_is_file(block) for block in message.content)


def _is_file(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == STAGED


def _place(file: dict[str, Any], limit: int | None) -> str:
    if limit is None:
        return ""
    if file["size"] > limit:
        return f", too large for the sandbox, which takes {limit:,} bytes"
    return f", in the sandbox at {attachment_path(uuid.UUID(file['file_id']), file['name'])}"


def _text(text: str) -> Block:
    return {"type": "text", "text": text}


def _deleted(file: dict[str, Any]) -> Block:
    return _text(f"[Attached: {file['name']}: it has been deleted.]")


def part_of(file: StagedFile) -> dict[str, Any]:
    """What a message keeps of a file."""
    return {
        "type": STAGED,
        "file_id": str(file.id),
        "name": file.name,
        "media_type": file.media_type,
        "size": file.size,
    }
