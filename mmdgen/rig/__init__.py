"""From a model and poses to posed vertices; numpy only, no files, no GL."""

from __future__ import annotations

from mmdgen.rig.motion import ik_from_motion, pose_from_motion, pose_from_named
from mmdgen.rig.rig import PosedModel, Rig, build_rig
from mmdgen.rig.skeleton import BoneRoles, find_bone_roles, require_posable
from mmdgen.rig.skinning import skin_vertices

__all__ = [
    "BoneRoles",
    "PosedModel",
    "Rig",
    "build_rig",
    "find_bone_roles",
    "ik_from_motion",
    "pose_from_motion",
    "pose_from_named",
    "require_posable",
    "skin_vertices",
]
