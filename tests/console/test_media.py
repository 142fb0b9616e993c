"""Podcasts, decks, texts and speech in headless Chromium; the model and the voice are fakes on the wire."""

import io
import re
import uuid
from pathlib import Path

import pytest
from playwright.async_api import expect
from pptx import Presentation

from tests.api.test_decks import outline
from tests.api.test_podcasts import script
from tests.api.test_speech import ended
from tests.console.conftest import Visit, tokens

pytestmark = pytest.mark.browser
ATTACK = '<img src=x onerror="window.hacked=1"><b>bold</b>'


@pytest.fixture
def mark() -> str:
    return f"mark{uuid.uuid4().hex[:8]}"


async def at(visit, place: str) -> Visit:
    """The signed-in console at a page."""
    one = await (await visit()).sign_in()
    await one.open(place)
    return one


async def ask(one: Visit, label: str, text: str, submit: str) -> str:
    """Fill the form's text and send it; the run's id."""
    await one.page.get_by_label(label, exact=True).fill(text)
    await one.page.get_by_role("button", name=submit).click()
    await one.page.wait_for_url(re.compile(r"#/\w+/[0-9a-f-]{36}$"))
    return one.page.url.rsplit("/", 1)[1]


def badge(one: Visit, text: str):
    return one.page.locator(".work .badge", has_text=text)


async def test_a_podcast_is_made_played_from_a_line_and_downloaded(visit, fake_model, mark, tmp_path: Path):
    fake_model.answers[mark] = [script(mark, chapters=2, lines=2, title=f"Tea {ATTACK}")]
    one = await at(visit, "#/podcasts")
    await ask(one, "Content", f"About {mark}.", "Make the podcast")
    await expect(badge(one, "succeeded")).to_be_visible()
    await expect(one.page.get_by_role("heading", name=f"Tea {ATTACK}")).to_be_visible()
    assert await one.page.locator("main :is(h2, td) :is(img, b)").count() == 0
    audio, lines = one.page.locator("audio"), one.page.get_by_label("Transcript").get_by_role("listitem")
    await expect(lines).to_have_count(4)
    assert await audio.evaluate("audio => audio.duration") > 4
    await lines.nth(2).get_by_role("button").click()
    await expect(lines.nth(2)).to_have_attribute("aria-current", "true")
    assert await audio.evaluate("audio => !audio.paused && audio.currentTime > 2")
    async with one.page.expect_download() as download:
        await one.page.get_by_role("button", name="Download MP3").click()
    saved = await download.value
    assert saved.suggested_filename.startswith("Tea")
    assert (await saved.path()).read_bytes()[:3] == b"ID3"


async def test_who_leaves_in_the_middle_comes_back_to_the_same_run_and_sees_how_far_it_is(
    visit, fake_model, fake_edge, mark
):
    fake_model.answers[mark] = [script(f"{mark} [slow=700]", chapters=1, lines=12)]
    one = await at(visit, "#/podcasts")
    await ask(one, "Content", f"About {mark}.", "Make the podcast")
    place = one.page.url
    await expect(one.page.get_by_text(re.compile(r"^[1-9]\d* of 12 spoken"))).to_be_visible()
    await one.page.get_by_role("link", name="Runs", exact=True).click()
    await expect(one.page.get_by_role("heading", name="Runs")).to_be_visible()
    await one.page.goto(place)
    await one.page.reload()
    await expect(one.page.get_by_text(re.compile(r"^[1-9]\d* of 12 spoken"))).to_be_visible()
    await expect(badge(one, "succeeded")).to_be_visible()
    assert max(times for text, times in fake_edge.spoken.items() if mark in text) == 1
    await one.page.get_by_role("link", name="New podcast").click()
    await expect(one.page.get_by_label("Content", exact=True)).to_be_focused()
    await one.page.get_by_role("link", name="Tea, explained").first.click()
    await expect(one.page.locator("audio")).to_be_visible()


