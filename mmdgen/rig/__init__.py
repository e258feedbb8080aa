"""From a model and poses to posed vertices; numpy only, no files, no GL."""

from __future__ import annotations

from mmdgen.rig.rig import PosedModel, Rig, build_rig
from mmdgen.rig.skeleton import BoneRoles, find_bone_roles, require_posable
from mmdgen.rig.skinning import skin_vertices

__all__ = [
    "BoneRoles",
    "PosedModel",
    "Rig",
    "build_rig",
    "find_bone_roles",
    "require_posable",
    "skin_vertices",
]
