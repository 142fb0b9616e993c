"""Artifacts as their users see them."""

import uuid
from datetime import datetime
from typing import Any, Self
from urllib.parse import quote

from pydantic import BaseModel

from agents_backend.db.tables.runs import Artifact


class ArtifactView(BaseModel):
    """A file of a run; `details` say what it is and how it was made."""

    name: str
    media_type: str
    size: int
    sha256: str
    url: str
    details: dict[str, Any]
    created_at: datetime

    @classmethod
    def of(cls, artifact: Artifact) -> Self:
        return cls(
            name=artifact.name,
            media_type=artifact.media_type,
            size=artifact.size,
            sha256=artifact.sha256,
            url=url_of(artifact.run_id, artifact.name),
            details=artifact.details,
            created_at=artifact.created_at,
        )


class LinkView(BaseModel):
    """`url` is absolute for a bucket, a path of this server otherwise."""

    url: str
    expires_in: int

    @classmethod
    def of(cls, link: str, seconds: int) -> Self:
        return cls(url=link if "://" in link else f"/api/v1{link}", expires_in=seconds)


def url_of(run_id: uuid.UUID, name: str) -> str:
    return f"/api/v1/agent/runs/{run_id}/artifacts/{quote(name, safe='')}"
