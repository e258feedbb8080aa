"""Skinning tables that a CPU or a shader can use as they are: no missing bones, weights that sum to 1.

`build_skin` decides every odd case once (weightless vertices, bones that are missing, sums that are not 1),
so that `skin_vertices` and the shaders compute the same thing from the same arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmdgen.model import NO_INDEX, Bytes, Floats, Ints, Skinning, VertexTable


@dataclass(frozen=True, slots=True, eq=False)
class Skin:
    """How each vertex follows the bone palette.

    SDEF rows: c_k = (2 C + R_k - Rw) / 2 with Rw = w0 R0 + w1 R1; weights and bones of the vertex are its
    first two slots.
    """

    skinning: Bytes  # (vertices,), Skinning after fallbacks
    bones: Ints  # (vertices, 4), rows of the bone palette; unused slots are 0
    weights: Floats  # (vertices, 4), sum 1; unused slots are 0
    sdef_vertices: Ints  # (sdef,), ascending: exactly the vertices whose skinning is SDEF
    sdef_c: Floats  # (sdef, 3), C
    sdef_c0: Floats  # (sdef, 3)
    sdef_c1: Floats  # (sdef, 3)


def build_skin(vertices: VertexTable) -> Skin:
    """Compile the weights of a model.

    A missing bone loses its weight to the others. The weights of BDEF2 and SDEF are clamped to 0..1. Weights
    are divided by their sum (as two of the three reference programs do; MMD models whose weights do not sum
    to 1 are rare mistakes). A vertex whose sum is zero hangs on its first existing bone, and one without any
    bone on bone 0. SDEF with a missing bone or numbers that are not finite becomes BDEF2.
    """
    bones, weights = _complete_weights(vertices)
    sdef = vertices.sdef_vertices
    is_curved = (
        (vertices.skinning[sdef] == Skinning.SDEF)
        & (vertices.bone_indices[sdef, :2] != NO_INDEX).all(axis=1)
        & np.isfinite(np.hstack([vertices.sdef_c, vertices.sdef_r0, vertices.sdef_r1])).all(axis=1)
    )
    curved = sdef[is_curved]
    skinning = np.where(vertices.skinning == Skinning.SDEF, Skinning.BDEF2, vertices.skinning)
    skinning[curved] = Skinning.SDEF
    c, r0, r1 = (table[is_curved] for table in (vertices.sdef_c, vertices.sdef_r0, vertices.sdef_r1))
    r_mean = weights[curved, 0:1] * r0 + weights[curved, 1:2] * r1
    return Skin(
        skinning=skinning.astype(np.uint8),
        bones=bones,
        weights=weights,
        sdef_vertices=curved,
        sdef_c=c,
        sdef_c0=((2 * c + r0 - r_mean) / 2).astype(np.float32),
        sdef_c1=((2 * c + r1 - r_mean) / 2).astype(np.float32),
    )


def _complete_weights(vertices: VertexTable) -> tuple[Ints, Floats]:
    exists = vertices.bone_indices != NO_INDEX
    bones = np.where(exists, vertices.bone_indices, 0).astype(np.int32)
    is_used = exists & np.isfinite(vertices.bone_weights)
    weights = np.where(is_used, vertices.bone_weights, 0.0).astype(np.float64)
    is_pair = (vertices.skinning == Skinning.BDEF2) | (vertices.skinning == Skinning.SDEF)
    weights[is_pair] = weights[is_pair].clip(0.0, 1.0)  # the file stores one of the two, whatever it is
    total = weights.sum(axis=1)
    is_weightless = np.abs(total) < 1e-6
    # argmax of a row without any bone is slot 0, whose bone became bone 0
    weights[is_weightless] = np.eye(4)[exists[is_weightless].argmax(axis=1)]
    total[is_weightless] = 1.0
    return bones, (weights / total[:, None]).astype(np.float32)
