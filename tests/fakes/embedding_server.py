"""OpenAI's `/embeddings` on loopback: a text's vector counts its words, so what shares words is near; a word is a token."""

import asyncio
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable

from tests.fakes.wire import Asked, Server, answer, misbehave

SIZE = 256


class FakeEmbeddings(Server):
    """`fault` misbehaves so, `faults` once each; `delay` is in seconds; `embedded` counts the answered texts, by model and text."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.fault, self.delay = "", 0.0
        self.faults: list[str] = []
        self.embedded: Counter[tuple[str, str]] = Counter()

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self.delay)
        if await misbehave(self.faults.pop(0) if self.faults else self.fault, writer):
            return
        model, texts = asked.json["model"], asked.json["input"]
        data = [{"index": n, "embedding": vector(text)} for n, text in enumerate(texts)]
        self.embedded.update((model, text) for text in texts)
        usage = {"prompt_tokens": tokens(texts)}
        await answer(writer, json.dumps({"object": "list", "data": data[::-1], "model": model, "usage": usage}))


def tokens(texts: Iterable[str]) -> int:
    return sum(len(_words(text)) for text in texts)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def vector(text: str) -> list[float]:
    made = [0.0] * SIZE
    for word in _words(text):
        made[zlib.crc32(word.encode()) % SIZE] += 1
    length = sum(value**2 for value in made) ** 0.5 or 1.0
    return [value / length for value in made]
