"""Documents that agents retrieve from, and the vectors that find them."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from agents_backend.settings.group import Group, prefixed

DIMENSIONS = (256, 384, 512, 768, 1024, 1536, 2048, 3072)


class EmbeddingSettings(Group):
    """What finds documents by their meaning. `auto` is the embedded model where it is installed; without any, their words alone do."""

    model_config = prefixed("EMBEDDING_")

    provider: Literal["auto", "embedded", "openai", "none"] = "auto"
    url: str | None = Field(None, description="an OpenAI-compatible server's; default OPENAI_BASE_URL, else OpenAI's")
    api_key: SecretStr | None = Field(None, description="default: OPENAI_API_KEY")
    model: str = Field("text-embedding-3-small", min_length=1, max_length=128)
    dimensions: int | None = Field(
        None, description=f"asked of the server; default its own. One of {', '.join(map(str, DIMENSIONS))}"
    )
    timeout_seconds: float = Field(30, gt=0, le=300, description="one request, at most")
    price: float = Field(0, ge=0, description="US dollars a million tokens of the server's; the embedded model is free")

    @model_validator(mode="after")
    def _has_an_index(self) -> Self:
        if self.dimensions is not None and self.dimensions not in DIMENSIONS:
            raise ValueError(f"EMBEDDING_DIMENSIONS: one of {', '.join(map(str, DIMENSIONS))}")
        return self


class RagSettings(Group):
    """Documents that agents retrieve from: what one may be, and how it is read and cut."""

    model_config = prefixed("RAG_")

    per_user: int = Field(1000, ge=1, description="resources of one user, at most")
    max_file_bytes: int = Field(25_000_000, ge=1_000, description="of an upload, or of what a URL leads to")
    max_pages: int = Field(3000, ge=1, description="of one document")
    max_characters: int = Field(5_000_000, ge=1_000, description="of one document's text")
    max_unpacked_bytes: int = Field(200_000_000, ge=1_000, description="of what a DOCX, PPTX or XLSX unpacks to")
    parse_seconds: float = Field(120, gt=0, le=600, description="that reading one document may take")
    parse_memory_bytes: int = Field(1_500_000_000, ge=200_000_000, description="that reading one document may take")
    passage_tokens: int = Field(
        200, ge=32, le=2000, description="of one passage, at most; the embedded model reads 256"
    )
    passage_overlap: int = Field(30, ge=0, le=200, description="tokens that a passage has of the one before it")

    @model_validator(mode="after")
    def _overlap_is_less(self) -> Self:
        if self.passage_overlap * 2 > self.passage_tokens:
            raise ValueError("RAG_PASSAGE_OVERLAP: at most half of RAG_PASSAGE_TOKENS")
        return self
