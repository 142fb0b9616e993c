"""Which points a slide makes of a document's blocks: the items of its lists, the weightiest of its sentences."""

import re
from collections import Counter
from collections.abc import Sequence

from agents_backend.agents.deck_texts import POINT, brief
from agents_backend.domain.documents import Block, Bullet, Bullets, Paragraph, Quotation
from agents_backend.domain.prose import weight_of, words_of
from agents_backend.domain.sentences import is_spoken, sentences

MOST = 5
_LENGTH = 640  # characters of a slide's points, where they are taken from sentences
_LEANS = re.compile(
    r"(?:it|its|they|their|this|that|these|those|he|she|but|and|also|however|there|such|both|whether|if only|"
    r"sie|es|dies\w*|aber|und|auch|doch|il|elle|ils|elles|cela|mais|et|ello|esto|pero|y|"
    r"这|该|其|但|也|وهو|وهي|لكن)\b",
    re.IGNORECASE,
)


class Points:
    """`text` is the whole document's, by which a sentence is weighed; `links` are told by the sources."""

    def __init__(self, text: str, links: Sequence[tuple[str, str]]) -> None:
        self._weights, self._links = Counter(words_of(text)), links

    def of(self, blocks: Sequence[Block]) -> list[Bullet]:
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
        linked = sum(len(title) for title, _ in self._links if title in sentence)
        return is_spoken(sentence) and linked < len(sentence) * 0.4

    def _weightiest(self, every: list[str]) -> list[str]:
        """More than half of the sentences, five at the most and no more than a slide holds; what leans on the sentence before weighs less."""
        count = min(max(3, round(len(every) * 0.6)), MOST)

        def weight(n: int) -> float:
            leaning = 0.6 if n and _LEANS.match(every[n]) else 1
            return weight_of(every[n], self._weights) * leaning * (1.3 if n == 0 else 1)

        kept: list[str] = []
        for n in sorted(range(len(every)), key=lambda n: -weight(n)):
            if len(kept) < count and (not kept or sum(map(len, kept)) + min(len(every[n]), POINT) <= _LENGTH):
                kept.append(every[n])
        return kept
