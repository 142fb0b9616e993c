"""Bodies and views of sandboxes, their commands and their files."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, StringConstraints

from agents_backend.db.tables.sandboxes import Sandbox, SandboxCommand
from agents_backend.integrations.sandbox_scripts import CommandReport
from agents_backend.integrations.sandboxes import Box, BoxFile
from agents_backend.services.sandbox_commands import CommandRequest
from agents_backend.services.sandbox_files import FileContent
from agents_backend.services.sandboxes import Found, SandboxUrls
from api.schemas.runs import Body, Name

DAY = 86_400
SandboxId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


def _encodable(text: str) -> str:
    """JSON can spell half of a surrogate pair; no file and no URL can hold it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("the text holds half of a surrogate pair") from None
    return text


Text = Annotated[str, AfterValidator(_encodable)]
Path = Annotated[
    Text,
    Field(
        min_length=1,
        max_length=4096,
        validation_alias=AliasChoices("path", "file_path"),
        examples=["/home/user/a.txt"],
    ),
]
Url = Annotated[Text, Field(min_length=1, max_length=4096, examples=["https://example.com/data.csv"])]
Timeout = Annotated[int, Field(ge=30, le=DAY, description="seconds")]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
Value = Annotated[str, StringConstraints(max_length=20_000, pattern=r"^[^\x00]*$")]


class CreateSandboxBody(Body):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"template_id": "agents-backend-sandbox"}})

    template_id: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$")
    timeout_seconds: Timeout | None = None
    session_id: Name | None = Field(None, description="while a sandbox of this name lives, it is the answer")


class ConnectSandboxBody(Body):
    sandbox_id: SandboxId
    timeout_seconds: Timeout | None = None


class TimeoutBody(Body):
    timeout_seconds: Timeout


class PortBody(Body):
    port: int = Field(ge=1, le=65_535)


class CommandBody(Body):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"sandbox_id": "sbx_abc123", "command": "npm install"}}
    )

    sandbox_id: SandboxId
    command: str = Field(min_length=1, max_length=30_000, pattern=r"^[^\x00]+$", description="run by bash -c")
    background: bool = Field(default=False, description="answer at once; its output is asked for later")
    cwd: str | None = Field(None, max_length=4096, pattern=r"^/[^\x00]*$")
    env: dict[Variable, Value] = Field(default_factory=dict, max_length=50)
    timeout_seconds: int | None = Field(
        None, ge=1, le=DAY, description="when it is killed; default 300, in the background an hour"
    )

    def request(self, user_id: int, *, wait: bool, idempotency_key: str | None) -> CommandRequest:
        return CommandRequest(
            user_id=user_id,
            sandbox_id=self.sandbox_id,
            command=self.command,
            timeout_seconds=self.timeout_seconds or (300 if wait else 3600),
            cwd=self.cwd,
            env=self.env,
            wait=wait,
            idempotency_key=idempotency_key,
        )


class WriteFileBody(Body):
    sandbox_id: SandboxId
    path: Path
    content: Text = Field(description="empty is fine")


class ReadFileBody(Body):
    sandbox_id: SandboxId
    path: Path


class UploadFromUrlBody(Body):
    sandbox_id: SandboxId
    url: Url
    path: Path


class DownloadToPresignedBody(Body):
    sandbox_id: SandboxId
    path: Path
    presigned_url: Url


class MakeFolderBody(Body):
    path: Path


class SandboxView(BaseModel):
    sandbox_id: str
    status: str
    template_id: str
    session_id: str | None
    timeout_seconds: int
    expires_at: datetime | None = Field(description="when it is paused; while it is paused, when it is removed")
    reason: str = Field(description="why it came to its end")
    created_at: datetime

    @classmethod
    def fields(cls, row: Sandbox) -> dict[str, Any]:
        return {
            "sandbox_id": row.id,
            "status": row.status,
            "template_id": row.template_id,
            "session_id": row.session_id,
            "timeout_seconds": row.timeout_seconds,
            "expires_at": row.expires_at,
            "reason": row.reason,
            "created_at": row.created_at,
        }

    @classmethod
    def of(cls, row: Sandbox) -> Self:
        return cls(**cls.fields(row))


