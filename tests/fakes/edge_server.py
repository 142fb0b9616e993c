"""A loopback server that speaks edge-tts' websocket protocol: a tone of 40 ms for each character, as MP3.

Directives in the text: `[drop]` closes in the middle, `[drop=2]` does so twice for that text, `[mute]` sends no sound,
`[slow=500]` waits that many milliseconds first.
"""

import asyncio
import html
import re
from collections import Counter
from typing import Self

import lameenc
import numpy as np
from aiohttp import WSCloseCode, web

RATE = 24_000
MILLISECONDS_A_CHARACTER = 40
_HEAD = b"X-RequestId:1\r\nContent-Type:audio/mpeg\r\nX-StreamId:1\r\nPath:audio\r\n"


class FakeEdge:
    def __init__(self) -> None:
        self.spoken: Counter[str] = Counter()
        self.voices: dict[str, str] = {}
        self.rates: dict[str, str] = {}
        self.at_once = self.most_at_once = 0
        self._dropped: Counter[str] = Counter()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/readaloud"

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/readaloud/edge/v1", self._speak)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _speak(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive_str()  # speech.config
        ssml = await socket.receive_str()
        text = html.unescape(re.search(r"<prosody[^>]*>(.*)</prosody>", ssml, re.DOTALL)[1])
        self.voices[text] = re.search(r"<voice name='([^']*)'", ssml)[1]
        self.rates[text] = re.search(r"rate='([^']*)'", ssml)[1]
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self._answer(socket, text)
        finally:
            self.at_once -= 1
        return socket

    async def _answer(self, socket: web.WebSocketResponse, text: str) -> None:
        if slow := re.search(r"\[slow=(\d+)\]", text):
            await asyncio.sleep(int(slow[1]) / 1000)
        await socket.send_str("X-RequestId:1\r\nPath:turn.start\r\n\r\n{}")
        mp3 = b"" if "[mute]" in text else tone(len(text))
        drops = re.search(r"\[drop(?:=(\d+))?\]", text)
        for at in range(0, len(mp3), 4_000):
            if drops and at and self._dropped[text] < int(drops[1] or 10**9):
                self._dropped[text] += 1
                await socket.close(code=WSCloseCode.GOING_AWAY)
                return
            await socket.send_bytes(len(_HEAD).to_bytes(2, "big") + _HEAD + mp3[at : at + 4_000])
        self.spoken[text] += 1
        await socket.send_str("X-RequestId:1\r\nPath:turn.end\r\n\r\n{}")
        await socket.close()


def tone(characters: int) -> bytes:
    """A tone that rises and falls like speech, with silence around it."""
    length = RATE * MILLISECONDS_A_CHARACTER * max(characters, 5) // 1000
    time = np.arange(length) / RATE
    wave = np.sin(2 * np.pi * 220 * time) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time)) * 9_000
    ramp = np.linspace(0, 1, RATE // 50)
    wave[: ramp.size] *= ramp
    wave[-ramp.size :] *= ramp[::-1]
    quiet = np.zeros(RATE // 10)
    encoder = lameenc.Encoder()
    encoder.set_bit_rate(48)
    encoder.set_in_sample_rate(RATE)
    encoder.set_channels(1)
    encoder.set_quality(7)
    encoder.silence()
    samples = np.concatenate([quiet, wave, quiet]).astype(np.int16)
    return bytes(encoder.encode(samples.tobytes()) + encoder.flush())
