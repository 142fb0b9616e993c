"""The bodies of the control plane's requests, in E2B's words."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

DEFAULT_SECONDS = 300


class Body(BaseModel):
    """Unknown fields are left alone: a newer SDK may send more."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class _AutoResume(Body):
    enabled: bool = False


class _Network(Body):
    """What the host cannot hold it must not accept: a rule that is not enforced is worse than none."""

    public: bool | None = Field(None, alias="allowPublicTraffic")
    allow: list[str] = Field(default_factory=list, alias="allowOut", max_length=0)
    deny: list[str] = Field(default_factory=list, alias="denyOut", max_length=0)
    rules: dict[str, Any] = Field(default_factory=dict, max_length=0)
    proxy: None = Field(None, alias="egressProxy")
    https: list[int] = Field(default_factory=list, alias="httpsPorts", max_length=0)
    mask: None = Field(None, alias="maskRequestHost")


class NewSandbox(Body):
    template: str = Field(alias="templateID", max_length=200)
    timeout: int = DEFAULT_SECONDS
    auto_pause: bool = Field(default=False, alias="autoPause")
    auto_pause_memory: bool = Field(default=True, alias="autoPauseMemory")
    auto_resume: _AutoResume = Field(default_factory=_AutoResume, alias="autoResume")
    internet: bool = Field(default=False, alias="allow_internet_access")
    metadata: Annotated[dict[str, str], Field(max_length=100)] = Field(default_factory=dict)
    env: Annotated[dict[str, str], Field(max_length=1000)] = Field(default_factory=dict, alias="envVars")
    network: _Network = Field(default_factory=_Network)
    mcp: Any = None
    volumes: list[Any] = Field(default_factory=list, alias="volumeMounts")
    iam: Any = None


class Connect(Body):
    timeout: int = DEFAULT_SECONDS
    memory: bool = True


class Pause(Body):
    memory: bool = True


class Timeout(Body):
    timeout: int


class NewSnapshot(Body):
    name: str | None = Field(None, max_length=200)
