"""Bodies and views of slides."""

import uuid
from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from agents_backend.db.tables.sandboxes import Slide
from agents_backend.domain.slides import MAX_NUMBER
from agents_backend.services.slides import NewSlide, SlideChange
from api.schemas.runs import Body

Presentation = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f/\\]+$")]
Title = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
Content = Annotated[str, StringConstraints(min_length=1, max_length=900_000, pattern=r"^[^\x00]+$")]
Number = Annotated[int, Field(ge=1, le=MAX_NUMBER)]


class CreateSlideBody(Body):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"presentation_name": "Q3", "slide_number": 1, "title": "Results", "content": "<h1>Results</h1>"}
        },
    )

    presentation_name: Presentation
    slide_number: Number | None = Field(None, description="its place; without it, after the last one")
    title: Title
    content: Content = Field(description="an HTML page laid out for 1280x720 px")

    def new(self, idempotency_key: str | None) -> NewSlide:
        return NewSlide(self.presentation_name, self.title, self.content, self.slide_number, idempotency_key)


class UpdateSlideBody(Body):
    presentation_name: Presentation | None = None
    slide_number: Number | None = None
    title: Title | None = None
    content: Content | None = None
    version: int | None = Field(None, ge=1, description="change this version alone: another is a 409")

    def change(self) -> SlideChange:
        return SlideChange(**self.model_dump())


class SlideView(BaseModel):
    slide_id: uuid.UUID
    sandbox_id: str
    presentation_name: str
    slide_number: int
    title: str
    content: str
    version: int
    mirrored: bool = Field(description="whether the sandbox holds this version")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, slide: Slide) -> Self:
        return cls(
            slide_id=slide.id,
            sandbox_id=slide.sandbox_id,
            presentation_name=slide.presentation_name,
            slide_number=slide.slide_number,
            title=slide.title,
            content=slide.content,
            version=slide.version,
            mirrored=slide.mirrored_version == slide.version,
            created_at=slide.created_at,
            updated_at=slide.updated_at,
        )
