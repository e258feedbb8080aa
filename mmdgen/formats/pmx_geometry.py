"""Vertices and faces of a PMX file, read as whole arrays.

A vertex is 32 bytes of position, normal and UV, the additional UVs, a weight type byte, weight data whose
size that type decides, and the edge scale. So where a vertex lies follows from the types before it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmdgen.formats.binary import BinaryReader
from mmdgen.formats.pmx_layout import BONES_OF_SKINNING, WEIGHTS_OF_SKINNING, Layout
from mmdgen.formats.repair import warn_rows
from mmdgen.model import NO_INDEX, Ints, Skinning, VertexTable


def read_vertices(reader: BinaryReader, layout: Layout) -> tuple[VertexTable, NDArray[np.int64]]:
    """The vertices and where each begins; bones are not known yet, so their indices are unchecked."""
    reader.begin("vertex")
    sizes = {int(kind): layout.vertex_size_of(kind) for kind in Skinning}
    count = reader.count("vertices", min(sizes.values()))
    tags, offsets = reader.walk(count, layout.vertex_tag_at, sizes, "weight type")
    offsets = offsets[:-1]
    head = reader.gather(layout.vertex_head, offsets)
    bone_indices = np.full((count, 4), NO_INDEX, np.int32)
    bone_weights = np.zeros((count, 4), np.float32)
    edge_scales = np.empty(count, np.float32)
    sdef = np.flatnonzero(tags == Skinning.SDEF)
    sdef_offsets = np.zeros((3, len(sdef), 3), np.float32)
    for kind in Skinning:
        rows = sdef if kind == Skinning.SDEF else np.flatnonzero(tags == kind)
        if not len(rows):
            continue
        tail = reader.gather(layout.skin_record(kind), offsets[rows] + layout.vertex_tag_at + 1)
        bone_indices[rows, : BONES_OF_SKINNING[kind]] = tail["bones"]
        match WEIGHTS_OF_SKINNING[kind]:
            case 0:
                bone_weights[rows, 0] = 1.0
            case 1:
                bone_weights[rows, 0] = tail["weights"][:, 0]
                bone_weights[rows, 1] = 1.0 - tail["weights"][:, 0]
            case _:
                bone_weights[rows] = tail["weights"]
        if kind == Skinning.SDEF:
            sdef_offsets[:] = tail["c"], tail["r0"], tail["r1"]
        edge_scales[rows] = tail["edge_scale"]
    table = VertexTable(
        positions=head["position"].copy(),
        normals=head["normal"].copy(),
        uvs=head["uv"].copy(),
        additional_uvs=head["additional_uvs"].copy(),
        skinning=tags,
        bone_indices=bone_indices,
        bone_weights=bone_weights,
        sdef_vertices=sdef.astype(np.int32),
        sdef_c=sdef_offsets[0],
        sdef_r0=sdef_offsets[1],
        sdef_r1=sdef_offsets[2],
        edge_scales=edge_scales,
    )
    return table, offsets


def read_faces(reader: BinaryReader, layout: Layout, vertex_count: int) -> Ints:
    """The triangles, (triangles, 3). One that names a missing vertex keeps its row and loses its area."""
    reader.begin("face")
    start = reader.offset
    count = reader.count("vertex indices", layout.vertex.itemsize)
    if count % 3:
        reader.warn(f"{count:,} vertex indices are no whole triangles", "dropped the rest", offset=start)
    first = reader.offset
    faces = reader.array(layout.vertex, count)[: count - count % 3].astype(np.int32).reshape(-1, 3)
    return collapse_lost_faces(reader, faces, vertex_count, first, layout.vertex.itemsize)


def collapse_lost_faces(
    reader: BinaryReader, faces: Ints, vertex_count: int, start: int, index_size: int
) -> Ints:
    """`faces` (triangles, 3) with vertex 0 three times in place of triangles that name missing vertices."""
    if not faces.size or 0 <= int(faces.min()) <= int(faces.max()) < vertex_count:
        return faces
    if not vertex_count:
        raise reader.error("there are triangles but no vertices", offset=start)
    # As unsigned numbers, negative indices are too large as well: one comparison, one mask.
    lost = (faces.view(np.uint32) >= vertex_count).any(axis=1)
    first = int(np.argmax(lost))
    warn_rows(
        reader,
        lost,
        f"names a vertex beyond the {vertex_count:,} there",
        "drew nothing",
        start + first * 3 * index_size,
        section="face",
    )
    faces[lost] = 0
    return faces