async def test_a_podcast_is_cancelled_and_says_so_also_after_a_reload(visit, client, fake_model, mark):
    fake_model.answers[mark] = [script(f"{mark} [slow=20000]", chapters=1, lines=4)]
    one = await at(visit, "#/podcasts")
    run_id = await ask(one, "Content", f"About {mark}.", "Make the podcast")
    await expect(one.page.get_by_text("0 of 4 spoken")).to_be_visible()
    await one.page.get_by_role("button", name="Cancel").click()
    for _ in range(2):
        await expect(one.page.get_by_text("Cancelled.", exact=True)).to_be_visible()
        await expect(one.page.get_by_role("button", name="Cancel")).to_be_hidden()
        await one.page.reload()
    assert (await ended(client, run_id))["status"] == "cancelled"


async def test_a_deck_shows_its_slides_as_they_were_drawn_and_is_downloaded(visit, fake_model, mark):
    fake_model.answers[mark] = [outline(title=f"Bikes {ATTACK}")]
    one = await at(visit, "#/decks")
    await one.page.get_by_label("Theme", exact=True).select_option("forest")
    await ask(one, "Content", f"About {mark}.", "Make the deck")
    slides = one.page.get_by_role("list", name="Slides").get_by_role("listitem")
    async with one.page.expect_download() as download:
        await one.page.get_by_role("button", name="Download").click()
    deck = Presentation(io.BytesIO((await (await download.value).path()).read_bytes()))
    await expect(slides).to_have_count(len(deck.slides))
    await expect(slides.first).to_contain_text(f"Bikes {ATTACK}")
    await expect(slides.filter(has_text="Carrier").locator("table")).to_be_visible()
    await expect(slides.filter(has_text="How many").locator("rect")).to_have_count(2)
    assert await one.page.locator("main .slide :is(img, b)").count() == 0
    await slides.first.get_by_role("button").click()
    shown = one.page.get_by_role("dialog", name="Slides")
    await expect(shown.get_by_text("1 of 9")).to_be_visible()
    await one.page.keyboard.press("ArrowRight")
    await expect(shown.get_by_role("img", name="Agenda")).to_be_visible()
    await one.page.keyboard.press("Escape")
    await expect(shown).to_have_count(0)


async def test_a_text_appears_as_it_is_written_and_markup_in_it_stays_text(visit, fake_model):
    one = await at(visit, "#/prose")
    await ask(one, "Text", "long [tokens=60 delay=30]", "Write")
    text = one.page.locator(".made")
    await expect(text).to_contain_text("tok3")
    assert "tok59" not in await text.inner_text()
    await expect(badge(one, "succeeded")).to_be_visible()
    assert await text.inner_text() == tokens(60)
    await one.page.get_by_role("link", name="New text").click()
    await ask(one, "Text", f"[say={ATTACK}]", "Write")
    await expect(badge(one, "succeeded")).to_be_visible()
    assert await text.inner_text() == ATTACK
    assert await one.page.evaluate("window.hacked") is None


async def test_what_the_api_refuses_of_a_text_stands_beside_its_field_and_a_failure_is_told(visit):
    one = await at(visit, "#/prose")
    await one.page.get_by_label("Text", exact=True).fill("Change this.")
    await one.page.get_by_label("What to do").select_option("zap")
    await one.page.get_by_role("button", name="Write").click()
    await expect(one.page.get_by_label("Your wish")).to_have_attribute("aria-invalid", "true")
    await expect(one.page.get_by_text("zap needs a command")).to_be_visible()
    await one.page.get_by_label("What to do").select_option("enhance")
    await expect(one.page.get_by_label("Your wish")).to_be_hidden()
    await one.page.get_by_label("Report style").select_option("news")
    await ask(one, "Text", "A prompt [error=400]", "Write")
    await expect(one.page.get_by_text("MODEL_REJECTED")).to_be_visible()


async def test_speech_takes_a_voice_of_the_chosen_language(visit, fake_edge, mark):
    one = await at(visit, "#/speech")
    await one.page.get_by_label("Language").select_option("de-DE")
    voices = await one.page.get_by_label("Voice").locator("option").all_inner_texts()
    assert voices
    assert all(voice.startswith("de-DE-") for voice in voices)
    await one.page.get_by_label("Speed").fill("1.5")
    await ask(one, "Text", f"Guten Tag {mark}.", "Speak")
    await expect(one.page.locator("audio")).to_be_visible()
    assert fake_edge.rates[f"Guten Tag {mark}."] == "+50%"
    assert "(de-DE, " in fake_edge.voices[f"Guten Tag {mark}."]
