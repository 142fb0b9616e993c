"""What speaks: the embedded voice itself, an OpenAI-compatible server on the wire, and the choice between them."""

import io
import wave

import numpy as np
import pytest
from aiohttp import web
from pydantic import SecretStr

from agents_backend.domain.errors import Invalid, Unavailable, UpstreamFailed
from agents_backend.integrations.speech import voices
from agents_backend.integrations.speech.embedded import EmbeddedSpeech
from agents_backend.integrations.speech.openai import OpenAISpeech
from agents_backend.integrations.speech.providers import SpeechProviders
from agents_backend.integrations.speech.sound import RATE, trim
from agents_backend.settings import Settings, SpeechSettings

TEXT = "The quick brown fox jumps over the lazy dog."


def voice(name: str = "en-US-Standard-A"):
    return voices.resolve(name)


async def test_the_embedded_voice_speaks_in_two_voices_and_at_any_speed():
    speech = EmbeddedSpeech()
    female = trim(await speech.speak(TEXT, voice("embedded-female"), 1))
    male = trim(await speech.speak(TEXT, voice("embedded-male"), 1))
    fast = trim(await speech.speak(TEXT, voice("embedded-female"), 4))
    assert 1.5 < len(female) / RATE < 5
    assert len(male) == pytest.approx(len(female), rel=0.1)
    assert not np.array_equal(male[: len(female)], female[: len(male)])
    assert len(fast) / len(female) == pytest.approx(0.25, rel=0.25)


@pytest.mark.parametrize(("text", "name"), [("你好，世界。", "en-US-AriaNeural"), ("Guten Tag", "de-DE-KatjaNeural")])  # noqa: RUF001
async def test_the_embedded_voice_refuses_what_it_would_pass_over_in_silence(text, name):
    with pytest.raises(Invalid, match="English alone"):
        await EmbeddedSpeech().speak(text, voice(name), 1)


async def test_edge_out_of_reach_gives_way_to_the_embedded_voice_and_is_asked_once():
    settings = Settings(speech=SpeechSettings(edge_url="ws://127.0.0.1:9"))
    providers = SpeechProviders(settings)
    assert (await providers.choose()).name == "embedded"
    assert (await providers.choose()).name == "embedded"


async def test_edge_within_reach_is_chosen(fake_edge):
    providers = SpeechProviders(Settings(speech=SpeechSettings(edge_url=fake_edge.url)))
    assert (await providers.choose()).name == "edge"


@pytest.fixture
async def speech_server():
    answers: list[int] = []
    bodies: list[dict] = []

    async def speak(request: web.Request) -> web.Response:
        bodies.append(await request.json() | {"key": request.headers["Authorization"]})
        status = answers.pop(0) if answers else 200
        if status != 200:
            return web.Response(status=status, text="secret", headers={"Retry-After": "7"})
        return web.Response(body=_wav(), content_type="audio/wav")

    app = web.Application()
    app.router.add_post("/v1/audio/speech", speak)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1", answers, bodies
    await runner.cleanup()


def _wav() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes((np.sin(np.arange(16_000) / 10) * 8_000).astype(np.int16).tobytes())
    return file.getvalue()


async def test_an_openai_compatible_server_speaks(speech_server):
    url, answers, bodies = speech_server
    settings = Settings(speech=SpeechSettings(openai_url=url, openai_api_key=SecretStr("sk-1")))
    speech = OpenAISpeech(settings)
    samples = await speech.speak(TEXT, voice("nova"), 1.5)
    assert len(samples) / RATE == pytest.approx(1, rel=0.02)
    assert bodies[0] == {
        "model": "gpt-4o-mini-tts",
        "input": TEXT,
        "voice": "nova",
        "speed": 1.5,
        "response_format": "wav",
        "key": "Bearer sk-1",
    }
    answers += [429, 500, 400]
    with pytest.raises(Unavailable) as overloaded:
        await speech.speak(TEXT, voice(), 1)
    assert overloaded.value.retry_after == 7
    with pytest.raises(UpstreamFailed):
        await speech.speak(TEXT, voice(), 1)
    with pytest.raises(Invalid) as refused:
        await speech.speak(TEXT, voice(), 1)
    assert "secret" not in refused.value.detail


def test_names_of_three_vendors_resolve_and_the_gender_is_kept():
    assert voice("en-US-Standard-A").gender == "male"
    assert voice("en-US-Wavenet-F").edge == "en-US-MichelleNeural"
    assert voice("cmn-CN-Wavenet-A").edge == "zh-CN-XiaoxiaoNeural"
    assert voice("de-DE-KatjaNeural").edge == "de-DE-KatjaNeural"
    assert voice("onyx").gender == "male"
    assert voices.for_locale("zh_CN", "male").edge == "zh-CN-YunxiNeural"
    assert voices.for_locale("xx", "female").locale == "en-US"
    with pytest.raises(Invalid, match="fr-FR-DeniseNeural"):
        voice("fr-FR-Denise")
