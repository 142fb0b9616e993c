"""Native, editable charts in the theme's colours."""

from typing import Any

from pptx.chart.data import CategoryChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import XL_CHART_TYPE, XL_LABEL_POSITION, XL_LEGEND_POSITION, XL_TICK_LABEL_POSITION, XL_TICK_MARK
from pptx.enum.dml import MSO_THEME_COLOR
from pptx.util import Pt

from agents_backend.domain.decks import ChartSlide
from agents_backend.integrations.decks import measure
from agents_backend.integrations.decks.boxes import Box
from agents_backend.integrations.decks.measure import Type
from agents_backend.integrations.decks.template import Look

_ACCENTS = (
    MSO_THEME_COLOR.ACCENT_1,
    MSO_THEME_COLOR.ACCENT_2,
    MSO_THEME_COLOR.ACCENT_3,
    MSO_THEME_COLOR.ACCENT_4,
    MSO_THEME_COLOR.ACCENT_5,
    MSO_THEME_COLOR.ACCENT_6,
)
_TYPES = {
    "bar": XL_CHART_TYPE.BAR_CLUSTERED,
    "column": XL_CHART_TYPE.COLUMN_CLUSTERED,
    "line": XL_CHART_TYPE.LINE_MARKERS,
    "pie": XL_CHART_TYPE.PIE,
}
_LABELLED = 16  # values, at most, that each carry a label
_PLOT = 0.88  # of a chart's width
_NAME = 40
_SIGNS = frozenset({"%", "‰", "$", "€", "£", "¥", "₹"})


def draw(placeholder: Any, slide: ChartSlide, box: Box, look: Look) -> Any:
    """The chart in its placeholder's stead."""
    kind = _kind(slide, box)
    data = CategoryChartData()
    data.categories = [_short(name) for name in slide.categories]
    for series in slide.series:
        data.add_series(_short(series.name) or slide.title[:_NAME], series.values)
    frame = placeholder.insert_chart(_TYPES[kind], data)
    chart = frame.chart
    chart.has_title = False
    chart.font.size, chart.font.name = Pt(14), look.theme.font
    chart.font.color.theme_color = MSO_THEME_COLOR.TEXT_1
    chart.has_legend = len(slide.series) > 1 or kind == "pie"
    if chart.has_legend:
        chart.legend.position = XL_LEGEND_POSITION.RIGHT if kind == "pie" else XL_LEGEND_POSITION.BOTTOM
        chart.legend.include_in_layout = False
        chart.legend.font.size = Pt(14)
    _colour(chart, kind)
    if kind != "pie":
        _axes(chart, kind, look, _format(slide))
    _label(chart, slide, kind)
    return frame


def _kind(slide: ChartSlide, box: Box) -> str:
    """Columns whose names would not fit below them, on two lines, lie down."""
    if slide.chart != "column":
        return slide.chart
    room = box.points[0] * _PLOT / len(slide.categories)
    name = Type(13)
    fits = all(len(measure.lines(_short(text), name, room)) <= 2 for text in slide.categories)  # noqa: PLR2004
    words = max((measure.width(word, name) for text in slide.categories for word in text.split()), default=0)
    return "column" if fits and words <= room else "bar"


def _short(name: str) -> str:
    text = " ".join(name.split())
    return text if len(text) <= _NAME else f"{text[: _NAME - 1]}…"


def _colour(chart: Any, kind: str) -> None:
    plot = chart.plots[0]
    if kind == "pie":
        for index in range(len(list(plot.categories))):
            fill = plot.series[0].points[index].format.fill
            fill.solid()
            fill.fore_color.theme_color = _ACCENTS[index % len(_ACCENTS)]
        return
    for index, series in enumerate(plot.series):
        colour = _ACCENTS[index % len(_ACCENTS)]
        if kind == "line":
            series.format.line.color.theme_color = colour
            series.format.line.width = Pt(2.5)
            series.smooth = False
            series.marker.format.fill.solid()
            series.marker.format.fill.fore_color.theme_color = colour
            series.marker.format.line.color.theme_color = colour
        else:
            series.format.fill.solid()
            series.format.fill.fore_color.theme_color = colour
            series.invert_if_negative = False
    if kind != "line":
        plot.gap_width = 60
        plot.overlap = 0


def _axes(chart: Any, kind: str, look: Look, figures: str) -> None:
    category, value = chart.category_axis, chart.value_axis
    value.tick_labels.number_format, value.tick_labels.number_format_is_linked = figures, False
    category.tick_labels.font.size = value.tick_labels.font.size = Pt(13)
    category.has_major_gridlines = False
    category.major_tick_mark = value.major_tick_mark = XL_TICK_MARK.NONE
    category.tick_label_position = XL_TICK_LABEL_POSITION.LOW
    category.format.line.color.theme_color = MSO_THEME_COLOR.TEXT_2
    value.format.line.fill.background()
    value.major_gridlines.format.line.color.rgb = RGBColor.from_string(look.theme.line)
    value.major_gridlines.format.line.width = Pt(0.75)
    # bars are read from the top, and a right-to-left deck from the right
    category.reverse_order = kind == "bar" or look.is_rtl
    if kind == "bar":
        value.tick_label_position = XL_TICK_LABEL_POSITION.HIGH
        value.reverse_order = look.is_rtl


def _label(chart: Any, slide: ChartSlide, kind: str) -> None:
    """Values beside their bars where there are few; then the value axis needs no figures of its own."""
    values = [value for series in slide.series for value in series.values if value is not None]
    if len(values) > _LABELLED:
        return
    plot = chart.plots[0]
    plot.has_data_labels = True
    labels = plot.data_labels
    labels.font.size = Pt(13)
    labels.font.color.theme_color = MSO_THEME_COLOR.TEXT_1
    labels.number_format, labels.number_format_is_linked = _format(slide), False
    if kind == "pie":
        labels.position = XL_LABEL_POSITION.OUTSIDE_END
        return
    labels.position = XL_LABEL_POSITION.ABOVE if kind == "line" else XL_LABEL_POSITION.OUTSIDE_END
    labels.show_value = True


def is_written(unit: str) -> bool:
    """Whether a unit stands at every figure of the chart."""
    return unit in _SIGNS


def _format(slide: ChartSlide) -> str:
    values = [value for series in slide.series for value in series.values if value is not None]
    decimals = max((len(f"{value:.2f}".rstrip("0").partition(".")[2]) for value in values), default=0)
    figure = "#,##0" + (f".{'0' * decimals}" if decimals else "")
    if slide.unit in {"%", "‰"}:
        return f'{figure}"{slide.unit}"'
    return f'"{slide.unit}"{figure}' if slide.unit in _SIGNS else figure
