"""The rules of posing bones written down a second way: one bone of one pose at a time, with matrices.

The rig is compared with it in tests, and timed beside it in benchmarks/pose_models.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmdgen.model import NO_INDEX, BoneFlag, Model
from mmdgen.rig.deform import cut_cycles
from mmdgen.rig.transforms import matrices_from_quaternions, multiply_quaternions

Motion = tuple[NDArray[np.float64], NDArray[np.float64]]  # a rotation x y z w and a translation


class PlainSkeleton:
    """One model; `palette` poses it once."""

    def __init__(self, model: Model) -> None:
        self.bones = model.bones
        self.rest = model.bones.rest_positions.astype(np.float64)
        self.parents = cut_cycles(model.bones.parents).tolist()
        appends = model.bones.has_flag(BoneFlag.APPEND_ROTATION | BoneFlag.APPEND_TRANSLATION)
        wanted = np.where(appends, model.bones.append_parents, NO_INDEX)
        self.sources = cut_cycles(wanted.astype(np.int32)).tolist()

    def palette(
        self, rotations: NDArray[np.floating], translations: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """world_from_rest (bones, 4, 4) of rotations (bones, 4) and translations (bones, 3)."""
        self.own = [
            (q / np.linalg.norm(q), t.astype(np.float64))
            for q, t in zip(rotations.astype(np.float64), translations, strict=True)
        ]
        self.locals: dict[int, Motion] = {}
        self.worlds: dict[int, NDArray[np.float64]] = {}
        result = np.stack([self.world(bone) for bone in range(len(self.own))])
        result[:, :3, 3] -= np.einsum("bij,bj->bi", result[:, :3, :3], self.rest)
        return result

    def local(self, bone: int) -> Motion:
        if bone not in self.locals:
            rotation, translation = self.own[bone]
            if self.sources[bone] != NO_INDEX:
                turned, moved = self.appended(bone)
                rotation, translation = multiply_quaternions(rotation, turned), translation + moved
            self.locals[bone] = rotation, translation
        return self.locals[bone]

    def appended(self, bone: int) -> Motion:
        flags, ratio = int(self.bones.flags[bone]), float(self.bones.append_ratios[bone])
        source = self.sources[bone]
        rotation, translation = self.own[source] if flags & BoneFlag.LOCAL_APPEND else self.local(source)
        sine = np.linalg.norm(rotation[:3])
        turn = np.array([0.0, 0.0, 0.0, 1.0])
        if flags & BoneFlag.APPEND_ROTATION and sine > 1e-12:
            half = np.arctan2(sine, abs(rotation[3])) * ratio * (1 if rotation[3] >= 0 else -1)
            turn = np.append(rotation[:3] / sine * np.sin(half), np.cos(half))
        return turn, translation * (ratio if flags & BoneFlag.APPEND_TRANSLATION else 0.0)

    def world(self, bone: int) -> NDArray[np.float64]:
        if bone not in self.worlds:
            rotation, translation = self.local(bone)
            step, parent = np.eye(4), self.parents[bone]
            step[:3, :3] = matrices_from_quaternions(rotation)
            step[:3, 3] = self.rest[bone] + translation
            if parent != NO_INDEX:
                step[:3, 3] -= self.rest[parent]
                step = self.world(parent) @ step
            self.worlds[bone] = step
        return self.worlds[bone]
