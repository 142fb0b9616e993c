"""The child process of `reader.Reader`: one document in on standard input, its sections out, a line of JSON each.

Whatever a file does to its parser (hours of work, all of the memory, a crash) it does to this process, which holds no secret,
writes no file, and is bounded by the kernel.
"""

import json
import sys
from contextlib import suppress
from typing import Any

from agents_backend.domain.errors import AgentsError
from agents_backend.integrations.parsing.kinds import kind_of
from agents_backend.integrations.parsing.parsers import TOO_COMPLEX, Limits, Reading, read


def bound(memory: int, seconds: int) -> None:
    """Address space and processor time, and no file can be written."""
    with suppress(ImportError, ValueError, OSError):  # not on every platform
        import resource  # noqa: PLC0415

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def tell(**line: Any) -> None:
    sys.stdout.write(json.dumps(line) + "\n")


def serve() -> None:
    given = json.loads(sys.stdin.buffer.readline())
    bound(given["memory"], given["seconds"])
    content = sys.stdin.buffer.read()
    reading = Reading(Limits(**given["limits"]), charset=given["charset"])
    try:
        kind = kind_of(content, file_name=given["file_name"], media_type=given["media_type"])
        for section in read(kind, content, reading):
            tell(section=section.model_dump())
        tell(done={"title": reading.name, "pages": reading.pages, "kind": kind})
    except AgentsError as error:
        tell(refused={"code": error.code, "detail": error.detail})
    except (MemoryError, RecursionError):
        tell(refused={"code": "DOCUMENT_TOO_COMPLEX", "detail": TOO_COMPLEX})
    except Exception:  # noqa: BLE001  # each library has its own words for a damaged file; none of them may leave
        tell(refused={"code": "DOCUMENT_UNREADABLE", "detail": "The file is damaged, or is not what its name says."})


if __name__ == "__main__":
    serve()
