"""ID3 tags of an MP3: title, speakers, chapters (ID3v2 Chapter Frame Addendum 1.0)."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from mutagen.id3 import CHAP, CTOC, ID3, TIT2, TLAN, TLEN, TPE1, TSSE, CTOCFlags

_UTF8 = 3
_NO_OFFSET = 0xFFFFFFFF


@dataclass(frozen=True)
class ChapterMark:
    """A chapter from `start` to `end`, in milliseconds."""

    title: str
    start: int
    end: int


def with_tags(
    mp3: bytes,
    *,
    title: str,
    milliseconds: int,
    speakers: Sequence[str] = (),
    language: str = "",
    chapters: Sequence[ChapterMark] = (),
) -> bytes:
    """The MP3 with its tags before it."""
    tags = ID3()
    frames = [TIT2(encoding=_UTF8, text=title), TLEN(encoding=_UTF8, text=str(milliseconds))]
    frames += [TPE1(encoding=_UTF8, text=list(speakers))] if speakers else []
    frames += [TLAN(encoding=_UTF8, text=language)] if language else []
    frames.append(TSSE(encoding=_UTF8, text="Agents Backend"))
    for frame in [*frames, *_chapters(chapters)]:
        tags.add(frame)
    file = BytesIO()
    tags.save(file)
    return file.getvalue() + mp3


def _chapters(chapters: Sequence[ChapterMark]) -> list[CHAP | CTOC]:
    if not chapters:
        return []
    ids = [f"chapter{number}" for number in range(1, len(chapters) + 1)]
    marks = [
        CHAP(
            element_id=name,
            start_time=mark.start,
            end_time=mark.end,
            start_offset=_NO_OFFSET,
            end_offset=_NO_OFFSET,
            sub_frames=[TIT2(encoding=_UTF8, text=mark.title)],
        )
        for name, mark in zip(ids, chapters, strict=True)
    ]
    flags = CTOCFlags.TOP_LEVEL | CTOCFlags.ORDERED
    contents = CTOC(element_id="toc", flags=flags, child_element_ids=ids, sub_frames=[])
    return [contents, *marks]
