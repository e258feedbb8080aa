"""Smooth curves through a few numbers: the outlines, profiles and strands that characters are made of."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array: TypeAlias = NDArray[np.floating[Any]]


def smoothstep(low: ArrayLike, high: ArrayLike, values: ArrayLike) -> Array:
    """0 below `low`, 1 above `high`, a smooth cubic between; `low` may be greater than `high`."""
    start = np.asarray(low, np.float64)
    place = (np.asarray(values, np.float64) - start) / (np.asarray(high, np.float64) - start)
    t: Array = np.minimum(np.maximum(place, 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


def lerp(start: ArrayLike, end: ArrayLike, t: ArrayLike) -> Array:
    """Start at t = 0, end at t = 1."""
    a, b = np.asarray(start, np.float64), np.asarray(end, np.float64)
    return np.asarray(a + (b - a) * np.asarray(t, np.float64))


class Profile:
    """A curve through given values: smooth, monotone between them, constant outside.

    Cubic pieces with Fritsch and Butland's choice of slopes (1984), which never overshoots.
    """

    def __init__(self, knots: ArrayLike, values: ArrayLike) -> None:
        x, y = np.asarray(knots, np.float64), np.asarray(values, np.float64)
        step = np.diff(x)
        secant = np.diff(y) / step
        before, after = secant[:-1], secant[1:]
        share = (step[:-1] + 2 * step[1:]) / (3 * (step[:-1] + step[1:]))
        slope = np.concatenate([secant[:1], np.zeros(len(y) - 2), secant[-1:]])
        np.divide(
            before * after, (1 - share) * before + share * after, out=slope[1:-1], where=before * after > 0
        )
        self._knots = x
        # Coefficients of each piece in its own distance from its left knot.
        self._cubic = (slope[:-1] + slope[1:] - 2 * secant) / step**2
        self._square = (3 * secant - 2 * slope[:-1] - slope[1:]) / step
        self._slope, self._start = slope[:-1], y[:-1]

    def __call__(self, at: ArrayLike) -> Array:
        """Values at places of any shape."""
        x = self._knots
        place = np.minimum(np.maximum(np.asarray(at, np.float64), x[0]), x[-1])
        piece = np.minimum(np.searchsorted(x, place, side="right") - 1, len(x) - 2)
        d = place - x[piece]
        value = ((self._cubic[piece] * d + self._square[piece]) * d + self._slope[piece]) * d
        return np.asarray(value + self._start[piece])


def profile(knots: ArrayLike, values: ArrayLike, at: ArrayLike) -> Array:
    """`Profile(knots, values)(at)`: for curves that are used once."""
    return Profile(knots, values)(at)


def catmull_rom(points: ArrayLike, t: ArrayLike) -> Array:
    """A smooth curve through points, (samples, dimensions).

    Args:
        points: (n, dimensions), n >= 2, passed at t = 0, 1/(n-1), ... 1.
        t: (samples,) in [0, 1].
    """
    p = np.asarray(points, np.float64)
    ends = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    scaled = np.clip(np.asarray(t, np.float64), 0.0, 1.0) * (len(p) - 1)
    cell = np.minimum(scaled.astype(np.int64), len(p) - 2)
    f = (scaled - cell)[:, None]
    a, b, c, d = (ends[cell + k] for k in range(4))
    bent = (2 * a - 5 * b + 4 * c - d) * f**2 + (3 * b - a - 3 * c + d) * f**3
    return np.asarray(0.5 * (2 * b + (c - a) * f + bent))


def normalized(vectors: Array) -> Array:
    """Vectors of unit length along the last axis; zero stays zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 1e-12))


def on_grid(values: Array) -> Array:
    """Numbers rounded to multiples of 2^-14, so that every machine stores the same bytes.

    Sines and roots may differ in their last bit from one processor to the next; 2^-14 MMD units are 5 um.
    """
    return np.asarray(np.round(values * 2.0**14) / 2.0**14)
