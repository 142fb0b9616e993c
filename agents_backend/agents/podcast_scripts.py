"""A podcast's script, as the model writes it, or as the document itself gives it."""

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from agents_backend.agents.answers import json_of
from agents_backend.domain.documents import Document, Section, spoken
from agents_backend.domain.errors import Invalid
from agents_backend.domain.prose import shortened
from agents_backend.domain.scripts import Chapter, Line
from agents_backend.domain.sentences import is_spoken, sentences, stretches

MAX_LINES = 150
LINE = 450
# What is read out without a model: about a quarter of an hour.
MAX_READ = 14_000
SAME_SPEAKER, OTHER_SPEAKER, NEXT_CHAPTER = 200, 350, 900


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class SaidLine(_Frozen):
    """`host` is 1 or 2."""

    host: int = Field(ge=1, le=2)
    text: str = Field(min_length=1, max_length=4_000)

    @field_validator("host", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        """`"host2"`, `"Host 2"` and `"2"` are 2."""
        digits = [c for c in value if c.isdigit()] if isinstance(value, str) else []
        return int(digits[-1]) if digits else value


class SaidChapter(_Frozen):
    title: str = Field(min_length=1, max_length=200)
    lines: tuple[SaidLine, ...] = Field(min_length=1)


class ScriptDraft(_Frozen):
    """Two hosts, chapters of lines, in one language (a BCP 47 tag)."""

    title: str = Field(min_length=1, max_length=200)
    language: str = Field(min_length=2, max_length=16)
    hosts: tuple[str, str]
    chapters: tuple[SaidChapter, ...] = Field(min_length=1, max_length=20)

    @field_validator("hosts", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        """`[{"name": "Anna"}, …]` is `["Anna", …]`."""
        names = value if isinstance(value, list | tuple) else []
        return [str(name["name"]) if isinstance(name, dict) and "name" in name else name for name in names]

    @model_validator(mode="after")
    def _bounded(self) -> "ScriptDraft":
        lines = [line for chapter in self.chapters for line in chapter.lines]
        if len(lines) > MAX_LINES:
            raise ValueError(f"{len(lines)} lines are too many; {MAX_LINES} at most")
        if not all(is_spoken(line.text) for line in lines):
            raise ValueError("a line has nothing in it that can be spoken")
        return self


def parse_script(text: str) -> ScriptDraft:
    """The script in a model's answer.

    Raises:
        ValueError: there is none, or it is broken.
    """
    return ScriptDraft.model_validate(json_of(text))


def lines_of(draft: ScriptDraft, voices: tuple[str, str]) -> tuple[tuple[Line, ...], tuple[Chapter, ...]]:
    """The lines to speak: long ones in stretches of sentences, pauses as speakers and chapters change."""
    lines: list[Line] = []
    chapters: list[Chapter] = []
    for chapter in draft.chapters:
        if lines:
            lines[-1] = lines[-1].model_copy(update={"pause": NEXT_CHAPTER})
        chapters.append(Chapter(title=chapter.title, first=len(lines)))
        for said in chapter.lines:
            cut = [stretch.text for stretch in stretches(said.text, limit=LINE)]
            speaker, voice = draft.hosts[said.host - 1], voices[said.host - 1]
            lines += [Line(speaker=speaker, voice=voice, text=text, pause=SAME_SPEAKER) for text in cut[:-1]]
            lines.append(Line(speaker=speaker, voice=voice, text=cut[-1], pause=OTHER_SPEAKER))
    return tuple(lines), tuple(chapters)


_HOSTS = {"zh": ("小雅", "大伟"), "ja": ("さくら", "健"), "ar": ("ليلى", "عمر"), "ru": ("Анна", "Борис")}


def script_by_structure(document: Document, language: str) -> tuple[ScriptDraft, str]:
    """Two hosts who read the document in turns, and what is to be said of that.

    A document that is too long for a quarter of an hour is shortened to its weightiest sentences, section by section.

    Raises:
        Invalid: there is nothing in it to read.
    """
    sections = _sections(document)
    if not sections:
        raise Invalid.field("content", "there is nothing in it that can be read out")
    length = sum(len(text) for _, text in sections)
    share = min(1.0, MAX_READ / max(length, 1))
    chapters, host = [], 0
    for title, text in sections:
        said = _turns(_cut(text, share), host)
        host += len(said)
        heading = [SaidLine(host=1 + host % 2, text=title)] if is_spoken(title) and title != document.title else []
        chapters.append(SaidChapter(title=title or document.title or "…", lines=(*heading, *said)))
    note = "read from the content's own structure" + (", shortened" if share < 1 else "")
    hosts = _HOSTS.get(language.split("-", maxsplit=1)[0], ("Anna", "Ben"))
    draft = ScriptDraft(
        title=document.title[:200] or chapters[0].title, language=language, hosts=hosts, chapters=tuple(chapters[:20])
    )
    return draft, note


def _sections(document: Document) -> list[tuple[str, str]]:
    """Titles and what is read under them: sections of the highest level with those below them."""
    found: list[tuple[str, list[str]]] = []
    opening = [text for block in document.lead if is_spoken(text := spoken(block))]
    if document.title or opening:
        # a title that was taken from the first sentence is not read twice
        is_own = is_spoken(document.title) and not (opening and opening[0].startswith(document.title.rstrip("…")))
        found.append((document.title, [document.title, *opening] if is_own else opening))
    for section in document.sections:
        if section.level == 1 or not found:
            found.append((section.title, _read(section)))
        else:
            found[-1][1].extend([section.title, *_read(section)])
    # twenty chapters at most: what is over joins the last one
    while len(found) > 20:  # noqa: PLR2004
        title, texts = found.pop()
        found[-1][1].extend([title, *texts])
    return [(title, "\n\n".join(texts)) for title, texts in found if any(is_spoken(text) for text in texts)]


def _read(section: Section) -> list[str]:
    return [text for block in section.blocks if is_spoken(text := spoken(block))]


def _cut(text: str, share: float) -> str:
    while share < 1 and len(text) > 200:  # noqa: PLR2004  # a sentence or two always stays
        shorter = shortened(text)
        share *= len(text) / max(len(shorter), 1)
        if shorter == text:
            break
        text = shorter
    return text


def _turns(text: str, host: int) -> list[SaidLine]:
    """Paragraphs in turns of a few sentences, the hosts alternating."""
    turns: list[str] = []
    for paragraph in text.split("\n\n"):
        held = ""
        for sentence in sentences(paragraph):
            if held and len(held) + len(sentence) > LINE // 2:
                turns.append(held)
                held = ""
            held = f"{held} {sentence}".strip()
        turns.append(held)
    kept = [turn for turn in turns if is_spoken(turn)]
    return [SaidLine(host=1 + (host + number) % 2, text=turn[:4_000]) for number, turn in enumerate(kept)]
