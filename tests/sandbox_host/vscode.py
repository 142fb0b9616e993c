"""A stand-in for code-server, whose real one is 740 MB: laid out as `make vscode` does, it tells how it was started."""

import textwrap
from pathlib import Path

_PROGRAM = """
    #!/usr/bin/env python3
    import json, os, sys
    sys.path.append("/opt/sandbox/packages")
    from websockets.sync.server import serve

    def answer(connection, request):
        if request.path == "/end":
            os._exit(0)
        if "Upgrade" in request.headers:
            return None
        told = {"pid": os.getpid(), "arguments": sys.argv[1:], "files": os.listdir(sys.argv[-1])}
        return connection.respond(200, json.dumps(told))

    def echo(connection):
        for message in connection:
            connection.send(message)

    if os.path.exists("/home/user/broken"):
        sys.exit("it does not start")
    host, _, port = sys.argv[sys.argv.index("--bind-addr") + 1].partition(":")
    with serve(echo, host, int(port), process_request=answer) as server:
        server.serve_forever()
"""


def lay(folder: Path) -> Path:
    """Put it into this folder, which a host then finds by SANDBOX_HOST_VSCODE_DIR."""
    program = folder / "bin" / "code-server"
    program.parent.mkdir(parents=True)
    program.write_text(textwrap.dedent(_PROGRAM).lstrip())
    for path in (folder, program.parent, program):
        path.chmod(0o755)
    return folder
