"""What active morphs do: sums of vertex and UV offsets, bone motions, material factors.

Each result names only the rows that move, because a face moves a few hundred of tens of thousands of
vertices. Weights come from `morph_weights.spread_weights`. Impulse morphs push rigid bodies and so do
nothing in a still picture. Normals are not changed by morphs: MMD skins the file's normals.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from mmdgen.model import (
    NO_INDEX,
    BoneElements,
    Bools,
    Floats,
    Ints,
    MaterialElements,
    Model,
    MorphElements,
    MorphKind,
    UvElements,
    VertexElements,
)
from mmdgen.rig.deform import Motions
from mmdgen.rig.transforms import (
    Reals,
    multiply_quaternions,
    normalize_quaternions,
    scale_rotations,
    take_rows,
)

log = logging.getLogger(__name__)

Weights: TypeAlias = NDArray[np.float64]  # (poses, morphs), spread
Compiled = TypeVar("Compiled")

MATERIAL_COLUMNS = 28  # of MaterialElements.values
_SUMS_AT_ONCE = 16_384  # numbers
_UV_KINDS = (MorphKind.UV, MorphKind.UV1, MorphKind.UV2, MorphKind.UV3, MorphKind.UV4)


@dataclass(frozen=True, slots=True, eq=False)
class SparseOffsets:
    """What is added to some vertices: `offsets[..., i, :]` to vertex `vertices[i]`."""

    vertices: Ints  # (k,), ascending
    offsets: Floats  # (..., k, components)


@dataclass(frozen=True, slots=True, eq=False)
class BoneStep:
    """Elements of a bone morph that move different bones, so that they can act at once."""

    bones: Ints  # (n,)
    translations: NDArray[np.float64]  # (n, 1, 3)
    rotations: Reals  # (n, 1, 4), unit


@dataclass(frozen=True, slots=True, eq=False)
class MaterialStep:
    """Elements of a material morph that change different materials in one way: they can act at once."""

    materials: Ints  # (n,)
    is_add: bool
    values: NDArray[np.float64]  # (n, 28)


@dataclass(frozen=True, slots=True, eq=False)
class MorphPlan:
    """The leaf morphs of a model by index, compiled."""

    vertex_count: int
    material_count: int
    vertex_morphs: Mapping[int, SparseOffsets]
    uv_morphs: tuple[Mapping[int, SparseOffsets], ...]  # for channel 0 (the texture's) to 4
    bone_morphs: Mapping[int, tuple[BoneStep, ...]]
    material_morphs: Mapping[int, tuple[MaterialStep, ...]]


def build_morph_plan(model: Model) -> MorphPlan:
    """Compile the morphs of a model; elements that name something that does not exist are left out."""
    vertex_count = len(model.vertices)

    def compile_kind(
        kind: MorphKind, compile_one: Callable[[MorphElements], Compiled]
    ) -> dict[int, Compiled]:
        rows = np.flatnonzero(model.morphs.kinds == kind)
        return {int(row): compile_one(model.morphs.elements[row]) for row in rows}

    return MorphPlan(
        vertex_count=vertex_count,
        material_count=len(model.materials),
        vertex_morphs=compile_kind(MorphKind.VERTEX, lambda elements: _sum_offsets(elements, vertex_count)),
        uv_morphs=tuple(
            compile_kind(kind, lambda elements: _sum_offsets(elements, vertex_count)) for kind in _UV_KINDS
        ),
        bone_morphs=compile_kind(MorphKind.BONE, lambda elements: _bone_steps(elements, len(model.bones))),
        material_morphs=compile_kind(
            MorphKind.MATERIAL, lambda elements: _material_steps(elements, len(model.materials))
        ),
    )


def sum_offsets(
    morphs: Mapping[int, SparseOffsets], weights: Weights, vertex_count: int
) -> SparseOffsets | None:
    """Weighted sum of the active morphs of one kind, offsets (poses, k, components); None: none active."""
    active = _active(morphs, weights)
    if not active:
        return None
    row_of = np.zeros(vertex_count, np.int32)
    for morph in active:
        row_of[morphs[morph].vertices] = 1
    vertices = np.flatnonzero(row_of).astype(np.int32)
    row_of[vertices] = np.arange(len(vertices))
    components = morphs[active[0]].offsets.shape[-1]
    stacked = np.zeros((len(active), len(vertices), components))
    for layer, morph in zip(stacked, active, strict=True):
        layer[row_of[morphs[morph].vertices]] = morphs[morph].offsets
    return SparseOffsets(vertices=vertices, offsets=_weighted_sums(weights[:, active], stacked))


def _weighted_sums(weights: Weights, stacked: NDArray[np.float64]) -> Floats:
    """Sums over the first axis of `stacked` (morphs, k, components), (poses, k, components).

    One dense product over the few rows that move is far cheaper than adding morph by morph. It is taken in
    float64, so that the rounded sum of a pose does not depend on which poses are in its batch, and a few
    poses at a time, so that the float64 sums stay in the cache.
    """
    morphs, rows, components = stacked.shape
    flat = stacked.reshape(morphs, rows * components)
    sums = np.empty((len(weights), rows * components), np.float32)
    step = max(1, _SUMS_AT_ONCE // max(rows * components, 1))
    for start in range(0, len(weights), step):
        poses = slice(start, start + step)
        sums[poses] = weights[poses] @ flat
    return sums.reshape(len(weights), rows, components)


def add_bone_morphs(plan: MorphPlan, weights: Weights, own: Motions) -> None:
    """Add active bone morphs to the user's pose in place: own = user * slerp(identity, q, weight).

    Args:
        plan: the compiled morphs.
        weights: (poses, morphs).
        own: the user's motions; its arrays are written to.
    """
    for morph in _active(plan.bone_morphs, weights):
        weight = weights[:, morph]
        for step in plan.bone_morphs[morph]:
            turn = scale_rotations(step.rotations, weight)
            own.rotations[step.bones] = multiply_quaternions(take_rows(own.rotations, step.bones), turn)
            own.translations[step.bones] += step.translations * weight[:, None]
            own.moving[step.bones] = True


def material_factors(plan: MorphPlan, weights: Weights) -> tuple[Floats, Floats] | None:
    """What multiplies and what is added to the 28 material numbers, each (poses, materials, 28), or None.

    Result = base * multiply + add. A multiplying morph multiplies mix(1, value, weight) on; an adding
    morph adds weight * value.
    """
    active = _active(plan.material_morphs, weights)
    if not active:
        return None
    shape = (len(weights), plan.material_count, MATERIAL_COLUMNS)
    multiply, add = np.ones(shape, np.float32), np.zeros(shape, np.float32)
    for morph in active:
        weight = weights[:, morph, None, None]
        for step in plan.material_morphs[morph]:
            if step.is_add:
                add[:, step.materials] += weight * step.values
            else:
                multiply[:, step.materials] *= 1.0 + weight * (step.values - 1.0)
    return multiply, add


def _active(morphs: Iterable[int], weights: Weights) -> list[int]:
    """Those of some morphs that some pose moves."""
    is_active: Bools = (weights != 0).any(axis=0)
    return [morph for morph in morphs if is_active[morph]]


def _sum_offsets(elements: MorphElements, vertex_count: int) -> SparseOffsets:
    """The elements of one morph with each vertex once: a vertex named twice moves by the sum."""
    assert isinstance(elements, VertexElements | UvElements)
    keep = _exists(elements.vertices, vertex_count)
    vertices, row = np.unique(elements.vertices[keep], return_inverse=True)
    offsets = np.zeros((len(vertices), elements.offsets.shape[1]), np.float32)
    np.add.at(offsets, row, elements.offsets[keep])
    return SparseOffsets(vertices=vertices.astype(np.int32), offsets=offsets)


def _bone_steps(elements: MorphElements, bone_count: int) -> tuple[BoneStep, ...]:
    assert isinstance(elements, BoneElements)
    rows = np.flatnonzero(_exists(elements.bones, bone_count))
    rotations = normalize_quaternions(elements.rotations.astype(np.float64))  # zero in files: no rotation
    return tuple(
        BoneStep(
            bones=elements.bones[some],
            translations=elements.translations[some, None].astype(np.float64),
            rotations=rotations[some, None],
        )
        for some in _rounds(rows, elements.bones)
    )


def _material_steps(elements: MorphElements, material_count: int) -> tuple[MaterialStep, ...]:
    assert isinstance(elements, MaterialElements)
    everything = np.arange(material_count, dtype=np.int32)
    steps: list[MaterialStep] = []
    for is_add in (False, True):  # the two kinds go to separate sums, so their order among them is free
        some = elements.is_add == is_add
        values = elements.values.astype(np.float64)
        steps += [
            MaterialStep(materials=everything, is_add=is_add, values=values[row])
            for row in np.flatnonzero(some & (elements.materials == NO_INDEX))
        ]
        rows = np.flatnonzero(some & _exists(elements.materials, material_count))
        steps += [
            MaterialStep(materials=elements.materials[chosen], is_add=is_add, values=values[chosen])
            for chosen in _rounds(rows, elements.materials)
        ]
    return tuple(steps)


def _exists(indices: Ints, count: int) -> Bools:
    return np.asarray((indices >= 0) & (indices < count))


def _rounds(rows: NDArray[np.intp], targets: Ints) -> Iterator[NDArray[np.intp]]:
    """The rows in file order, split so that no round names a target twice."""
    while len(rows):
        _, first = np.unique(targets[rows], return_index=True)
        first.sort()
        yield rows[first]
        rows = np.delete(rows, first)
