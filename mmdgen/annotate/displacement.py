"""How far each morph moves which vertices, with group morphs resolved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmdgen.annotate.schema import Half, Side
from mmdgen.model import Bools, Floats, Ints, Model, VertexElements
from mmdgen.rig.morph_weights import build_weight_flow, spread_weights

FARTHEST = 1e9  # MMD units; more is damage, and its square is no float32
HALF_SEAM = 0.1  # the halves of a morph blend over +-0.1 u around the middle of the face, where no eye is


@dataclass(frozen=True, slots=True, eq=False)
class Displacement:
    """The vertices that one morph moves at weight 1."""

    vertices: Ints  # (n,), ascending, each once
    offsets: Floats  # (n, 3), MMD units
    lengths: Floats  # (n,)

    def __len__(self) -> int:
        return len(self.vertices)

    def restricted(self, keep: Bools) -> Displacement:
        """Only the rows where `keep` (n,) holds."""
        return Displacement(self.vertices[keep], self.offsets[keep], self.lengths[keep])

    def scaled(self, weights: Floats) -> Displacement:
        """Every row times its own weight (n,), rows of weight 0 left out."""
        keep = weights != 0.0
        return Displacement(
            self.vertices[keep],
            self.offsets[keep] * weights[keep, None],
            self.lengths[keep] * np.abs(weights[keep]),
        )


def resolve_displacements(model: Model) -> tuple[Displacement, ...]:
    """What each morph moves, one entry for each morph in file order, as its slider would in MMD.

    Groups hand down, equal names move together. Only vertices count: what a morph does to bones, materials
    or texture coordinates is not here.
    """
    return tuple(displace(model, weights) for weights in leaf_weights(model))


def leaf_weights(model: Model) -> NDArray[np.float64]:
    """The leaf morphs' weights, row by row for each morph's slider alone at 1, (morphs, morphs)."""
    return spread_weights(build_weight_flow(model.morphs, model.source), np.eye(len(model.morphs)))


def displace(model: Model, weights: NDArray[np.float64]) -> Displacement:
    """What the vertex morphs move together at some weights (morphs,), each vertex once.

    What is not finite, absurdly far, out of range or still is left out.
    """
    vertices, offsets = [np.zeros(0, np.int32)], [np.zeros((0, 3), np.float32)]
    for index in np.flatnonzero(weights):
        elements = model.morphs.elements[index]
        if isinstance(elements, VertexElements):
            vertices.append(elements.vertices)
            offsets.append(elements.offsets * np.float32(weights[index]))
    return _gather(np.concatenate(vertices), np.concatenate(offsets), len(model.vertices))


def half_weights(x: Floats, center_x: float, unit: float, half: Half) -> Floats:
    """How much of a both-sided morph belongs to one half of the face, by the x of its vertices.

    Smoothstep over +-HALF_SEAM * unit around the middle; the two halves add up to 1.
    """
    along = np.clip((x - center_x) / (2 * HALF_SEAM * unit) + 0.5, 0.0, 1.0)
    left = along * along * (3.0 - 2.0 * along)
    return np.asarray(left if half is Half.LEFT else 1.0 - left, np.float32)


def cosine(a: Displacement, b: Displacement) -> float:
    """Cosine between two displacements as vectors over all vertices; 0 where one moves nothing."""
    length = float(np.linalg.norm(a.offsets) * np.linalg.norm(b.offsets))
    if length == 0.0:
        return 0.0
    _, rows_a, rows_b = np.intersect1d(a.vertices, b.vertices, assume_unique=True, return_indices=True)
    return float(np.sum(a.offsets[rows_a] * b.offsets[rows_b], dtype=np.float64)) / length


def side_by_weight(left: float, right: float, *, one_side: float, both_sides: float) -> Side | None:
    """The side that a motion is on, by its sums left and right; None where it is neither one side nor both.

    Args:
        left: sum of lengths on the character's left.
        right: the same on the right.
        one_side: weaker over stronger side up to which it is one side.
        both_sides: the same from which it is both.
    """
    balance = min(left, right) / max(left, right, 1e-12)
    if balance >= both_sides:
        return Side.BOTH
    if balance <= one_side:
        return Side.LEFT if left > right else Side.RIGHT
    return None


def _gather(vertices: Ints, offsets: Floats, vertex_count: int) -> Displacement:
    is_sane = (np.abs(offsets) < FARTHEST).all(axis=1)  # False for NaN too
    usable = is_sane & (vertices >= 0) & (vertices < vertex_count)
    unique, rows = np.unique(vertices[usable], return_inverse=True)
    summed = np.zeros((len(unique), 3), np.float32)
    np.add.at(summed, rows, offsets[usable])
    lengths = np.linalg.norm(summed, axis=1)
    moves = lengths > 0.0
    return Displacement(unique[moves].astype(np.int32), summed[moves], lengths[moves])
