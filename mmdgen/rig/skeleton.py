"""Which bone plays which part: names, their aliases, and whether the head can be posed at all.

Names are compared after Unicode NFKC, trimming and case folding; a Japanese name wins over an English one,
an earlier alias over a later one, an earlier bone over a later one.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np

from mmdgen.errors import ModelError
from mmdgen.model import NO_INDEX, BoneTable, Model
from mmdgen.rig.deform import cut_cycles, depth_levels

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BoneRoles:
    """Bone index of each part, NO_INDEX where the model has none. Left is the character's own left."""

    root: int
    center: int
    upper_body: int
    upper_body2: int
    lower_body: int
    neck: int
    head: int
    both_eyes: int
    left_eye: int
    right_eye: int
    left_shoulder: int
    right_shoulder: int
    left_arm: int
    right_arm: int
    left_elbow: int
    right_elbow: int
    left_wrist: int
    right_wrist: int


_ALIASES: dict[str, tuple[str, ...]] = {
    "root": ("全ての親", "すべての親", "mother", "root", "master"),
    "center": ("センター", "center", "centre"),
    "upper_body": ("上半身", "upper body", "upperbody", "spine"),
    "upper_body2": ("上半身2", "upper body2", "upper body 2", "upperbody2", "chest"),
    "lower_body": ("下半身", "lower body", "lowerbody", "hips"),
    "neck": ("首", "首1", "neck", "neck1"),
    "head": ("頭", "head"),
    "both_eyes": ("両目", "両眼", "目", "eyes", "both eyes", "eye"),
    "left_eye": ("左目", "左眼", "目.l", "目_l", "eye_l", "eye.l", "left eye", "lefteye", "l_eye"),
    "right_eye": ("右目", "右眼", "目.r", "目_r", "eye_r", "eye.r", "right eye", "righteye", "r_eye"),
    "left_shoulder": ("左肩", "shoulder_l", "shoulder.l", "left shoulder"),
    "right_shoulder": ("右肩", "shoulder_r", "shoulder.r", "right shoulder"),
    "left_arm": ("左腕", "arm_l", "arm.l", "left arm"),
    "right_arm": ("右腕", "arm_r", "arm.r", "right arm"),
    "left_elbow": ("左ひじ", "左肘", "elbow_l", "elbow.l", "left elbow"),
    "right_elbow": ("右ひじ", "右肘", "elbow_r", "elbow.r", "right elbow"),
    "left_wrist": ("左手首", "wrist_l", "wrist.l", "left wrist"),
    "right_wrist": ("右手首", "wrist_r", "wrist.r", "right wrist"),
}


def fold_name(name: str) -> str:
    """A name as it is compared: NFKC, trimmed, case folded."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def find_bone_roles(model: Model) -> BoneRoles:
    """Which bone plays which part; never fails."""
    by_name = _first_of_each_name(model.bones.names)
    by_name_en = _first_of_each_name(model.bones.names_en)
    found = {field.name: _find(_ALIASES[field.name], by_name, by_name_en) for field in fields(BoneRoles)}
    return BoneRoles(**found)


def require_posable(model: Model) -> BoneRoles:
    """The roles of a model whose head and neck can be turned.

    Raises:
        ModelError: there is no head or neck bone, the head does not hang on the neck, or no vertex
            follows the head.
    """
    roles = find_bone_roles(model)
    if not len(model.vertices):
        raise ModelError(f"{model.source}: it has no vertices, so there is nothing to pose")
    for part, bone in (("head", roles.head), ("neck", roles.neck)):
        if bone == NO_INDEX:
            names = " or ".join(_ALIASES[part])
            raise ModelError(f"{model.source}: no {part} bone ({names}), so its head cannot be posed")
    chain = ancestors(model.bones, roles.head)
    head, neck = model.bones.names[roles.head], model.bones.names[roles.neck]
    if roles.neck not in chain:
        raise ModelError(
            f"{model.source}: its head bone {head} does not hang on its neck bone {neck}, "
            "so turning the neck would leave the head behind"
        )
    between = chain[: chain.index(roles.neck)]
    if between:
        names = ", ".join(model.bones.names[bone] for bone in between)
        log.info("%s: between %s and %s lie the bones %s; they stay at rest", model.source, head, neck, names)
    if not _moves_vertices(model, roles.head):
        raise ModelError(
            f"{model.source}: no vertex follows its head bone {head}, so its head cannot be posed"
        )
    return roles


def ancestors(bones: BoneTable, bone: int) -> tuple[int, ...]:
    """Parent, grandparent and so on of a bone; ends at a root or where a cycle was cut."""
    parents = cut_cycles(bones.parents)
    chain: list[int] = []
    while (bone := int(parents[bone])) != NO_INDEX:
        chain.append(bone)
    return tuple(chain)


def _moves_vertices(model: Model, bone: int) -> bool:
    """Whether some vertex hangs on the bone or on a descendant."""
    follows = np.zeros(len(model.bones) + 1, np.bool_)  # the last row stands for NO_INDEX
    follows[bone] = True
    parents = cut_cycles(model.bones.parents)
    for level in depth_levels(parents)[1:]:
        follows[level] |= follows[parents[level]]
    return bool(follows[model.vertices.bone_indices].any())


def _first_of_each_name(names: Iterable[str]) -> dict[str, int]:
    first: dict[str, int] = {}
    for bone, name in enumerate(names):
        first.setdefault(fold_name(name), bone)
    return first


def _find(aliases: tuple[str, ...], *tables: dict[str, int]) -> int:
    folded = [fold_name(alias) for alias in aliases]
    return next((table[name] for table in tables for name in folded if name in table), NO_INDEX)
