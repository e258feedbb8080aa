"""Parts to a `Model`: one vertex table, materials in drawing order, weights and morphs by index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmdgen.cast.curves import Array, on_grid
from mmdgen.cast.expressions import Expression, morph_table
from mmdgen.cast.materials import Look, material_table
from mmdgen.cast.mesh import Part, merged
from mmdgen.cast.skeleton import Bone, bone_table
from mmdgen.model import (
    NO_INDEX,
    DisplayFrame,
    JointTable,
    Model,
    RigidBodyTable,
    Skinning,
    VertexTable,
)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where and how large the character stands in its model."""

    origin: tuple[float, float, float]  # of the chin tip, MMD units
    scale: float  # MMD units per head unit


def assemble(
    name: str,
    comment: str,
    parts: Sequence[Part],
    looks: Sequence[Look],
    bones: Sequence[Bone],
    expressions: Sequence[Expression],
    placement: Placement,
) -> Model:
    """The model made of these parts; materials that no part uses are left out."""
    used = [look for look in looks if any(part.material == look.key for part in parts)]
    pieces = [merged([part for part in parts if part.material == look.key]) for look in used]
    whole = merged(pieces)
    textures = tuple(
        dict.fromkeys(name for look in used for name in (look.texture, look.sphere) if name is not None)
    )
    origin = np.asarray(placement.origin)
    morphs = morph_table(expressions, whole.morphs, [look.key for look in used], placement.scale)
    return Model(
        source=name,
        format="pmx",
        version=2.0,
        encoding="utf-16-le",
        name=name,
        name_en=name,
        comment=comment,
        comment_en=comment,
        vertices=_vertex_table(whole, bones, origin, placement.scale),
        faces=whole.triangles.astype(np.int32),
        textures=textures,
        materials=material_table(used, textures, [len(piece.triangles) for piece in pieces]),
        bones=bone_table(bones, origin, placement.scale),
        morphs=morphs,
        display_frames=_display_frames(len(bones), len(morphs)),
        rigid_bodies=_no_rigid_bodies(),
        joints=_no_joints(),
    )


def _vertex_table(whole: Part, bones: Sequence[Bone], origin: Array, scale: float) -> VertexTable:
    count = len(whole)
    positions = on_grid(whole.positions * scale + origin)
    assert whole.normals is not None  # merged parts always have them
    indices, weights, skinning = _bone_slots(whole.weights, bones, count)
    return VertexTable(
        positions=positions.astype(np.float32),
        normals=on_grid(whole.normals).astype(np.float32),
        uvs=on_grid(whole.uvs).astype(np.float32),
        additional_uvs=np.zeros((count, 0, 4), np.float32),
        skinning=skinning,
        bone_indices=indices,
        bone_weights=weights,
        sdef_vertices=np.zeros(0, np.int32),
        sdef_c=np.zeros((0, 3), np.float32),
        sdef_r0=np.zeros((0, 3), np.float32),
        sdef_r1=np.zeros((0, 3), np.float32),
        edge_scales=np.asarray(whole.edge_scale, np.float32),
    )


def _bone_slots(
    weights: Mapping[str, Array], bones: Sequence[Bone], count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The four strongest bones of each vertex, as PMX stores them."""
    index = {bone.key: i for i, bone in enumerate(bones)}
    keys = [key for key in weights if key in index]
    table = np.stack([weights[key] for key in keys])
    order = np.argsort(-table, axis=0, kind="stable")[:4]
    strongest = np.take_along_axis(table, order, axis=0).T
    strongest[strongest < 1e-3] = 0.0
    strongest = np.round(strongest / strongest.sum(axis=1, keepdims=True) * 2**12) / 2**12
    slots = strongest.shape[1]
    indices = np.full((count, 4), NO_INDEX, np.int32)
    stored = np.zeros((count, 4), np.float32)
    bone_of_key = np.array([index[key] for key in keys])
    indices[:, :slots] = np.where(strongest > 0, bone_of_key[order.T], NO_INDEX)
    used = (strongest > 0).sum(axis=1)
    skinning = np.select([used <= 1, used == 2], [Skinning.BDEF1, Skinning.BDEF2], Skinning.BDEF4)
    stored[:, 0] = strongest[:, 0]
    stored[:, 1:slots] = strongest[:, 1:]
    single, double = skinning == Skinning.BDEF1, skinning == Skinning.BDEF2
    stored[single] = (1.0, 0.0, 0.0, 0.0)
    stored[double, 1] = 1.0 - stored[double, 0]
    # BDEF4 has no "none": its unused slots name a bone with weight 0.
    four = skinning == Skinning.BDEF4
    indices[four] = np.where(indices[four] == NO_INDEX, 0, indices[four])
    return indices, stored, skinning.astype(np.uint8)


def _display_frames(bones: int, morphs: int) -> tuple[DisplayFrame, ...]:
    def frame(name: str, english: str, special: bool, is_morph: bool, indices: np.ndarray) -> DisplayFrame:
        return DisplayFrame(
            name, english, special, np.full(len(indices), is_morph, np.bool_), indices.astype(np.int32)
        )

    return (
        frame("Root", "Root", True, False, np.array([0])),
        frame("表情", "Exp", True, True, np.arange(morphs)),
        frame("ボーン", "bones", False, False, np.arange(1, bones)),
    )


def _no_rigid_bodies() -> RigidBodyTable:
    none, vectors = np.zeros(0, np.float32), np.zeros((0, 3), np.float32)
    small = np.zeros(0, np.uint8)
    return RigidBodyTable(
        (), (), np.zeros(0, np.int32), small, np.zeros(0, np.uint16), small, vectors, vectors, vectors,
        none, none, none, none, none, small,
    )  # fmt: skip


def _no_joints() -> JointTable:
    vectors = np.zeros((0, 3), np.float32)
    return JointTable((), (), np.zeros(0, np.uint8), np.zeros((0, 2), np.int32), *(vectors,) * 8)
