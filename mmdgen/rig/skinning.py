"""Vertices where the pose puts them: the readable reference, and the oracle for the shaders.

Formulas (S_k = skin transform of bone k, column vectors, weights sum to 1):
- BDEF: p' = sum w_k S_k p, n' = sum w_k R_k n.
- SDEF: Q = slerp(q0, q1, w1); p' = Q (p - C) + w0 S0 c0 + w1 S1 c1, n' = Q n.
- QDEF: the normalised sum of the skins' dual quaternions, each sign-aligned with the first.
Vertex morphs are added before skinning. Normals are turned and made unit; one of length zero stays zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmdgen.model import Floats, Ints, Skinning
from mmdgen.rig.transforms import (
    Reals,
    flat_batch,
    invert_quaternions,
    multiply_quaternions,
    normalize_quaternions,
    rotate_vectors,
    slerp,
)

if TYPE_CHECKING:
    from mmdgen.rig.rig import PosedModel, Rig


def skin_vertices(posed: PosedModel) -> tuple[Floats, Floats]:
    """Positions and unit normals, each (..., vertices, 3) float32, model space, MMD units."""
    vertices = posed.rig.model.vertices
    shape = (*posed.batch_shape, *vertices.positions.shape)
    morphed = np.broadcast_to(vertices.positions, shape).copy()
    morphed[..., posed.moved_vertices, :] += posed.vertex_offsets
    positions = flat_batch(morphed, 2)
    normals = np.empty_like(positions)
    palettes, rotations = flat_batch(posed.bone_palette, 3), flat_batch(posed.bone_rotations, 2)
    # a pose at a time: all vertices of all poses with their blended matrices would not fit into memory
    for pose, (palette, quaternions) in enumerate(zip(palettes, rotations, strict=True)):
        positions[pose], normals[pose] = _skin_one(
            posed.rig, palette, quaternions, positions[pose], vertices.normals
        )
    return positions.reshape(shape), _unit(normals).reshape(shape)


def _skin_one(
    rig: Rig, palette: Reals, quaternions: Reals, positions: Floats, normals: Floats
) -> tuple[Reals, Reals]:
    posed_positions, posed_normals = _skin_linear(rig, palette, positions, normals)
    spherical = rig.sdef_vertices
    posed_positions[spherical], posed_normals[spherical] = _skin_sdef(
        rig, palette, quaternions, positions[spherical], normals[spherical]
    )
    dual = np.flatnonzero(rig.skinning == Skinning.QDEF).astype(np.int32)
    posed_positions[dual], posed_normals[dual] = _skin_qdef(
        rig, dual, palette, quaternions, positions[dual], normals[dual]
    )
    return posed_positions, posed_normals


def _skin_linear(rig: Rig, palette: Reals, positions: Floats, normals: Floats) -> tuple[Reals, Reals]:
    blended = np.zeros((len(positions), 3, 4), np.float32)
    for slot in range(4):
        used = np.flatnonzero(rig.skin_weights[:, slot])
        blended[used] += rig.skin_weights[used, slot, None, None] * palette[rig.skin_bones[used, slot], :3]
    posed_positions = np.einsum("vij,vj->vi", blended[:, :, :3], positions) + blended[:, :, 3]
    return posed_positions, np.einsum("vij,vj->vi", blended[:, :, :3], normals)


def _skin_sdef(
    rig: Rig, palette: Reals, quaternions: Reals, positions: Floats, normals: Floats
) -> tuple[Reals, Reals]:
    bones, weights = rig.skin_bones[rig.sdef_vertices], rig.skin_weights[rig.sdef_vertices]
    turn = slerp(quaternions[bones[:, 0]], quaternions[bones[:, 1]], weights[:, 1])
    posed_positions = rotate_vectors(turn, positions - rig.sdef_c)
    for slot, centers in enumerate((rig.sdef_c0, rig.sdef_c1)):
        skins = palette[bones[:, slot], :3]
        carried = np.einsum("vij,vj->vi", skins[:, :, :3], centers) + skins[:, :, 3]
        posed_positions += weights[:, slot, None] * carried
    return posed_positions, rotate_vectors(turn, normals)


def _skin_qdef(
    rig: Rig, rows: Ints, palette: Reals, quaternions: Reals, positions: Floats, normals: Floats
) -> tuple[Reals, Reals]:
    bones, weights = rig.skin_bones[rows], rig.skin_weights[rows]
    real = quaternions[bones]  # (n, 4 slots, 4)
    shift = np.zeros_like(real)
    shift[..., :3] = palette[bones, :3, 3]
    dual = 0.5 * multiply_quaternions(shift, real)
    aligned = np.where((real * real[:, :1]).sum(axis=-1) < 0, -weights, weights)[..., None]
    real_sum, dual_sum = (aligned * real).sum(axis=1), (aligned * dual).sum(axis=1)
    length = np.linalg.norm(real_sum, axis=-1, keepdims=True)
    turn = normalize_quaternions(real_sum)
    unit_dual = dual_sum / np.where(length > 0, length, 1.0)
    translation = 2.0 * multiply_quaternions(unit_dual, invert_quaternions(turn))[..., :3]
    return rotate_vectors(turn, positions) + translation, rotate_vectors(turn, normals)


def _unit(vectors: Reals) -> Floats:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, 1.0), np.float32)
