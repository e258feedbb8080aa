"""The calibration plot of the annotator: confidence against being right, as an SVG of a few lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mmdgen.annotate.schema import REVIEW_BELOW

Fields = Sequence[tuple[float, bool]]  # (confidence, is right)

_SIZE, _LEFT, _TOP, _BOTTOM = 360, 56, 34, 52  # pixels: the plot's side and the margins around it
_TIDY = "none"  # the trouble that is none
_STYLE = "font-family='sans-serif' font-size='12' fill='#444'"


def draw_calibration(fields: Mapping[str, Fields], bins: Sequence[float]) -> str:
    """The plot as the text of an SVG file.

    Args:
        fields: what was judged, by the name of the trouble that was in the way.
        bins: edges of the confidence ranges that are counted together.
    """
    everything = [entry for entries in fields.values() for entry in entries if entry[0] > 0]
    tidy = [entry for entry in fields.get(_TIDY, []) if entry[0] > 0]
    width, height = _LEFT + _SIZE + 250, _TOP + _SIZE + _BOTTOM
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}'>",
        f"<rect width='{width}' height='{height}' fill='#fff'/>",
        *_frame(),
        *_curve(everything, bins, "#d9822b", "all troubles together", 0),
        *_curve(tidy, bins, "#2b6cb0", "no trouble", 1),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _frame() -> list[str]:
    """Axes, grid, the diagonal of a perfect calibration and the threshold below which a person looks."""
    parts = []
    for tick in np.linspace(0.0, 1.0, 6):
        x, y = _place(tick, tick)
        parts += [
            f"<line x1='{_LEFT}' x2='{_LEFT + _SIZE}' y1='{y}' y2='{y}' stroke='#e5e5e5'/>",
            f"<text x='{_LEFT - 8}' y='{y + 4}' text-anchor='end' {_STYLE}>{tick:.0%}</text>",
            f"<text x='{x}' y='{_TOP + _SIZE + 18}' text-anchor='middle' {_STYLE}>{tick:.1f}</text>",
        ]
    (x0, y0), (x1, y1), (limit, _) = _place(0, 0), _place(1, 1), _place(REVIEW_BELOW, 0)
    return [
        *parts,
        f"<rect x='{x0}' y='{y1}' width='{limit - x0}' height='{_SIZE}' fill='#888' fill-opacity='0.08'/>",
        f"<text x='{(x0 + limit) / 2}' y='{y1 + 16}' text-anchor='middle' {_STYLE}>a person looks</text>",
        f"<line x1='{x0}' y1='{y0}' x2='{x1}' y2='{y1}' stroke='#999' stroke-dasharray='4 4'/>",
        f"<text x='{_LEFT}' y='18' {_STYLE}>share of proposed fields that are right</text>",
        f"<text x='{_LEFT + _SIZE}' y='{_TOP + _SIZE + 40}' text-anchor='end' {_STYLE}>confidence</text>",
    ]


def _curve(entries: Fields, bins: Sequence[float], color: str, label: str, row: int) -> list[str]:
    """One line of dots, each with the 95 % interval of its share (Wilson) and its number of fields."""
    y = _TOP + 20 + 22 * row
    x = _LEFT + _SIZE + 20
    parts = [
        f"<circle cx='{x}' cy='{y - 4}' r='5' fill='{color}'/>",
        f"<text x='{x + 12}' y='{y}' {_STYLE}>{label} ({len(entries):,})</text>",
    ]
    confidence = np.array([entry[0] for entry in entries])
    right = np.array([entry[1] for entry in entries], np.float64)
    points = []
    for low, high in pairwise(bins):
        inside = (confidence >= low) & (confidence < high)
        if inside.any():
            points.append(_dot(confidence[inside], right[inside], color))
    path = " ".join(f"{px:.1f},{py:.1f}" for px, py, _ in points)
    parts.append(f"<polyline points='{path}' fill='none' stroke='{color}' stroke-width='1.5'/>")
    return parts + [mark for *_, mark in points]


def _dot(confidence: NDArray[np.float64], right: NDArray[np.float64], color: str) -> tuple[float, float, str]:
    count, share, z = len(right), float(right.mean()), 1.96
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    (x, y), (_, low), (_, high) = (
        _place(float(confidence.mean()), value) for value in (share, middle - reach, middle + reach)
    )
    mark = (
        f"<line x1='{x}' x2='{x}' y1='{low}' y2='{high}' stroke='{color}'/>"
        f"<circle cx='{x}' cy='{y}' r='4' fill='{color}'><title>{share:.1%} of {count}</title></circle>"
    )
    return x, y, mark


def _place(confidence: float, share: float) -> tuple[float, float]:
    return round(_LEFT + _SIZE * confidence, 1), round(_TOP + _SIZE * (1 - share), 1)
