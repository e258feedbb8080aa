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


def bars(values: Sequence[float], unit: str) -> str:
    """A bar for each value, with the highest written beside it."""
    top = 1.15 * max([*values, 1e-9])
    step = WIDTH / max(len(values), 1)
    gap = min(1.0, step / 4)
    shapes = "".join(
        f'<rect x="{number * step:.2f}" y="{_y(value, top):.2f}" width="{step - gap:.2f}" '
        f'height="{HEIGHT - _BOTTOM - _y(value, top):.2f}"/>'
        for number, value in enumerate(values)
    )
    label = f"{len(values)} shards, at most {max([*values, 0.0]):.1f} {unit}"
    return _svg(f'<g class="bars">{shapes}</g><text x="0" y="{HEIGHT - 2}">{label}</text>')


def _y(value: float, top: float) -> float:
    return (HEIGHT - _BOTTOM) * (1.0 - float(value) / top)


def _svg(content: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{content}</svg>'
