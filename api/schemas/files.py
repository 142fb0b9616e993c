"""Staged files as their users see them."""

import uuid
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, computed_field


class FileView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    name: str
    media_type: str = Field(description="as its bytes say, whatever it was called")
    size: int
    sha256: str
    created_at: datetime
    expires_at: datetime = Field(description="when it is deleted; to attach it to a message puts that off")

    @computed_field(description="its bytes")  # type: ignore[prop-decorator]  # pydantic's documented order
    @property
    def url(self) -> str:
        return f"/api/v1/agent/files/{self.id}/content"
