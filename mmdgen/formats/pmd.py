"""PMD models: bytes to `Model`, in the terms of PMX.

Sources: the layout as five open readers agree on it; what PMD leaves to the program (flags, layers, knee
limits) as PMXEditor's converter and those readers derive it. Texts are fields of fixed size in cp932
(Windows-31J), ended by a NUL with garbage after it.

Everything after the skins may be missing, each part on its own: display lists, English names, toons, rigid
bodies, joints. The list of skins shown in the expression panel is skipped.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdgen.formats import pmd_layout as layout
from mmdgen.formats.binary import BinaryReader
from mmdgen.formats.pmd_bones import bone_table, read_ik_chains
from mmdgen.formats.pmd_materials import convert_materials
from mmdgen.formats.pmd_skins import read_skins
from mmdgen.formats.pmd_tail import read_tail
from mmdgen.formats.pmd_text import ENCODING, field_text, field_texts
from mmdgen.formats.pmx_geometry import collapse_lost_faces
from mmdgen.formats.repair import settle_vertices
from mmdgen.model import NO_INDEX, Model, Skinning, VertexTable

PMD_MAGIC = b"Pmd"
_U16, _U32, _F32 = struct.Struct("<H"), struct.Struct("<I"), struct.Struct("<f")


def read_pmd(data: bytes, *, source: str = "<bytes>", strict: bool = False) -> Model:
    """Read a PMD model. The sections below are in file order.

    Args:
        data: the whole file.
        source: names the file in messages.
        strict: raise for what is otherwise survived with a warning.

    Raises:
        FormatError: the file is damaged before the end of its skins, or is no PMD file.
    """
    reader = BinaryReader(data, source, strict=strict)
    version, name, comment = _read_header(reader)
    vertices, vertex_offsets = _read_vertices(reader)
    faces = _read_faces(reader, len(vertices))
    material_rows, material_start = _read_records(reader, "material", "materials", _U32, layout.MATERIAL)
    bone_rows, bone_start = _read_records(reader, "bone", "bones", _U16, layout.BONE)
    chains = read_ik_chains(reader, field_texts(reader, bone_rows["name"], offset=bone_start))
    skins = read_skins(reader, len(vertices))
    tail = read_tail(reader, bone_positions=bone_rows["position"], skin_count=skins.count)
    textures, materials = convert_materials(
        reader, material_rows, material_start, tail.toons, face_index_count=faces.size
    )
    bones = bone_table(reader, bone_rows, bone_start, tail.bone_names_en, chains)
    return Model(
        source=source,
        format="pmd",
        version=version,
        encoding=ENCODING,
        name=name,
        name_en=tail.name_en,
        comment=comment,
        comment_en=tail.comment_en,
        vertices=settle_vertices(reader, vertices, faces, len(bone_rows), vertex_offsets),
        faces=faces,
        textures=textures,
        materials=materials,
        bones=bones,
        morphs=skins.table(tail.skin_names_en),
        display_frames=tail.display_frames(len(bone_rows)),
        rigid_bodies=tail.rigid_bodies,
        joints=tail.joints,
        warnings=tuple(reader.warnings),
    )


def _read_header(reader: BinaryReader) -> tuple[float, str, str]:
    reader.begin("header")
    if reader.take(3) != PMD_MAGIC:
        raise reader.error(f"is no PMD file: it begins with {reader.data[:4]!r}", offset=0)
    version = float(reader.unpack(_F32)[0])
    if version != 1.0:
        reader.warn(f"PMD version {version:g} is unknown", "read it as 1.0", offset=3)
        version = 1.0
    name = field_text(reader, reader.take(layout.NAME.itemsize), offset=7)
    return version, name, field_text(reader, reader.take(layout.COMMENT.itemsize), offset=27)


def _read_records(
    reader: BinaryReader, section: str, what: str, count_layout: struct.Struct, record: np.dtype[Any]
) -> tuple[NDArray[Any], int]:
    """A count and that many packed records, and where the first begins."""
    reader.begin(section)
    start = reader.offset
    (count,) = reader.unpack(count_layout)
    reader.check_count(count, what, record.itemsize, offset=start)
    return reader.array(record, count), start + count_layout.size


def _read_vertices(reader: BinaryReader) -> tuple[VertexTable, NDArray[np.int64]]:
    rows, start = _read_records(reader, "vertex", "vertices", _U32, layout.VERTEX)
    count = len(rows)
    weights = np.zeros((count, 4), np.float32)
    weights[:, 0] = rows["weight"].astype(np.float32) / np.float32(100)
    weights[:, 1] = 1.0 - weights[:, 0]
    bones = np.full((count, 4), NO_INDEX, np.int32)
    bones[:, :2] = rows["bones"]
    bones[bones == 0xFFFF] = NO_INDEX
    nothing = np.zeros((0, 3), np.float32)
    table = VertexTable(
        positions=rows["position"].copy(),
        normals=rows["normal"].copy(),
        uvs=rows["uv"].copy(),
        additional_uvs=np.zeros((count, 0, 4), np.float32),
        skinning=np.full(count, Skinning.BDEF2, np.uint8),
        bone_indices=bones,
        bone_weights=weights,
        sdef_vertices=np.zeros(0, np.int32),
        sdef_c=nothing,
        sdef_r0=nothing,
        sdef_r1=nothing,
        # MMD: the byte is 1 where the vertex has NO edge.
        edge_scales=np.where(rows["edge_off"] == 0, 1.0, 0.0).astype(np.float32),
    )
    return table, start + np.arange(count, dtype=np.int64) * layout.VERTEX.itemsize


def _read_faces(reader: BinaryReader, vertex_count: int) -> NDArray[np.int32]:
    rows, start = _read_records(reader, "face", "vertex indices", _U32, layout.FACE_INDEX)
    if len(rows) % 3:
        reader.warn(f"{len(rows):,} vertex indices are no whole triangles", "dropped the rest", offset=start)
    faces = rows[: len(rows) - len(rows) % 3].astype(np.int32).reshape(-1, 3)
    return collapse_lost_faces(reader, faces, vertex_count, start, layout.FACE_INDEX.itemsize)
