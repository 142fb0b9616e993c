"""A deck's outline, as the model writes it, or as the document's own structure gives it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from agents_backend.agents.answers import json_of
from agents_backend.agents.deck_fitting import WORDS_A_SLIDE, arranged, first_point
from agents_backend.agents.deck_points import MOST, Points
from agents_backend.agents.deck_texts import POINT, headline, notes_of
from agents_backend.agents.table_charts import chart_of, is_whole_chart
from agents_backend.domain.deck_labels import labels_of
from agents_backend.domain.decks import (
    MAX_SLIDES,
    BulletSlide,
    ChartSlide,
    ClosingSlide,
    DeckOutline,
    ImageSlide,
    QuoteSlide,
    Slide,
    Source,
    TableSlide,
)
from agents_backend.domain.documents import (
    Block,
    Bullet,
    Bullets,
    Document,
    Paragraph,
    Picture,
    Quotation,
    Section,
    Table,
    spoken,
)
from agents_backend.domain.sentences import sentences

_CAPTION = 100
_CLOSES = re.compile(
    r"conclu|summary|takeaway|outlook|fazit|zusammenfassung|ausblick|resum|conclusi|结论|總結|总结|小结|结语|まとめ|結論|"
    r"요약|결론|заключ|вывод|итог|خاتمة|الخلاصة|خلاصة|סיכום|نتیجه",
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
        self._points = Points(self._text, document.links)

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
        slides = [*opening, *arranged(bodies, self._text), *([closing] if closing else [])]
        titles = tuple(title[:200] for title, _ in bodies)
        return DeckOutline(
            title=document.title[:300] or self._labels.overview,
            subtitle=subtitle,
            language=self._language,
            agenda=titles[:12] if len(titles) > 2 else (),  # noqa: PLR2004  # two sections need no agenda
            slides=tuple(slides[:MAX_SLIDES]) or (self._only(),),
            sources=tuple(Source(title=title[:300], url=url[:2_000]) for title, url in document.links[:40]),
            notes=notes_of(lead),
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
            if held and sum(len(spoken(b).split()) or len(spoken(b)) // 2 for b in [*held, block]) > WORDS_A_SLIDE:
                yield _Unit(headline(held), "", held)
                held = []
            held.append(block)
        if held:
            yield _Unit(headline(held), "", held)

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
        points, notes = self._points.of(told), notes_of(unit.blocks)
        if points and shaped and isinstance(shaped[0], ChartSlide) and len(points) <= MOST:
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
        points = [first_point(slides) for _, slides in bodies]
        kept = [Bullet(text=point) for point in points if point][:6]
        return ClosingSlide(title=self._labels.takeaways, bullets=tuple(kept)) if len(kept) > 2 else None  # noqa: PLR2004

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


def _image(unit: _Unit, picture: Picture) -> ImageSlide:
    return ImageSlide(
        title=(picture.alt or unit.title)[:300],
        section=unit.section,
        url=picture.url[:2_000],
        alt=picture.alt[:500],
        caption=picture.alt[:500] if picture.alt != unit.title else "",
    )
