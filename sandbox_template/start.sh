#!/bin/sh
# What a sandbox of E2B starts with: VS Code and the MCP server, each started again when it ends.
# Both listen without a password: the sandbox's ingress asks for its access token.
set -u
here=$(dirname "$(readlink -f "$0")")
root=${SANDBOX_ROOT:-/home/user}

forever() {
    while :; do
        "$@"
        echo "$1 ended with code $?; starting it again" >&2
        sleep 1
    done
}

forever code-server --bind-addr "0.0.0.0:${VSCODE_PORT:-9000}" --auth none --disable-telemetry \
    --disable-update-check --disable-workspace-trust "$root" &
forever env PYTHONPATH="$here" "$here/venv/bin/python" -m mcp_server --port "${MCP_PORT:-6060}" --root "$root"
