"""What a motion or pose file says: key frames of bones and morphs by name, knowing no model.

Numbers are the file's own: raw MMD axes, MMD units, 30 frames a second. Names are cut as motion files cut
them (`motion_name`), so that they can be looked up from a model's names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mmdgen.model import Bools, Floats, FormatWarning, Ints

NAME_SIZE = 15  # bytes of a bone or morph name in a VMD file


def motion_name(name: str) -> bytes:
    """A bone or morph name as a motion file stores it: cp932, cut after 15 bytes even within a letter."""
    return name.encode("cp932", "replace")[:NAME_SIZE]


@dataclass(frozen=True, slots=True, eq=False)
class BoneTrack:
    """The key frames of one bone, each frame once.

    A curve runs from the key frame before to its own: (x1, y1, x2, y2) in 0..1 are the inner control points
    of a cubic Bezier curve from (0, 0) to (1, 1) whose x is time and whose y is progress.
    """

    frames: Ints  # (keys,), ascending
    translations: Floats  # (keys, 3)
    rotations: Floats  # (keys, 4), unit quaternions x y z w
    curves: Floats  # (keys, 4, 4): for x, y, z and the rotation


@dataclass(frozen=True, slots=True, eq=False)
class MorphTrack:
    """The key frames of one morph, each frame once; linear in between."""

    frames: Ints  # (keys,), ascending
    weights: Floats  # (keys,)


@dataclass(frozen=True, slots=True, eq=False)
class SwitchTrack:
    """Where the IK of one bone is switched on or off; it holds until the next key."""

    frames: Ints  # (keys,), ascending
    is_on: Bools  # (keys,)


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """A VMD file without its camera, light and shadow."""

    source: str  # file name, for messages
    model_name: str  # the model that it was made for
    bones: Mapping[bytes, BoneTrack]  # by motion_name
    morphs: Mapping[bytes, MorphTrack]
    ik_switches: Mapping[bytes, SwitchTrack]  # by motion_name of the IK bone
    warnings: tuple[FormatWarning, ...] = ()

    @property
    def last_frame(self) -> int:
        """The last key frame of any bone or morph; 0 of an empty motion."""
        tracks: tuple[BoneTrack | MorphTrack, ...] = (*self.bones.values(), *self.morphs.values())
        return max((int(track.frames[-1]) for track in tracks), default=0)


@dataclass(frozen=True, slots=True, eq=False)
class NamedPose:
    """A VPD file: where bones and morphs stand, by name."""

    source: str  # file name, for messages
    model_name: str
    rotations: Mapping[bytes, Floats]  # by motion_name, (4,) unit quaternions x y z w
    translations: Mapping[bytes, Floats]  # by motion_name, (3,)
    weights: Mapping[bytes, float]  # of morphs, by motion_name


def unit_rotations(rotations: Floats) -> tuple[Floats, Bools]:
    """Stored quaternions (n, 4) made unit, and which of them had no direction and became the identity."""
    with np.errstate(over="ignore", invalid="ignore"):
        length = np.linalg.norm(rotations.astype(np.float64), axis=1)
    is_broken = ~(np.isfinite(length) & (length > 1e-6))
    unit = rotations / np.where(is_broken, 1.0, length)[:, None]
    unit[is_broken] = (0.0, 0.0, 0.0, 1.0)
    return unit.astype(np.float32), is_broken
