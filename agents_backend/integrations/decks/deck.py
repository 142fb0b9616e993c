"""An outline drawn as a PowerPoint file."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agents_backend.domain.decks import BulletSlide, DeckOutline, Source
from agents_backend.domain.documents import Bullet
from agents_backend.domain.languages import is_right_to_left
from agents_backend.integrations.decks import boxes, measure, template, texts
from agents_backend.integrations.decks.measure import Type
from agents_backend.integrations.decks.page import Canvas
from agents_backend.integrations.decks.slides import DRAWERS, bullets
from agents_backend.integrations.decks.template import Look
from agents_backend.integrations.decks.themes import theme_of
from agents_backend.integrations.decks.thumbnails import thumbnails


@dataclass(frozen=True)
class Made:
    """The file, how many slides it has, and what they show (`thumbnails.py`)."""

    data: bytes
    slides: int
    thumbnails: dict[str, Any]


def draw(
    outline: DeckOutline, *, locale: str, theme: str, pictures: Mapping[str, bytes] | None = None, details: str = ""
) -> Made:
    """Draw the outline.

    Args:
        outline: what to draw.
        locale: a BCP 47 tag: language, direction, fonts, the few words of the deck's own.
        theme: a name of `themes.THEMES`.
        pictures: the bytes of each picture by its URL; one that is not there is told by its words.
        details: how it was made, for the file's properties.

    Raises:
        Invalid: there is no such theme.
    """
    look = Look(theme_of(theme), locale, is_right_to_left(locale), measure.leading_of(locale))
    canvas = Canvas(outline.title, look, pictures or {})
    _cover(canvas, outline)
    if outline.agenda:
        items = tuple(Bullet(text=item) for item in outline.agenda)
        bullets(canvas, BulletSlide(title=canvas.labels.agenda, bullets=items, is_ordered=True))
    for slide in outline.slides:
        DRAWERS[slide.kind](canvas, slide)
    _sources(canvas, outline.sources)
    return _written(canvas, outline.title, details)


def _cover(canvas: Canvas, outline: DeckOutline) -> None:
    look = canvas.look
    page = canvas.new(template.COVER, outline.notes, numbered=False)
    texts.put_title(page.shape(0), outline.title, boxes.COVER_TITLE, look, sizes=(48, 44, 40, 36, 32, 28, 24), rows=4)
    if outline.subtitle:
        texts.put_block(page.shape(template.BODY), outline.subtitle, boxes.COVER_SUBTITLE, look, sizes=(22, 20, 18, 16))
    page.tidy()


def _sources(canvas: Canvas, sources: Sequence[Source]) -> None:
    kind = replace(Type(14), leading=canvas.look.leading)
    room, tall = boxes.BODY.points
    fits = int(tall / (kind.line * 1 + kind.size * texts.GAP))
    for at in range(0, len(sources), fits):
        page = canvas.headed(template.BULLETS, canvas.labels.sources, "", "")
        lines = [
            texts.Set(
                measure.shortened(_source(source.title, source.url), kind, room - template.INDENT_POINTS, 1),
                kind.size,
                after=kind.size * texts.GAP,
                link=source.url if source.url.startswith(("http://", "https://")) else "",
            )
            for source in sources[at : at + fits]
        ]
        texts.put(page.shape(template.BODY), lines, canvas.look)
        page.tidy()


def _source(title: str, url: str) -> str:
    return title if not url or url in title else f"{title} — {url}"


def _written(canvas: Canvas, title: str, details: str) -> Made:
    properties = canvas.deck.core_properties
    properties.title, properties.language = title[:250], canvas.look.locale
    properties.author, properties.comments = "Agents Backend", details[:250]
    file = io.BytesIO()
    canvas.deck.save(file)
    return Made(file.getvalue(), len(canvas.deck.slides), thumbnails(canvas.deck, canvas.look))
