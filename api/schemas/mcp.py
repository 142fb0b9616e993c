"""MCP servers: bodies and views."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from agents_backend.domain.mcp import OAuthClient, ServerConfig, ServerName, Transport, refuse_stdio
from agents_backend.integrations.mcp_auth import Returned
from agents_backend.services.mcp_servers import KnownServer
from agents_backend.services.run_mcp import McpWishes
from api.schemas.fields import Body

# RFC 9110: a field's name is a token; a value is printable, for a line break in it would be another header.
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$")]
HeaderValue = Annotated[str, StringConstraints(max_length=8_192, pattern=r"^[\x20-\x7e]*$")]
_LINE = r"^[^\x00-\x1f\x7f]*$"
Url = Annotated[str, StringConstraints(min_length=1, max_length=4_096, pattern=_LINE)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=1_024, pattern=_LINE)]
Argument = Annotated[str, StringConstraints(max_length=8_192, pattern=r"^[^\x00]*$")]
Variable = Annotated[str, StringConstraints(max_length=128, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "content-type", "accept"})


class OAuthBody(Body):
    """How this deployment is known to the server's authorization server."""

    grant: Literal["authorization_code", "client_credentials"] = "authorization_code"
    client_id: Line | None = Field(None, description="without one, this deployment registers itself")
    client_secret: HeaderValue | None = Field(None, description="read back masked; the mask keeps it")
    issuer: Url | None = Field(None, description="the authorization server that the secret belongs to")
    scope: Line | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.grant == "client_credentials" and not (self.client_id and self.client_secret and self.issuer):
            raise ValueError("client_credentials: give client_id, client_secret and issuer")
        if self.client_secret and not self.client_id:
            raise ValueError("client_secret: give its client_id")
        return self


class Reached(Body):
    """How a server is reached. `command`, `args` and `env` belong to stdio, which runs in a sandbox alone."""

    transport: Transport = "streamable_http"
    headers: dict[HeaderName, HeaderValue] = Field(
        default_factory=dict, max_length=50, description="sent with each request; read back masked; the mask keeps them"
    )
    oauth: OAuthBody | None = None
    timeout_seconds: int = Field(60, ge=1, le=240, description="one call of a tool, at most")
    enabled_tools: list[Line] | None = Field(None, max_length=500, description="without it, all of its tools")
    command: Argument | None = None
    args: list[Argument] | None = Field(None, max_length=100)
    env: dict[Variable, Argument] | None = Field(None, max_length=100)

    @model_validator(mode="after")
    def _sets_no_header_of_ours(self) -> Self:
        if ours := sorted(name for name in self.headers if name.lower() in _OURS):
            raise ValueError(f"headers: {ours[0]} is set by the connection itself")
        if self.command is not None and self.transport != "stdio":
            raise ValueError("command: is for the transport stdio")
        return self

    def config_at(self, url: str) -> ServerConfig:
        return ServerConfig(
            transport=self.transport,
            url=url,
            command=self.command,
            args=tuple(self.args or ()),
            env=self.env or {},
            headers=self.headers,
            oauth=OAuthClient(**self.oauth.model_dump()) if self.oauth else None,
            timeout_seconds=self.timeout_seconds,
            enabled_tools=None if self.enabled_tools is None else tuple(self.enabled_tools),
        )


class McpServerBody(Reached):
    url: Url | None = Field(None, description="http or https; for every transport but stdio")

    @model_validator(mode="after")
    def _has_an_address(self) -> Self:
        if self.url is None and self.transport != "stdio":
            raise ValueError("url: give the server's address")
        return self

    def config(self) -> ServerConfig:
        """What is to be reached.

        Raises:
            Invalid: a program; says where such a one may run.
        """
        refuse_stdio(self.transport)
        return self.config_at(self.url or "")


_EXAMPLE: Any = {"name": "weather", "url": "https://weather.example.com/mcp", "headers": {"Authorization": "Bearer …"}}


