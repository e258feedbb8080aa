"""Neck, torso and arms, and the cloth over them: sections and tubes, in head units below the chin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from mmdgen.cast.curves import Array, Profile, lerp, normalized, profile, smoothstep
from mmdgen.cast.mesh import Part, grid_triangles, outward, tube

NECK_TOP, HIP = 0.50, -4.7
_HEIGHTS = (HIP, -3.7, -2.9, -2.1, -1.5, -1.15, -0.9, -0.74, -0.62, -0.5, -0.36, -0.15, NECK_TOP)
_HALF_WIDTHS = (0.98, 0.88, 0.68, 0.75, 0.82, 0.86, 0.87, 0.83, 0.70, 0.47, 0.325, 0.28, 0.28)
_MIDDLES = (0.14, 0.12, 0.08, 0.08, 0.10, 0.14, 0.16, 0.17, 0.18, 0.19, 0.19, 0.16, 0.10)
_FRONTS = (0.62, 0.56, 0.50, 0.60, 0.72, 0.62, 0.53, 0.46, 0.41, 0.37, 0.32, 0.30, 0.30)
_BACKS = (0.66, 0.56, 0.44, 0.50, 0.54, 0.55, 0.53, 0.50, 0.46, 0.40, 0.34, 0.30, 0.30)
_POWER = 2.3
_WIDTH, _MIDDLE = Profile(_HEIGHTS, _HALF_WIDTHS), Profile(_HEIGHTS, _MIDDLES)
_FRONT, _BACK = Profile(_HEIGHTS, _FRONTS), Profile(_HEIGHTS, _BACKS)
_ARM = ((0.62, -0.86, 0.16), (0.84, -1.00, 0.16), (1.64, -2.24, 0.17), (2.36, -3.40, 0.10))
_ARM_RADII = (0.20, 0.235, 0.18, 0.14)
CLOTH_WINDOW = (-1.6, 1.6, -4.8, 0.4)  # left, right, bottom, top of the cloth texture


@dataclass(frozen=True, slots=True)
class BodyShape:
    """The torso with the neck. `breadth` scales the shoulders, `bust` the chest's front, `neck` the neck."""

    breadth: float = 1.0
    bust: float = 1.0
    neck: float = 1.0

    def section(self, y: ArrayLike, angles: ArrayLike, grow: ArrayLike = 0.0) -> Array:
        """Points around the body, (..., 3).

        Args:
            y: heights.
            angles: radians from the front (-z) toward the character's left.
            grow: distance from the skin, for clothes.
        """
        y, angles, grow = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in (y, angles, grow)))
        shoulders = 1.0 + (self.breadth - 1.0) * smoothstep(-0.35, -0.8, y)
        chest = 1.0 + (self.bust - 1.0) * np.exp(-(((y + 1.5) / 0.45) ** 2))
        slim = 1.0 + (self.neck - 1.0) * smoothstep(-0.62, -0.40, y)
        width = _WIDTH(y) * shoulders * slim + grow
        front = _FRONT(y) * chest * slim + grow
        back = _BACK(y) + grow
        s, c = np.sin(angles), np.cos(angles)
        x = width * np.sign(s) * np.abs(s) ** (2 / _POWER)
        reach = np.where(c > 0, front, back)
        z = _MIDDLE(y) - np.sign(c) * reach * np.abs(c) ** (2 / _POWER)
        return np.stack([x, y, z], axis=-1)


def torso_weights(positions: Array) -> dict[str, Array]:
    """Which bones move the trunk: hips to head by height, shoulders by breadth."""
    x, y = positions[:, 0], positions[:, 1]
    head = smoothstep(-0.30, 0.15, y)
    neck = smoothstep(-0.66, -0.38, y) * (1 - head)
    trunk = 1 - head - neck
    high = smoothstep(-3.1, -2.3, y)
    outer = smoothstep(0.35, 0.85, np.abs(x)) * smoothstep(-1.6, -0.9, y) * 0.8
    low = smoothstep(-3.7, -4.2, y)
    weights = {
        "head": head,
        "neck": neck,
        "upper_body2": trunk * high * (1 - outer),
        "upper_body": trunk * (1 - high) * (1 - low),
        "center": trunk * (1 - high) * low,
    }
    for name, sign in (("left", 1.0), ("right", -1.0)):
        weights[f"shoulder_{name}"] = trunk * high * outer * (x * sign > 0)
    return weights


def trunk_uv(positions: Array) -> Array:
    """Texture coordinates seen straight from the front."""
    left, right, bottom, top = CLOTH_WINDOW
    return np.stack(
        [(positions[:, 0] - left) / (right - left), (top - positions[:, 1]) / (top - bottom)], axis=1
    )


