"""MCP's own conformance suite drives our client."""

import os
import re
import sys
from pathlib import Path

import pytest

from tests.mcp.conformance_client import at_hand
from tests.sandbox_template.test_conformance import _run, suite

pytestmark = pytest.mark.npm
__all__ = ["suite"]

RELAY = Path(__file__).with_name("conformance_relay.py")
APPLY = {
    *("initialize", "tools_call"),
    *("auth/metadata-default", "auth/metadata-var1", "auth/metadata-var2", "auth/metadata-var3"),
    *("auth/scope-from-www-authenticate", "auth/scope-from-scopes-supported", "auth/scope-omitted-when-undefined"),
    *("auth/scope-step-up", "auth/scope-retry-limit", "auth/pre-registration"),
    *("auth/token-endpoint-auth-basic", "auth/token-endpoint-auth-post", "auth/token-endpoint-auth-none"),
    *("auth/2025-03-26-oauth-endpoint-fallback", "auth/client-credentials-basic"),
    *("auth/resource-mismatch", "auth/offline-access-scope", "auth/offline-access-not-supported"),
}
# Why the others do not apply.
LEFT_OUT = {
    "elicitation-sep1034-client-defaults": "a server cannot ask our users for input: a tool call runs without them",
    "sse-retry": "it judges wall time to 200 ms, which a busy machine does not hold",
    "auth/basic-cimd": "a client known by a document at a public address; we register dynamically or are registered by hand",
    "auth/2025-03-26-oauth-metadata-backcompat": "its metadata names another issuer than stands at its address: the SDK refuses that",
    "auth/client-credentials-jwt": "keys to sign with are not offered; a secret is",
    "auth/cross-app-access-complete-flow": "an enterprise's identity provider between us and the server is not offered",
}


@pytest.mark.timeout(600)
async def test_every_client_scenario_passes_that_applies(suite: Path, tmp_path):
    async with at_hand() as port:
        code, output = await _run(
            *("conformance", "client", "--suite", "all", "--timeout", "400000", "--output-dir", str(tmp_path)),
            *("--command", f"{sys.executable} -S -E {RELAY} {port}"),
            PATH=f"{suite}:{os.environ['PATH']}",
            seconds=500,  # 26 scenarios at once, on a machine that may be busy
        )
    counted = re.findall(r"[✓✗] (\S+): (\d+) passed, (\d+) failed", output)
    assert {name for name, _, _ in counted} == APPLY | LEFT_OUT.keys(), output[-3000:]
    passed = {name for name, good, bad in counted if int(good) > 0 and int(bad) == 0}
    assert passed >= APPLY, (APPLY - passed, code, output[-3000:])
