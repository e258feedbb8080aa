"""A model compiled for posing, and what a batch of poses makes of it.

    file -formats-> Model -build_rig-> Rig -Rig.pose-> PosedModel -skin_vertices or a shader-> vertices

`Rig` and `PosedModel` together hold all that a shader needs; it never looks into the model's bones or morphs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmdgen.errors import ModelError
from mmdgen.model import Bools, Bytes, Floats, Ints, Model
from mmdgen.pose import Pose
from mmdgen.rig.deform import (
    Hierarchy,
    Motions,
    build_hierarchy,
)
from mmdgen.rig.ik import IkPlan, build_ik_plan, solve_ik
from mmdgen.rig.morph_weights import WeightFlow, build_weight_flow, spread_weights
from mmdgen.rig.morphs import (
    MorphPlan,
    SparseOffsets,
    Weights,
    add_bone_morphs,
    build_morph_plan,
    material_factors,
    sum_offsets,
)
from mmdgen.rig.transforms import (
    Reals,
    flat_batch,
    identity_quaternions,
    normalize_quaternions,
    quaternions_from_matrices,
    zero_vectors,
)
from mmdgen.rig.weights import build_skin

# Poses are worked through in blocks of this many bone turns. Larger temporary arrays leave the processor's
# cache and are returned to the system and fetched again at every operation.
_TURNS_AT_ONCE = 8_192


@dataclass(frozen=True, slots=True, eq=False)
class Rig:
    """A model with its evaluation order, compiled morphs and skinning tables.

    Skinning tables, the same for `skin_vertices` and for shaders (see `weights.build_skin`): no index is
    NO_INDEX, the weights of a vertex sum to 1, unused slots are bone 0 with weight 0. SDEF vertices use
    slots 0 and 1.
    """

    model: Model
    hierarchy: Hierarchy
    weight_flow: WeightFlow
    morph_plan: MorphPlan
    ik_plan: IkPlan
    skinning: Bytes  # (vertices,), Skinning after fallbacks
    skin_bones: Ints  # (vertices, 4), rows of the bone palette
    skin_weights: Floats  # (vertices, 4)
    sdef_vertices: Ints  # (sdef,), ascending: exactly the vertices whose `skinning` is SDEF
    sdef_c: Floats  # (sdef, 3), C
    sdef_c0: Floats  # (sdef, 3), (2 C + R0 - Rw) / 2 with Rw = w0 R0 + w1 R1
    sdef_c1: Floats  # (sdef, 3), (2 C + R1 - Rw) / 2

    def pose(self, pose: Pose, *, ik: bool | Bools = True) -> PosedModel:
        """What the poses make of the model; the result has the batch axes of `pose`.

        IK chains are solved only where the pose disturbs them (see module `ik`). `ik` switches all of them,
        or with an array (bones,) those of each IK bone.

        Raises:
            ModelError: the pose was made for a model with other bones or morphs.
        """
        _require_fitting(self.model, pose)
        weights = spread_weights(self.weight_flow, flat_batch(pose.morph_weights, 1))
        return _gather(self, pose.batch_shape, weights, *_pose_bones(self, pose, weights, ik))


@dataclass(frozen=True, slots=True, eq=False)
class PosedModel:
    """Everything that a batch of poses changes; leading axes are those of the poses.

    A vertex goes through these steps, in `skin_vertices` as in a shader: add its row of `vertex_offsets`;
    skin it with `bone_palette` (BDEF), `bone_palette` and `bone_rotations` (SDEF, QDEF: formulas in
    `skinning`). Bones have no rest rotation, so a bone's world rotation is also the rotation of its skin
    transform. A model without bones has one identity row.
    """

    rig: Rig
    bone_palette: Floats  # (..., bones, 4, 4), world_from_rest, for column vectors
    bone_rotations: Floats  # (..., bones, 4), world rotations, unit quaternions x y z w with w >= 0
    moved_vertices: Ints  # (k,), ascending: all that some active vertex morph moves
    vertex_offsets: Floats  # (..., k, 3), to add to rest positions before skinning
    moved_uvs: Ints  # (j,), vertices whose texture coordinate moves
    uv_offsets: Floats  # (..., j, 4), x and y belong to the texture coordinate
    moved_additional_uvs: tuple[SparseOffsets | None, ...]  # for channels 1 to 4; None: no active morph
    # columns of MaterialElements; a number becomes base * multiply + add; None: no active material morph
    material_multiply: Floats | None  # (..., materials, 28)
    material_add: Floats | None  # (..., materials, 28)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The leading axes."""
        return self.bone_palette.shape[:-3]

    @property
    def bone_positions(self) -> Floats:
        """Where the bones' origins are, (..., bones, 3), computed at each call."""
        rest = self.rig.model.bones.rest_positions
        matrices = self.bone_palette[..., : len(rest), :3, :]
        turned = np.einsum("...bij,bj->...bi", matrices[..., :3], rest)
        return np.asarray(turned + matrices[..., 3], np.float32)


