"""Rotations as quaternions (x, y, z, w), with any leading batch axes.

All functions are pure; `a * b` turns by b first. Quaternions stand on the last axis. Results keep their
components in separate planes of memory, so that `q[..., 0]` is contiguous: the arithmetic of a skeleton is
a few hundred operations on such planes, and they are the whole cost of a pose. Few temporary arrays live at
a time: many large ones are returned to the system and fetched again, at ten times the cost of the arithmetic.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Reals: TypeAlias = NDArray[np.floating]  # float32 or float64; results have the type of the operands
_CYCLES = ((0, 1, 2), (1, 2, 0), (2, 0, 1))
Scalar = TypeVar("Scalar", bound=np.generic)


def flat_batch(values: NDArray[Scalar], own_axes: int) -> NDArray[Scalar]:
    """The same values with all batch axes in one; right for tables without rows, where -1 is not."""
    batch, own = values.shape[: values.ndim - own_axes], values.shape[values.ndim - own_axes :]
    return values.reshape(math.prod(batch), *own)


def empty_planes(shape: tuple[int, ...], components: int, dtype: np.dtype[Any]) -> Reals:
    """An uninitialised array (*shape, components) whose components are separate planes of memory."""
    return np.moveaxis(np.empty((components, *shape), dtype), 0, -1)


def take_rows(values: Reals, rows: NDArray[np.integer]) -> Reals:
    """`values[rows]` of an array (n, poses, components), components still in separate planes."""
    return values.transpose(2, 0, 1)[:, rows].transpose(1, 2, 0)


def identity_quaternions(shape: tuple[int, ...]) -> Reals:
    """Rotations that change nothing, (*shape, 4) float64."""
    quaternions = empty_planes(shape, 4, np.dtype(np.float64))
    quaternions[..., :3] = 0.0
    quaternions[..., 3] = 1.0
    return quaternions


def zero_vectors(shape: tuple[int, ...]) -> Reals:
    """Zero vectors (*shape, 3) float64."""
    vectors = empty_planes(shape, 3, np.dtype(np.float64))
    vectors[...] = 0.0
    return vectors


def multiply_quaternions(a: Reals, b: Reals) -> Reals:
    """The rotation that turns by `b` and then by `a` (Hamilton product), (..., 4)."""
    ax, ay, az, aw = (a[..., i] for i in range(4))
    bx, by, bz, bw = (b[..., i] for i in range(4))
    product = empty_planes(np.broadcast_shapes(a.shape, b.shape)[:-1], 4, np.result_type(a, b))
    product[..., 0] = aw * bx + ax * bw + ay * bz - az * by
    product[..., 1] = aw * by - ax * bz + ay * bw + az * bx
    product[..., 2] = aw * bz + ax * by - ay * bx + az * bw
    product[..., 3] = aw * bw - ax * bx - ay * by - az * bz
    return product


def invert_quaternions(q: Reals) -> Reals:
    """The opposite rotations of unit quaternions, (..., 4)."""
    return q * np.array([-1, -1, -1, 1], q.dtype)


def normalize_quaternions(q: Reals) -> Reals:
    """Quaternions of unit length, (..., 4); one without length (files have them) becomes the identity."""
    length = np.sqrt((q * q).sum(axis=-1))
    has_length = length > 1e-12
    unit = empty_planes(q.shape[:-1], 4, q.dtype)
    np.divide(q, np.where(has_length, length, 1.0)[..., None], out=unit)
    if not has_length.all():
        unit[~has_length] = (0.0, 0.0, 0.0, 1.0)
    return unit


def scale_rotations(q: Reals, factor: ArrayLike) -> Reals:
    """Turn `factor` times as far along the shortest arc: negative turns back, above 1 goes further.

    Args:
        q: (..., 4) unit quaternions.
        factor: broadcasts with the leading axes.
    """
    sign = np.where(q[..., 3] < 0, -1.0, 1.0)
    sine = np.sqrt(q[..., 0] ** 2 + q[..., 1] ** 2 + q[..., 2] ** 2)
    half_angle = np.arctan2(sine, np.abs(q[..., 3])) * factor
    # sin(half_angle) / sine tends to the factor itself where there is nearly no rotation
    is_tiny = sine < 1e-12
    stretch = np.where(is_tiny, factor, np.sin(half_angle) / np.where(is_tiny, 1.0, sine)) * sign
    scaled = empty_planes(stretch.shape, 4, q.dtype)
    for axis in range(3):
        scaled[..., axis] = q[..., axis] * stretch
    scaled[..., 3] = np.cos(half_angle)
    return scaled


def twists_about(q: Reals, axis: Reals) -> Reals:
    """The part of rotations (..., 4) that turns about a unit axis (..., 3)."""
    along = (q[..., :3] * axis).sum(axis=-1, keepdims=True)
    return normalize_quaternions(np.concatenate([axis * along, q[..., 3:]], axis=-1))


def slerp(a: Reals, b: Reals, t: ArrayLike) -> Reals:
    """The rotation a fraction `t` of the shortest way from `a` to `b`, (..., 4)."""
    return multiply_quaternions(a, scale_rotations(multiply_quaternions(invert_quaternions(a), b), t))


def rotate_vectors(q: Reals, vectors: Reals) -> Reals:
    """Vectors (..., 3) turned by unit quaternions (..., 4): v + 2 u x (u x v + w v)."""
    shape = np.broadcast_shapes(q.shape[:-1], vectors.shape[:-1])
    axis, w = q[..., :3], q[..., 3]
    dtype = np.result_type(q, vectors)
    inner, rotated = empty_planes(shape, 3, dtype), empty_planes(shape, 3, dtype)
    for i, j, k in _CYCLES:
        inner[..., i] = axis[..., j] * vectors[..., k] - axis[..., k] * vectors[..., j] + w * vectors[..., i]
    for i, j, k in _CYCLES:
        outer = axis[..., j] * inner[..., k] - axis[..., k] * inner[..., j]
        rotated[..., i] = vectors[..., i] + (outer + outer)
    return rotated


def matrices_from_quaternions(q: Reals) -> Reals:
    """Rotation matrices for column vectors of unit quaternions, (..., 3, 3)."""
    matrices = np.moveaxis(np.empty((3, 3, *q.shape[:-1]), q.dtype), (0, 1), (-2, -1))
    doubled = q + q
    w = q[..., 3]
    for i, j, k in _CYCLES:
        matrices[..., i, i] = 1 - (q[..., j] * doubled[..., j] + q[..., k] * doubled[..., k])
        matrices[..., i, j] = q[..., i] * doubled[..., j] - w * doubled[..., k]
        matrices[..., i, k] = q[..., i] * doubled[..., k] + w * doubled[..., j]
    return matrices


def quaternions_from_matrices(matrices: Reals) -> Reals:
    """Unit quaternions with w >= 0 of rotation matrices (..., 3, 3).

    Four times the products of the components are sums of entries (Shepperd 1978); the row of the largest
    component is the most exact.
    """
    m = np.moveaxis(matrices, (-2, -1), (0, 1))
    products = np.empty((4, 4, *matrices.shape[:-2]), matrices.dtype)
    trace = m[0, 0] + m[1, 1] + m[2, 2]
    products[3, 3] = 1 + trace
    for i, j, k in _CYCLES:
        products[i, i] = 1 - trace + 2 * m[i, i]
        products[i, j] = products[j, i] = m[i, j] + m[j, i]
        products[i, 3] = products[3, i] = m[k, j] - m[j, k]
    largest = products[range(4), range(4)].argmax(axis=0)
    row = np.take_along_axis(products, largest[None, None], axis=0)[0]
    signed = np.where(row[3] < 0, -row, row)
    unit = signed / np.sqrt((signed * signed).sum(axis=0))
    return np.moveaxis(unit, 0, -1)
