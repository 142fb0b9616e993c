"""What the conformance suite starts for each scenario: `conformance_relay.py <port> <url>`.

It asks the test, which has our client imported and is at hand on that port, and ends as it is told to.
"""

import json
import os
import socket
import sys

scenario, context = os.environ.get("MCP_CONFORMANCE_SCENARIO", ""), os.environ.get("MCP_CONFORMANCE_CONTEXT") or "{}"
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as asked, asked.makefile("rw") as line:
    print(json.dumps([scenario, json.loads(context), sys.argv[-1]]), file=line, flush=True)
    sys.exit(line.read() or None)
