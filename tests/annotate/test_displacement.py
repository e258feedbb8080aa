from __future__ import annotations

import numpy as np
import pytest

from mmdgen.annotate.displacement import cosine, half_weights, resolve_displacements
from mmdgen.annotate.schema import Half
from mmdgen.model import Model
from tests.builders import bone, build_model, group_morph, vertex_morph

DOWN = (0.0, -1.0, 0.0)


def moved_by(model: Model, morph: int) -> dict[int, tuple[float, ...]]:
    found = resolve_displacements(model)[morph]
    return {int(v): tuple(map(float, o)) for v, o in zip(found.vertices, found.offsets, strict=True)}


def test_groups_are_summed_with_their_ratios() -> None:
    model = build_model(
        morphs=[
            vertex_morph("a", {0: DOWN, 1: DOWN}),
            vertex_morph("b", {1: DOWN}),
            group_morph("c", {"a": 0.5, "b": 2.0}),
        ]
    )
    assert moved_by(model, 2) == {0: (0.0, -0.5, 0.0), 1: (0.0, -2.5, 0.0)}


def test_rows_that_cancel_or_are_broken_are_left_out() -> None:
    model = build_model(
        bones=[bone("頭")],
        morphs=[
            vertex_morph("a", {0: DOWN, 1: (np.nan, 0.0, 0.0)}),
            vertex_morph("b", {0: (0.0, 1.0, 0.0)}),
            group_morph("c", {"a": 1.0, "b": 1.0}),
        ],
    )
    assert moved_by(model, 2) == {}


@pytest.mark.parametrize("unit", [0.1, 1.0, 10.0])
def test_halves_add_up_to_the_whole(unit: float) -> None:
    x = np.linspace(-3, 3, 101, dtype=np.float32) * unit
    left, right = (half_weights(x, 0.0, unit, half) for half in Half)
    np.testing.assert_allclose(left + right, 1.0, atol=1e-6)
    assert (left[x > 0.11 * unit] == 1.0).all()
    assert (left[x < -0.11 * unit] == 0.0).all()
    assert (np.diff(left) >= 0).all()


def test_cosine_of_a_copy_is_one_and_of_other_vertices_zero() -> None:
    model = build_model(
        morphs=[
            vertex_morph("a", {0: DOWN, 1: (0.3, 0.0, 0.0)}),
            vertex_morph("half", {0: (0.0, -0.5, 0.0), 1: (0.15, 0.0, 0.0)}),
            vertex_morph("elsewhere", {2: DOWN}),
            vertex_morph("nothing", {}),
        ]
    )
    whole, half, elsewhere, nothing = resolve_displacements(model)
    assert cosine(whole, half) == pytest.approx(1.0)
    assert cosine(whole, elsewhere) == 0.0
    assert cosine(whole, nothing) == 0.0
