"""The E2B template `agents-backend-sandbox`: Node, Python, VS Code on port 9000 and this folder's MCP server on port 6060.

    python sandbox_template/template.py --json   # what would be sent, offline
    python sandbox_template/template.py          # build it; needs E2B_API_KEY

The embedded host does not use this file; it mounts the same server (see docs/sandbox-template.md).
"""

import argparse
from pathlib import Path

from e2b import Template, default_build_logger
from e2b.template.main import TemplateBase, TemplateFinal

NAME = "agents-backend-sandbox"
MCP_PORT = 6060
VSCODE_PORT = 9000
CODE_SERVER = "4.139.1"
CPU_COUNT = 2
MEMORY_MB = 2048
_FOLDER = Path(__file__).resolve().parent
_HOME = "/opt/agents-backend"
_PACKAGES = [
    *("ca-certificates", "curl", "git", "jq", "less", "patch", "procps", "python3", "python3-venv", "ripgrep", "unzip"),
    *("chromium", "fonts-liberation", "fonts-noto-cjk"),  # slides are printed where they are
]


def template() -> TemplateFinal:
    """The template, not yet sent anywhere. Node 24 is what code-server's native modules are built for."""
    ready = (
        f"curl -fsS -m 2 http://localhost:{MCP_PORT}/health && curl -fsS -m 2 http://localhost:{VSCODE_PORT}/healthz"
    )
    return (
        Template(file_context_path=_FOLDER, file_ignore_patterns=["**/__pycache__", "**/*.pyc"])
        .from_node_image("24-bookworm")
        .apt_install(_PACKAGES, no_install_recommends=True)
        .npm_install(f"code-server@{CODE_SERVER}", g=True)
        .copy("mcp_server", f"{_HOME}/mcp_server", user="root", mode=0o755)
        .copy("start.sh", f"{_HOME}/start.sh", user="root", mode=0o755)
        .run_cmd(
            [
                f"python3 -m venv {_HOME}/venv",
                f"{_HOME}/venv/bin/pip install --no-cache-dir --requirement {_HOME}/mcp_server/requirements.txt",
            ],
            user="root",
        )
        .set_envs({"MCP_PORT": str(MCP_PORT), "VSCODE_PORT": str(VSCODE_PORT)})
        .set_user("user")
        .set_workdir("/home/user")
        .set_start_cmd(f"{_HOME}/start.sh", ready)
    )


def as_json() -> str:
    """The template as E2B's API takes it; hashes the files, sends nothing."""
    return TemplateBase.to_json(template())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the template instead of building it")
    if parser.parse_args().json:
        print(as_json())  # noqa: T201  # what the option asks for
        return
    Template.build(template(), NAME, cpu_count=CPU_COUNT, memory_mb=MEMORY_MB, on_build_logs=default_build_logger())


if __name__ == "__main__":
    main()
