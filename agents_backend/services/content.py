"""A user message of several parts, from AG-UI's form to LangChain's standard content blocks."""

from collections.abc import Sequence
from typing import Any

STAGED = "staged_file"  # a part that names a file of the user; `attachments` shows it
_MEDIA = frozenset({"image", "audio", "video"})


def blocks(parts: Sequence[dict[str, Any]]) -> list[str | dict[str, Any]]:
    """What a model is given. A part that no model could read (a vendor's file id, say) is named, so that it can say so."""
    return [_block(part) for part in parts]


def _block(part: dict[str, Any]) -> str | dict[str, Any]:
    kind, source = part.get("type", ""), part.get("source") or {}
    if kind == STAGED:
        return dict(part)
    if kind == "text":
        return {"type": "text", "text": part.get("text", "")}
    block: dict[str, Any] = {"type": kind if kind in _MEDIA else "file"}
    if source.get("mimeType"):
        block["mime_type"] = source["mimeType"]
    if source.get("type") == "url":
        return {**block, "url": source["value"]}
    if source.get("type") == "data":
        return {**block, "base64": source["value"]}
    return {"type": "text", "text": f"[an attachment of type {kind} that cannot be read here]"}
