"""Text to speech over HTTP: a durable run behind it, a file as the answer."""

import asyncio
import io
import uuid

import httpx
import numpy as np
import pytest
from mutagen.mp3 import MP3

from agents_backend.domain.runs import RunStatus
from agents_backend.integrations.speech.sound import RATE, decode
from agents_backend.integrations.temporal import connect
from tests.fakes.edge_server import MILLISECONDS_A_CHARACTER, FakeEdge
from tests.histories import told
from tests.streams import read

SPEAK = "/agent/tts/synthesize"


def unique(text: str) -> str:
    return f"{text} {uuid.uuid4().hex[:8]}."


async def ended(client: httpx.AsyncClient, run_id: str) -> dict:
    """The run when it has ended."""
    while True:
        run = (await client.get(f"/agent/runs/{run_id}")).json()
        if RunStatus(run["status"]).is_final:
            return run
        await asyncio.sleep(0.05)


async def test_a_text_is_answered_as_an_mp3_of_its_length(client, fake_edge: FakeEdge):
    sentences = [unique(f"Sentence {number} of a text that is spoken") for number in range(30)]
    answer = await client.post(SPEAK, json={"text": " ".join(sentences), "voice": "en-US-Standard-A", "speed": 1.0})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["content-disposition"] == 'attachment; filename="speech.mp3"'
    samples = await decode(answer.content)
    run = await ended(client, answer.headers["X-Run-Id"])
    details = run["artifacts"][0]["details"]
    assert len(samples) / RATE == pytest.approx(details["milliseconds"] / 1000, rel=0.03)
    stretches = [text for text in fake_edge.spoken if sentences[0] in text or sentences[-1] in text]
    assert len(stretches) == 2
    assert all(len(text) <= 500 for text in fake_edge.spoken)
    expected = len(" ".join(sentences)) * MILLISECONDS_A_CHARACTER
    assert details["milliseconds"] == pytest.approx(expected, rel=0.06)  # and a pause after each stretch
    assert MP3(io.BytesIO(answer.content)).tags["TIT2"].text[0].startswith("Sentence 0")
    assert details["provider"] == "edge"
    assert fake_edge.voices[stretches[0]] == "Microsoft Server Speech Text to Speech Voice (en-US, GuyNeural)"
    assert run["usage"]["characters"] >= len("".join(sentences))
    assert run["cost_usd"] == pytest.approx(run["usage"]["characters"] * 15 / 1e6)


async def test_stretches_are_joined_without_a_click(client):
    text = " ".join(unique("A sentence that fills a stretch with some more words") for _ in range(20))
    answer = await client.post(SPEAK, json={"text": text})
    samples = (await decode(answer.content)).astype(np.int32)
    # the tone's own steepest slope is about 9000 * 2π * 220 / 24000 = 518 a sample
    assert np.abs(np.diff(samples)).max() < 1_500


async def test_speed_reaches_the_voice_and_what_it_cannot_do_is_done_to_the_sound(client, fake_edge):
    fast, slow = unique("This is said very quickly, in a hurry"), unique("This is said very slowly, at leisure")
    quick = await client.post(SPEAK, json={"text": fast, "speed": 4})
    lazy = await client.post(SPEAK, json={"text": slow, "speed": 0.25})
    assert (fake_edge.rates[fast], fake_edge.rates[slow]) == ("+100%", "-50%")
    expected = len(fast) * MILLISECONDS_A_CHARACTER / 1000
    assert len(await decode(quick.content)) / RATE == pytest.approx(expected / 2, rel=0.2)
    assert len(await decode(lazy.content)) / RATE == pytest.approx(expected * 2, rel=0.2)


