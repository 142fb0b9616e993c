"""Podcasts over HTTP: two hosts, one levelled MP3 with chapters, the transcript beside it."""

import io
import json
import re
import uuid

import httpx
import pytest
from mutagen.id3 import ID3
from mutagen.mp3 import MP3

from agents_backend.integrations.speech.sound import RATE, decode, loudness
from tests.api.test_speech import ended
from tests.fakes.edge_server import FakeEdge
from tests.fakes.openai_server import FakeOpenAI
from tests.streams import rejoin

PODCAST = "/agent/generation/podcast"


def script(mark: str, *, chapters: int = 3, lines: int = 6, title: str = "Tea, explained") -> str:
    made = [
        {
            "title": f"Chapter {c}",
            "lines": [
                {"host": 1 + n % 2, "text": f"Line {n} of chapter {c} about {mark}, said aloud."} for n in range(lines)
            ],
        }
        for c in range(1, chapters + 1)
    ]
    return json.dumps({"title": title, "language": "en-US", "hosts": ["Mia", "Leo"], "chapters": made})


@pytest.fixture
def mark() -> str:
    return f"tea{uuid.uuid4().hex[:8]}"


async def test_a_podcast_is_one_levelled_mp3_with_chapters_and_its_transcript(
    client, fake_model: FakeOpenAI, fake_edge: FakeEdge, mark
):
    fake_model.answers[mark] = [f"Here it is:\n```json\n{script(mark, title='茶 — explained')}\n```"]
    answer = await client.post(PODCAST, json={"content": f"# A report on {mark}\n\nTea is a drink."}, timeout=90)
    assert answer.status_code == 200, answer.text
    name = "filename*=UTF-8''%E8%8C%B6%20explained.mp3"
    assert answer.headers["content-disposition"].endswith(name)
    run = await ended(client, answer.headers["X-Run-Id"])
    made = {item["media_type"].split(";")[0]: item for item in run["artifacts"]}
    details = made["audio/mpeg"]["details"]
    assert details["method"] == "model"
    assert run["usage"]["output_tokens"] > 0
    samples = await decode(answer.content)
    assert len(samples) / RATE == pytest.approx(details["milliseconds"] / 1000, rel=0.03)
    assert MP3(io.BytesIO(answer.content)).info.sample_rate == 44_100
    assert await loudness(samples, RATE) == pytest.approx(-16, abs=1)
    tags = ID3(io.BytesIO(answer.content))
    assert tags["TIT2"].text == ["茶 — explained"]
    assert tags["TPE1"].text == ["Mia", "Leo"]
    chapters = sorted(tags.getall("CHAP"), key=lambda chapter: chapter.start_time)
    assert [chapter.sub_frames["TIT2"].text[0] for chapter in chapters] == ["Chapter 1", "Chapter 2", "Chapter 3"]
    assert tags.getall("CTOC")[0].child_element_ids == ["chapter1", "chapter2", "chapter3"]
    assert chapters[-1].end_time == details["milliseconds"]
    transcript = (await client.get(made["text/markdown"]["url"].removeprefix("/api/v1"))).text
    assert transcript.count("**Mia**") == transcript.count("**Leo**") == 9
    captions = (await client.get(made["text/vtt"]["url"].removeprefix("/api/v1"))).text
    cues = re.findall(r"(\d\d:\d\d:\d\d\.\d{3}) --> ", captions)
    assert len(cues) == 18
    assert captions.startswith("WEBVTT\n\n1\n00:00:00.000 --> ")
    begins = [chapter.start_time for chapter in chapters]
    assert [_milliseconds(cues[n]) for n in (0, 6, 12)] == begins
    spoken = {voice for text, voice in fake_edge.voices.items() if mark in text}
    assert spoken == {
        "Microsoft Server Speech Text to Speech Voice (en-US, AriaNeural)",
        "Microsoft Server Speech Text to Speech Voice (en-US, GuyNeural)",
    }
    events = [event for _, event in await rejoin(client, run["id"])]
    assert [e["stepName"] for e in events if e["type"] == "STEP_FINISHED"] == ["script", "speak", "mix"]
    assert sum(e["type"] == "STATE_DELTA" for e in events) == 18


def _milliseconds(text: str) -> int:
    hours, minutes, rest = text.split(":")
    return int(hours) * 3_600_000 + int(minutes) * 60_000 + int(rest.replace(".", ""))


async def test_a_broken_script_is_asked_for_again_with_its_faults(client, fake_model, mark):
    broken = script(mark).replace('"host": 2', '"host": 7')
    fake_model.answers[mark] = [broken, script(mark, chapters=1, lines=2)]
    answer = await client.post(PODCAST, json={"content": f"About {mark}."})
    run = await ended(client, answer.headers["X-Run-Id"])
    assert run["artifacts"][-1]["details"]["method"] == "model"
    asked = [body for body in fake_model.requests if mark in str(body["messages"])]
    assert len(asked) == 2
    assert "host" in asked[1]["messages"][-1]["content"]


async def test_a_script_that_stays_broken_gives_way_to_the_contents_own_structure_and_says_so(client, fake_model, mark):
    fake_model.answers[mark] = ["no json", "{}"]
    content = f"# On {mark}\n\nFirst sentence here. Second one there.\n\n## Part two\n\n- one thing\n- another thing\n"
    answer = await client.post(PODCAST, json={"content": content, "voices": ["en-GB-Standard-A", "en-GB-Standard-B"]})
    assert answer.status_code == 200, answer.text
    run = await ended(client, answer.headers["X-Run-Id"])
    details = next(item["details"] for item in run["artifacts"] if item["media_type"] == "audio/mpeg")
    assert details["method"] == "structure"
    assert "did not answer in the structure" in details["note"]
    transcript = next(item for item in run["artifacts"] if item["name"].endswith(".md"))
    text = (await client.get(transcript["url"].removeprefix("/api/v1"))).text
    for words in ("First sentence here.", "Second one there.", "Part two", "one thing", "another thing"):
        assert words in text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"content": ""}, 400),
        ({"content": " \n "}, 400),
        ({"content": "--- *** ---"}, 400),
        ({"content": 7}, 400),
        ({"content": "é" * 100_001}, 413),
        ({"content": "x", "voices": ["en-US-AriaNeural", "nobody"]}, 400),
        ({"content": "x", "voices": ["alloy"]}, 400),
        ({"content": "x", "locale": "not a locale"}, 400),
    ],
)
async def test_bad_input_is_one_clear_error(client, body, status):
    assert (await client.post(PODCAST, json=body)).status_code == status


async def test_a_body_over_the_servers_limit_is_a_413(client):
    assert (await client.post(PODCAST, json={"content": "x" * 1_100_000})).status_code == 413


async def test_nobody_makes_a_podcast_without_signing_in(client, base_url):
    async with httpx.AsyncClient(base_url=f"{base_url}/api/v1") as anonymous:
        assert (await anonymous.post(PODCAST, json={"content": "x"})).status_code == 401
