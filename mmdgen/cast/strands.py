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
_FACE_POINTS = 5  # vertices across the outside of a strand, and again across its inside


@dataclass(frozen=True, slots=True)
class HairDome:
    """The surface that hair lies on: half an ellipsoid over the skull, and what hangs from its rim."""

    radii: Array  # (3,)

    @staticmethod
    def over(width: float, volume: float) -> HairDome:
        """The dome for a head of this width factor."""
        return HairDome(np.array([1.04 * width, 1.26 * volume, 1.12]) * np.array([volume**0.5, 1.0, 1.0]))

    def direction(self, azimuth: ArrayLike, polar: ArrayLike) -> Array:
        """Unit vectors in the dome's own measure, (..., 3).

        Args:
            azimuth: degrees; 0 is the face, positive the character's left.
            polar: degrees from the top; 90 is the rim.
        """
        a, p = np.radians(np.asarray(azimuth, np.float64)), np.radians(np.asarray(polar, np.float64))
        a, p = np.broadcast_arrays(a, p)
        return np.stack([np.sin(p) * np.sin(a), np.cos(p), -np.sin(p) * np.cos(a)], axis=-1)

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
    segments: int = 11
    stripe: int = 0  # which of the texture's four columns
    curl: tuple[float, float] = (0.0, 0.0)  # radius and turns of a corkscrew in the hanging part


def lock_path(dome: HairDome, lock: Lock) -> tuple[Array, Array]:
    """Centre line of a strand and its texture v, (segments + 1, 3) and (segments + 1,)."""
    start, rim = dome.direction(*lock.root), dome.direction(lock.azimuth, 90.0)
    arc = float(np.arccos(np.clip(start @ rim, -1.0, 1.0)))
    dome_length = arc * float(dome.radii.mean())
    s = np.linspace(0.0, dome_length + lock.length, lock.segments + 1)
    t = np.clip(s / max(dome_length, 1e-6), 0.0, 1.0)
    on_dome = (np.sin((1 - t) * arc)[:, None] * start + np.sin(t * arc)[:, None] * rim) / np.sin(arc)
    hang = np.maximum(s - dome_length, 0.0) / max(lock.length, 1e-6)
    azimuth = np.radians(lock.azimuth + lock.drift * hang**1.5)
    around = np.stack([np.sin(azimuth), np.zeros_like(azimuth), -np.cos(azimuth)], axis=1)
    unit = np.where((hang > 0)[:, None], around, on_dome)
    # Roots lie under the neighbours, so that the top of the head stays smooth.
    rise = lerp(-0.05, lock.layer, smoothstep(0.0, 0.20, t))
    points = CENTER + unit * (dome.radii + rise[:, None])
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
    """A lens-shaped section swept along points, broad in the middle and pointed at the end."""
    count = len(points)
    t = np.linspace(0.0, 1.0, count)
    tangent = normalized(np.gradient(points, axis=0))
    side = normalized(np.cross(facing, tangent))
    out = normalized(np.cross(tangent, side))
    taper = profile((0, 0.5 * fullness, fullness, 0.5 + fullness / 2, 1.0), (root, 0.9, 1.0, 0.72, 0.02), t)
    upper = np.linspace(0.0, np.pi, _FACE_POINTS)
    angle = np.concatenate([upper, upper + np.pi])
    across = 0.5 * width * taper[:, None] * np.cos(angle)
    lens = np.where(np.arange(len(angle)) < _FACE_POINTS, 1.0, 0.5) * np.sin(angle)
    rise = 0.5 * thickness * taper[:, None] ** 0.7 * lens - 0.5 * bend * across**2
    positions = points[:, None] + across[..., None] * side[:, None] + rise[..., None] * out[:, None]
    column = np.where(np.arange(len(angle)) < _FACE_POINTS, stripe % (COLUMNS - 1), COLUMNS - 1)
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
