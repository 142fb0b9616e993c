"""MCP servers: how one is reached, what its tools are called here, and how its secrets are shown."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from agents_backend.domain.errors import Invalid

CODEX: Final = "codex"
CLAUDE_CODE: Final = "claude-code"
Transport = Literal["streamable_http", "sse", "stdio"]
# Models take tool names of 64 of these characters at the most.
MAX_TOOL_NAME: Final = 64
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]")
_DIGITS = 8
_MASK, _SHOWN, _LONG_ENOUGH = "********", 4, 16
_NO_STDIO = (
    "transport: stdio starts a program, which is done in a sandbox alone. Name it in `mcp_settings.servers` of a request to "
    "/agent/agent/stream, whose runs have one."
)

ServerName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class OAuthClient(Frozen):
    """How we are known to a server's authorization server; without a client id we register ourselves.

    Attributes:
        grant: `authorization_code` asks a person once; `client_credentials` asks nobody.
        issuer: the only authorization server that may see the secret.
    """

    grant: Literal["authorization_code", "client_credentials"] = "authorization_code"
    client_id: str | None = None
    client_secret: str | None = None
    issuer: str | None = None
    scope: str | None = None


class ServerConfig(Frozen):
    """Everything that it takes to reach a server; as a whole it is a secret.

    Attributes:
        command, args, env: of `stdio`, which has no address.
        timeout_seconds: one call of a tool, at most.
        enabled_tools: the names, at the server, of those that are offered; None for all.
    """

    transport: Transport = "streamable_http"
    url: str = ""
    command: str | None = None
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = Field(default_factory=dict)
    headers: Mapping[str, str] = Field(default_factory=dict)
    oauth: OAuthClient | None = None
    timeout_seconds: int = 60
    enabled_tools: tuple[str, ...] | None = None

    @property
    def wants_consent(self) -> bool:
        return self.oauth is not None and self.oauth.grant == "authorization_code"

    def masked(self) -> "ServerConfig":
        """The same, fit to be shown."""
        oauth = self.oauth
        if oauth is not None and oauth.client_secret is not None:
            oauth = oauth.model_copy(update={"client_secret": mask(oauth.client_secret)})
        headers = {name: mask(value) for name, value in self.headers.items()}
        return self.model_copy(update={"headers": headers, "oauth": oauth, "url": masked_url(self.url)})

    def kept(self, stored: "ServerConfig") -> "ServerConfig":
        """The same, with what was written back as it had been shown replaced by what it stands for.

        Raises:
            Invalid: it would send a stored secret to somebody else.
        """
        shown = stored.masked()
        url = stored.url if self.url == shown.url else self.url
        headers = {
            name: stored.headers[name] if value == shown.headers.get(name) else value
            for name, value in self.headers.items()
        }
        if headers != self.headers and origin(url) != origin(stored.url):
            raise Invalid.field("url", "the address is another one: give the headers' values again")
        return self.model_copy(update={"url": url, "headers": headers, "oauth": self._oauth_kept(stored, shown)})

    def _oauth_kept(self, stored: "ServerConfig", shown: "ServerConfig") -> OAuthClient | None:
        given, before = self.oauth, stored.oauth
        if given is None or before is None or shown.oauth is None or given.client_secret is None:
            return given
        if given.client_secret != shown.oauth.client_secret:
            return given
        if given.issuer != before.issuer or (given.issuer is None and origin(self.url) != origin(stored.url)):
            raise Invalid.field("oauth", "the authorization server is another one: give the secret again")
        return given.model_copy(update={"client_secret": before.client_secret})


@dataclass(frozen=True)
class RemoteTool:
    """A tool as its server describes it.

    Attributes:
        schema: of its arguments, whole.
        repeatable: its server says that a second call does no harm.
    """

    name: str
    description: str
    schema: Mapping[str, Any]
    repeatable: bool = False


def refuse_stdio(transport: str) -> None:
    """Raise where a request asks for a program.

    Raises:
        Invalid: says where such a program may run.
    """
    if transport == "stdio":
        error = {"loc": ["body", "transport"], "msg": _NO_STDIO, "type": "value_error"}
        raise Invalid(_NO_STDIO, errors=[error], code="MCP_STDIO_REFUSED")


def mask(secret: str) -> str:
    """A secret as it is shown: its last characters, if enough others stay hidden."""
    return f"{_MASK}{secret[-_SHOWN:]}" if len(secret) >= _LONG_ENOUGH else _MASK


def masked_url(url: str) -> str:
    """An address as it is shown: the values of its query may be keys."""
    parts = urlsplit(url)
    query = urlencode([(name, _MASK) for name, _ in parse_qsl(parts.query, keep_blank_values=True)], safe="*")
    return urlunsplit(parts._replace(query=query if query or not parts.query else _MASK, fragment=""))


def origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.netloc.lower()


def named(server: str, tools: Iterable[RemoteTool]) -> dict[str, RemoteTool]:
    """A server's tools by the names that models know them by: `mcp__<server>__<tool>`, each once."""
    found: dict[str, RemoteTool] = {}
    for tool in tools:
        name = f"mcp__{server}__{_NOT_IN_A_NAME.sub('_', tool.name)}"
        if len(name) > MAX_TOOL_NAME or name in found:
            digest = hashlib.sha256(tool.name.encode()).hexdigest()[:_DIGITS]
            name = f"{name[: MAX_TOOL_NAME - _DIGITS - 1]}_{digest}"
        found[name] = tool
    return found
