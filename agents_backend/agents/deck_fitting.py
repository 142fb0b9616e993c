"""As many slides as one would present: neighbours set side by side, openings and quotations left out where there are too many."""

from collections.abc import Sequence

from agents_backend.domain.decks import (
    BulletSlide,
    ChartSlide,
    Column,
    QuoteSlide,
    SectionSlide,
    Slide,
    TwoColumnSlide,
)

WORDS_A_SLIDE = 180
_FEWEST, _MOST = 8, 40


def arranged(bodies: list[tuple[str, list[Slide]]], text: str) -> list[Slide]:
    """As many slides as one would present for a text of so many words.

    Where there are too many, openings give way to what follows them and neighbours are set side by side; where there is room,
    sections get a slide of their own.
    """
    words = max(len(text.split()), len(text) // 3 if text[:200].count(" ") < 10 else 0)  # noqa: PLR2004
    most = min(max(words // WORDS_A_SLIDE + 1, _FEWEST), _MOST)
    total = sum(len(slides) for _, slides in bodies)
    if total > most:
        bodies = [(title, _without_opening(slides, title)) for title, slides in bodies]
    if sum(len(slides) for _, slides in bodies) > most:
        bodies = [(title, _side_by_side(slides, title)) for title, slides in bodies]
    over = sum(len(slides) for _, slides in bodies) - most
    if over > 0:
        bodies = _without_quotations(bodies, over)
    total = sum(len(slides) for _, slides in bodies)
    divided = len(bodies) > 2 and total + len(bodies) <= most and total >= 2 * len(bodies)  # noqa: PLR2004
    made: list[Slide] = []
    for number, (title, slides) in enumerate(bodies, 1):
        if divided:
            made.append(SectionSlide(title=title[:300], number=number))
        made += slides
    return made


def _without_quotations(bodies: list[tuple[str, list[Slide]]], over: int) -> list[tuple[str, list[Slide]]]:
    """Some quotations fewer, from the end."""
    made: list[tuple[str, list[Slide]]] = []
    for title, slides in reversed(bodies):
        kept: list[Slide] = []
        for slide in reversed(slides):
            if over > 0 and isinstance(slide, QuoteSlide) and len(slides) > 1:
                over -= 1
            else:
                kept.insert(0, slide)
        made.insert(0, (title, kept))
    return made


def _without_opening(slides: list[Slide], section: str) -> list[Slide]:
    """A section's opening words go into the notes of what follows, where the section has more than them."""
    if len(slides) < 2 or not isinstance(slides[0], BulletSlide) or slides[0].title != section:  # noqa: PLR2004
        return slides
    opening, following = slides[0], slides[1]
    notes = "\n\n".join(text for text in (opening.notes, following.notes) if text)[:20_000]
    return [following.model_copy(update={"notes": notes}), *slides[2:]]


def _side_by_side(slides: list[Slide], section: str) -> list[Slide]:
    """Pairs of neighbouring short bullet slides as the two columns of one."""
    made: list[Slide] = []
    waiting: BulletSlide | None = None
    for slide in slides:
        short = isinstance(slide, BulletSlide) and sum(len(b.text) for b in slide.bullets) <= 640 and slide  # noqa: PLR2004
        if short and waiting is not None:
            columns = [Column(heading=s.title[:200], bullets=s.bullets[:20]) for s in (waiting, short)]
            notes = "\n\n".join(s.notes for s in (waiting, short) if s.notes)
            made.append(TwoColumnSlide(title=section[:300], left=columns[0], right=columns[1], notes=notes[:20_000]))
            waiting = None
            continue
        made += [waiting] if waiting is not None else []
        waiting = short or None
        made += [] if short else [slide]
    return [*made, *([waiting] if waiting is not None else [])]


def first_point(slides: Sequence[Slide]) -> str:
    for slide in slides:
        if isinstance(slide, BulletSlide | ChartSlide) and slide.bullets:
            return slide.bullets[0].text
        if isinstance(slide, TwoColumnSlide):
            return slide.left.bullets[0].text
    return ""
