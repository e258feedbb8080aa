"""Smooth curves through a few numbers: the outlines, profiles and strands that characters are made of."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array: TypeAlias = NDArray[np.floating[Any]]


def smoothstep(low: float, high: float, values: ArrayLike) -> Array:
    """0 below `low`, 1 above `high`, a smooth cubic between; `low` may be greater than `high`."""
    t = np.clip((np.asarray(values, np.float64) - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def lerp(start: ArrayLike, end: ArrayLike, t: ArrayLike) -> Array:
    """Start at t = 0, end at t = 1."""
    a, b = np.asarray(start, np.float64), np.asarray(end, np.float64)
    return np.asarray(a + (b - a) * np.asarray(t, np.float64))


def profile(knots: ArrayLike, values: ArrayLike, at: ArrayLike) -> Array:
    """Monotone cubic interpolation: smooth, and never beyond the values that it goes through.

    Fritsch and Butland's choice of slopes (1984); constant outside the knots.

    Args:
        knots: (n,) ascending.
        values: (n,) values there.
        at: any shape.
    """
    x, y = np.asarray(knots, np.float64), np.asarray(values, np.float64)
    query = np.clip(np.asarray(at, np.float64), x[0], x[-1])
    step = np.diff(x)
    secant = np.diff(y) / step
    slope = np.zeros_like(y)
    before, after = secant[:-1], secant[1:]
    weight = (step[:-1] + 2 * step[1:]) / (3 * (step[:-1] + step[1:]))
    same_sign = before * after > 0
    mean = np.divide(
        before * after, (1 - weight) * before + weight * after, out=np.zeros_like(before), where=same_sign
    )
    slope[1:-1] = mean
    slope[0], slope[-1] = secant[0], secant[-1]
    cell = np.clip(np.searchsorted(x, query, side="right") - 1, 0, len(step) - 1)
    t = (query - x[cell]) / step[cell]
    return np.asarray(
        y[cell] * (1 + 2 * t) * (1 - t) ** 2
        + slope[cell] * step[cell] * t * (1 - t) ** 2
        + y[cell + 1] * t**2 * (3 - 2 * t)
        + slope[cell + 1] * step[cell] * t**2 * (t - 1)
    )


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
