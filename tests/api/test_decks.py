"""Decks over HTTP: the model's outline or the content's own, one PPTX."""

import asyncio
import io
import json
import uuid

import httpx
import pytest
from pptx import Presentation

from tests.api.test_speech import ended
from tests.fakes.openai_server import FakeOpenAI
from tests.streams import rejoin

PPT = "/agent/generation/ppt"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"


@pytest.fixture
def mark() -> str:
    return f"bikes{uuid.uuid4().hex[:8]}"


def outline(**more) -> str:
    slides = [
        {"kind": "section", "title": "Part one", "number": 1},
        {
            "kind": "bullets",
            "title": "Bikes are faster",
            "bullets": ["one", {"text": "two", "level": 1}],
            "notes": "Say it.",
        },
        {"kind": "two_columns", "title": "Before and after", "left": {"bullets": ["a"]}, "right": {"bullets": ["b"]}},
        {
            "kind": "table",
            "title": "Who",
            "header": ["Who", "What"],
            "rows": [["City", 1], ["Carrier", 2.5], ["Short"]],
        },
        {
            "kind": "chart",
            "title": "How many",
            "chart": "column",
            "categories": [2024, 2025],
            "series": [{"name": "x", "values": [1, 2]}],
        },
        {"kind": "quote", "text": "Never again a van.", "author": "A rider"},
        {"kind": "image", "title": "Made up", "url": "https://example.org/made-up.png"},
        {"kind": "closing", "title": "Decide", "bullets": ["now"]},
    ]
    return json.dumps({"title": "Räder für alle", "language": "de", "agenda": ["Part one"], "slides": slides, **more})


async def test_a_deck_is_drawn_from_the_models_outline(client, fake_model: FakeOpenAI, mark):
    fake_model.answers[mark] = [f"```json\n{outline()}\n```"]
    answer = await client.post(PPT, json={"content": f"A report on {mark}.", "locale": "de-DE", "theme": "forest"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == PPTX
    assert "R%C3%A4der%20f%C3%BCr%20alle.pptx" in answer.headers["content-disposition"]
    deck = Presentation(io.BytesIO(answer.content))
    titles = [slide.shapes.title.text_frame.text for slide in deck.slides]
    expected = ["Räder für alle", "Agenda", "Part one", "Bikes are faster", "Before and after", "Who", "How many"]
    assert titles == [*expected, "Never again a van.", "Decide"]
    assert deck.slides[3].notes_slide.notes_text_frame.text == "Say it."
    run = await ended(client, answer.headers["X-Run-Id"])
    details = run["artifacts"][0]["details"]
    assert (details["method"], details["slides"], details["theme"]) == ("model", 9, "forest")
    assert run["usage"]["output_tokens"] > 0
    thumbnails = (await client.get(f"/agent/runs/{run['id']}/artifacts/thumbnails.json")).json()
    assert [slide["title"] for slide in thumbnails["slides"]] == titles
    events = [event for _, event in await rejoin(client, run["id"])]
    assert [e["stepName"] for e in events if e["type"] == "STEP_STARTED"] == ["outline", "draw"]
    snapshot = next(e["snapshot"] for e in events if e["type"] == "STATE_SNAPSHOT")
    assert snapshot["slides"][1] == {"kind": "bullets", "title": "Bikes are faster", "status": "outlined"}


async def test_a_broken_outline_is_repaired_once_and_then_the_contents_structure_is_taken(client, fake_model, mark):
    broken = outline().replace('"column"', '"spiral"')
    fake_model.answers[mark] = [broken, outline()]
    answer = await client.post(PPT, json={"content": f"A report on {mark}."})
    assert (await ended(client, answer.headers["X-Run-Id"]))["artifacts"][0]["details"]["method"] == "model"
    fake_model.answers[mark] = [broken, broken]
    content = f"# On {mark}\n\nIt begins.\n\n## First\n\n- one\n- two\n\n## Second\n\n| A | B |\n|---|---|\n| x | 1 |\n| y | 2 |\n"
    answer = await client.post(PPT, json={"content": content})
    details = (await ended(client, answer.headers["X-Run-Id"]))["artifacts"][0]["details"]
    assert details["method"] == "structure"
    assert "own structure" in details["note"]
    deck = Presentation(io.BytesIO(answer.content))
    assert [slide.shapes.title.text_frame.text for slide in deck.slides] == [f"On {mark}", "First", "Second"]


async def test_two_at_once_with_one_key_make_one_deck(client, fake_model, mark):
    fake_model.answers[mark] = [outline()]
    body, headers = {"content": f"A report on {mark}."}, {"Idempotency-Key": uuid.uuid4().hex}
    both = await asyncio.gather(*(client.post(PPT, json=body, headers=headers) for _ in range(2)))
    assert both[0].headers["X-Run-Id"] == both[1].headers["X-Run-Id"]
    assert both[0].content == both[1].content
    later = await client.post(PPT, json=body, headers=headers | {"Prefer": "respond-async"})
    assert (later.status_code, later.json()["status"]) == (202, "succeeded")


async def test_a_model_that_refuses_fails_the_deck_and_is_not_hidden(client):
    answer = await client.post(PPT, json={"content": "[error=400] A report."})
    assert (answer.status_code, answer.json()["code"]) == (502, "MODEL_REJECTED")


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"content": ""}, 400, ""),
        ({"content": "\n\n"}, 400, "empty"),
        ({"content": ["x"]}, 400, ""),
        ({"content": "x" * 200_001}, 413, "200 kB"),
        ({"content": "x", "theme": "neon"}, 400, "light, dark"),
        ({"content": "x", "locale": "??"}, 400, ""),
        ({"content": "x", "slides": 3}, 400, ""),
        ({"content": "x ![a](data:image/png;base64,AAAA)"}, 400, "http"),
        ({"content": "x ![a](file:///etc/passwd)"}, 400, "http"),
        ({"content": "x ![a](relative.png)"}, 400, "http"),
        ({"content": "x ![a](http://169.254.169.254/a.png)"}, 400, "public"),
        ({"content": "x ![a](http://127.0.0.1/a.png)"}, 400, "public"),
    ],
)
async def test_bad_input_is_one_clear_error(client, body, status, says):
    answer = await client.post(PPT, json=body)
    assert answer.status_code == status
    assert says in answer.json()["detail"]


async def test_nobody_makes_a_deck_without_signing_in(base_url):
    async with httpx.AsyncClient(base_url=f"{base_url}/api/v1") as anonymous:
        assert (await anonymous.post(PPT, json={"content": "x"})).status_code == 401
