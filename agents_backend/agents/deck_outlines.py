"""A deck's outline, as the model writes it, or as the document's own structure gives it."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from agents_backend.agents.answers import json_of
from agents_backend.agents.table_charts import chart_of, is_whole_chart
from agents_backend.domain.deck_labels import labels_of
from agents_backend.domain.decks import (
    MAX_SLIDES,
    BulletSlide,
    ChartSlide,
    ClosingSlide,
    Column,
    DeckOutline,
    ImageSlide,
    QuoteSlide,
    SectionSlide,
    Slide,
    Source,
    TableSlide,
    TwoColumnSlide,
)
from agents_backend.domain.documents import (
    Block,
    Bullet,
    Bullets,
    Code,
    Document,
    Paragraph,
    Picture,
    Quotation,
    Section,
    Table,
    spoken,
)
from agents_backend.domain.prose import weight_of, words_of
from agents_backend.domain.sentences import is_spoken, sentences

POINT = 170  # characters of a bullet, at most
_POINTS = 5
_WORDS_A_SLIDE = 180
_FEWEST, _MOST = 8, 40
_POINTS_LENGTH = 640  # characters of a slide's points, where they are taken from sentences
_CAPTION = 100
_CLOSES = re.compile(
    r"conclu|summary|takeaway|outlook|fazit|zusammenfassung|ausblick|resum|conclusi|结论|總結|总结|小结|结语|まとめ|結論|"
    r"요약|결론|заключ|вывод|итог|خاتمة|الخلاصة|خلاصة|סיכום|نتیجه",
    re.IGNORECASE,
)

_LEANS = re.compile(
    r"(?:it|its|they|their|this|that|these|those|he|she|but|and|also|however|there|such|both|whether|if only|"
    r"sie|es|dies\w*|aber|und|auch|doch|il|elle|ils|elles|cela|mais|et|ello|esto|pero|y|"
    r"这|该|其|但|也|وهو|وهي|لكن)\b",
    re.IGNORECASE,
)


def parse_outline(text: str) -> DeckOutline:
    """The outline in a model's answer.

    Raises:
        ValueError: there is none, or it is broken.
    """
    return DeckOutline.model_validate(json_of(text))


@dataclass
class _Unit:
    """What goes on one slide, or a few: a heading's own content."""

    title: str
    section: str
    blocks: list[Block] = field(default_factory=list)


def outline_by_structure(document: Document, language: str) -> DeckOutline:
    """Headings become sections and titles; lists, tables, quotations and pictures become slides of their kind.

    From paragraphs the weightiest sentences are taken as points, and the whole text stands in the notes.
    """
    return _Outliner(document, language).outline()


