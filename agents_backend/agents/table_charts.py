"""Tables of figures as charts."""

import re

from agents_backend.domain.decks import ChartKind, ChartSlide, Series
from agents_backend.domain.documents import Table

_FIGURE = re.compile(r"^[~≈+]?\s*([$€£¥₹]?)\s*([-\u2212(]?[\d][\d.,\s\u00a0\u202f']*)\)?\s*([%‰]|[^\W\d_]{1,12}\.?)?$")
_TIME = re.compile(
    r"^(?:(?:19|20|21)\d\d(?:[-/年].*)?|Q[1-4].*|[1-4]\. ?Quartal.*|H[12].*|\d{1,2}月|"
    r"(?:jan|feb|mar|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)\w*\.?(?: \d{2,4})?)$",
    re.IGNORECASE,
)
_EASTERN = str.maketrans("٠١٢٣٤٥٦٧٨٩٫٬", "0123456789.,")  # noqa: RUF001
_MOST_ROWS, _MOST_SERIES = 16, 4
_SPREAD = 25
_LABELLED = 16


def figure_of(cell: str) -> tuple[float, str] | None:
    """A cell's number and its unit (`$`, `%`, `km`); None for what is no number."""
    found = _FIGURE.match(cell.strip().translate(_EASTERN))
    if found is None:
        return None
    sign, digits, unit = found[1], re.sub(r"[\s\u00a0\u202f']", "", found[2]), found[3] or ""
    negative = digits[:1] in "-\u2212(" if digits else False
    value = _value(digits.lstrip("-\u2212("))
    return None if value is None else (-value if negative else value, sign or unit)


def _value(digits: str) -> float | None:
    """`1,234.5`, `1.234,5` and `12,5` alike: the last mark that is not followed by exactly three digits parts the decimals."""
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", digits):
        return float(digits.replace(",", ""))
    if re.fullmatch(r"\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?|\d{1,3}(?:\.\d{3})+,\d+", digits):
        return float(digits.replace(".", "").replace(",", "."))
    if re.fullmatch(r"\d+(?:[.,]\d+)?", digits):
        return float(digits.replace(",", "."))
    return None


def chart_of(table: Table, *, title: str, section: str) -> ChartSlide | None:
    """The chart of a table whose every column but the first holds figures of one kind; None where a chart would mislead."""
    rows = [row for row in table.rows if any(row)]
    if not 2 <= len(rows) <= _MOST_ROWS or not 2 <= len(table.header) <= _MOST_SERIES + 1:  # noqa: PLR2004
        return None
    if len({row[0] for row in rows}) < len(rows) or not all(row[0] for row in rows):
        return None
    found = [[figure_of(row[c]) for row in rows] for c in range(1, len(table.header))]
    figures = [[cell for cell in column if cell is not None] for column in found]
    if any(len(column) < len(rows) for column in figures):
        return None
    units = {unit for column in figures for _, unit in column}
    tops = [max(abs(value) for value, _ in column) for column in figures]
    if len(units) > 1 or min(tops) == 0 or max(tops) / min(tops) > _SPREAD:
        return None
    series = [
        Series(name=name[:120], values=tuple(value for value, _ in column))
        for name, column in zip(table.header[1:], figures, strict=True)
    ]
    unit = units.pop()
    categories = tuple(row[0] for row in rows)
    return ChartSlide(
        title=title,
        section=section,
        chart=_kind(categories, series, unit),
        categories=categories,
        series=tuple(series),
        unit=unit,
    )


def _kind(categories: tuple[str, ...], series: list[Series], unit: str) -> ChartKind:
    if len(categories) >= 4 and all(_TIME.match(name.strip()) for name in categories):  # noqa: PLR2004
        return "line"
    values = series[0].values
    parts = [value for value in values if value is not None]
    whole = unit == "%" and len(series) == 1 and abs(sum(parts) - 100) < 1.5 and min(parts) >= 0  # noqa: PLR2004
    return "pie" if whole and len(categories) <= 6 else "column"  # noqa: PLR2004


def is_whole_chart(chart: ChartSlide) -> bool:
    """Whether every value is written at its place, so that the table beside it would say nothing more."""
    return len(chart.categories) * len(chart.series) <= _LABELLED
