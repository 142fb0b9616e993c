"""Sandboxes, and whose credentials go into them."""

from pydantic import Field, SecretStr

from agents_backend.settings.group import Group, prefixed


class ClaudeCodeSettings(Group):
    """How users sign in to Claude Code, whose credentials go into their sandboxes. Anthropic's own client and addresses."""

    model_config = prefixed("CLAUDE_CODE_")

    authorize_url: str = "https://claude.ai/oauth/authorize"
    token_url: str = "https://console.anthropic.com/v1/oauth/token"  # noqa: S105  # an address
    redirect_uri: str = "https://console.anthropic.com/oauth/code/callback"
    client_id: str = "9d1c250a-e61b-44d9-88ed-5944d1962f5e"
    scope: str = "org:create_api_key user:profile user:inference"
    timeout_seconds: float = Field(15, gt=0, le=60, description="one exchange or refresh, at most")
    refresh_early_seconds: float = Field(900, ge=1, description="how long before it expires a token is refreshed")


class E2BSettings(Group):
    """Sandboxes: E2B's own with `E2B_API_KEY`; without, `agents-backend up` starts the embedded host and sets these for its processes."""

    model_config = prefixed("E2B_")

    api_key: SecretStr | None = None
    api_url: str | None = Field(None, description="the control plane; default https://api.<domain>")
    sandbox_url: str | None = Field(None, description="where all sandboxes are reached; default one host for each")
    domain: str = Field("e2b.app", description="the suffix of port hosts, {port}-{id}.<domain>")
    template: str = Field("agents-backend-sandbox", description="what a sandbox is made from, unless it is said")
    timeout_seconds: int = Field(1800, ge=30, le=86_400, description="how long a sandbox runs before it is paused")
    request_timeout_seconds: float = Field(8, gt=0, description="one request, at most; transfers of files take longer")


class SandboxSettings(Group):
    """What one's users may have of sandboxes, and for how long they are kept."""

    model_config = prefixed("SANDBOX_")

    retention_days: float = Field(30, gt=0, description="how long a paused one is kept")
    check_seconds: int = Field(600, ge=5, description="between two looks at E2B, of each running sandbox")
    per_user: int = Field(10, ge=1, description="living at once")
    commands_per_sandbox: int = Field(20, ge=1, description="running at once")
    max_file_bytes: int = Field(1_100_000_000, ge=1, description="of an upload or a download")
    vscode: bool | None = Field(
        None, description="whether sandboxes have VS Code; default: `up` asks its host, E2B's do"
    )
