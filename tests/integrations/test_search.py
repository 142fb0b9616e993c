"""Searching, against fakes of the three providers on the wire."""

import pytest
from pydantic import SecretStr

from agents_backend.domain.errors import UpstreamFailed, UpstreamOverloaded, UpstreamRejected, UpstreamTimeout
from agents_backend.integrations import search
from agents_backend.settings import VendorSettings
from tests.fakes.search_server import KEY, FakeSearch

PROVIDERS = ("tavily", "brave", "searxng")


def vendors(provider: str, url: str, key: str = KEY) -> VendorSettings:
    values = {
        "tavily": {"tavily_api_key": SecretStr(key), "tavily_url": url},
        "brave": {"brave_api_key": SecretStr(key), "brave_url": url},
        "searxng": {"searxng_url": url},
    }
    return VendorSettings(**values[provider])


async def ask(fake: FakeSearch, provider: str, query: str, *, key: str = KEY, seconds: float = 5, count: int = 10):
    async with search.Wire(answer_seconds=seconds) as wire:
        return await search.connect(vendors(provider, fake.url, key), wire).search(query, count=count)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_results_are_plain_text_and_cut_to_a_sensible_length(provider):
    async with FakeSearch() as fake:
        found = await ask(fake, provider, "facts", count=3)
    assert [item.title for item in found] == ["Page 0", "Page 1", "Page 2"]
    assert found[0].url == "https://example.org/0?a=1&copy=2"
    assert found[0].snippet == "A fact & more."
    assert len(found[1].snippet) == 1_500


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("401", UpstreamRejected),
        ("429", UpstreamOverloaded),
        ("500", UpstreamFailed),
        ("malformed", UpstreamFailed),
        ("hang", UpstreamTimeout),
    ],
)
async def test_a_provider_s_fault_becomes_a_typed_error_that_tells_nothing_of_its_body(
    provider, fault, error, monkeypatch
):
    monkeypatch.setattr(search, "PATIENCE_SECONDS", 0.1)
    async with FakeSearch() as fake:
        with pytest.raises(error) as caught:
            await ask(fake, provider, f"fault:{fault}", seconds=0.5)
    assert len(fake.asked) == 1  # a second try would have to wait longer than the test's patience
    assert "secret-body" not in caught.value.detail
    assert KEY not in caught.value.detail
    assert caught.value.retry_after == (1 if fault == "429" else None)


async def test_what_heals_at_once_is_tried_again_and_what_does_not_three_times():
    async with FakeSearch() as fake:
        assert await ask(fake, "tavily", "fault:500 once")
        assert len(fake.asked) == 2
        with pytest.raises(UpstreamFailed):
            await ask(fake, "tavily", "fault:500")
        assert len(fake.asked) == 2 + search.TRIES


async def test_a_wrong_key_is_not_tried_again():
    async with FakeSearch() as fake:
        with pytest.raises(UpstreamRejected):
            await ask(fake, "brave", "facts", key="wrong")
    assert len(fake.asked) == 1


async def test_entries_that_lead_nowhere_are_left_out():
    results = [{"title": "x", "url": url, "text": ""} for url in ("javascript:alert(1)", "", "ftp://x/", "https://ok/")]
    async with FakeSearch(results) as fake:
        assert [item.url for item in await ask(fake, "searxng", "x")] == ["https://ok/"]


def test_the_first_configured_provider_searches_unless_another_is_named():
    both = VendorSettings(brave_api_key=SecretStr("b"), searxng_url="http://s")
    assert search.chosen(both) == "brave"
    assert search.chosen(both.model_copy(update={"search_provider": "searxng"})) == "searxng"
    assert search.chosen(both.model_copy(update={"search_provider": "tavily"})) is None
    assert "SEARCH_PROVIDER is tavily" in search.missing(both.model_copy(update={"search_provider": "tavily"}))
    assert search.chosen(VendorSettings()) is None
    assert "TAVILY_API_KEY" in search.missing(VendorSettings())
    assert search.missing(both) is None
