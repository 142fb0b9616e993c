"""Where things stand on a slide of 13.333 by 7.5 inches. In a right-to-left deck everything is mirrored."""

from dataclasses import dataclass, replace

from pptx.util import Inches, Length

WIDTH, HEIGHT = 13.333, 7.5
POINTS_AN_INCH = 72


@dataclass(frozen=True)
class Box:
    """In inches."""

    x: float
    y: float
    w: float
    h: float

    def mirrored(self) -> "Box":
        return replace(self, x=WIDTH - self.x - self.w)

    @property
    def points(self) -> tuple[float, float]:
        """Width and height in points."""
        return self.w * POINTS_AN_INCH, self.h * POINTS_AN_INCH

    @property
    def emu(self) -> tuple[Length, Length, Length, Length]:
        return Inches(self.x), Inches(self.y), Inches(self.w), Inches(self.h)


MARGIN = 0.75
INNER = WIDTH - 2 * MARGIN
SECTION_NAME = Box(MARGIN, 0.42, INNER, 0.28)
TITLE = Box(MARGIN, 0.72, INNER, 0.92)
BODY = Box(MARGIN, 1.95, INNER, 4.7)
FOOTER = Box(MARGIN, 6.95, 9.5, 0.28)
NUMBER = Box(WIDTH - MARGIN - 1.2, 6.95, 1.2, 0.28)
RULE = Box(MARGIN, 1.72, 0.9, 0.05)

_GAP = 0.55
_HALF = (INNER - _GAP) / 2
LEFT_HEADING = Box(MARGIN, 1.95, _HALF, 0.45)
RIGHT_HEADING = Box(MARGIN + _HALF + _GAP, 1.95, _HALF, 0.45)
LEFT = Box(MARGIN, 2.5, _HALF, 4.15)
RIGHT = Box(MARGIN + _HALF + _GAP, 2.5, _HALF, 4.15)
DIVIDER = Box(WIDTH / 2 - 0.005, 2.0, 0.01, 4.6)

CHART = Box(MARGIN, 1.9, INNER, 4.3)
CAPTION = Box(MARGIN, 6.3, INNER, 0.45)
BESIDE_CHART = Box(MARGIN, 1.95, 4.1, 4.25)
CHART_BESIDE = Box(MARGIN + 4.5, 1.9, INNER - 4.5, 4.3)
PICTURE = Box(MARGIN, 1.9, INNER, 4.3)

COVER_TITLE = Box(1.0, 2.05, 10.6, 1.9)
COVER_RULE = Box(1.0, 4.15, 1.4, 0.07)
COVER_SUBTITLE = Box(1.0, 4.4, 10.6, 1.3)
COVER_STRIP = Box(0, 0, 0.35, HEIGHT)

SECTION_NUMBER = Box(1.0, 1.75, 3.0, 0.9)
SECTION_TITLE = Box(1.0, 2.7, 11.2, 1.6)
SECTION_SUBTITLE = Box(1.0, 4.45, 10.6, 1.2)

QUOTE_MARK = Box(1.0, 0.85, 2.0, 1.2)
QUOTE = Box(1.5, 1.95, 10.3, 3.6)
QUOTE_AUTHOR = Box(1.5, 5.7, 10.3, 0.5)
