"""The mouth: lips that part, the cavity behind them, teeth and tongue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmdgen.cast.curves import Array, profile
from mmdgen.cast.face import HEAD_BONE, Motion
from mmdgen.cast.head import HeadShape
from mmdgen.cast.mesh import Part, facing, grid_triangles, rigid
from mmdgen.cast.traits import MouthTraits


@dataclass(frozen=True, slots=True)
class MouthPose:
    """A shape of the lips. Lengths in head units, `width` as a factor on the resting mouth."""

    width: float = 1.0
    upper: float = 0.0  # upper lip above the line of the closed mouth, in the middle
    lower: float = 0.0  # lower lip below it
    corners: float = 0.0  # corners raised
    squareness: float = 1.0  # 1 round, smaller is boxier
    wave: float = 0.0  # ω: two arcs


# The keys are the morphs' keys. あ is wide open, い wide and flat, う small and round.
MOUTH_POSES = {
    "a": MouthPose(1.05, 0.045, 0.205, 0.012, 0.62),
    "i": MouthPose(1.20, 0.022, 0.062, 0.020, 0.45),
    "u": MouthPose(0.52, 0.030, 0.060, 0.0, 0.8),
    "e": MouthPose(1.12, 0.035, 0.120, 0.010, 0.5),
    "o": MouthPose(0.72, 0.050, 0.160, 0.0, 0.85),
    "triangle": MouthPose(0.55, 0.055, 0.035, -0.035, 1.4),
    "omega": MouthPose(0.95, 0.0, 0.0, 0.012, 1.0, 0.035),
    "corners_up": MouthPose(1.05, 0.0, 0.0, 0.035),
    "corners_down": MouthPose(0.95, 0.0, 0.0, -0.04),
    "smirk": MouthPose(1.25, 0.0, 0.0, 0.06),
    "surprise": MouthPose(0.6, 0.03, 0.09, 0.0, 0.9),
    "laugh": MouthPose(1.3, 0.03, 0.16, 0.045, 0.5),
}


@dataclass(frozen=True, slots=True)
class MouthShape:
    """The lips' line and its motions."""

    traits: MouthTraits

    def line(self, angles: Array, pose: MouthPose) -> Array:
        """Places of the lips' rim, (n, 2)."""
        t, across, up = self.traits, np.cos(angles), np.sin(angles)
        bend = (t.smile + pose.corners) * (np.abs(across) ** 1.8 - 0.35)
        dip = -(t.wave + pose.wave) * np.sin(np.pi * np.abs(across)) ** 2
        dip = dip * (1.0 - np.clip(8.0 * (pose.upper + pose.lower), 0.0, 1.0))  # an open mouth has no arcs
        open_by = np.where(up >= 0, pose.upper, -pose.lower) * np.abs(up) ** pose.squareness
        return np.stack([t.half_width * pose.width * across, t.height + bend + dip + open_by], axis=-1)

    def outline(self, angles: Array) -> Array:
        """The closed mouth: upper and lower lip lie on one line."""
        return self.line(angles, MouthPose())

    def motion(self, pose: MouthPose) -> Motion:
        """From the closed mouth to a pose."""

        def move(angles: Array) -> Array:
            moved = self.line(angles, pose) - self.outline(angles)
            return np.concatenate([moved, np.zeros((len(angles), 1))], axis=1)

        return move

    def motions(self) -> dict[str, Motion]:
        """Every motion of the lips by its morph's key."""
        return {f"mouth_{key}": self.motion(pose) for key, pose in MOUTH_POSES.items()}


