"""Small charts as inline SVG: no script, no font, nothing to load. Colours come from the page's style."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 220, 96
_BOTTOM = 14  # room for the labels of the axis


def histogram(
    values: NDArray[np.float64], low: float, high: float, density: NDArray[np.float64], *, bins: int = 24
) -> str:
    """Bars of the values' density over low..high, with the intended density as a line.

    Args:
        values: (n,).
        low: left end of the axis.
        high: right end.
        density: (points,) the intended density at evenly spaced points from low to high.
        bins: number of bars.
    """
    counts, edges = np.histogram(values, bins=bins, range=(low, high), density=len(values) > 0)
    top = 1.15 * max(float(np.max(counts, initial=0.0)), float(np.max(density)))
    step = WIDTH / bins
    bars = "".join(
        f'<rect x="{number * step + 0.5:.2f}" y="{_y(count, top):.2f}" width="{step - 1:.2f}" '
        f'height="{HEIGHT - _BOTTOM - _y(count, top):.2f}"/>'
        for number, count in enumerate(np.nan_to_num(counts))
    )
    points = " ".join(
        f"{x:.1f},{_y(value, top):.2f}"
        for x, value in zip(np.linspace(0, WIDTH, len(density)), density, strict=True)
    )
    labels = "".join(
        f'<text x="{x}" y="{HEIGHT - 2}" text-anchor="{anchor}">{value:g}</text>'
        for x, anchor, value in (
            (0, "start", edges[0]),
            (WIDTH / 2, "middle", (low + high) / 2),
            (WIDTH, "end", edges[-1]),
        )
    )
    return _svg(f'<g class="bars">{bars}</g><polyline class="density" points="{points}"/>{labels}')


def rate_over_time(spans: Sequence[tuple[float, float, int]], *, points: int = 120) -> str:
    """How fast workers were together over the time of a run, as an area; "" where no time passed.

    Args:
        spans: begin and end in seconds, and what was done meanwhile, of each piece of work.
        points: of the curve.
    """
    begin, end = min((span[0] for span in spans), default=0.0), max((span[1] for span in spans), default=0.0)
    if end <= begin:
        return ""
    edges = np.linspace(begin, end, points + 1)
    rates = np.zeros(points)
    for first, last, done in spans:
        overlap = np.clip(np.minimum(edges[1:], last) - np.maximum(edges[:-1], first), 0.0, None)
        rates += overlap / np.diff(edges) * done / max(last - first, 1e-3)
    top = 1.15 * float(rates.max())
    width = 2 * WIDTH
    steps = [
        (x, _y(rate, top))
        for left, right, rate in zip(edges[:-1], edges[1:], rates, strict=True)
        for x in ((left - begin) / (end - begin) * width, (right - begin) / (end - begin) * width)
    ]
    line = " ".join(f"{x:.1f},{y:.2f}" for x, y in steps)
    bottom = HEIGHT - _BOTTOM
    mean = sum(done for _, _, done in spans) / (end - begin)
    speed = f"on average {mean:,.1f} samples/s, at most {rates.max():,.1f}"
    shards = "1 shard" if len(spans) == 1 else f"{len(spans):,} shards"
    label = f"{_length(end - begin)}, {shards}; {speed}"
    return _svg(
        f'<polygon class="area" points="0,{bottom} {line} {width},{bottom}"/>'
        f'<text x="0" y="{HEIGHT - 2}">{label}</text>',
        width,
    )


def _length(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _y(value: float, top: float) -> float:
    return (HEIGHT - _BOTTOM) * (1.0 - float(value) / top)


def _svg(content: str, width: int = WIDTH) -> str:
    return f'<svg viewBox="0 0 {width} {HEIGHT}" role="img">{content}</svg>'
