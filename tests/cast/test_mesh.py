from __future__ import annotations

import numpy as np
import pytest

from mmdgen.cast import draw_traits, make_character
from mmdgen.cast.figure import build_figure
from mmdgen.cast.mesh import Part, face_normals, grid_triangles, merged, plump, ribbon, rigid, tube

UP = np.array([0.0, 1.0, 0.0])
CIRCLE = np.stack([np.cos(np.arange(12) * np.pi / 6), np.sin(np.arange(12) * np.pi / 6)], axis=1)


def volume(part: Part) -> float:
    """Enclosed volume; of a strand that is open at its root, nearly."""
    a, b, c = ((part.positions - part.positions.mean(axis=0))[part.triangles[:, k]] for k in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c))) / 6.0


def test_grid_is_seen_where_rows_run_down_and_columns_right() -> None:
    positions = np.array([[0, 1, 0], [1, 1, 0], [0, 0, 0], [1, 0, 0]], np.float64)
    assert (face_normals(positions, grid_triangles(2, 2))[:, 2] < 0).all(), "toward the viewer at -z"


def test_tubes_and_plump_shapes_have_their_outside_out() -> None:
    ring = np.stack([CIRCLE[:, 0], np.zeros(12), CIRCLE[:, 1]], axis=1)
    bar = tube("x", np.stack([ring * 1e-9, ring, ring + UP, ring * 1e-9 + UP]), "head")
    pillow = plump("x", "head", np.zeros(3), np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), CIRCLE, 0.3)
    assert volume(bar) > 0
    assert volume(pillow) > 0


def test_merged_parts_keep_their_morphs_and_weights_apart() -> None:
    line = np.array([[0.0, 0, 0], [1, 0, 0]])
    up = np.array([[0.0, 1, 0], [1, 1, 0]])
    first = ribbon("x", line, up, "head", morphs={"open": (line * 0 + 1.0, line * 0)})
    whole = merged([first, ribbon("x", line, up, "neck")])
    assert len(whole) == 8
    assert whole.morphs["open"].sum(axis=1).tolist() == [3, 3, 0, 0, 0, 0, 0, 0]
    assert whole.weights["head"].tolist() == [1] * 4 + [0] * 4
    assert rigid("neck", 4)["neck"].tolist() == whole.weights["neck"][4:].tolist()


@pytest.mark.parametrize("seed", range(0, 40, 4))
def test_no_solid_part_of_a_figure_is_inside_out(seed: int) -> None:
    figure = build_figure(draw_traits(seed), -14.0)
    solid = [part for part in figure.parts if part.material in ("skin", "hair_front", "hair_side")]
    assert len(solid) > 15
    assert all(volume(part) > 0 for part in solid)


@pytest.mark.parametrize("seed", range(3))
def test_every_vertex_is_finite_weighted_and_lit(seed: int) -> None:
    vertices = make_character(seed).model.vertices
    assert np.isfinite(vertices.positions).all()
    assert np.abs(vertices.bone_weights.sum(axis=1) - 1.0).max() < 1e-3
    assert np.abs(np.linalg.norm(vertices.normals, axis=1) - 1.0).max() < 1e-2
    assert ((vertices.uvs >= 0.0) & (vertices.uvs <= 1.0)).mean() > 0.95
