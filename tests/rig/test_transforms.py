from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmdgen.rig.transforms import (
    flat_batch,
    matrices_from_quaternions,
    multiply_quaternions,
    normalize_quaternions,
    quaternions_from_matrices,
    rotate_vectors,
    scale_rotations,
    slerp,
)
from tests.builders import about, about_x, about_y

quaternions = arrays(np.float64, (3, 4), elements=st.floats(-1, 1)).map(normalize_quaternions)
vectors = arrays(np.float64, (3, 3), elements=st.floats(-20, 20))


@given(quaternions, quaternions)
def test_product_turns_by_the_right_factor_first(a: np.ndarray, b: np.ndarray) -> None:
    by_quaternion = matrices_from_quaternions(multiply_quaternions(a, b))
    by_matrix = matrices_from_quaternions(a) @ matrices_from_quaternions(b)
    np.testing.assert_allclose(by_quaternion, by_matrix, atol=1e-14)


@given(quaternions, vectors)
def test_quaternion_and_matrix_turn_a_vector_alike(q: np.ndarray, v: np.ndarray) -> None:
    by_matrix = (matrices_from_quaternions(q) @ v[..., None])[..., 0]
    np.testing.assert_allclose(rotate_vectors(q, v), by_matrix, atol=1e-12)


@given(quaternions)
def test_matrix_gives_its_quaternion_back(q: np.ndarray) -> None:
    back = quaternions_from_matrices(matrices_from_quaternions(q))
    assert (back[..., 3] >= 0).all()
    np.testing.assert_allclose(np.abs((back * q).sum(axis=-1)), 1.0, atol=1e-12)


def test_positive_rotation_about_x_carries_y_to_z() -> None:
    turned = rotate_vectors(about_x(90), np.array([0.0, 1.0, 0.0]))
    np.testing.assert_allclose(turned, [0, 0, 1], atol=1e-15)


@pytest.mark.parametrize("ratio", [0.0, 0.3, 1.0, 1.3, -1.0, -0.5, 2.0])
def test_scaled_rotation_turns_ratio_times_as_far(ratio: float) -> None:
    scaled = scale_rotations(about((1, 2, 3), 40.0), ratio)
    np.testing.assert_allclose(scaled, about((1, 2, 3), 40.0 * ratio), atol=1e-15)


def test_scaling_takes_the_shortest_arc() -> None:
    np.testing.assert_allclose(scale_rotations(-about_y(40.0), 0.5), about_y(20.0), atol=1e-15)


def test_scaling_no_rotation_gives_none() -> None:
    np.testing.assert_array_equal(scale_rotations(np.array([0.0, 0, 0, 1]), -3.0), [0, 0, 0, 1])


def test_slerp_ends_at_its_ends_and_halves_between() -> None:
    a, b = about_x(10.0), about_x(50.0)
    np.testing.assert_allclose(slerp(a, b, 0.0), a, atol=1e-15)
    np.testing.assert_allclose(slerp(a, b, 1.0), b, atol=1e-15)
    np.testing.assert_allclose(slerp(a, -b, 0.5), about_x(30.0), atol=1e-15)


def test_a_quaternion_without_length_is_no_rotation() -> None:
    np.testing.assert_array_equal(normalize_quaternions(np.zeros((2, 4))), [[0, 0, 0, 1]] * 2)


def test_batches_of_empty_tables_keep_their_size() -> None:
    assert flat_batch(np.zeros((2, 3, 0, 4)), 2).shape == (6, 0, 4)
