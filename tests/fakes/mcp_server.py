"""MCP servers on the official SDK: one that anybody may use, or one that wants a bearer token. It records what it was sent."""

import asyncio
import secrets
import time
from collections import Counter
from typing import Any, Self

import uvicorn
from mcp.server import MCPServer
from mcp.server.auth.provider import (
    AccessToken,
    AuthorizationCode,
    AuthorizationParams,
    RefreshToken,
    construct_redirect_uri,
)
from mcp.server.auth.settings import AuthSettings, ClientRegistrationOptions
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from mcp_types import ImageContent, TextContent, ToolAnnotations

from agents_backend.stack.process import free_port

# A PNG of one pixel.
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class OneToken:
    def __init__(self, token: str) -> None:
        self.token = token

    async def verify_token(self, token: str) -> AccessToken | None:
        return AccessToken(token=token, client_id="c", scopes=[]) if token == self.token else None


class Consenting:
    """An authorization server that consents at once: registers anybody, rotates refresh tokens, forgets them on `revoke`."""

    def __init__(self) -> None:
        self.lifetime = 3600
        self.clients: dict[str, OAuthClientInformationFull] = {}
        self.codes: dict[str, AuthorizationCode] = {}
        self.access: set[str] = set()
        self.refresh: dict[str, RefreshToken] = {}
        self.issued: list[str] = []
        self.refreshes = 0

    def revoke(self) -> None:
        self.access.clear()
        self.refresh.clear()

    async def get_client(self, client_id: str) -> OAuthClientInformationFull | None:
        return self.clients.get(client_id)

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        self.clients[client_info.client_id] = client_info

    async def authorize(self, client: OAuthClientInformationFull, params: AuthorizationParams) -> str:
        code = secrets.token_urlsafe(16)
        self.codes[code] = AuthorizationCode(
            code=code,
            scopes=params.scopes or [],
            expires_at=time.time() + 60,
            client_id=client.client_id,
            **params.model_dump(include={"code_challenge", "redirect_uri", "redirect_uri_provided_explicitly"}),
        )
        return construct_redirect_uri(str(params.redirect_uri), code=code, state=params.state)

    async def load_authorization_code(self, client: Any, authorization_code: str) -> AuthorizationCode | None:
        return self.codes.get(authorization_code)

    async def exchange_authorization_code(self, client: Any, authorization_code: AuthorizationCode) -> OAuthToken:
        del self.codes[authorization_code.code]
        return self._tokens(client.client_id)

    async def load_refresh_token(self, client: Any, refresh_token: str) -> RefreshToken | None:
        return self.refresh.get(refresh_token)

    async def exchange_refresh_token(self, client: Any, refresh_token: RefreshToken, scopes: list[str]) -> OAuthToken:
        del self.refresh[refresh_token.token]
        self.refreshes += 1
        return self._tokens(client.client_id)

    async def load_access_token(self, token: str) -> AccessToken | None:
        return AccessToken(token=token, client_id="c", scopes=[]) if token in self.access else None

    async def revoke_token(self, token: Any) -> None:
        self.revoke()

    def _tokens(self, client_id: str) -> OAuthToken:
        access, refresh = f"at-{secrets.token_urlsafe(24)}", f"rt-{secrets.token_urlsafe(24)}"
        self.access.add(access)
        self.refresh[refresh] = RefreshToken(token=refresh, client_id=client_id, scopes=[])
        self.issued += [access, refresh]
        return OAuthToken(access_token=access, refresh_token=refresh, expires_in=self.lifetime)


class FakeMcp:
    """`token`: what it wants as a bearer token, if anything. `sse`: speaks the older transport; `legacy`: the older protocol."""

    def __init__(
        self,
        *,
        token: str | None = None,
        sse: bool = False,
        legacy: bool = False,
        consenting: Consenting | None = None,
    ) -> None:
        self.port, self.token, self._sse, self._legacy = free_port(), token, sse, legacy
        self._consenting = consenting
        self.received: list[tuple[str, str, dict[str, str]]] = []
        self.bodies: list[bytes] = []
        self.calls: Counter[str] = Counter()
        self.cancelled: list[str] = []
        self.release = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{'/sse' if self._sse else '/mcp'}"

    @property
    def body(self) -> dict[str, Any]:
        """What adds it."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return {"url": self.url, "transport": "sse" if self._sse else "streamable_http", "headers": headers}

    def headers(self, name: str) -> set[str]:
        return {headers[name] for _, _, headers in self.received if name in headers}

    async def __aenter__(self) -> Self:
        server = self._server()
        app = server.sse_app() if self._sse else server.streamable_http_app()

        async def recorded(scope, receive, send):
            if scope["type"] == "http":
                headers = {k.decode(): v.decode() for k, v in scope["headers"]}
                self.received.append((scope["method"], scope["path"], headers))
                if self._legacy and headers.get("mcp-method") == "server/discover":
                    scope = {**scope, "path": "/none"}
            await app(scope, receive, send)

        config = uvicorn.Config(recorded, host="127.0.0.1", port=self.port, log_config=None, ws="none")
        self._uvicorn = uvicorn.Server(config)
        self._task = asyncio.create_task(self._uvicorn.serve())
        while not self._uvicorn.started:
            await asyncio.sleep(0.01)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.release.set()
        self._uvicorn.should_exit = self._uvicorn.force_exit = True
        await self._task

    def _server(self) -> MCPServer:
        auth: dict[str, Any] = {}
        if self.token or self._consenting:
            about = AuthSettings(
                issuer_url=f"http://127.0.0.1:{self.port}",
                resource_server_url=self.url,
                validate_token_resource=False,
                client_registration_options=ClientRegistrationOptions(enabled=self._consenting is not None),
            )
            who = {"token_verifier": OneToken(self.token)} if self.token else {}
            auth = {"auth": about, **who, **({"auth_server_provider": self._consenting} if self._consenting else {})}
        server = MCPServer("fake", log_level="CRITICAL", **auth)
        reads = ToolAnnotations(read_only_hint=True)
        server.add_tool(self.echo, annotations=reads)
        server.add_tool(self.picture, annotations=reads)
        for tool in (self.slow, self.fail, self.count):
            server.add_tool(tool)
        return server

    async def echo(self, text: str, style: dict[str, str] | None = None) -> str:
        """Say it again."""
        self.calls["echo"] += 1
        return f"echo: {text}"

    async def picture(self) -> list[TextContent | ImageContent]:
        """A picture."""
        self.calls["picture"] += 1
        return [TextContent(type="text", text="here"), ImageContent(type="image", data=PIXEL, mime_type="image/png")]

    async def slow(self) -> str:
        """Wait until it is released."""
        self.calls["slow"] += 1
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled.append("slow")
            raise
        return "done"

    async def fail(self) -> str:
        """Fail."""
        raise ToolError("it cannot be done")

    async def count(self) -> str:
        """One more."""
        self.calls["count"] += 1
        return str(self.calls["count"])
