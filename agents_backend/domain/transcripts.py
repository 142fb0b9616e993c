"""What was spoken, to read: Markdown for people, WebVTT for players."""

from collections.abc import Sequence

from agents_backend.domain.scripts import Script


def markdown(script: Script, times: Sequence[int]) -> str:
    """Title, chapters, and each line with its speaker and the time (milliseconds) at which it begins."""
    titles = {chapter.first: chapter.title for chapter in script.chapters}
    parts = [f"# {_plain(script.title)}"]
    for index, line in enumerate(script.lines):
        if index in titles:
            parts.append(f"## {_plain(titles[index])}")
        parts.append(f"**{_plain(line.speaker)}** ({_short(times[index])}): {line.text}")
    return "\n\n".join(parts) + "\n"


def webvtt(script: Script, starts: Sequence[int], ends: Sequence[int]) -> str:
    """One cue a line, its speaker as the voice (https://www.w3.org/TR/webvtt1/)."""
    cues = [
        f"{index + 1}\n{_long(starts[index])} --> {_long(ends[index])}\n<v {_cue(line.speaker)}>{_cue(line.text)}"
        for index, line in enumerate(script.lines)
    ]
    return "\n\n".join(["WEBVTT", *cues]) + "\n"


def _plain(text: str) -> str:
    return " ".join(text.split())


def _cue(text: str) -> str:
    """On one line, its marks escaped; an arrow would end the cue's head."""
    return _plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _short(milliseconds: int) -> str:
    minutes, seconds = divmod(milliseconds // 1000, 60)
    return f"{minutes}:{seconds:02}"


def _long(milliseconds: int) -> str:
    seconds, thousandths = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{thousandths:03}"
