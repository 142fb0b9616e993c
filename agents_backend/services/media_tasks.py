"""The tasks `podcast` and `deck`: a file made of what a page says on the day, or of a text, as a run of the scheduler's owner."""

import asyncio
from typing import Self

from pydantic import Field, model_validator

from agents_backend.domain.errors import UpstreamRejected
from agents_backend.domain.sentences import is_spoken
from agents_backend.integrations.decks.themes import LIGHT, THEMES, theme_of
from agents_backend.integrations.speech import voices
from agents_backend.services.decks import DeckInput, DeckRequest, pictures_of
from agents_backend.services.documents import read_document
from agents_backend.services.podcasts import PodcastInput, PodcastRequest
from agents_backend.services.prose import MAX_BYTES, check_text
from agents_backend.services.task_parts import Arguments, Carriers, Checks, Owner, Performed, at, blamed_on

_LOCALE = r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$"
_PAGE = "the page that it is made of, read anew each time; a public http or https address"


class Podcast(Arguments):
    url: str = Field(max_length=2048, description=_PAGE)
    locale: str | None = Field(None, pattern=_LOCALE, description="the language to speak; default: the page's own")
    voices: tuple[str, str] | None = Field(None, description="the hosts' voices, from GET /agent/tts/voices")


class Deck(Arguments):
    url: str | None = Field(None, max_length=2048, description=f"{_PAGE}; or else `text`")
    text: str | None = Field(
        None, min_length=1, max_length=MAX_BYTES, pattern=r"^[^\x00]+$", description="text or Markdown; or else `url`"
    )
    locale: str | None = Field(None, pattern=_LOCALE, description="the deck's language; default: the content's own")
    theme: str = Field(LIGHT.name, max_length=32, description=f"one of {', '.join(THEMES)}")

    @model_validator(mode="after")
    def _of_one_thing(self) -> Self:
        if (self.url is None) == (self.text is None):
            raise ValueError("give either url or text")
        return self


async def check_podcast(checks: Checks, _: int, arguments: Podcast) -> None:
    checks.url(["kwargs", "url"], arguments.url)
    with blamed_on("kwargs", "voices"):
        for name in arguments.voices or ():
            voices.resolve(name)


async def check_deck(checks: Checks, _: int, arguments: Deck) -> None:
    with blamed_on("kwargs", "theme"):
        theme_of(arguments.theme)
    if arguments.url is not None:
        checks.url(["kwargs", "url"], arguments.url)
    if arguments.text is None:
        return
    with blamed_on("kwargs", "text"):
        check_text("text", arguments.text)
    if not is_spoken(arguments.text):
        raise at(["kwargs", "text"], "there is nothing in it to show")
    for url in pictures_of(await asyncio.to_thread(read_document, arguments.text)):
        checks.url(["kwargs", "text"], url)


async def perform_podcast(carriers: Carriers, owner: Owner, arguments: Podcast) -> Performed:
    """Start the podcast of what the page says now.

    Raises:
        UpstreamFailed, UpstreamTimeout: the page. UpstreamRejected: it holds no text. Invalid: what a podcast is not made of.
        TooMany, StorageFull, Unavailable: as every podcast.
    """
    content = await _content(carriers, arguments.url)
    given = PodcastInput(content=content, locale=arguments.locale, voices=arguments.voices)
    started = await carriers.podcasts.start(
        PodcastRequest(owner.user_id, given, owner.key, owner.key, wish=arguments.model_dump(mode="json"))
    )
    return Performed(run_id=started.run.id)


async def perform_deck(carriers: Carriers, owner: Owner, arguments: Deck) -> Performed:
    """Start the deck of the text, or of what the page says now.

    Raises:
        UpstreamFailed, UpstreamTimeout: the page. UpstreamRejected: it holds no text. Invalid: what a deck is not made of.
        TooMany, StorageFull, Unavailable: as every deck.
    """
    content = arguments.text or await _content(carriers, arguments.url or "")
    given = DeckInput(content=content, locale=arguments.locale, theme=arguments.theme)
    started = await carriers.decks.start(
        DeckRequest(owner.user_id, given, owner.key, owner.key, wish=arguments.model_dump(mode="json"))
    )
    return Performed(run_id=started.run.id)


async def _content(carriers: Carriers, url: str) -> str:
    article = await carriers.reader.read(await carriers.pages.fetch(url))
    text = article.text.replace("\x00", "").strip()
    if not text:
        raise UpstreamRejected("The page holds no readable text.")
    return f"# {article.title}\n\n{text}" if article.title else text