def trunk_part(
    shape: BodyShape,
    material: str,
    top: Callable[[Array], Array],
    bottom: float,
    *,
    grow: Callable[[Array], Array] | float = 0.0,
    rows: int = 18,
    columns: int = 44,
) -> Part:
    """The trunk's skin, or cloth over it.

    Args:
        shape: the body.
        material: its material.
        top: height of the upper border at angles from the front.
        bottom: height of the lower border.
        grow: distance from the skin, or a function of height.
        rows: vertices down.
        columns: vertices around.
    """
    even = np.arange(columns) * (2 * np.pi / columns)
    angles = even - 0.35 * np.sin(even)  # closer in front, where collars open
    share = np.linspace(0.0, 1.0, rows)[:, None] ** 1.35
    y = lerp(top(angles)[None], bottom, share)
    distance = grow(y) if callable(grow) else grow
    positions = shape.section(y, angles[None], distance).reshape(-1, 3)
    part = Part(
        material,
        positions,
        grid_triangles(rows, columns, wrap=True),
        trunk_uv(positions),
        torso_weights(positions),
    )
    return outward(part)


def arm_part(
    side: int, material: str, start: float, end: float, *, grow: Callable[[Array], Array] | float = 0.0
) -> Part:
    """A stretch of an arm, or the sleeve over it; 0 is the shoulder, 1 the wrist."""
    t = np.linspace(start, end, 5 + round(7 * (end - start)))
    stations = (0.0, 0.12, 0.55, 1.0)
    centers = np.stack([profile(stations, [p[k] for p in _ARM], t) for k in range(3)], axis=1)
    radius = profile(stations, _ARM_RADII, t) + (grow(t) if callable(grow) else grow)
    axis = normalized(np.gradient(centers, axis=0))
    depth = np.array([0.0, 0.0, 1.0])
    up = normalized(np.cross(axis, depth))
    angles = np.arange(12) * (2 * np.pi / 12)
    ring = np.cos(angles)[None, :, None] * up[:, None] + np.sin(angles)[None, :, None] * depth
    rings = centers[:, None] + radius[:, None, None] * ring
    rings[..., 0] *= side
    name = "left" if side > 0 else "right"
    elbow, wrist = smoothstep(0.46, 0.64, t), smoothstep(0.93, 1.02, t)
    shoulder = 1.0 - smoothstep(0.0, 0.14, t)
    weights = {
        f"shoulder_{name}": shoulder,
        f"arm_{name}": (1 - shoulder) * (1 - elbow),
        f"elbow_{name}": elbow * (1 - wrist),
        f"wrist_{name}": wrist,
    }
    return tube(material, rings, weights, v=lerp(0.0, 1.0, t))


def hand_part(side: int, material: str) -> list[Part]:
    """A simple hand: palm with closed fingers, and a thumb."""
    name = "left" if side > 0 else "right"
    start, along = np.array(_ARM[3]), normalized(np.array([0.53, -0.85, -0.05]))
    depth = np.array([0.0, 0.0, 1.0])
    up = normalized(np.cross(along, depth))
    angles = np.arange(8) * (2 * np.pi / 8)

    def blob(origin: Array, axis: Array, length: float, wide: float, thick: float) -> Part:
        t = np.linspace(0.0, 1.0, 6)
        size = profile((0, 0.35, 0.7, 1.0), (0.62, 1.0, 0.8, 0.03), t)[:, None, None]
        ring = np.cos(angles)[None, :, None] * up * thick + np.sin(angles)[None, :, None] * depth * wide
        rings = origin + axis * length * t[:, None, None] + ring * size
        rings = rings * np.array([side, 1.0, 1.0])
        return tube(material, rings, f"wrist_{name}")

    palm = blob(start - 0.05 * along, along, 0.78, 0.20, 0.105)
    thumb = blob(start + 0.12 * along - 0.08 * depth, normalized(along - 0.75 * depth), 0.42, 0.07, 0.07)
    return [palm, thumb]


def skin_parts(shape: BodyShape, bottom: float, sleeve: float) -> list[Part]:
    """Neck, trunk, arms and hands as far as they show; there is no skin under clothes.

    Args:
        shape: the body.
        bottom: how far down the trunk is bare somewhere, head units.
        sleeve: how much of the arms is covered, 0 none .. 1 to the wrist.
    """
    top = NECK_TOP
    rows = 6 + round(3.0 * (top - bottom))
    parts = [trunk_part(shape, "skin", lambda a: np.full_like(a, top), bottom, rows=rows, columns=32)]
    for side in (1, -1):
        parts += [arm_part(side, "skin", max(sleeve - 0.15, 0.0), 1.02), *hand_part(side, "skin")]
    return [replace(part, uvs=skin_uv(part.positions)) for part in parts]


def skin_uv(positions: Array) -> Array:
    """Places on the skin's texture: shadow under the chin, light below."""
    v = np.clip((0.30 - positions[:, 1]) / 1.6, 0.02, 0.98)
    u = np.clip(0.5 + positions[:, 0] / 4.0, 0.02, 0.98)
    return np.stack([u, v], axis=1)
