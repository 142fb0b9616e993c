"""Tools run in threads: what several of them change at once is all kept."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox_template.mcp_server.files import Files
from sandbox_template.mcp_server.paths import Paths
from sandbox_template.mcp_server.ports import Ports
from sandbox_template.mcp_server.slides import Slides

MANY = 24


def test_edits_of_one_file_at_once_are_all_kept(tmp_path: Path):
    paths, changing, path = Paths(tmp_path), threading.Lock(), tmp_path / "list.txt"
    files = Files(paths, Slides(paths, changing), changing)
    path.write_text("\n".join(f"<{n}>{'x' * 20_000}" for n in range(MANY)))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: files.file_edit(str(path), f"<{n}>", f"({n})"), range(MANY)))
    assert [line.rstrip("x") for line in path.read_text().splitlines()] == [f"({n})" for n in range(MANY)]


def test_ports_registered_at_once_are_all_known(tmp_path: Path):
    ports = Ports(Paths(tmp_path))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: ports.port_register(n, f"program {n}"), range(50_000, 50_000 + MANY)))
    assert [known.port for known in ports.port_list()] == list(range(50_000, 50_000 + MANY))