class CreateMcpServerBody(McpServerBody):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _EXAMPLE})

    name: ServerName


class ChatMcpServerBody(Reached):
    """A server of a chat's body: with a `url` the run's own; without one, a choice among the servers that are known."""

    url: Url | None = None
    enabled: bool = True
    add_to_agents: list[Line] | None = Field(
        None, max_length=20, description="the agents that may use it; without it, any"
    )

    @model_validator(mode="after")
    def _chooses_or_brings(self) -> Self:
        if self.url is None and (self.headers or self.oauth):
            raise ValueError("url: headers and oauth are for a server that is named by its url")
        if self.transport == "stdio" and (self.url is not None or not self.command):
            raise ValueError("command: stdio has a command, and no url")
        if self.oauth is not None and self.oauth.grant == "authorization_code":
            raise ValueError("oauth: a person's consent is for servers that are kept; add it there")
        return self

    @property
    def is_own(self) -> bool:
        return self.url is not None or self.transport == "stdio"

    def choice(self, agent_name: str) -> dict[str, Any]:
        meant = self.enabled and (self.add_to_agents is None or agent_name in self.add_to_agents)
        return {"enabled": meant, "enabled_tools": self.enabled_tools}


class McpSettings(Body):
    servers: dict[ServerName, ChatMcpServerBody] = Field(default_factory=dict, max_length=20)

    def wishes(self, agent_name: str, *, has_sandbox: bool = False) -> McpWishes:
        """What the run is to have.

        Raises:
            Invalid: one is a program, and the run has no sandbox.
        """
        for server in self.servers.values():
            if not has_sandbox:
                refuse_stdio(server.transport)
        own = {name: s.config_at(s.url or "") for name, s in self.servers.items() if s.is_own}
        return McpWishes(own=own, choices={name: s.choice(agent_name) for name, s in self.servers.items()})


class ConsentQuery(BaseModel):
    """What an authorization server sends a browser back with; some add parameters of their own."""

    code: Annotated[str, StringConstraints(max_length=4_096, pattern=r"^[\x20-\x7e]*$")] = ""
    state: Annotated[str, StringConstraints(max_length=512, pattern=r"^[\x20-\x7e]*$")] = ""
    error: Annotated[str, StringConstraints(max_length=256)] = ""
    iss: Annotated[str, StringConstraints(max_length=2_048, pattern=r"^[\x20-\x7e]*$")] = ""

    def returned(self) -> Returned:
        return Returned("" if self.error else self.code, self.state, self.iss or None)


class ConsentView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    server: str
    error: str | None = Field(description="why the server cannot be used; null where it can")


class McpToolView(BaseModel):
    name: str = Field(description="as the server calls it")
    description: str
    input_schema: dict[str, Any]


class OAuthView(BaseModel):
    grant: str
    client_id: str | None
    client_secret: str | None = Field(description="masked")
    issuer: str | None
    scope: str | None


class McpServerView(BaseModel):
    name: str
    transport: Transport
    url: str = Field(description="values of its query are masked")
    headers: Mapping[str, str] = Field(description="values are masked")
    oauth: OAuthView | None
    timeout_seconds: int
    enabled_tools: list[str] | None
    is_active: bool
    status: Literal["ready", "unavailable", "awaits_consent"]
    error: str | None = Field(description="why it could not be used when it was last asked")
    authorization_url: str | None = Field(description="where to consent, in the answer that asks for it")
    tools: list[McpToolView]
    checked_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, server: KnownServer) -> Self:
        config = server.config
        return cls.model_validate(
            {
                **{name: getattr(server, name) for name in cls.model_fields if hasattr(server, name)},
                **config.model_dump(),
                "authorization_url": server.consent.url if server.consent else None,
                "tools": [
                    McpToolView(name=t.name, description=t.description, input_schema=dict(t.schema))
                    for t in server.tools
                ],
            }
        )
