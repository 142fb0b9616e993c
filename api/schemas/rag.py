"""Resources that agents retrieve from, and passages that are found."""

import uuid
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from agents_backend.db.tables.rag import RagResource
from agents_backend.domain.passages import URI_PATTERN, resource_of, uri_of
from agents_backend.services.rag_resources import NewDocument
from agents_backend.services.rag_search import Hit, Hits
from api.schemas.fields import Body

Status = Literal["pending", "ready", "failed"]
Title = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")]
Uri = Annotated[str, StringConstraints(max_length=1_000, pattern=URI_PATTERN)]
_MOST_TEXT = 900_000


class ResourceRef(Body):
    """A resource, by its URI; other clients' titles and descriptions are theirs."""

    uri: Uri
    title: str | None = Field(None, max_length=1_000)
    description: str | None = Field(None, max_length=10_000)

    @property
    def id(self) -> uuid.UUID:
        found = resource_of(self.uri)
        if found is None:
            raise ValueError(self.uri)
        return found


class AddResourceBody(Body):
    """A resource as JSON: what a URL leads to, or a text (Markdown) with its title."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"title": "House rules", "text": "# Quiet hours\n\nFrom 22:00."}}
    )

    url: str | None = Field(None, min_length=1, max_length=4_096, pattern=r"^[^\x00]+$")
    text: str | None = Field(None, min_length=1, max_length=_MOST_TEXT)
    title: Title | None = None
    replaces: uuid.UUID | None = Field(None, description="the resource whose content this is from now on")

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if (self.url is None) == (self.text is None):
            raise ValueError("either a url, or a title and a text")
        if self.text is not None and self.title is None:
            raise ValueError("a text wants a title")
        return self

    def document(self, user_id: int, *, idempotency_key: str | None, request_id: str) -> NewDocument:
        made = NewDocument(
            user_id,
            "url" if self.text is None else "text",
            url=self.url,
            title=self.title,
            replaces=self.replaces,
            idempotency_key=idempotency_key,
            request_id=request_id,
        )
        if self.text is None:
            return made
        return replace(made, content=self.text.encode(errors="replace"), media_type="text/markdown")


class UploadFields(Body):
    """The fields beside a file."""

    title: Title | None = None
    replaces: uuid.UUID | None = None


class ResourceView(BaseModel):
    id: uuid.UUID
    uri: str = Field(description="what a chat's `resources` and citations call it")
    title: str
    source: str = Field(description="file, url or text")
    url: str | None
    file_name: str
    media_type: str
    size: int = Field(description="bytes")
    sha256: str | None
    status: Status
    error_code: str | None = Field(
        description="why its latest ingestion failed; a resource that was ready before still is"
    )
    error: str | None
    pages: int
    passages: int
    language: str
    embedding_model: str | None = Field(description="null: it is found by its words alone")
    run_id: uuid.UUID | None = Field(description="its latest ingestion")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, resource: RagResource) -> Self:
        plain = {name: getattr(resource, name) for name in cls.model_fields if hasattr(resource, name)}
        return cls(**plain, uri=uri_of(resource.id), embedding_model=resource.model or None)


class SearchBody(Body):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"query": "When must it be quiet?"}})

    query: str = Field(min_length=1, max_length=1_000, pattern=r"^[^\x00]+$")
    limit: int = Field(6, ge=1, le=20)
    resources: list[ResourceRef] = Field(default_factory=list, max_length=50, description="none: all of one's own")


class PassageView(BaseModel):
    uri: str
    resource_id: uuid.UUID
    title: str
    heading: str
    page: int | None
    text: str
    score: float

    @classmethod
    def of(cls, hit: Hit) -> Self:
        passage: Any = hit.passage
        plain = {name: getattr(passage, name) for name in cls.model_fields if name != "uri"}
        return cls(uri=hit.uri, **plain)


class SearchView(BaseModel):
    items: list[PassageView]
    method: Literal["hybrid", "vector", "text"]
    notice: str | None = Field(description="what kept the search from being better")

    @classmethod
    def of(cls, hits: Hits) -> Self:
        return cls(items=[PassageView.of(hit) for hit in hits.items], method=hits.method, notice=hits.notice)
