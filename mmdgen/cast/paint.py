"""Painting: colours laid over pixel grids with soft edges. Everything is a function of coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mmdgen.cast.colors import Color
from mmdgen.cast.curves import Array, smoothstep
from mmdgen.images import Image


@dataclass(slots=True, eq=False)
class Canvas:
    """A picture being painted: sRGB colours in 0..1, with the coordinates of its pixel centres."""

    x: Array  # (height, width)
    y: Array
    colors: Array  # (height, width, 3)
    alpha: Array  # (height, width)

    @staticmethod
    def blank(
        width: int,
        height: int,
        color: Color,
        window: tuple[float, float, float, float] = (0.0, 1.0, 1.0, 0.0),
    ) -> Canvas:
        """One colour; `window` gives the coordinates of the left, right, bottom and top border."""
        left, right, bottom, top = window
        x = left + (np.arange(width) + 0.5) / width * (right - left)
        y = top + (np.arange(height) + 0.5) / height * (bottom - top)
        grid_x, grid_y = np.meshgrid(x, y)
        colors = np.empty((height, width, 3))
        colors[:] = color
        return Canvas(grid_x, grid_y, colors, np.ones((height, width)))

    def window(self, low: Array, high: Array) -> tuple[slice, slice]:
        """Rows and columns of the pixels between two corners."""
        if not self.x.size:
            return slice(0), slice(0)
        columns = np.flatnonzero((self.x[0] >= low[0]) & (self.x[0] <= high[0]))
        rows = np.flatnonzero((self.y[:, 0] >= low[1]) & (self.y[:, 0] <= high[1]))
        if not len(columns) or not len(rows):
            return slice(0), slice(0)
        return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)

    def near(self, center: tuple[float, float], reach: float) -> Canvas:
        """The part of the picture around a place, for small things: painting it paints the picture."""
        window = self.window(np.subtract(center, reach), np.add(center, reach))
        return Canvas(self.x[window], self.y[window], self.colors[window], self.alpha[window])

    def lay(self, color: Color | Array, cover: ArrayLike) -> None:
        """A colour over the picture where `cover` (0..1) says."""
        share = np.asarray(cover, np.float64)[..., None]
        self.colors += (np.asarray(color) - self.colors) * share

    def shade(self, factor: Color | float, cover: ArrayLike) -> None:
        """Multiply by a colour where `cover` says."""
        share = np.asarray(cover, np.float64)[..., None]
        self.colors *= 1.0 + (np.asarray(factor) - 1.0) * share

    def image(self) -> Image:
        """RGBA bytes, top row first."""
        rgba = np.concatenate([self.colors, self.alpha[..., None]], axis=-1)
        return np.asarray(np.round(np.clip(rgba, 0.0, 1.0) * 255.0), np.uint8)


def ellipse(canvas: Canvas, center: tuple[float, float], radii: tuple[float, float], soft: float) -> Array:
    """Cover of an ellipse: 1 inside, falling to 0 over `soft` of its radius outside."""
    r = np.hypot((canvas.x - center[0]) / radii[0], (canvas.y - center[1]) / radii[1])
    return smoothstep(1.0 + soft / 2, 1.0 - soft / 2, r)


def stroke(canvas: Canvas, points: Array, width: ArrayLike, soft: float) -> Array:
    """Cover of a line through points, (n, 2); `width` is one number or one for each point."""
    widths = np.broadcast_to(np.asarray(width, np.float64), (len(points),))
    depth = np.full(canvas.x.shape, -2.0 * soft)  # how far inside the line, clipped outside
    for k in range(len(points) - 1):
        start, edge = points[k], points[k + 1] - points[k]
        reach = max(widths[k], widths[k + 1]) + soft
        window = canvas.window(start + np.minimum(edge, 0.0) - reach, start + np.maximum(edge, 0.0) + reach)
        x, y = canvas.x[window] - start[0], canvas.y[window] - start[1]
        along = np.clip((x * edge[0] + y * edge[1]) / max(float(edge @ edge), 1e-12), 0.0, 1.0)
        gap = np.hypot(x - along * edge[0], y - along * edge[1])
        inside = widths[k] + (widths[k + 1] - widths[k]) * along - gap
        depth[window] = np.maximum(depth[window], inside)
    return smoothstep(-soft, soft, depth)


def value_noise(x: Array, seed: int, *, octaves: int = 1) -> Array:
    """Smooth noise of one coordinate in -1..1, the same on every machine (integer hash of lattice points)."""
    total, weight = np.zeros_like(np.asarray(x, np.float64)), 1.0
    for octave in range(octaves):
        scaled = np.asarray(x, np.float64) * 2**octave
        cell = np.floor(scaled)
        t = smoothstep(0.0, 1.0, scaled - cell)
        a, b = (_hash(cell.astype(np.int64) + k, seed + octave) for k in (0, 1))
        total += weight * (a + (b - a) * t)
        weight *= 0.5
    return total / (2.0 - 2.0 * weight)


def _hash(cells: np.ndarray[tuple[int, ...], np.dtype[np.int64]], seed: int) -> Array:
    mixed = (cells.astype(np.uint64) + np.uint64(seed & 0xFFFFFFFF)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(32)
    return np.asarray((mixed >> np.uint64(40)).astype(np.float64) / 2**23 - 1.0)
