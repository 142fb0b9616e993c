"""A report's citations: whatever pieces the text comes in, only what was really seen gets through."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents_backend.services.citations import WITHHELD, Citations
from agents_backend.services.toolboxes import Source

SOURCES = [Source("The moon", "https://moon.example/tides"), Source("A [sun]", "https://sun.example/")]
TEXT = "Moon [1], both [1][2], none [3] [0]. See https://moon.example/tides. Not http://evil.example/x?a=1, [link](https://evil.example)."
CLEAN = (
    f"Moon [1], both [1][2], none  . See https://moon.example/tides. Not {WITHHELD}, [link]({WITHHELD}).\n\n---\n\n"
    "1. [The moon](https://moon.example/tides)\n2. [A sun](https://sun.example/)"
)


@given(st.lists(st.integers(1, len(TEXT) - 1), max_size=12))
def test_the_result_does_not_depend_on_the_pieces(cuts):
    places = [0, *sorted(set(cuts)), len(TEXT)]
    citations = Citations(SOURCES)
    told = [citations.feed(TEXT[a:b]) for a, b in pairwise(places)]
    assert "".join([*told, citations.end()]) == CLEAN


@pytest.mark.parametrize("text", ["plain", "ends with [", "h", "http", "array[0] is code", "[12", ""])
def test_what_is_no_citation_is_left_as_it_is_and_nothing_is_appended(text):
    citations = Citations([])
    expected = text.replace("[0]", "")
    assert citations.feed(text) + citations.end() == expected
