"""Rotations as quaternions (x, y, z, w), with any leading batch axes.

All functions are pure; `a * b` turns by b first. Quaternions stand on the last axis. Results keep their
components in separate planes of memory, so that `q[..., 0]` is contiguous: the arithmetic of a skeleton is
a few hundred operations on such planes, and they are the whole cost of a pose.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Reals: TypeAlias = NDArray[np.floating]  # float32 or float64; results have the type of the operands
Scalar = TypeVar("Scalar", bound=np.generic)


def flat_batch(values: NDArray[Scalar], own_axes: int) -> NDArray[Scalar]:
    """The same values with all batch axes in one; right for tables without rows, where -1 is not."""
    batch, own = values.shape[: values.ndim - own_axes], values.shape[values.ndim - own_axes :]
    return values.reshape(math.prod(batch), *own)


def empty_planes(shape: tuple[int, ...], components: int, dtype: np.dtype[Any]) -> Reals:
    """An uninitialised array (*shape, components) whose components are separate planes of memory."""
    return np.moveaxis(np.empty((components, *shape), dtype), 0, -1)


def identity_quaternions(shape: tuple[int, ...]) -> Reals:
    """Rotations that change nothing, (*shape, 4) float64."""
    quaternions = empty_planes(shape, 4, np.dtype(np.float64))
    quaternions[..., :3] = 0.0
    quaternions[..., 3] = 1.0
    return quaternions


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
    length = np.sqrt(q[..., 0] ** 2 + q[..., 1] ** 2 + q[..., 2] ** 2 + q[..., 3] ** 2)
    has_length = length > 1e-12
    unit = empty_planes(q.shape[:-1], 4, q.dtype)
    unit[...] = q / np.where(has_length, length, 1.0)[..., None]
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


def slerp(a: Reals, b: Reals, t: ArrayLike) -> Reals:
    """The rotation a fraction `t` of the shortest way from `a` to `b`, (..., 4)."""
    return multiply_quaternions(a, scale_rotations(multiply_quaternions(invert_quaternions(a), b), t))


def rotate_vectors(q: Reals, vectors: Reals) -> Reals:
    """Vectors (..., 3) turned by unit quaternions (..., 4): v + 2 u x (u x v + w v)."""
    x, y, z, w = (q[..., i] for i in range(4))
    vx, vy, vz = (vectors[..., i] for i in range(3))
    cx = y * vz - z * vy + w * vx
    cy = z * vx - x * vz + w * vy
    cz = x * vy - y * vx + w * vz
    rotated = empty_planes(cx.shape, 3, cx.dtype)
    rotated[..., 0] = vx + 2.0 * (y * cz - z * cy)
    rotated[..., 1] = vy + 2.0 * (z * cx - x * cz)
    rotated[..., 2] = vz + 2.0 * (x * cy - y * cx)
    return rotated


def matrices_from_quaternions(q: Reals) -> Reals:
    """Rotation matrices for column vectors of unit quaternions, (..., 3, 3)."""
    x, y, z, w = (q[..., i] for i in range(4))
    x2, y2, z2 = x + x, y + y, z + z
    xx, yy, zz = x * x2, y * y2, z * z2
    xy, xz, yz = x * y2, x * z2, y * z2
    wx, wy, wz = w * x2, w * y2, w * z2
    flat = empty_planes(q.shape[:-1], 9, q.dtype)
    for entry, value in enumerate(
        (1 - (yy + zz), xy - wz, xz + wy, xy + wz, 1 - (xx + zz), yz - wx, xz - wy, yz + wx, 1 - (xx + yy))
    ):
        flat[..., entry] = value
    return flat.reshape(*q.shape[:-1], 3, 3)
