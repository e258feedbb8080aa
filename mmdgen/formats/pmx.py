"""PMX 2.0 and 2.1 models: bytes to `Model`.

Source: the PMX 2.1 specification. All numbers are little-endian; a text is its length in bytes and the
bytes, UTF-16 or UTF-8 as the header says; an index is one, two or four bytes, as the header says.

Not read: PMX 1.0 ("Pmx "), whose layout was never published. Kept but not used: display frames, rigid
bodies, joints and soft bodies; damage in these costs a warning, damage before them is a FormatError.
"""

from __future__ import annotations

import math
import struct

from mmdgen.formats.binary import MAX_NAMED_ROWS, BinaryReader
from mmdgen.formats.pmx_bones import read_bones
from mmdgen.formats.pmx_geometry import read_faces, read_vertices
from mmdgen.formats.pmx_layout import ENCODINGS, NULLABLE_INDEX, VERTEX_INDEX, Layout
from mmdgen.formats.pmx_materials import read_materials
from mmdgen.formats.pmx_morphs import read_morphs
from mmdgen.formats.pmx_physics import read_tail
from mmdgen.formats.repair import cut_group_cycles, settle_vertices
from mmdgen.model import Model

MAGIC = b"PMX "
_GLOBALS = 8
_VERSION = struct.Struct("<f")


def read_pmx(data: bytes, *, source: str = "<bytes>", strict: bool = False) -> Model:
    """Read a PMX 2.0 or 2.1 model. The sections below are in file order.

    Args:
        data: the whole file.
        source: names the file in messages.
        strict: raise for what is otherwise survived with a warning.

    Raises:
        FormatError: the file is damaged where it matters, or is no PMX 2.0 or 2.1 file.
    """
    reader = BinaryReader(data, source, strict=strict)
    version, layout = read_header(reader)
    name, name_en, comment, comment_en = _read_info(reader, layout)
    vertices, vertex_offsets = read_vertices(reader, layout)
    faces = read_faces(reader, layout, len(vertices))
    textures = _read_textures(reader, layout)
    materials = read_materials(reader, layout, texture_count=len(textures), face_index_count=faces.size)
    bones = read_bones(reader, layout)
    morphs = read_morphs(
        reader,
        layout,
        vertex_count=len(vertices),
        material_count=len(materials),
        bone_count=len(bones),
    )
    tail = read_tail(
        reader,
        layout,
        bone_count=len(bones),
        morph_count=len(morphs),
        material_count=len(materials),
        vertex_count=len(vertices),
        has_soft_bodies=version > 2.05,
    )
    return Model(
        source=source,
        format="pmx",
        version=version,
        encoding=layout.encoding,
        name=name,
        name_en=name_en,
        comment=comment,
        comment_en=comment_en,
        vertices=settle_vertices(reader, vertices, faces, len(bones), vertex_offsets),
        faces=faces,
        textures=textures,
        materials=materials,
        bones=bones,
        morphs=cut_group_cycles(reader, morphs),
        display_frames=tail.display_frames,
        rigid_bodies=tail.rigid_bodies,
        joints=tail.joints,
        soft_bodies=tail.soft_bodies,
        warnings=tuple(reader.warnings),
    )


def read_header(reader: BinaryReader) -> tuple[float, Layout]:
    """Version and layout; raises FormatError for what is no PMX 2.0 or 2.1 file."""
    reader.begin("header")
    magic = reader.take(4)
    if magic == b"Pmx ":
        raise reader.error("is PMX 1.0, which is not supported: save it as PMX 2.0 with PMXEditor", offset=0)
    if magic != MAGIC:
        raise reader.error(f"is no PMX file: it begins with {magic!r}", offset=0)
    version = float(reader.unpack(_VERSION)[0])
    known = [known for known in (2.0, 2.1) if math.isclose(version, known, abs_tol=1e-3)]
    if not known:
        raise reader.error(f"PMX version {version:g} is unknown (2.0 and 2.1 are read)", offset=4)
    count = reader.u8()
    if count < _GLOBALS:
        raise reader.error(f"has {count} header settings instead of {_GLOBALS}", offset=8)
    encoding, additional_uvs, *sizes = reader.take(_GLOBALS)
    if encoding >= len(ENCODINGS):
        raise reader.error(f"text encoding {encoding} is unknown", offset=9)
    if additional_uvs > 4:
        raise reader.error(f"claims {additional_uvs} additional UVs, 4 are allowed", offset=10)
    for place, (size, kind) in enumerate(
        zip(sizes, ("vertex", "texture", "material", "bone", "morph", "rigid body"), strict=True)
    ):
        if size not in (VERTEX_INDEX if kind == "vertex" else NULLABLE_INDEX):
            raise reader.error(
                f"{kind} indices of {size} bytes, only 1, 2 or 4 are possible", offset=11 + place
            )
    if count > _GLOBALS:
        reader.take(count - _GLOBALS)
        reader.warn(
            f"has {count} header settings instead of {_GLOBALS}", "skipped the unknown ones", offset=8
        )
    return known[0], Layout(ENCODINGS[encoding], additional_uvs, *sizes)


def _read_info(reader: BinaryReader, layout: Layout) -> tuple[str, str, str, str]:
    """Name, English name, comment, English comment."""
    reader.begin("model info")
    return (
        reader.text(layout.encoding),
        reader.text(layout.encoding),
        reader.text(layout.encoding),
        reader.text(layout.encoding),
    )


def _read_textures(reader: BinaryReader, layout: Layout) -> tuple[str, ...]:
    """The texture paths, as stored."""
    reader.begin("texture")
    count = reader.count("textures", 4, limit=MAX_NAMED_ROWS)
    return tuple(reader.text(layout.encoding) for _ in reader.rows(count))
