"""A cancel that comes while Redis is spoken to is never lost."""

import asyncio
import random
import uuid

from agents_backend.contracts import events
from agents_backend.integrations.events import EventLog
from agents_backend.integrations.redis_connections import connect
from agents_backend.services.step_writer import StepWriter

ROUNDS, AT_ONCE = 8, 6


async def test_a_cancelled_writer_stops_whatever_it_was_doing(settings):
    async with connect(settings.redis) as redis:
        log, chance = EventLog(redis), random.Random(7)

        async def write(run_id: str) -> None:
            for number in range(100_000):
                await log.append(run_id, [events.text_content("m", "x")], writer="w", offset=number)

        async def cancel_one() -> None:
            task = asyncio.create_task(write(str(uuid.uuid4())))
            await asyncio.sleep(chance.uniform(0.01, 0.1))
            task.cancel()
            done, _ = await asyncio.wait({task}, timeout=30)
            assert task in done
            assert task.cancelled()

        for _ in range(ROUNDS):
            await asyncio.gather(*(cancel_one() for _ in range(AT_ONCE)))


async def test_what_a_cancelled_writer_was_sending_arrives_and_what_closes_it_follows(settings):
    async with connect(settings.redis) as redis:
        log, chance = EventLog(redis), random.Random(11)
        for _ in range(20):
            run_id = str(uuid.uuid4())
            writer = StepWriter(log, run_id, writer="w", attempt=1)
            said: list[str] = []

            async def speak(writer: StepWriter = writer, said: list[str] = said) -> None:
                while True:
                    said.append(f"{len(said)} ")
                    await writer.fragment("text", "m", said[-1])
                    await asyncio.sleep(0.002)

            task = asyncio.create_task(speak())
            await asyncio.sleep(chance.uniform(0.03, 0.09))
            task.cancel()
            await asyncio.wait({task})
            await writer.emit([events.text_end("m")])
            await writer.close()
            told = [event.data async for event in log.read(run_id)]
            assert told[-1] == events.text_end("m")
            assert "".join(said) in "".join(text.split('"delta":"')[-1].removesuffix('"}') for text in told[:-1])
