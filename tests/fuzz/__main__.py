"""Attack for as long as one likes, outside the suite: `python -m tests.fuzz admin 600 7 --phases stateful`.

Who, the seconds and the seed; what follows them goes to schemathesis as it is.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TEMPORAL_DEBUG", "1")

from tests.fuzz.target import attack, wreckable


async def main(person: str, seconds: str, seed: str, *more: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        async with wreckable(Path(folder)) as target:
            made = await attack(target, person, int(seed), "--max-time", seconds, *more)
            told = [
                f"{phase}: {asked.total()} requests to {len(asked)} operations" for phase, asked in made.asked.items()
            ]
            print(made.printed, f"{person}, seed {seed}", *told, sep="\n", flush=True)  # noqa: T201  it is a command
    return made.code or 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
