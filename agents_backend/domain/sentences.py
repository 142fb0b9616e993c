"""Text in stretches that end where sentences end, in any script."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_SENTENCE = re.compile(r".+?(?:[.!?…]+[\"'”’)\]]*(?=\s|$)|[。！？!?…]+[」』”’）]*|[।۔؟]+|$)", re.DOTALL)  # noqa: RUF001  # other scripts' marks
_TITLES = re.compile(r"(?:^|\s)(?:Dr|Mr|Mrs|Ms|Prof|St|vs|etc|e\.g|i\.e|No|Fig|[A-Z])\.$")
_CLAUSE = re.compile(r"(?<=[,;:，、；：،])\s*")  # noqa: RUF001  # other scripts' marks
SENTENCE_PAUSE, PARAGRAPH_PAUSE = 250, 600


@dataclass(frozen=True)
class Stretch:
    """Some sentences, and the milliseconds of silence after them."""

    text: str
    pause: int


def sentences(paragraph: str) -> list[str]:
    """The sentences of a paragraph; a title or an initial ends none."""
    found: list[str] = []
    for piece in _SENTENCE.findall(" ".join(paragraph.split())):
        if found and _TITLES.search(found[-1]):
            found[-1] += piece
        elif piece.strip():
            found.append(piece)
    return [sentence.strip() for sentence in found]


def stretches(text: str, *, limit: int) -> list[Stretch]:
    """A text in stretches of `limit` characters or less; those with nothing to say in them are left out."""
    made: list[Stretch] = []
    for paragraph in re.split(r"\n\s*\n", text):
        packed = [part for part in _packed(sentences(paragraph), limit) if is_spoken(part)]
        made += [Stretch(part, SENTENCE_PAUSE) for part in packed[:-1]]
        made += [Stretch(part, PARAGRAPH_PAUSE) for part in packed[-1:]]
    return made


def is_spoken(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _packed(parts: list[str], limit: int) -> Iterator[str]:
    held = ""
    for part in (piece for sentence in parts for piece in _cut(sentence, limit)):
        if held and len(held) + 1 + len(part) > limit:
            yield held
            held = part
        else:
            held = f"{held} {part}".strip()
    if held:
        yield held


def _cut(sentence: str, limit: int) -> Iterator[str]:
    """A sentence too long for one stretch: at its clauses, else at a space, else anywhere."""
    if len(sentence) <= limit:
        yield sentence
        return
    clauses = [clause for clause in _CLAUSE.split(sentence) if clause]
    if len(clauses) > 1:
        yield from _packed(clauses, limit)
        return
    while len(sentence) > limit:
        at = sentence.rfind(" ", 1, limit)
        at = at if at > 0 else limit
        yield sentence[:at].strip()
        sentence = sentence[at:].strip()
    if sentence:
        yield sentence
