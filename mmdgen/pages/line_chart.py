"""Charts of lines as SVG: no script, no font, nothing to load. Text takes the page's colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_CHART_WIDTH, _CHART_HEIGHT = 380, 200  # without the legend
# Okabe and Ito's colours, told apart by everybody, without the yellow that vanishes on white
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5c99", "#8a6d3b")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart."""

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    is_baseline: bool = False  # drawn grey and dashed


def line_chart(lines: Sequence[Line], *, x_title: str, y_title: str, log_y: bool = False) -> str:
    """Lines over common axes with a legend below. The axis of y begins at 0 unless it is logarithmic.

    Args:
        lines: at least one, each with at least one point; for a logarithmic axis above 0.
        x_title: what the horizontal axis is.
        y_title: what the vertical axis is, written above it.
        log_y: whether the vertical axis is logarithmic.
    """
    xs = [float(x) for line in lines for x in line.xs]
    ys = [float(y) for line in lines for y in line.ys]
    across, up = _Axis(min(xs), max(xs)), _Axis(min(ys) if log_y else 0.0, max(ys), is_log=log_y)
    left, right, top, bottom = 40.0, _CHART_WIDTH - 20.0, 20.0, _CHART_HEIGHT - 30.0

    def place(x: float, y: float) -> tuple[float, float]:
        return left + across.share(x) * (right - left), bottom - up.share(y) * (bottom - top)

    shapes = [f'<text class="title" x="0" y="9">{escape(y_title)}</text>']
    for tick in up.ticks():
        y = place(across.low, tick)[1]
        shapes.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        shapes.append(f'<text x="{left - 5}" y="{y + 3:.1f}" text-anchor="end">{tick:.3g}</text>')
    for tick in across.ticks():
        x = place(tick, up.low)[0]
        shapes.append(f'<text x="{x:.1f}" y="{bottom + 13}" text-anchor="middle">{tick:,.6g}</text>')
    middle = (left + right) / 2
    shapes.append(
        f'<text class="title" x="{middle}" y="{bottom + 26}" text-anchor="middle">{escape(x_title)}</text>'
    )
    for number, line in enumerate(lines):
        points = " ".join(
            "{:.1f},{:.1f}".format(*place(float(x), float(y))) for x, y in zip(line.xs, line.ys, strict=True)
        )
        shapes.append(
            f'<polyline fill="none" {_stroke(lines, number)} points="{points}">'
            f"<title>{escape(line.name)}</title></polyline>"
        )
    legend, height = _legend(lines, left, right)
    box = f"0 0 {_CHART_WIDTH} {_CHART_HEIGHT + height}"
    return f'<svg viewBox="{box}" role="img">{"".join(shapes)}{legend}</svg>'


def stand_alone(svg: str) -> str:
    """A chart as the text of an SVG file of its own, on a white ground."""
    style = (
        "text{font:9px system-ui,sans-serif;fill:#555}.title{fill:#222}.grid{stroke:#ddd;stroke-width:.6}"
        "svg{background:#fff}"
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" style="background:#fff" width="{2 * _CHART_WIDTH}" '
    return svg.replace("<svg ", head, 1).replace(">", f"><style>{style}</style>", 1) + "\n"


@dataclass(frozen=True, slots=True)
class _Axis:
    """From values to shares of an axis."""

    low: float
    high: float
    is_log: bool = False

    def share(self, value: float) -> float:
        """0 at the low end, 1 at the high end; 0 on an axis without length."""
        low, high, at = (math.log(x) if self.is_log else x for x in (self.low, self.high, value))
        return 0.0 if high <= low else (at - low) / (high - low)

    def ticks(self) -> list[float]:
        """Round numbers along it."""
        if self.is_log:
            decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            candidates = [factor * 10.0**decade for decade in decades for factor in (1, 2, 5)]
            return [tick for tick in candidates if self.low <= tick <= self.high] or [self.low]
        if self.high <= self.low:
            return [self.low]
        raw = (self.high - self.low) / 4
        unit = 10.0 ** math.floor(math.log10(raw))
        step = next(factor * unit for factor in (1, 2, 2.5, 5, 10) if factor * unit >= raw * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [number * step for number in range(first, math.floor(self.high / step + 1e-9) + 1)]


def _stroke(lines: Sequence[Line], number: int) -> str:
    if lines[number].is_baseline:
        return 'stroke="#8b8f98" stroke-width="1.4" stroke-dasharray="4 3"'
    rank = sum(not line.is_baseline for line in lines[:number])
    return f'stroke="{_COLOURS[rank % len(_COLOURS)]}" stroke-width="1.6"'


def _legend(lines: Sequence[Line], left: float, right: float) -> tuple[str, float]:
    """The names with their strokes, and the height that they take."""
    x, y, shapes = left, _CHART_HEIGHT + 8.0, []
    for number, line in enumerate(lines):
        width = 24 + 5.4 * len(line.name)
        if x > left and x + width > right:
            x, y = left, y + 13
        shapes.append(
            f'<line x1="{x:.1f}" x2="{x + 14:.1f}" y1="{y - 3}" y2="{y - 3}" {_stroke(lines, number)}/>'
            f'<text x="{x + 18:.1f}" y="{y}">{escape(line.name)}</text>'
        )
        x += width
    return "".join(shapes), y - _CHART_HEIGHT + 6