def build_rig(model: Model) -> Rig:
    """Compile a model; what its file gets wrong (cycles, late parents) is mended and logged."""
    skin = build_skin(model.vertices)
    hierarchy = build_hierarchy(model.bones, model.source)
    return Rig(
        model=model,
        hierarchy=hierarchy,
        weight_flow=build_weight_flow(model.morphs, model.source),
        morph_plan=build_morph_plan(model),
        ik_plan=build_ik_plan(model.bones, hierarchy, model.source),
        skinning=skin.skinning,
        skin_bones=skin.bones,
        skin_weights=skin.weights,
        sdef_vertices=skin.sdef_vertices,
        sdef_c=skin.sdef_c,
        sdef_c0=skin.sdef_c0,
        sdef_c1=skin.sdef_c1,
    )


def _require_fitting(model: Model, pose: Pose) -> None:
    bones, morphs = len(model.bones), len(model.morphs)
    batch_shape = pose.batch_shape
    fits = (
        pose.morph_weights.shape == (*batch_shape, morphs)
        and pose.bone_rotations.shape == (*batch_shape, bones, 4)
        and pose.bone_translations.shape == (*batch_shape, bones, 3)
    )
    if not fits:
        raise ModelError(
            f"{model.source}: a pose of {pose.morph_weights.shape[-1]} morphs and "
            f"{pose.bone_rotations.shape[-2]} bones does not fit its {morphs} morphs and {bones} bones"
        )


def _pose_bones(rig: Rig, pose: Pose, weights: Weights, ik: bool | Bools) -> tuple[Floats, Floats]:
    """The bone palette (poses, bones, 4, 4) and world rotations (poses, bones, 4)."""
    turns, moves = flat_batch(pose.bone_rotations, 2), flat_batch(pose.bone_translations, 2)
    moving = ((turns[..., :3] != 0) | (moves != 0)).any(axis=(0, 2))
    bone_count = max(len(moving), 1)  # a model without bones has one identity row
    palette = np.empty((len(turns), bone_count, 4, 4), np.float32)
    rotations = np.empty((len(turns), bone_count, 4), np.float32)
    step = max(1, _TURNS_AT_ONCE // max(int(moving.sum()), 1))
    for start in range(0, len(turns), step):
        poses = slice(start, start + step)
        own = _own_motions(turns[poses], moves[poses], moving)
        add_bone_morphs(rig.morph_plan, weights[poses], own)
        world = solve_ik(rig.ik_plan, rig.hierarchy, own, np.broadcast_to(ik, len(moving)))
        rows = world.rows if len(world.rows) else np.zeros(1, np.intp)
        skins = world.skins.swapaxes(0, 1)
        turned = quaternions_from_matrices(skins[..., :3, :3]).astype(np.float32)
        np.take(skins.astype(np.float32), rows, axis=1, out=palette[poses], mode="clip")
        np.take(turned, rows, axis=1, out=rotations[poses], mode="clip")
    return palette, rotations


def _own_motions(turns: Floats, moves: Floats, moving: Bools) -> Motions:
    """The user's pose (poses, bones, ...) with the bone axis first, in float64 planes, arrays fresh."""
    poses, bones = turns.shape[:2]
    own = Motions(identity_quaternions((bones, poses)), zero_vectors((bones, poses)), moving.copy())
    movers = np.flatnonzero(moving)
    own.rotations[movers] = normalize_quaternions(_bone_planes(turns[:, movers]))
    own.translations[movers] = _bone_planes(moves[:, movers])
    return own


def _bone_planes(values: Floats) -> Reals:
    """(poses, bones, n) as (bones, poses, n) whose components are separate planes of memory."""
    return np.moveaxis(np.array(values.transpose(2, 1, 0), np.float64, order="C"), 0, -1)


def _gather(
    rig: Rig, batch_shape: tuple[int, ...], weights: Weights, palette: Floats, rotations: Floats
) -> PosedModel:
    """The results with their pose axis split into the batch axes."""
    plan = rig.morph_plan

    def batched(values: Floats) -> Floats:
        return values.reshape(*batch_shape, *values.shape[1:])

    def offsets(sparse: SparseOffsets | None, components: int) -> SparseOffsets:
        if sparse is None:
            return SparseOffsets(np.zeros(0, np.int32), np.zeros((*batch_shape, 0, components), np.float32))
        return SparseOffsets(sparse.vertices, batched(sparse.offsets))

    moved = offsets(sum_offsets(plan.vertex_morphs, weights, plan.vertex_count), 3)
    uvs = [sum_offsets(morphs, weights, plan.vertex_count) for morphs in plan.uv_morphs]
    moved_uvs = offsets(uvs[0], 4)
    factors = material_factors(plan, weights)
    return PosedModel(
        rig=rig,
        bone_palette=batched(palette),
        bone_rotations=batched(rotations),
        moved_vertices=moved.vertices,
        vertex_offsets=moved.offsets,
        moved_uvs=moved_uvs.vertices,
        uv_offsets=moved_uvs.offsets,
        moved_additional_uvs=tuple(None if uv is None else offsets(uv, 4) for uv in uvs[1:]),
        material_multiply=None if factors is None else batched(factors[0]),
        material_add=None if factors is None else batched(factors[1]),
    )
