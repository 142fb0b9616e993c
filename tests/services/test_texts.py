"""Texts taken apart: sentences and stretches, Markdown, languages, figures, prose by rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents_backend.agents.podcast_scripts import parse_script, script_by_structure
from agents_backend.agents.table_charts import chart_of, figure_of
from agents_backend.domain.documents import Table
from agents_backend.domain.languages import language_of
from agents_backend.domain.prose import shortened, tidied
from agents_backend.domain.sentences import sentences, stretches
from agents_backend.integrations.decks import measure
from agents_backend.integrations.decks.measure import Type
from agents_backend.services.documents import read_document


def test_sentences_end_where_people_end_them():
    text = "Dr. Smith paid 3.50 euros. Was it much? No! “Not at all.” He left…"
    assert sentences(text) == ["Dr. Smith paid 3.50 euros.", "Was it much?", "No!", "“Not at all.”", "He left…"]
    assert sentences("你好。今天怎么样？很好！") == ["你好。", "今天怎么样？", "很好！"]  # noqa: RUF001


@given(st.text(alphabet="abc .,!?。，\n", max_size=400), st.integers(5, 80))  # noqa: RUF001
def test_stretches_keep_every_letter_in_its_order_and_their_bound(text, limit):
    made = stretches(text, limit=limit)
    assert all(len(stretch.text) <= limit for stretch in made)
    letters = "".join(c for c in text if c.isalnum())
    assert "".join(c for stretch in made for c in stretch.text if c.isalnum()) == letters


@given(
    st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=300), st.integers(40, 400)
)
def test_measured_lines_are_no_wider_than_their_room_and_lose_no_letter(text, room):
    kind = Type(14)
    broken = measure.lines(text, kind, room)
    assert all(measure.width(line.rstrip(), kind) <= room + 0.01 or len(line) <= 1 for line in broken)
    assert "".join("".join(broken).split()) == "".join(text.split())


def test_a_document_is_read_as_its_structure():
    document = read_document(
        "# Title\n\nLead.\n\n## One\n\n- a\n  - b\n\n> Said\n>\n> — Her\n\n### Deep\n\n| x | y |\n|--|--|\n| 1 | 2 |\n"
    )
    assert (document.title, document.lead[0].text) == ("Title", "Lead.")
    assert [(section.title, section.level) for section in document.sections] == [("One", 1), ("Deep", 2)]
    bullets, quotation = document.sections[0].blocks
    assert [(item.text, item.level) for item in bullets.items] == [("a", 0), ("b", 1)]
    assert (quotation.text, quotation.author) == ("Said", "Her")
    assert document.sections[1].blocks[0].rows == (("1", "2"),)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The cat is on the mat and it is happy", "en"),
        ("Der Hund und die Katze sind nicht im Haus", "de"),
        ("Le chat est dans la maison avec une souris", "fr"),
        ("今天天气很好", "zh"),
        ("今日はいい天気です", "ja"),
        ("الطقس جميل اليوم", "ar"),
        ("Сегодня хорошая погода", "ru"),
    ],
)
def test_a_language_is_told_by_its_letters_and_words(text, language):
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("cell", "figure"),
    [
        ("1,234.5", (1234.5, "")),
        ("1.234,5", (1234.5, "")),
        ("41%", (41, "%")),
        ("€2.60", (2.6, "€")),
        ("-6%", (-6, "%")),
        ("12 km", (12, "km")),
        ("٤٥٪", None),
        ("March", None),
        ("02/2025", None),
    ],
)
def test_figures_are_read_with_their_units(cell, figure):
    assert figure_of(cell) == figure


def test_a_table_of_unlike_figures_is_no_chart():
    assert chart_of(Table(header=("A", "B"), rows=(("x", "1"), ("y", "two"))), title="t", section="") is None
    assert (
        chart_of(Table(header=("A", "B", "C"), rows=(("x", "1", "9000"), ("y", "2", "8000"))), title="t", section="")
        is None
    )


def test_prose_by_rule_tidies_and_shortens():
    assert tidied("hello ,world .  this  is is a test") == "Hello, world. This is a test"
    text = " ".join(f"Sentence {n} about bicycles and bicycle lanes in the city." for n in range(10))
    assert 0 < len(shortened(text)) <= len(text) / 2


def test_a_document_is_read_out_by_two_hosts_and_no_sentence_is_lost():
    document = read_document(
        "# On tea\n\nTea is old. Tea is warm.\n\n## Kinds\n\n- green tea\n- black tea\n\n## Uses\n\nOne drinks it."
    )
    draft, note = script_by_structure(document, "en")
    said = " ".join(line.text for chapter in draft.chapters for line in chapter.lines)
    for words in ("Tea is old.", "Tea is warm.", "green tea", "black tea", "One drinks it."):
        assert words in said
    assert {line.host for chapter in draft.chapters for line in chapter.lines} == {1, 2}
    assert "structure" in note


@pytest.mark.parametrize(
    "broken", ["", "[]", "{}", '{"title": "x"', '{"title":"x","language":"en","hosts":["a"],"chapters":[]}']
)
def test_a_broken_script_is_an_error(broken):
    with pytest.raises(ValueError):  # noqa: PT011  # pydantic's and json's both are
        parse_script(broken)
