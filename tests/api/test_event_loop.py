"""The watchdog that guards the whole session does bark."""

import asyncio
import time

from tests.watchdog import watching


async def _hold(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


async def test_the_watchdog_tells_a_handler_that_holds_the_loop_from_one_that_does_not():
    code = compile("async def handler(hold, seconds):\n    await hold(seconds)\n", "api/routes/slow.py", "exec")
    names: dict = {}
    exec(code, names)
    with watching() as found:
        await asyncio.create_task(names["handler"](_hold, 0.15))
        await asyncio.create_task(names["handler"](_hold, 0.01))
    assert len(found) == 1
    assert "api/routes/slow.py" in found[0]