async def test_respond_async_gives_the_run_and_its_stream_shows_the_lines(client):
    body = {"text": unique("Asked for at once and fetched later")}
    answer = await client.post(SPEAK, json=body, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202
    run_id = answer.json()["id"]
    assert answer.headers["location"] == f"/api/v1/agent/runs/{run_id}"
    async with client.stream("GET", f"/agent/runs/{run_id}/stream") as stream:
        events = [event for _, event in await read(stream)]
    kinds = [event["type"] for event in events]
    assert (kinds[0], kinds[-1]) == ("RUN_STARTED", "RUN_FINISHED")
    assert [e["stepName"] for e in events if e["type"] == "STEP_STARTED"] == ["speak", "mix"]
    assert next(e for e in events if e["type"] == "STATE_SNAPSHOT")["snapshot"]["lines"][0]["status"] == "waiting"
    assert next(e for e in events if e["type"] == "STATE_DELTA")["delta"][0]["value"] == "spoken"
    run = await ended(client, run_id)
    whole = await client.get(run["artifacts"][0]["url"].removeprefix("/api/v1"))
    assert len(whole.content) == run["artifacts"][0]["size"]


async def test_a_dropped_client_that_repeats_its_key_gets_the_same_run_and_file(client, fake_edge):
    text = unique("[slow=700] The client goes away while this is spoken")
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    with pytest.raises(httpx.ReadTimeout):
        await client.post(SPEAK, json={"text": text}, headers=headers, timeout=0.3)
    both = await asyncio.gather(*(client.post(SPEAK, json={"text": text}, headers=headers) for _ in range(2)))
    assert [answer.status_code for answer in both] == [200, 200]
    assert both[0].headers["X-Run-Id"] == both[1].headers["X-Run-Id"]
    assert both[0].content == both[1].content
    assert fake_edge.spoken[text] == 1
    other = await client.post(SPEAK, json={"text": "another"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_MISMATCH")


async def test_a_cancelled_speech_leaves_no_file(client):
    text = unique("[slow=20000] This takes long enough to be cancelled")
    run_id = (await client.post(SPEAK, json={"text": text}, headers={"Prefer": "respond-async"})).json()["id"]
    while (await client.get(f"/agent/runs/{run_id}")).json()["status"] != "running":
        await asyncio.sleep(0.05)
    assert (await client.post(f"/agent/runs/{run_id}/cancel")).status_code == 200
    run = await ended(client, run_id)
    assert (run["status"], run["artifacts"]) == ("cancelled", [])


async def test_a_provider_that_breaks_off_is_asked_again_and_no_half_sound_is_kept(client, fake_edge):
    text = unique("[drop=2] The connection breaks in the middle of this sentence, twice, and then holds until the end")
    answer = await client.post(SPEAK, json={"text": text})
    assert answer.status_code == 200
    assert len(await decode(answer.content)) / RATE == pytest.approx(
        len(text) * MILLISECONDS_A_CHARACTER / 1000, rel=0.05
    )


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"text": ""}, 400, ""),
        ({"text": "…  —  !"}, 400, "nothing in it"),
        ({"text": "x" * 20_001}, 413, "20,000"),
        ({"text": "x", "speed": 0.2}, 400, ""),
        ({"text": "x", "speed": 4.1}, 400, ""),
        ({"text": "x", "voice": "en-US-AriaNeurral"}, 400, "en-US-AriaNeural"),
        ({"text": "x", "voice": "xx-XX-Standard-A"}, 400, "near ones"),
        ({"text": 5}, 400, ""),
        ({"text": "x", "status": "done"}, 400, ""),
    ],
)
async def test_bad_input_is_one_clear_error(client, body, status, says):
    answer = await client.post(SPEAK, json=body)
    assert answer.status_code == status
    assert says in answer.json()["detail"]


async def test_voices_are_listed_and_each_resolves(client):
    page = (await client.get("/agent/tts/voices", params={"locale": "en-US"})).json()
    names = [voice["name"] for voice in page["items"]]
    assert {"en-US-Standard-A", "en-US-AriaNeural", "alloy", "embedded-female"} <= set(names)
    everything = (await client.get("/agent/tts/voices")).json()
    assert everything["total"] > 300


async def test_nobody_speaks_without_signing_in(base_url):
    async with httpx.AsyncClient(base_url=f"{base_url}/api/v1") as anonymous:
        assert (await anonymous.post(SPEAK, json={"text": "x"})).status_code == 401
        assert (await anonymous.get("/agent/tts/voices")).status_code == 401


async def test_a_file_is_read_in_ranges_and_by_its_tag(client):
    answer = await client.post(SPEAK, json={"text": unique("A file that is read in pieces")})
    url = (await ended(client, answer.headers["X-Run-Id"]))["artifacts"][0]["url"].removeprefix("/api/v1")
    whole = answer.content
    part = await client.get(url, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole)}"
    assert (await client.get(url, headers={"Range": "bytes=-50"})).content == whole[-50:]
    assert (await client.get(url, headers={"Range": f"bytes={len(whole) - 3}-"})).content == whole[-3:]
    assert (await client.get(url, headers={"Range": f"bytes={len(whole)}-"})).status_code == 416
    assert (await client.get(url, headers={"Range": "lines=1-2"})).content == whole
    tag = part.headers["etag"]
    assert (await client.get(url, headers={"If-None-Match": tag})).status_code == 304
    stale = await client.get(url, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (stale.status_code, len(stale.content)) == (200, len(whole))
    assert (await client.get(url.replace("speech.mp3", "other.mp3"))).status_code == 404


async def test_a_signed_link_opens_the_file_without_signing_in_and_a_forged_one_does_not(client, base_url):
    answer = await client.post(SPEAK, json={"text": unique("A file that is linked")})
    url = (await ended(client, answer.headers["X-Run-Id"]))["artifacts"][0]["url"].removeprefix("/api/v1")
    link = (await client.post(f"{url}/link")).json()
    async with httpx.AsyncClient(base_url=base_url) as anonymous:
        assert (await anonymous.get(link["url"])).content == answer.content
        forged = link["url"][:-4] + ("aaaa" if not link["url"].endswith("aaaa") else "bbbb")
        assert (await anonymous.get(forged)).status_code == 404
        assert (await anonymous.get(url)).status_code in {401, 404}


async def test_somebody_elses_file_is_the_same_404_as_none(client, other_client):
    answer = await client.post(SPEAK, json={"text": unique("A file that is mine alone")})
    url = (await ended(client, answer.headers["X-Run-Id"]))["artifacts"][0]["url"].removeprefix("/api/v1")
    theirs = await other_client.get(url)
    none = await other_client.get(url.replace("speech.mp3", "none.mp3"))
    assert theirs.status_code == none.status_code == 404
    assert (theirs.json()["detail"], theirs.json()["code"]) == (none.json()["detail"], none.json()["code"])
    assert (await other_client.post(f"{url}/link")).status_code == 404


async def test_the_history_holds_no_text(client, settings):
    text = unique("These very words must not be found in the history")
    answer = await client.post(SPEAK, json={"text": text})
    temporal = await connect(settings)
    handle = temporal.get_workflow_handle(f"speech-{answer.headers['X-Run-Id']}")
    assert "very words" not in await told(await handle.fetch_history(), settings)
