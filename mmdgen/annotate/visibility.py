"""A small orthographic z-buffer in numpy: what is seen of a surface from straight ahead.

The camera stands before the face and looks along +Z, so the smallest z is seen. It answers questions like
"how much of the iris does this lid hide" without a GPU and without the renderer.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from mmdgen.errors import AnnotationError
from mmdgen.model import Bools, Floats

Real = TypeVar("Real", bound=np.floating[Any])

_MOST_PIXELS = 4e8  # some twenty seconds; a face needs a thousandth of that
_PIXELS_AT_ONCE = 1 << 21  # bounds the memory of one batch of triangles


@dataclass(frozen=True, slots=True)
class Grid:
    """A window in the x-y plane, sampled at pixel centres; row 0 is at the bottom."""

    left: float
    bottom: float
    step: float
    width: int
    height: int

    @staticmethod
    def around(left: float, bottom: float, right: float, top: float, step: float) -> Grid:
        """The grid of a given pixel size that covers a box."""
        width = max(1, int(np.ceil((right - left) / step)))
        height = max(1, int(np.ceil((top - bottom) / step)))
        return Grid(left, bottom, step, width, height)

    def columns_x(self) -> NDArray[np.float64]:
        """The x of each column's pixel centres, (width,)."""
        return self.left + (np.arange(self.width, dtype=np.float64) + 0.5) * self.step

    def rows_y(self) -> NDArray[np.float64]:
        """The y of each row's pixel centres, (height,)."""
        return self.bottom + (np.arange(self.height, dtype=np.float64) + 0.5) * self.step


def depth_map(triangles: Floats, grid: Grid) -> Floats:
    """The nearest z of a set of triangles at every pixel.

    Args:
        triangles: (n, 3, 3) corner positions.
        grid: where to look.

    Returns:
        (height, width) float32, +inf where there is no surface. Both faces of a triangle count.

    Raises:
        AnnotationError: the triangles are no face but a heap.
    """
    depth = np.full(grid.width * grid.height, np.inf, np.float32)
    corners = np.asarray(triangles, np.float64)
    corners = corners[np.isfinite(corners).all(axis=(1, 2))]
    xy = (corners[..., :2] - (grid.left, grid.bottom)) / grid.step - 0.5  # pixel centres at whole numbers
    lowest, highest = extent(xy)
    low = np.maximum(np.ceil(lowest), 0).astype(np.int64)
    high = np.minimum(np.floor(highest), (grid.width - 1, grid.height - 1)).astype(np.int64)
    size = high - low + 1
    area2 = _cross(xy[:, 1] - xy[:, 0], xy[:, 2] - xy[:, 0])
    seen = (size[:, 0] > 0) & (size[:, 1] > 0) & (np.abs(area2) > 1e-12)
    xy, z, low, size, area2 = xy[seen], corners[seen, :, 2], low[seen], size[seen], area2[seen]
    if (size[:, 0] * size[:, 1]).sum() > _MOST_PIXELS:
        raise AnnotationError("too many large triangles lie over each other to measure a face in them")
    for rows in _batches(size[:, 0] * size[:, 1]):
        _draw(depth, grid.width, xy[rows], z[rows], low[rows], size[rows], area2[rows])
    return depth.reshape(grid.height, grid.width)


def extent(corners: NDArray[Real]) -> tuple[NDArray[Real], NDArray[Real]]:
    """Lowest and highest coordinates of triangles, (n, 3, d) to (n, d) each."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    return np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)


def opened(mask: Bools, size: int) -> Bools:
    """A mask (h, w) without whatever a square of `size` pixels does not fit into (morphological opening)."""
    if size < 2 or size > min(mask.shape):
        return mask
    fits = sliding_window_view(mask, (size, size)).all(axis=(2, 3))
    return np.asarray(sliding_window_view(np.pad(fits, size - 1), (size, size)).any(axis=(2, 3)))


def visible_area(surface: Floats, occluders: Floats, grid: Grid) -> int:
    """How many pixels of `surface` (n, 3, 3) are not behind `occluders` (m, 3, 3)."""
    return int(np.count_nonzero(visible(depth_map(surface, grid), depth_map(occluders, grid))))


def visible(surface_depth: Floats, occluder_depth: Floats) -> Bools:
    """Pixels where a surface is there and nothing is before it; equal depth is seen."""
    return np.isfinite(surface_depth) & (surface_depth <= occluder_depth)


def _batches(pixel_counts: NDArray[np.int64]) -> list[slice]:
    """Slices of triangles whose pixels fit in memory together."""
    if not len(pixel_counts):
        return []
    batch = np.cumsum(pixel_counts) // _PIXELS_AT_ONCE
    edges = [0, *(np.flatnonzero(np.diff(batch)) + 1).tolist(), len(pixel_counts)]
    return [slice(a, b) for a, b in pairwise(edges)]


def _draw(
    depth: Floats,
    width: int,
    xy: NDArray[np.float64],
    z: NDArray[np.float64],
    low: NDArray[np.int64],
    size: NDArray[np.int64],
    area2: NDArray[np.float64],
) -> None:
    """Lower `depth` (pixels,) in place to the triangles' z where they are nearer."""
    counts = size[:, 0] * size[:, 1]
    owner = np.repeat(np.arange(len(xy)), counts)
    nth = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    column = low[owner, 0] + nth % size[owner, 0]
    row = low[owner, 1] + nth // size[owner, 0]
    point = np.stack([column, row], axis=1).astype(np.float64)
    a, b, c = (xy[owner, corner] for corner in range(3))
    weight_a = _cross(b - point, c - point) / area2[owner]
    weight_b = _cross(c - point, a - point) / area2[owner]
    weight_c = 1.0 - weight_a - weight_b
    inside = (weight_a >= -1e-9) & (weight_b >= -1e-9) & (weight_c >= -1e-9)
    point_z = weight_a * z[owner, 0] + weight_b * z[owner, 1] + weight_c * z[owner, 2]
    np.minimum.at(depth, (row * width + column)[inside], point_z[inside].astype(np.float32))


def _cross(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """The z of the cross product of vectors in the plane, (..., 2) and (..., 2) to (...)."""
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
