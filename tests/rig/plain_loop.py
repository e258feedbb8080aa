"""The rules of posing bones written down a second way: one bone of one pose at a time, with matrices.

The rig is compared with it in tests, and timed beside it in benchmarks/pose_models.py.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmdgen.model import NO_INDEX, BoneFlag, IkChain, Model
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

    def solve_ik(self, chain: IkChain) -> None:
        """Solve one chain of the pose of the last `palette`, walking the whole skeleton at each step."""
        half = chain.loop_count // 2
        goal = self.world(chain.bone)[:3, 3]
        for iteration in range(chain.loop_count):
            for place, link in enumerate(chain.links.tolist()):
                limits = np.array([chain.lower_limits[place], chain.upper_limits[place]], np.float64)
                if chain.has_limits[place] and not limits.any():
                    continue
                parent = self.parents[link]
                frame = np.eye(3) if parent == NO_INDEX else self.world(parent)[:3, :3]
                here = self.world(link)[:3, 3]
                to_target = unit(self.world(chain.target)[:3, 3] - here)
                to_goal = unit(goal - here)
                axis = np.cross(to_target, to_goal)
                if axis @ axis < 1e-8:
                    continue
                axis = unit(frame.T @ axis)
                turning = np.flatnonzero(limits.any(axis=0))
                if chain.has_limits[place] and len(turning) == 1 and iteration < half:
                    axis = np.eye(3)[turning[0]] * (1 if axis[turning[0]] >= 0 else -1)
                angle = min(np.arccos(np.clip(to_target @ to_goal, -1, 1)), chain.limit_angle * (place + 1))
                rotation, translation = self.locals[link]
                rotation = multiply_quaternions(about(axis, angle), rotation)
                if chain.has_limits[place]:
                    rotation = within_limits(rotation, limits, reflect=iteration < half)
                self.locals[link] = rotation, translation
                self.worlds.clear()
            if np.sum((self.world(chain.target)[:3, 3] - goal) ** 2) < 1e-8:
                break


def about(axis: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    return np.append(axis * np.sin(angle / 2), np.cos(angle / 2))


def unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(vector)
    return vector / length if length > 0 else vector


def within_limits(
    rotation: NDArray[np.float64], limits: NDArray[np.float64], *, reflect: bool
) -> NDArray[np.float64]:
    """The rotation with its Euler angles brought within limits (2, 3), order by order written out."""
    m = matrices_from_quaternions(rotation)
    most = np.abs(limits).max(axis=0)
    steep = np.radians(88)
    if most[0] < np.pi / 2:  # R = Ry Rx Rz
        x = np.clip(np.arcsin(np.clip(-m[1, 2], -1, 1)), -steep, steep)
        y, z, order = np.arctan2(m[0, 2], m[2, 2]), np.arctan2(m[1, 0], m[1, 1]), (1, 0, 2)
    elif most[1] < np.pi / 2:  # R = Rz Ry Rx
        y = np.clip(np.arcsin(np.clip(-m[2, 0], -1, 1)), -steep, steep)
        x, z, order = np.arctan2(m[2, 1], m[2, 2]), np.arctan2(m[1, 0], m[0, 0]), (2, 1, 0)
    else:  # R = Rx Rz Ry
        z = np.clip(np.arcsin(np.clip(-m[0, 1], -1, 1)), -steep, steep)
        x, y, order = np.arctan2(m[2, 1], m[1, 1]), np.arctan2(m[0, 2], m[0, 0]), (0, 2, 1)
    result = np.array([0.0, 0.0, 0.0, 1.0])
    for axis in order:
        angle = limited((x, y, z)[axis], limits[0, axis], limits[1, axis], reflect=reflect)
        result = multiply_quaternions(result, about(np.eye(3)[axis], angle))
    return result


def limited(angle: float, lower: float, upper: float, *, reflect: bool) -> float:
    if angle < lower:
        mirrored = 2 * lower - angle
        return mirrored if reflect and mirrored <= upper else lower
    if angle > upper:
        mirrored = 2 * upper - angle
        return mirrored if reflect and mirrored >= lower else upper
    return angle
