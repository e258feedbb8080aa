"""What is done about numbers that no program could use: the survivable part of the pitfalls.

Each function takes values as read, returns values that the tables of `mmdgen.model` accept, and tells the
reader what it changed. A warning names the first place and how many there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mmdgen.formats.binary import BinaryReader
from mmdgen.model import (
    NO_INDEX,
    BoneFlag,
    BoneTable,
    Bools,
    Floats,
    GroupElements,
    IkChain,
    Ints,
    MorphTable,
    Skinning,
    VertexTable,
)

Offsets = Sequence[int] | NDArray[np.int64] | int


def warn_rows(
    reader: BinaryReader, bad: Bools | np.bool_, problem: str, remedy: str, offsets: Offsets, *, section: str
) -> None:
    """One warning for all rows where `bad` holds, at the first of them.

    Args:
        reader: collects the warning.
        bad: (rows,).
        problem: what is wrong with a row.
        remedy: what is done instead.
        offsets: where each row begins in the file, or one place for all.
        section: name of the table.
    """
    rows = np.flatnonzero(bad)
    if not len(rows):
        return
    first = int(rows[0])
    offset = offsets if isinstance(offsets, int) else int(offsets[first])
    more = f" (and {len(rows) - 1:,} more)" if len(rows) > 1 else ""
    reader.warn(problem + more, remedy, offset=offset, element=first, section=section)


def finite(
    reader: BinaryReader, values: Floats, what: str, offsets: Offsets, *, section: str, default: float = 0.0
) -> Floats:
    """`values` (rows, ...) with `default` in place of NaN and infinity; an array that can be written is."""
    good = np.asarray(np.isfinite(values))
    if good.all():
        return values
    bad = ~good.reshape(len(values), -1).all(axis=1)
    warn_rows(reader, bad, f"{what} is not a finite number", f"took {default:g}", offsets, section=section)
    values = values if values.flags.writeable else values.copy()
    values[~good] = default
    return values


def known_indices(
    reader: BinaryReader,
    indices: Ints,
    count: int,
    what: str,
    offsets: Offsets,
    *,
    section: str,
    remedy: str = "took none",
) -> Ints:
    """`indices` (rows, ...) with NO_INDEX in place of anything but NO_INDEX and 0 .. count - 1."""
    bad = (indices < NO_INDEX) | (indices >= count)
    if not bad.any():
        return indices
    rows = bad.reshape(len(indices), -1).any(axis=1)
    example = int(indices[bad].flat[0])
    warn_rows(reader, rows, f"names {what} {example}, there are {count:,}", remedy, offsets, section=section)
    return np.where(bad, NO_INDEX, indices).astype(np.int32)


def cut_parent_cycles(reader: BinaryReader, parents: Ints, offsets: Offsets) -> Ints:
    """`parents` (bones,) with a root made of the first bone of each cycle."""
    in_order = parents < np.arange(len(parents))
    if in_order.all():
        return parents
    mended = parents.tolist()
    state = [0] * len(mended)  # 0 not seen, otherwise the walk that saw it
    cut = np.zeros(len(mended), np.bool_)
    for start in range(len(mended)):
        bone = start
        while bone != NO_INDEX and not state[bone]:
            state[bone] = start + 1
            parent = mended[bone]
            if parent != NO_INDEX and state[parent] == start + 1:
                mended[bone] = NO_INDEX
                cut[bone] = True
                break
            bone = parent
    warn_rows(reader, cut, "is its own ancestor", "made it a root", offsets, section="bone")
    return np.array(mended, np.int32)


@dataclass(frozen=True, slots=True)
class BoneColumns:
    """The bones as they are being read: the columns of `BoneTable`, indices not yet checked."""

    rest_positions: Floats
    parents: Ints
    deform_layers: Ints
    flags: NDArray[np.uint16]
    tails: Ints
    tail_offsets: Floats
    append_parents: Ints
    append_ratios: Floats
    fixed_axes: Floats
    local_x_axes: Floats
    local_z_axes: Floats
    external_keys: Ints

    @classmethod
    def empty(cls, count: int) -> BoneColumns:
        """Columns for `count` bones: no parents, no flags, zero vectors."""

        def vectors() -> Floats:
            return np.zeros((count, 3), np.float32)

        def indices() -> Ints:
            return np.full(count, NO_INDEX, np.int32)

        return cls(
            rest_positions=vectors(),
            parents=indices(),
            deform_layers=np.zeros(count, np.int32),
            flags=np.zeros(count, np.uint16),
            tails=indices(),
            tail_offsets=vectors(),
            append_parents=indices(),
            append_ratios=np.zeros(count, np.float32),
            fixed_axes=vectors(),
            local_x_axes=vectors(),
            local_z_axes=vectors(),
            external_keys=np.zeros(count, np.int32),
        )


def settle_bones(
    reader: BinaryReader,
    names: tuple[str, ...],
    names_en: tuple[str, ...],
    columns: BoneColumns,
    chains: list[IkChain],
    offsets: Offsets,
) -> BoneTable:
    """The bones with finite numbers, with bones that exist as parents, and without cycles.

    Args:
        reader: collects the warnings.
        names: Japanese names.
        names_en: English names.
        columns: as read; `tails`, `append_parents` and the vectors only where a flag says so.
        chains: IK chains as read, ascending by bone.
        offsets: (bones,) byte offsets.
    """
    count = len(names)

    def mend(values: Floats, what: str) -> Floats:
        return finite(reader, values, what, offsets, section="bone")

    def known(values: Ints, what: str, remedy: str) -> Ints:
        return known_indices(reader, values, count, what, offsets, section="bone", remedy=remedy)

    appends = (columns.flags & (BoneFlag.APPEND_ROTATION | BoneFlag.APPEND_TRANSLATION)) != 0
    nothing = appends & (columns.append_parents == NO_INDEX)
    warn_rows(reader, nothing, "appends to no bone", "ignored that", offsets, section="bone")
    settled = [chain for chain in (_settle_ik(reader, chain, count, offsets) for chain in chains) if chain]
    flags = columns.flags.copy()
    kept = {chain.bone for chain in settled}
    flags[[chain.bone for chain in chains if chain.bone not in kept]] &= ~np.uint16(BoneFlag.IK)
    parents = known(columns.parents, "parent bone", "made it a root")
    return BoneTable(
        names=names,
        names_en=names_en,
        rest_positions=mend(columns.rest_positions, "the position"),
        parents=cut_parent_cycles(reader, parents, offsets),
        deform_layers=columns.deform_layers,
        flags=flags,
        tails=known(columns.tails, "tail bone", "took none"),
        tail_offsets=mend(columns.tail_offsets, "the tail offset"),
        append_parents=known(columns.append_parents, "append bone", "ignored the append"),
        append_ratios=mend(columns.append_ratios, "the append ratio"),
        fixed_axes=mend(columns.fixed_axes, "the fixed axis"),
        local_x_axes=mend(columns.local_x_axes, "the local X axis"),
        local_z_axes=mend(columns.local_z_axes, "the local Z axis"),
        external_keys=columns.external_keys,
        ik_chains=tuple(settled),
    )


def _settle_ik(reader: BinaryReader, chain: IkChain, bone_count: int, offsets: Offsets) -> IkChain | None:
    """The chain with links that exist and finite limits; None where its target does not exist."""
    offset = offsets if isinstance(offsets, int) else int(offsets[chain.bone])

    def warn(problem: str, remedy: str) -> None:
        reader.warn(problem, remedy, offset=offset, element=chain.bone, section="bone")

    if not 0 <= chain.target < bone_count:
        warn(f"its IK target is bone {chain.target}, there are {bone_count:,}", "ignored its IK")
        return None
    if len(chain.links) and not 0 <= int(chain.links.min()) <= int(chain.links.max()) < bone_count:
        there = np.asarray((chain.links >= 0) & (chain.links < bone_count))
        warn("an IK link names no bone that is there", "left the link out")
        chain = replace(
            chain,
            links=chain.links[there],
            has_limits=chain.has_limits[there],
            lower_limits=chain.lower_limits[there],
            upper_limits=chain.upper_limits[there],
        )
    limits_are_finite = not chain.has_limits.any() or (
        bool(np.isfinite(chain.lower_limits).all()) and bool(np.isfinite(chain.upper_limits).all())
    )
    if not (limits_are_finite and math.isfinite(chain.limit_angle)):
        warn("an IK limit is not a finite number", "took 0")
        chain = replace(
            chain,
            limit_angle=chain.limit_angle if np.isfinite(chain.limit_angle) else 0.0,
            lower_limits=np.where(np.isfinite(chain.lower_limits), chain.lower_limits, 0).astype(np.float32),
            upper_limits=np.where(np.isfinite(chain.upper_limits), chain.upper_limits, 0).astype(np.float32),
        )
    return chain


def cut_group_cycles(reader: BinaryReader, morphs: MorphTable) -> MorphTable:
    """`morphs` without the elements by which a group morph drives itself, through others or at once."""
    children = {
        morph: np.unique(elements.morphs).tolist()
        for morph, elements in enumerate(morphs.elements)
        if isinstance(elements, GroupElements) and len(elements.morphs)
    }
    if not any(child in children for driven in children.values() for child in driven):
        return morphs
    closing = _closing_edges(children)
    if not closing:
        return morphs
    mended = list(morphs.elements)
    for morph, driven in closing.items():
        elements = mended[morph]
        assert isinstance(elements, GroupElements)
        kept = ~np.isin(elements.morphs, driven)
        mended[morph] = GroupElements(elements.morphs[kept], elements.ratios[kept])
        reader.warn("a group morph drives itself", "cut the circle", element=morph, section="morph")
    return replace(morphs, elements=tuple(mended))


def _closing_edges(children: dict[int, list[int]]) -> dict[int, list[int]]:
    """The children that close a circle, by node: a depth-first walk without recursion."""
    closing: dict[int, list[int]] = {}
    done: set[int] = set()
    for root in children:
        if root in done:
            continue
        path, on_path = [(root, 0)], {root}
        while path:
            node, position = path.pop()
            if position == len(children[node]):
                on_path.discard(node)
                done.add(node)
                continue
            path.append((node, position + 1))
            child = children[node][position]
            if child in on_path:
                closing.setdefault(node, []).append(child)
            elif child in children and child not in done:
                path.append((child, 0))
                on_path.add(child)
    return closing


def recompute_normals(normals: Floats, positions: Floats, faces: Ints) -> Floats:
    """`normals` (vertices, 3) with area-weighted means of the triangles' normals in place of non-finite ones.

    Positions are finite. A vertex without triangles gets the zero normal, which shading guards against.
    """
    bad: Bools = np.asarray(~np.isfinite(normals).all(axis=1))
    used = faces[bad[faces].any(axis=1)]
    corners = positions[used].astype(np.float64)
    # Clockwise in left-handed axes: edge 1 x edge 2 points to the front.
    face_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    sums = np.zeros(normals.shape, np.float64)
    for corner in range(3):
        np.add.at(sums, used[:, corner], face_normals)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    mended = np.divide(sums, lengths, out=np.zeros_like(sums), where=lengths > 0)
    return np.where(bad[:, None], mended, normals).astype(np.float32)


def settle_vertices(
    reader: BinaryReader, table: VertexTable, faces: Ints, bone_count: int, offsets: Offsets
) -> VertexTable:
    """The vertices with finite numbers and with bones that exist; weights stay as stored.

    Args:
        reader: collects the warnings.
        table: vertices as read, whose bones may be missing.
        faces: (triangles, 3), for normals that have to be computed.
        bone_count: how many bones the model has.
        offsets: (vertices,) byte offsets.
    """

    def mend(values: Floats, what: str, default: float = 0.0) -> Floats:
        return finite(reader, values, what, offsets, section="vertex", default=default)

    positions = mend(table.positions, "a position")
    normals = table.normals
    if not np.isfinite(normals).all():
        bad = ~np.isfinite(normals).all(axis=1)
        remedy = "took the mean of its triangles' normals"
        warn_rows(reader, bad, "a normal is not finite", remedy, offsets, section="vertex")
        normals = recompute_normals(normals, positions, faces)
    weights = mend(table.bone_weights, "a weight")
    bones = known_indices(reader, table.bone_indices, bone_count, "bone", offsets, section="vertex")
    _warn_about_weights(reader, table, bones, weights, offsets)
    return replace(
        table,
        positions=positions,
        normals=normals,
        uvs=mend(table.uvs, "a texture coordinate"),
        additional_uvs=mend(table.additional_uvs, "an additional UV"),
        bone_indices=bones,
        bone_weights=weights,
        sdef_c=mend(table.sdef_c, "an SDEF centre"),
        sdef_r0=mend(table.sdef_r0, "an SDEF R0"),
        sdef_r1=mend(table.sdef_r1, "an SDEF R1"),
        edge_scales=mend(table.edge_scales, "an edge scale", 1.0),
    )


def _warn_about_weights(
    reader: BinaryReader, table: VertexTable, bones: Ints, weights: Floats, offsets: Offsets
) -> None:
    """Tell of weights that skinning has to mend: the table keeps them as they are."""
    boneless = ((bones == NO_INDEX) & (weights != 0.0)).any(axis=1)
    warn_rows(
        reader, boneless, "gives a weight to no bone", "skinning leaves it out", offsets, section="vertex"
    )
    two_bones = (table.skinning == Skinning.BDEF2) | (table.skinning == Skinning.SDEF)
    outside = two_bones & ((weights[:, 0] < 0.0) | (weights[:, 0] > 1.0))
    warn_rows(reader, outside, "a weight is outside 0..1", "skinning clamps it", offsets, section="vertex")
