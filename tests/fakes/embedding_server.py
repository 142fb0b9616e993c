"""OpenAI's `/embeddings` on loopback: a text's vector counts its words, so what shares words is near."""

import asyncio
import json
import re
import zlib
from collections import Counter

from tests.fakes.wire import Asked, Server, answer, misbehave

SIZE = 256


class FakeEmbeddings(Server):
    """`fault` misbehaves so; `delay` is in seconds; `embedded` counts the texts that were answered, by model and text."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.fault, self.delay = "", 0.0
        self.embedded: Counter[tuple[str, str]] = Counter()

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self.delay)
        if await misbehave(self.fault, writer):
            return
        model, texts = asked.json["model"], asked.json["input"]
        data = [{"index": n, "embedding": vector(text)} for n, text in enumerate(texts)]
        self.embedded.update((model, text) for text in texts)
        await answer(writer, json.dumps({"object": "list", "data": data[::-1], "model": model}))


def vector(text: str) -> list[float]:
    made = [0.0] * SIZE
    for word in re.findall(r"\w+", text.lower()):
        made[zlib.crc32(word.encode()) % SIZE] += 1
    length = sum(value**2 for value in made) ** 0.5 or 1.0
    return [value / length for value in made]
