"""Themes by name: colours and fonts that go together."""

from dataclasses import dataclass

from agents_backend.domain.errors import Invalid


@dataclass(frozen=True)
class Theme:
    """Colours as RRGGBB.

    Attributes:
        paper, ink: what slides are written on and with.
        muted: for what stands behind: captions, footers.
        line: rules and borders.
        band: every second row of a table.
        cover, cover_ink: the cover, sections and quotations.
        accents: six, for charts; the first is the theme's own.
    """

    name: str
    paper: str
    ink: str
    muted: str
    line: str
    band: str
    cover: str
    cover_ink: str
    accents: tuple[str, str, str, str, str, str]
    font: str = "Arial"


LIGHT = Theme(
    "light",
    paper="FFFFFF",
    ink="1B2432",
    muted="5B6675",
    line="D5DBE3",
    band="F3F6FA",
    cover="12355B",
    cover_ink="FFFFFF",
    accents=("1F6FB2", "E07A1F", "2E8B6F", "9B4F96", "C23B4B", "7A8794"),
)
DARK = Theme(
    "dark",
    paper="14181F",
    ink="EEF2F7",
    muted="A3AFBF",
    line="39424F",
    band="1E252F",
    cover="0B0E13",
    cover_ink="FFFFFF",
    accents=("4FA3E3", "F2A154", "5CC8A1", "C58BD6", "F07A86", "9AA8B8"),
)
FOREST = Theme(
    "forest",
    paper="FFFFFF",
    ink="1E2A22",
    muted="5C6B61",
    line="D3DED6",
    band="F1F6F2",
    cover="1F4D3A",
    cover_ink="FFFFFF",
    accents=("2F7D5B", "C98A1B", "3E7CA6", "8A5A9E", "B8483E", "7C8A80"),
)
WARM = Theme(
    "warm",
    paper="FFFCF7",
    ink="2E2320",
    muted="74645E",
    line="E6DAD0",
    band="F9F1E8",
    cover="7A2E2E",
    cover_ink="FFFFFF",
    accents=("B5472F", "D9952B", "4C7F73", "6C5B8C", "3C6E9E", "8F8178"),
)
THEMES = {theme.name: theme for theme in (LIGHT, DARK, FOREST, WARM)}


def theme_of(name: str) -> Theme:
    """The theme of a name.

    Raises:
        Invalid: there is none; the message lists them.
    """
    if name not in THEMES:
        raise Invalid.field("theme", f"there is no such theme; choose one of {', '.join(THEMES)}")
    return THEMES[name]


EAST_ASIAN = {"zh": "Microsoft YaHei", "ja": "Meiryo", "ko": "Malgun Gothic"}
EAST_ASIAN_BY_LOCALE = {"zh-tw": "Microsoft JhengHei", "zh-hk": "Microsoft JhengHei", "zh-hant": "Microsoft JhengHei"}


def east_asian_font(locale: str) -> str:
    folded = locale.replace("_", "-").lower()
    return EAST_ASIAN_BY_LOCALE.get(folded) or EAST_ASIAN.get(folded.split("-")[0], "Microsoft YaHei")
