"""Strands of hair: pointed locks with volume, that lie on the head and hang from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mmdgen.cast.curves import Array, catmull_rom, lerp, normalized, profile, smoothstep
from mmdgen.cast.mesh import Part, grid_triangles, outward, rigid

CENTER = np.array([0.0, 1.50, 0.06])  # of the hair's dome, head units
EQUATOR_V = 0.40  # texture v where a strand leaves the dome and hangs
COLUMNS = 5  # of the hair texture: four for outsides, the last for insides
_SHOULDER = 0.6  # how much fuller than an ellipsoid the dome is between its top and its rim
_DOME_ROWS = 9  # sections of a strand on the dome
_OUTSIDE, _INSIDE = 5, 2  # vertices across the outside of a strand and across its flat inside
ACROSS = _OUTSIDE + _INSIDE


@dataclass(frozen=True, slots=True)
class HairDome:
    """The surface that hair lies on: half an ellipsoid over the skull, and what hangs from its rim."""

    radii: Array  # (3,)
    crown: float  # how far the top stands over the half ellipsoid

    @staticmethod
    def over(width: float, volume: float) -> HairDome:
        """The dome for a head of this width factor."""
        return HairDome(np.array([1.07 * width * volume**0.5, 1.12 * volume, 1.13]), 0.17 * volume)

    def at(self, direction: Array, lift: ArrayLike = 0.0) -> Array:
        """Points of the dome in directions (..., 3), `lift` over it.

        Strands are thin at their roots; the crown's extra height keeps the top round in spite of it.
        """
        up = np.maximum(direction[..., 1:2], 0.0)
        full = 1.0 + 0.28 * _SHOULDER * up**2 * (1.0 - up**2)
        points = CENTER + direction * (self.radii * full + np.asarray(lift, np.float64)[..., None])
        points[..., 1] += self.crown * up[..., 0] ** 4
        return np.asarray(points)

    def direction(self, azimuth: ArrayLike, polar: ArrayLike) -> Array:
        """Unit vectors in the dome's own measure, (..., 3).

        Args:
            azimuth: degrees; 0 is the face, positive the character's left.
            polar: degrees from the top; 90 is the rim.
        """
        a, p = np.radians(np.asarray(azimuth, np.float64)), np.radians(np.asarray(polar, np.float64))
        a, p = np.broadcast_arrays(a, p)
        return np.stack([np.sin(p) * np.sin(a), np.cos(p), -np.sin(p) * np.cos(a)], axis=-1)

    def pressed(self, points: Array) -> Array:
        """Points of hair with those on the upper dome close to it and to each other, as under a hat."""
        away = points - CENTER
        unit = normalized(away / self.radii)
        length = np.maximum(np.linalg.norm(away, axis=1), 1e-9)
        lift = length - np.linalg.norm(self.at(unit) - CENTER, axis=1)
        share = 1.0 - 0.7 * np.maximum(lift, 0.0) / length
        share = lerp(1.0, share, smoothstep(0.36, 0.56, unit[:, 1]))
        return np.asarray(CENTER + away * share[:, None])

    def normal(self, points: Array) -> Array:
        """Outward directions at points on or around the dome and what hangs from it."""
        local = (points - CENTER) / self.radii**2
        local[..., 1] = np.maximum(local[..., 1], 0.0)
        return normalized(local)


@dataclass(frozen=True, slots=True)
class Lock:
    """One strand: where it starts, where it leaves the dome, how it hangs, and its body."""

    root: tuple[float, float]  # azimuth and polar angle, degrees
    azimuth: float  # where it crosses the dome's rim
    length: float  # below the rim, head units
    drift: float = 0.0  # degrees of azimuth that the tip moves on
    flare: float = 0.0  # tip outward (positive) or inward, head units
    bow: float = 0.0  # the hanging part swings out in between, head units
    width: float = 0.36
    thickness: float = 0.13
    layer: float = 0.03  # height over the dome
    fullness: float = 0.55  # where along the strand it begins to taper
    segments: int = 0  # along the hanging part; 0: by its length
    stripe: int = 0  # which of the texture's four columns
    curl: tuple[float, float] = (0.0, 0.0)  # radius and turns of a corkscrew in the hanging part


def lock_path(dome: HairDome, lock: Lock) -> tuple[Array, Array]:
    """Centre line of a strand and its texture v, (rows, 3) and (rows,)."""
    start, rim = dome.direction(*lock.root), dome.direction(lock.azimuth, 90.0)
    arc = float(np.arccos(np.clip(start @ rim, -1.0, 1.0)))
    dome_length = arc * float(dome.radii.mean())
    hanging = np.linspace(0.0, 1.0, (lock.segments or min(3 + round(1.6 * lock.length), 8)) + 1)
    s = np.concatenate([
        dome_length * np.linspace(0.0, 1.0, _DOME_ROWS)[:-1],
        dome_length + lock.length * hanging * (1.3 - 0.3 * hanging),  # closer toward the pointed tip
    ])  # fmt: skip
    t = np.clip(s / max(dome_length, 1e-6), 0.0, 1.0)
    on_dome = (np.sin((1 - t) * arc)[:, None] * start + np.sin(t * arc)[:, None] * rim) / np.sin(arc)
    hang = np.maximum(s - dome_length, 0.0) / max(lock.length, 1e-6)
    azimuth = np.radians(lock.azimuth + lock.drift * hang**1.5)
    around = np.stack([np.sin(azimuth), np.zeros_like(azimuth), -np.cos(azimuth)], axis=1)
    unit = np.where((hang > 0)[:, None], around, on_dome)
    # Roots lie under the neighbours, so that the top of the head stays smooth.
    rise = lerp(-0.05, lock.layer, smoothstep(0.0, 0.20, t))
    points = dome.at(unit, rise)
    swing = lock.flare * hang**1.7 + lock.bow * np.sin(np.pi * hang)
    points = points + around * swing[:, None]
    points[:, 1] -= hang * lock.length
    if lock.curl[0]:
        points += _corkscrew(around, hang, *lock.curl)
    polar = np.degrees(np.arccos(np.clip(on_dome[:, 1], -1, 1)))
    v = np.where(hang > 0, lerp(EQUATOR_V, 1.0, hang), EQUATOR_V * polar / 90.0)
    return points, v


def _corkscrew(around: Array, hang: Array, radius: float, turns: float) -> Array:
    phase = 2 * np.pi * turns * hang
    sideways = np.cross(around, [0.0, 1.0, 0.0])
    grow = radius * smoothstep(0.0, 0.35, hang)
    turned = np.cos(phase)[:, None] * sideways + np.sin(phase)[:, None] * around
    return np.asarray(grow[:, None] * turned)


def lock_part(dome: HairDome, lock: Lock, material: str, bones: Mapping[str, float] | str = "head") -> Part:
    """The mesh of a strand on the dome."""
    points, v = lock_path(dome, lock)
    normals = dome.normal(points)
    return swept_part(
        material, points, normals, v, width=lock.width, thickness=lock.thickness, fullness=lock.fullness,
        stripe=lock.stripe, bend=1.0 / float(dome.radii[0]), root=0.12,
    )  # fmt: skip


def free_part(
    material: str,
    through: ArrayLike,
    away: ArrayLike,
    *,
    width: float,
    thickness: float,
    fullness: float = 0.5,
    stripe: int = 0,
    segments: int = 13,
    root: float = 0.35,
) -> Part:
    """A strand through points in space.

    Args:
        material: its material.
        through: (n, 3) points of its centre line.
        away: (3,) or (n, 3) direction that its broad side looks to.
        width: at its broadest.
        thickness: at its thickest.
        fullness: where along it begins to taper.
        stripe: which of the texture's four columns.
        segments: along it.
        root: share of its width at the start.
    """
    t = np.linspace(0.0, 1.0, segments + 1)
    points = catmull_rom(through, t)
    aways = np.asarray(away, np.float64)
    facing = np.broadcast_to(aways, points.shape) if aways.ndim == 1 else catmull_rom(aways, t)
    v = lerp(0.12, 1.0, t)
    return swept_part(
        material, points, facing, v, width=width, thickness=thickness, fullness=fullness, stripe=stripe,
        bend=0.0, root=root,
    )  # fmt: skip


def swept_part(
    material: str,
    points: Array,
    facing: Array,
    v: Array,
    *,
    width: float,
    thickness: float,
    fullness: float,
    stripe: int,
    bend: float,
    root: float,
) -> Part:
    """A section like half a lens swept along points, broad in the middle and pointed at the end."""
    count = len(points)
    step = np.linalg.norm(np.diff(points, axis=0), axis=1)
    t = np.concatenate([[0.0], np.cumsum(step)]) / float(step.sum())
    tangent = normalized(np.gradient(points, axis=0))
    side = normalized(np.cross(facing, tangent))
    out = normalized(np.cross(tangent, side))
    stations = (0, 0.5 * fullness, fullness, 0.5 + fullness / 2, 0.08 * fullness + 0.92, 1.0)
    taper = profile(stations, (root, 0.9, 1.0, 0.74, 0.26, 0.02), t)
    angle = np.concatenate([np.linspace(0.0, np.pi, _OUTSIDE), np.linspace(np.pi, 2 * np.pi, _INSIDE)])
    is_outside = np.arange(len(angle)) < _OUTSIDE
    across = 0.5 * width * taper[:, None] * np.cos(angle)
    lens = np.where(is_outside, np.sin(angle), 0.0)
    rise = 0.5 * thickness * taper[:, None] ** 0.7 * lens - 0.5 * bend * across**2
    positions = points[:, None] + across[..., None] * side[:, None] + rise[..., None] * out[:, None]
    column = np.where(is_outside, stripe % (COLUMNS - 1), COLUMNS - 1)
    u = (column + 0.04 + 0.92 * (0.5 + 0.5 * np.cos(angle))) / COLUMNS
    uvs = np.stack(np.broadcast_arrays(u[None], v[:, None]), axis=-1).reshape(-1, 2)
    part = Part(
        material,
        positions.reshape(-1, 3),
        grid_triangles(count, len(angle)),
        uvs,
        rigid("head", len(uvs)),
    )
    return outward(part)