class SandboxUrlsView(BaseModel):
    """The sandbox's own servers. Each request to them carries `access_token` in the header `access_token_header`."""

    mcp_url: str | None
    vscode_url: str | None
    vscode_reason: str | None
    access_token: str | None
    access_token_header: str | None
    access_token_parameter: str | None = Field(
        description="a query parameter that may carry the token instead, for a browser; null where there is none"
    )

    @classmethod
    def values(cls, urls: SandboxUrls | None) -> dict[str, Any]:
        return {
            "mcp_url": urls.mcp_url if urls else None,
            "vscode_url": urls.vscode_url if urls else None,
            "vscode_reason": urls.vscode_reason if urls else None,
            "access_token": urls.token if urls else None,
            "access_token_header": urls.token_header if urls else None,
            "access_token_parameter": urls.token_parameter if urls else None,
        }

    @classmethod
    def of_urls(cls, urls: SandboxUrls) -> Self:
        return cls(**cls.values(urls))


class SandboxDetailView(SandboxView, SandboxUrlsView):
    """A sandbox with its URLs, which it has while it runs."""

    @classmethod
    def of_found(cls, found: Found) -> Self:
        return cls(**cls.fields(found.sandbox), **cls.values(found.urls))


class SandboxInfoView(SandboxView):
    started_at: datetime | None
    cpu_count: int | None
    memory_mb: int | None

    @classmethod
    def of_box(cls, row: Sandbox, box: Box | None) -> Self:
        return cls(
            **cls.fields(row),
            started_at=box.started_at if box else None,
            cpu_count=box.cpu_count if box else None,
            memory_mb=box.memory_mb if box else None,
        )


class PortView(BaseModel):
    port: int
    url: str
    access_token: str | None


class CommandView(BaseModel):
    command_id: str
    sandbox_id: str
    status: Literal["running", "finished", "cancelled", "failed"]
    command: str
    exit_code: int | None = Field(description="null while it runs; 124 when its time was up")
    stdout: str
    stderr: str
    duration_ms: int | None
    truncated: bool = Field(description="whether only the first megabyte of an output is here")
    error: dict[str, Any] | None
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, row: SandboxCommand, so_far: CommandReport | None = None) -> Self:
        return cls.model_validate(
            {
                "command_id": row.id,
                "sandbox_id": row.sandbox_id,
                "status": row.status,
                "command": row.command,
                "exit_code": row.exit_code,
                "stdout": so_far.stdout if so_far else row.stdout,
                "stderr": so_far.stderr if so_far else row.stderr,
                "duration_ms": row.duration_ms,
                "truncated": so_far.truncated if so_far else row.truncated,
                "error": row.error,
                "created_at": row.created_at,
                "finished_at": row.finished_at,
            }
        )


class FolderEntryView(BaseModel):
    name: str
    path: str
    is_folder: bool
    size: int = Field(description="bytes; of a folder, nothing that tells")

    @classmethod
    def of(cls, file: BoxFile) -> Self:
        return cls(name=file.path.rsplit("/", 1)[-1], path=file.path, is_folder=file.is_folder, size=file.size)


class PathView(BaseModel):
    path: str


class FolderView(PathView):
    created: bool = Field(description="false when it was there already")


class SentFileView(PathView):
    size: int = Field(description="bytes")


class FileView(BaseModel):
    path: str
    content: str
    encoding: Literal["utf-8", "base64"]
    size: int = Field(description="bytes")

    @classmethod
    def of(cls, found: FileContent) -> Self:
        return cls(path=found.path, content=found.content, encoding=found.encoding, size=found.size)