def cavity(shape: HeadShape, mouth: MouthShape, angles: Array) -> Part:
    """The inside: its front ring moves with the lips, the rest is always open behind them."""
    t = mouth.traits
    count = len(angles)
    across, up = np.cos(angles), np.sin(angles)
    rim = mouth.outline(angles)
    rings, depths = [rim], [np.zeros(count)]
    # Low down there is little room: the underside of the jaw must stay behind the cavity.
    room = 1.0 - 0.45 * np.clip(-up, 0.0, 1.0)
    for size, depth in ((1.0, 0.07), (0.95, 0.18), (0.6, 0.32), (0.0005, 0.36)):
        y = t.height - 0.07 + np.where(up >= 0, 0.13, 0.15) * size * up
        rings.append(np.stack([1.35 * t.half_width * size * across, y], axis=1))
        depths.append(depth * room)
    positions = np.stack(
        [
            shape.point(ring[:, 0], ring[:, 1], lift=-np.asarray(depth))
            for ring, depth in zip(rings, depths, strict=True)
        ]
    )
    morphs = {}
    for name, motion in mouth.motions().items():
        moved = motion(angles)
        offsets = np.zeros_like(positions)
        goal = shape.point(rim[:, 0] + moved[:, 0], rim[:, 1] + moved[:, 1])
        offsets[0] = goal - positions[0]
        morphs[name] = offsets.reshape(-1, 3)
    v = np.array([0.0, 0.25, 0.5, 0.8, 1.0])
    uvs = np.stack(np.broadcast_arrays(np.linspace(0, 1, count)[None], v[:, None]), axis=-1)
    part = Part(
        "mouth_inside",
        positions.reshape(-1, 3),
        grid_triangles(5, count, wrap=True)[:, ::-1],  # seen from its inside
        uvs.reshape(-1, 2),
        rigid(HEAD_BONE, 5 * count),
        morphs,
        np.tile([0.0, 0.0, -1.0], (5 * count, 1)),
    )
    return part


def teeth(shape: HeadShape, mouth: MouthShape) -> Part:
    """The upper row of teeth, raised with the upper lip; with a fang if the traits say so."""
    t = mouth.traits
    s = np.linspace(-1.0, 1.0, 17)
    x = s * t.half_width * 1.15
    top = np.full_like(x, t.height + 0.07)
    drop = 0.075 * (1 - np.abs(s) ** 3)
    if t.fang:
        drop[12] += 0.035
    y = np.stack([top, top - 0.5 * drop, top - drop])
    depth = 0.045 + 0.06 * s**2
    positions = shape.point(np.broadcast_to(x, y.shape), y, lift=-np.broadcast_to(depth, y.shape))
    positions[..., 2] += np.array([0.02, 0.0, 0.0])[:, None]
    count = y.size
    uvs = np.stack(np.broadcast_arrays((s + 1) / 2, np.array([0.0, 0.5, 1.0])[:, None]), axis=-1)
    normals = np.tile([0.0, 0.0, -1.0], (count, 1))
    part = Part(
        "teeth", positions.reshape(-1, 3), grid_triangles(3, 17), uvs.reshape(-1, 2), rigid(HEAD_BONE, count),
        normals=normals,
    )  # fmt: skip
    return facing(part, (0, 0, -1))


def tongue(shape: HeadShape, mouth: MouthShape) -> Part:
    """A soft mound on the floor of the mouth."""
    t = mouth.traits
    s = np.linspace(-1.0, 1.0, 11)
    rows = np.linspace(0.0, 1.0, 6)[:, None]
    x = s * t.half_width * 0.85 * np.ones_like(rows)
    bulge = np.sqrt(np.clip(1 - s**2, 0, 1))
    y = t.height - 0.21 + (0.10 * bulge + 0.02) * profile((0, 0.5, 1), (0.0, 0.75, 1.0), rows)
    depth = 0.05 + 0.15 * rows**1.2 * np.ones_like(s)
    positions = shape.point(x, y, lift=-depth)
    uvs = np.stack(np.broadcast_arrays((s + 1) / 2, rows), axis=-1)
    part = Part(
        "tongue", positions.reshape(-1, 3), grid_triangles(6, 11), uvs.reshape(-1, 2),
        rigid(HEAD_BONE, positions[..., 0].size),
    )  # fmt: skip
    return facing(part, (0, 0, -1))
