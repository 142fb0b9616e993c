"""A deck before it is drawn: its slides by kind, as a model writes them or a document's structure gives them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from agents_backend.domain.documents import Bullet

MAX_SLIDES = 60
Title = Annotated[str, Field(min_length=1, max_length=300)]
Text = Annotated[str, Field(max_length=4_000)]
ChartKind = Literal["bar", "column", "line", "pie"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Slide(_Frozen):
    """`section` is shown small above the title; `notes` are for the speaker."""

    title: Title
    section: str = ""
    notes: str = Field("", max_length=20_000)


def _as_bullets(value: object) -> object:
    """Plain texts are bullets of the first level."""
    if not isinstance(value, list | tuple):
        return value
    return [{"text": item} if isinstance(item, str) else item for item in value]


class SectionSlide(_Slide):
    kind: Literal["section"] = "section"
    number: int = 0
    subtitle: Text = ""


class BulletSlide(_Slide):
    kind: Literal["bullets"] = "bullets"
    bullets: tuple[Bullet, ...] = Field(min_length=1, max_length=40)
    is_ordered: bool = False

    _bullets = field_validator("bullets", mode="before")(_as_bullets)


class Column(_Frozen):
    heading: str = Field("", max_length=200)
    bullets: tuple[Bullet, ...] = Field(min_length=1, max_length=20)

    _bullets = field_validator("bullets", mode="before")(_as_bullets)


class TwoColumnSlide(_Slide):
    kind: Literal["two_columns"] = "two_columns"
    left: Column
    right: Column


class TableSlide(_Slide):
    kind: Literal["table"] = "table"
    header: tuple[str, ...] = Field(min_length=1, max_length=40)
    rows: tuple[tuple[str, ...], ...] = Field(min_length=1, max_length=400)

    @field_validator("rows", mode="before")
    @classmethod
    def _texts(cls, value: object) -> object:
        """Numbers are shown as they are written."""
        if not isinstance(value, list | tuple):
            return value
        return [[_shown(cell) for cell in row] if isinstance(row, list | tuple) else row for row in value]

    @model_validator(mode="after")
    def _even(self) -> "TableSlide":
        """Every row as long as the header."""
        width = len(self.header)
        rows = tuple((*row, *[""] * width)[:width] for row in self.rows)
        object.__setattr__(self, "rows", rows)
        return self


def _shown(cell: object) -> str:
    return "" if cell is None else f"{cell:g}" if isinstance(cell, float) else str(cell)


class Series(_Frozen):
    name: str = Field(max_length=120)
    values: tuple[float | None, ...] = Field(min_length=1, max_length=60)


class ChartSlide(_Slide):
    kind: Literal["chart"] = "chart"
    chart: ChartKind
    categories: tuple[str, ...] = Field(min_length=1, max_length=60)
    series: tuple[Series, ...] = Field(min_length=1, max_length=8)
    unit: str = Field("", max_length=60)
    caption: Text = ""
    bullets: tuple[Bullet, ...] = Field((), max_length=8, description="what the chart tells, beside it")

    _bullets = field_validator("bullets", mode="before")(_as_bullets)

    @field_validator("categories", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        return [_shown(item) for item in value] if isinstance(value, list | tuple) else value

    @model_validator(mode="after")
    def _aligned(self) -> "ChartSlide":
        if any(len(series.values) != len(self.categories) for series in self.series):
            raise ValueError("each series needs one value for each category")
        if self.chart == "pie" and len(self.series) != 1:
            raise ValueError("a pie has one series")
        return self


class QuoteSlide(_Slide):
    kind: Literal["quote"] = "quote"
    title: str = Field("", max_length=300)
    text: str = Field(min_length=1, max_length=2_000)
    author: str = Field("", max_length=200)


class ImageSlide(_Slide):
    kind: Literal["image"] = "image"
    url: str = Field(max_length=2_000)
    alt: str = Field("", max_length=500)
    caption: Text = ""


class ClosingSlide(_Slide):
    kind: Literal["closing"] = "closing"
    bullets: tuple[Bullet, ...] = Field((), max_length=12)

    _bullets = field_validator("bullets", mode="before")(_as_bullets)


Slide = Annotated[
    SectionSlide | BulletSlide | TwoColumnSlide | TableSlide | ChartSlide | QuoteSlide | ImageSlide | ClosingSlide,
    Field(discriminator="kind"),
]


class Source(_Frozen):
    title: str = Field(max_length=300)
    url: str = Field("", max_length=2_000)


class DeckOutline(_Frozen):
    """The whole deck; the cover comes from `title` and `subtitle`, the agenda from `agenda`, the last slide from `sources`."""

    title: Title
    subtitle: str = Field("", max_length=500)
    language: str = Field("en", min_length=2, max_length=16)
    agenda: tuple[str, ...] = Field((), max_length=12)
    slides: tuple[Slide, ...] = Field(min_length=1, max_length=MAX_SLIDES)
    sources: tuple[Source, ...] = Field((), max_length=60)
    notes: str = Field("", max_length=20_000)
