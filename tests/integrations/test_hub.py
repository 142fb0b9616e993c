"""The hub brings each event as it is written, from the first watch of a process on."""

import asyncio
import uuid

from agents_backend.integrations.events import EventLog
from agents_backend.integrations.hub import Hub
from agents_backend.integrations.redis_connections import connect


async def test_the_first_watch_of_a_process_receives_what_is_written_after_it(settings):
    async with connect(settings.redis) as redis:
        hub, log = Hub(redis), EventLog(redis)
        await hub.start()
        for _ in range(3):
            run_id = str(uuid.uuid4())
            async with hub.watch(run_id) as subscription:
                await log.append(run_id, ['{"type":"A"}'], writer="w")
                async with asyncio.timeout(20):
                    assert (await subscription.get()).data == '{"type":"A"}'
        await hub.close()