class _Outliner:
    def __init__(self, document: Document, language: str) -> None:
        self._document, self._language = document, language
        self._labels = labels_of(language)
        blocks = [*document.lead, *(block for section in document.sections for block in section.blocks)]
        self._text = " ".join(spoken(block) for block in blocks)
        self._weights = Counter(words_of(self._text))

    def outline(self) -> DeckOutline:
        document = self._document
        subtitle, lead = self._subtitle()
        parts = self._parts()
        opening = self._slides(_Unit(self._labels.overview, "", lead)) if lead else []
        bodies = [(title, [slide for unit in units for slide in self._slides(unit)]) for title, units in parts]
        bodies = [(title, slides) for title, slides in bodies if slides]
        closing = self._closing(bodies)
        if closing is not None and bodies and _CLOSES.search(bodies[-1][0]):
            bodies.pop()
        slides = [*opening, *self._arranged(bodies), *([closing] if closing else [])]
        titles = tuple(title[:200] for title, _ in bodies)
        return DeckOutline(
            title=document.title[:300] or self._labels.overview,
            subtitle=subtitle,
            language=self._language,
            agenda=titles[:12] if len(titles) > 2 else (),  # noqa: PLR2004  # two sections need no agenda
            slides=tuple(slides[:MAX_SLIDES]) or (self._only(),),
            sources=tuple(Source(title=title[:300], url=url[:2_000]) for title, url in document.links[:40]),
            notes=_notes(lead),
        )

    def _subtitle(self) -> tuple[str, list[Block]]:
        """The first paragraph, or its first sentence, under the title; what is left of the lead."""
        lead = list(self._document.lead)
        if lead and isinstance(lead[0], Paragraph):
            text = " ".join(lead[0].text.split())
            if len(text) <= POINT:
                return text, lead[1:]
            first = next(iter(sentences(text)), "")
            if self._document.sections and len(first) <= POINT:
                return first, lead
        return "", lead

    def _parts(self) -> list[tuple[str, list[_Unit]]]:
        """Sections of the highest level, each with its own content and that of the headings below it."""
        if not self._document.sections:
            return [("", units)] if (units := list(self._without_headings())) else []
        found: list[tuple[str, list[_Unit]]] = []
        for section in self._document.sections:
            if section.level == 1 or not found:
                found.append((section.title, [_Unit(section.title, section.title, list(section.blocks))]))
            elif section.level == 2:  # noqa: PLR2004
                found[-1][1].append(_Unit(section.title, found[-1][0], list(section.blocks)))
            else:
                found[-1][1][-1].blocks += _under(section)
        return found

    def _without_headings(self) -> Iterator[_Unit]:
        """A plain text: a few paragraphs each slide, under the beginning of the first of them."""
        held: list[Block] = []
        for block in self._document.lead:
            if held and sum(len(spoken(b).split()) or len(spoken(b)) // 2 for b in [*held, block]) > _WORDS_A_SLIDE:
                yield _Unit(_headline(held), "", held)
                held = []
            held.append(block)
        if held:
            yield _Unit(_headline(held), "", held)

    def _slides(self, unit: _Unit) -> list[Slide]:
        """The unit's points first, then what has a form of its own; one chart takes the points beside it."""
        shaped: list[Slide] = []
        told: list[Block] = []
        caption = ""
        for at, block in enumerate(unit.blocks):
            following = unit.blocks[at + 1] if at + 1 < len(unit.blocks) else None
            if isinstance(block, Paragraph) and isinstance(following, Table) and len(block.text) <= _CAPTION:
                caption = block.text.rstrip(" :.：。")  # noqa: RUF001
            elif isinstance(block, Table):
                shaped += self._table(unit, block, caption)
                caption = ""
            elif isinstance(block, Quotation) and len(block.text) <= 400:  # noqa: PLR2004  # longer ones are read as text
                shaped.append(
                    QuoteSlide(title=unit.title[:300], section=unit.section, text=block.text, author=block.author)
                )
            elif isinstance(block, Picture):
                shaped.append(_image(unit, block))
            else:
                told.append(block)
        points, notes = self._points(told), _notes(unit.blocks)
        if points and shaped and isinstance(shaped[0], ChartSlide) and len(points) <= _POINTS:
            beside = shaped[0].model_copy(update={"bullets": tuple(points), "notes": notes})
            return [beside, *shaped[1:]]
        ordered = bool(told) and all(isinstance(block, Bullets) and block.is_ordered for block in told)
        said = (
            BulletSlide(
                title=unit.title[:300],
                section=unit.section,
                bullets=tuple(points[:40]),
                is_ordered=ordered,
                notes=notes,
            )
            if points
            else None
        )
        if said is None and shaped:
            shaped[0] = shaped[0].model_copy(update={"notes": notes})
        return [*([said] if said else []), *shaped]

    def _table(self, unit: _Unit, table: Table, caption: str) -> list[Slide]:
        rows = tuple(row for row in table.rows if any(row))
        if not rows:
            return []
        title = (caption or unit.title)[:300]
        chart = chart_of(table, title=title, section=unit.section)
        made = TableSlide(title=title, section=unit.section, header=table.header[:40], rows=rows[:400])
        if chart is None:
            return [made]
        return [chart] if is_whole_chart(chart) else [chart, made]

    def _points(self, blocks: Sequence[Block]) -> list[Bullet]:
        """The items of lists, all of them, and the weightiest sentences of paragraphs, in their order."""
        every = [s for b in blocks if isinstance(b, Paragraph | Quotation) for s in sentences(b.text) if self._tells(s)]
        kept = set(self._weightiest(every))
        points: list[Bullet] = []
        for block in blocks:
            if isinstance(block, Bullets):
                points += [Bullet(text=brief(item.text), level=item.level) for item in block.items]
            elif isinstance(block, Paragraph | Quotation):
                points += [Bullet(text=brief(sentence)) for sentence in sentences(block.text) if sentence in kept]
        return points

    def _tells(self, sentence: str) -> bool:
        """A row of links is told by the sources."""
        linked = sum(len(title) for title, _ in self._document.links if title in sentence)
        return is_spoken(sentence) and linked < len(sentence) * 0.4

    def _weightiest(self, every: list[str]) -> list[str]:
        """More than half of the sentences, five at the most and no more than a slide holds; what leans on the sentence before weighs less."""
        count = min(max(3, round(len(every) * 0.6)), _POINTS)

        def weight(n: int) -> float:
            leaning = 0.6 if n and _LEANS.match(every[n]) else 1
            return weight_of(every[n], self._weights) * leaning * (1.3 if n == 0 else 1)

        kept: list[str] = []
        for n in sorted(range(len(every)), key=lambda n: -weight(n)):
            if len(kept) < count and (not kept or sum(map(len, kept)) + min(len(every[n]), POINT) <= _POINTS_LENGTH):
                kept.append(every[n])
        return kept

    def _closing(self, bodies: Sequence[tuple[str, list[Slide]]]) -> ClosingSlide | None:
        """The conclusion that the document draws itself; else one point of each section."""
        if not bodies:
            return None
        title, slides = bodies[-1]
        own = [slide for slide in slides if isinstance(slide, BulletSlide)]
        if len(bodies) > 1 and _CLOSES.search(title) and own and len(slides) == len(own):
            bullets = [bullet for slide in own for bullet in slide.bullets][:8]
            return ClosingSlide(title=title[:300], bullets=tuple(bullets), notes=own[0].notes)
        if len(bodies) < 3:  # noqa: PLR2004
            return None
        points = [_first_point(slides) for _, slides in bodies]
        kept = [Bullet(text=point) for point in points if point][:6]
        return ClosingSlide(title=self._labels.takeaways, bullets=tuple(kept)) if len(kept) > 2 else None  # noqa: PLR2004

    def _arranged(self, bodies: list[tuple[str, list[Slide]]]) -> list[Slide]:
        """As many slides as one would present for so many words.

        Where there are too many, openings give way to what follows them and neighbours are set side by side; where there is room,
        sections get a slide of their own.
        """
        words = max(len(self._text.split()), len(self._text) // 3 if self._text[:200].count(" ") < 10 else 0)  # noqa: PLR2004
        most = min(max(words // _WORDS_A_SLIDE + 1, _FEWEST), _MOST)
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

    def _only(self) -> BulletSlide:
        """A document with nothing but code or pictures still has its title."""
        title = self._document.title[:300] or self._labels.overview
        return BulletSlide(title=title, bullets=(Bullet(text=title),))


def _under(section: Section) -> list[Block]:
    """A deep heading as a point, with what stands under it one level deeper."""
    blocks: list[Block] = [Bullets(items=(Bullet(text=section.title),))]
    for block in section.blocks:
        if isinstance(block, Bullets):
            items = tuple(item.model_copy(update={"level": item.level + 1}) for item in block.items)
            blocks.append(block.model_copy(update={"items": items}))
        elif isinstance(block, Paragraph):
            first = next(iter(sentences(block.text)), "")
            blocks.append(Bullets(items=(Bullet(text=first, level=1),)) if first else block)
        else:
            blocks.append(block)
    return blocks


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


def _first_point(slides: Sequence[Slide]) -> str:
    for slide in slides:
        if isinstance(slide, BulletSlide | ChartSlide) and slide.bullets:
            return slide.bullets[0].text
        if isinstance(slide, TwoColumnSlide):
            return slide.left.bullets[0].text
    return ""


def _image(unit: _Unit, picture: Picture) -> ImageSlide:
    return ImageSlide(
        title=(picture.alt or unit.title)[:300],
        section=unit.section,
        url=picture.url[:2_000],
        alt=picture.alt[:500],
        caption=picture.alt[:500] if picture.alt != unit.title else "",
    )


def _headline(blocks: Sequence[Block]) -> str:
    """The beginning of a text as a title: its first clause, or as many words as a title bears."""
    first = next((s for block in blocks for s in sentences(spoken(block))), "…")
    clause = re.split(r"[,;:，；：、—]\s*", first)[0].rstrip(".。!?")  # noqa: RUF001
    if 12 <= len(clause) <= 70:  # noqa: PLR2004  # characters of a title
        return clause
    words, title = first.rstrip(".。").split(), ""
    for word in words:
        if len(title) + len(word) > 60:  # noqa: PLR2004
            return f"{title}…" if title else f"{word[:40]}…"
        title = f"{title} {word}".strip()
    return title or "…"


def brief(sentence: str) -> str:
    """A sentence as a point: without its asides, cut at a clause where it is too long, without its full stop."""
    text = re.sub(r"\s*[(（][^()（）]{0,160}[)）]", "", " ".join(sentence.split()))  # noqa: RUF001
    if len(text) > POINT:
        cut = max(text.rfind(mark, 40, POINT) for mark in (", ", "; ", ": ", " – ", " — ", "，", "；", "、", "، "))  # noqa: RUF001
        at = cut if cut > POINT // 3 else text.rfind(" ", 40, POINT)
        text = f"{text[: at if at > 0 else POINT].rstrip(' ,;:–—，；、،')}…"  # noqa: RUF001
    return text.rstrip("。") if text.endswith("。") else re.sub(r"(?<=[^.])\.$", "", text)


def _notes(blocks: Sequence[Block]) -> str:
    """The whole text of a slide, for its speaker."""
    texts = [block.text if isinstance(block, Code) else spoken(block) for block in blocks]
    return "\n\n".join(text for text in texts if text)[:20_000]
