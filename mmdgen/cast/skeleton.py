"""The bones: the standard MMD bones of an upper body, and chains for hair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmdgen.cast.curves import Array, on_grid
from mmdgen.model import NO_INDEX, BoneFlag, BoneTable


@dataclass(frozen=True, slots=True)
class Bone:
    """One bone. Keys name bones inside this package; `name` is what the file says."""

    key: str
    name: str
    name_en: str
    position: tuple[float, float, float]  # head units
    parent: str | None
    tail: str | tuple[float, float, float] = (0.0, 0.0, 0.0)  # another bone, or an offset in head units
    append_source: str | None = None
    append_ratio: float = 0.0
    movable: bool = False
    layer: int = 0
    visible: bool = True


_STANDING = BoneFlag.ROTATABLE | BoneFlag.OPERABLE


def bone_flags(bone: Bone) -> BoneFlag:
    """The PMX flags that follow from what a bone is."""
    flags = _STANDING
    if isinstance(bone.tail, str):
        flags |= BoneFlag.TAIL_IS_BONE
    if bone.movable:
        flags |= BoneFlag.MOVABLE
    if bone.visible:
        flags |= BoneFlag.VISIBLE
    if bone.append_source is not None:
        flags |= BoneFlag.APPEND_ROTATION
    return flags


def standard_bones(eyes: dict[int, Array], floor: float, shoulder: float) -> list[Bone]:
    """The bones that every character has.

    Args:
        eyes: pivot of the eye on each side (1 left, -1 right), head units.
        floor: y of the floor.
        shoulder: x of the shoulder joint.
    """
    center_eye = ((eyes[1] + eyes[-1]) / 2).tolist()
    bones = [
        Bone("root", "全ての親", "mother", (0, floor, 0), None, "center", movable=True),
        Bone("center", "センター", "center", (0, floor * 0.56, 0), "root", (0, 0.8, 0), movable=True),
        Bone("upper_body", "上半身", "upper body", (0, -4.0, 0.02), "center", "upper_body2"),
        Bone("upper_body2", "上半身2", "upper body 2", (0, -2.6, 0.08), "upper_body", "neck"),
        Bone("neck", "首", "neck", (0, -0.42, 0.16), "upper_body2", "head"),
        Bone("head", "頭", "head", (0, 0.17, 0.05), "neck", (0, 1.2, 0)),
        Bone("eyes", "両目", "eyes", (center_eye[0], 3.4, center_eye[2]), "head", (0, 0, -0.9)),
    ]
    for side, word, english in ((1, "左", "left"), (-1, "右", "right")):
        pivot = eyes[side].tolist()
        bones.append(
            Bone(f"eye_{english}", f"{word}目", f"eye_{english[0].upper()}", (pivot[0], pivot[1], pivot[2]),
                 "head", (0, 0, -0.4), "eyes", 0.5, layer=1)
        )  # fmt: skip
    for side, word, english in ((1, "左", "left"), (-1, "右", "right")):
        letter = english[0].upper()
        x = side * shoulder
        chain = [
            ("shoulder", "肩", (side * 0.22, -0.66, 0.12)),
            ("arm", "腕", (x, -0.98, 0.16)),
            ("elbow", "ひじ", (side * 1.64, -2.24, 0.17)),
            ("wrist", "手首", (side * 2.36, -3.40, 0.10)),
        ]
        parent = "upper_body2"
        for index, (key, name, at) in enumerate(chain):
            tail: str | tuple[float, float, float] = (side * 0.27, -0.42, -0.02)
            if index + 1 < len(chain):
                tail = f"{chain[index + 1][0]}_{english}"
            bones.append(Bone(f"{key}_{english}", word + name, f"{key}_{letter}", at, parent, tail))
            parent = f"{key}_{english}"
    return bones


def bone_table(bones: Sequence[Bone], place: Array, scale: float) -> BoneTable:
    """The table of a model file.

    Args:
        bones: parents before children or after, by key.
        place: the model's position of the chin tip, MMD units.
        scale: MMD units per head unit.
    """
    index = {bone.key: i for i, bone in enumerate(bones)}
    count = len(bones)

    def find(key: str | None) -> int:
        return NO_INDEX if key is None else index[key]

    offsets = [(0.0, 0.0, 0.0) if isinstance(bone.tail, str) else bone.tail for bone in bones]
    positions = on_grid(np.array([bone.position for bone in bones], np.float64) * scale + place)
    return BoneTable(
        names=tuple(bone.name for bone in bones),
        names_en=tuple(bone.name_en for bone in bones),
        rest_positions=positions.astype(np.float32),
        parents=np.array([find(bone.parent) for bone in bones], np.int32),
        deform_layers=np.array([bone.layer for bone in bones], np.int32),
        flags=np.array([bone_flags(bone) for bone in bones], np.uint16),
        tails=np.array([find(b.tail) if isinstance(b.tail, str) else NO_INDEX for b in bones], np.int32),
        tail_offsets=on_grid(np.array(offsets, np.float64) * scale).astype(np.float32),
        append_parents=np.array([find(bone.append_source) for bone in bones], np.int32),
        append_ratios=np.array([bone.append_ratio for bone in bones], np.float32),
        fixed_axes=np.zeros((count, 3), np.float32),
        local_x_axes=np.zeros((count, 3), np.float32),
        local_z_axes=np.zeros((count, 3), np.float32),
        external_keys=np.zeros(count, np.int32),
        ik_chains=(),
    )
