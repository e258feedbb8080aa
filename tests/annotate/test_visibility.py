from __future__ import annotations

import numpy as np
import pytest

from mmdgen.annotate.visibility import Grid, depth_map, visible_area

GRID = Grid(0.0, 0.0, 0.1, 10, 10)


def square(z: float, left: float = 0.0, right: float = 1.0) -> np.ndarray:
    a, b, c, d = (left, 0.0, z), (right, 0.0, z), (right, 1.0, z), (left, 1.0, z)
    return np.array([[a, b, c], [a, c, d]], np.float32)


def test_nearest_surface_is_seen() -> None:
    depth = depth_map(np.concatenate([square(2.0), square(-1.0, right=0.5)]), GRID)
    assert (depth[:, :5] == -1.0).all()
    assert (depth[:, 5:] == 2.0).all()


def test_winding_does_not_matter() -> None:
    assert np.array_equal(depth_map(square(1.0), GRID), depth_map(square(1.0)[:, ::-1], GRID))


def test_slope_is_interpolated() -> None:
    corners = square(0.0)
    corners[..., 2] = corners[..., 0] * 2  # z = 2 x
    depth = depth_map(corners, GRID)
    np.testing.assert_allclose(depth[3], 2 * GRID.columns_x(), atol=1e-6)


def test_what_is_hidden_is_not_counted() -> None:
    assert visible_area(square(1.0), square(0.0, right=0.3), GRID) == 70
    assert visible_area(square(1.0), square(2.0), GRID) == 100
    assert visible_area(square(1.0), np.zeros((0, 3, 3), np.float32), GRID) == 100


def test_broken_triangles_are_passed_over() -> None:
    broken = square(1.0)
    broken[0, 0, 0] = np.nan
    line = np.array([[(0.0, 0.5, -5.0), (1.0, 0.5, -5.0), (0.5, 0.5, -5.0)]], np.float32)
    depth = depth_map(np.concatenate([broken, line]), GRID)
    assert np.isfinite(depth).sum() == pytest.approx(50, abs=10)
    assert depth.min() == 1.0
