"""Reading documents in a child process: bounded in time and memory, whatever the file does."""

import pytest

from agents_backend.domain.passages import Cut, Section, resource_of, uri_of
from agents_backend.integrations.embeddings.tokens import spans_of
from agents_backend.integrations.parsing.kinds import DocumentRefused
from agents_backend.integrations.parsing.reader import File, Reader
from agents_backend.settings import RagSettings
from tests import documents


@pytest.mark.parametrize(
    ("limits", "make", "code"),
    [
        ({"parse_seconds": 3}, documents.slow_pdf, "DOCUMENT_TOO_COMPLEX"),
        ({"max_pages": 2}, lambda: documents.pdf("a", "b", "c"), "DOCUMENT_TOO_LARGE"),
        ({"max_characters": 1_000}, lambda: documents.pdf(*["word " * 150] * 2), "DOCUMENT_TOO_LARGE"),
    ],
)
async def test_a_document_beyond_a_limit_is_refused_and_its_process_is_gone(limits, make, code):
    with pytest.raises(DocumentRefused) as refused:
        await Reader(RagSettings(**limits)).read(File(make(), "given.pdf"))
    assert refused.value.code == code


async def test_a_parser_that_wants_more_memory_than_it_may_have_is_refused():
    limits = RagSettings(parse_memory_bytes=200_000_000)
    with pytest.raises(DocumentRefused) as refused:
        await Reader(limits).read(File(b"word " * 12_000_000, "given.txt"))
    assert refused.value.code == "DOCUMENT_TOO_COMPLEX"


def test_passages_cover_a_text_whole_end_at_sentences_and_repeat_a_little():
    text = " ".join(f"This is sentence number {n} of a long text." for n in range(300))
    cut = Cut(tokens=64, overlap=16)
    passages = [passage.text for passage in cut.passages(Section(text=text), spans_of([text])[0])]
    assert all(passage.endswith(".") for passage in passages)
    assert all(len(spans) <= 64 for spans in spans_of(passages))
    for n in range(300):
        assert any(f"number {n} of a long text." in passage for passage in passages)
    begins = [text.index(passage) for passage in passages]
    ends = [begin + len(passage) for begin, passage in zip(begins, passages, strict=True)]
    assert begins == sorted(set(begins))
    assert all(begin < end for begin, end in zip(begins[1:], ends, strict=False))


@pytest.mark.parametrize("text", ["", " \n ", "x", "ab" * 5_000, "长" * 3_000, "\n\n".join(["line"] * 500)])
def test_no_text_is_cut_for_ever_or_lost(text):
    passages = list(Cut(tokens=32, overlap=16).passages(Section(text=text), spans_of([text])[0]))
    assert bool(passages) == bool(text.strip())
    assert set("".join(p.text for p in passages)) - {" ", "\n"} == set(text) - {" ", "\n"}


def test_an_address_speaks_of_its_resource_and_of_nothing_else():
    resource = resource_of("rag://0c7cf6a3-9f3b-4d0e-9a56-6fd3c8f9a111#page=3")
    assert uri_of(resource, "A > B c", None) == f"rag://{resource}#B%20c"
    assert resource_of(uri_of(resource, "x", 3)) == resource
    for other in (
        "rag://x",
        f"rag://{resource}/../x",
        f"https://{resource}",
        f" rag://{resource}",
        f"rag://{resource}\n",
    ):
        assert resource_of(other) is None
