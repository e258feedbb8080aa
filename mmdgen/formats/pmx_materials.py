"""The materials of a PMX file, and what is done about materials that do not add up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmdgen.formats.binary import MAX_NAMED_ROWS, BinaryReader
from mmdgen.formats.pmx_layout import Layout
from mmdgen.formats.repair import Offsets, finite, known_indices, warn_rows
from mmdgen.model import NO_INDEX, Ints, MaterialTable, SphereMode

SHARED_TOONS = 10


def read_materials(
    reader: BinaryReader, layout: Layout, *, texture_count: int, face_index_count: int
) -> MaterialTable:
    """The materials; textures that are not there become none."""
    reader.begin("material")
    record = layout.material_record
    count = reader.count("materials", 8 + record.itemsize + 1 + 8, limit=MAX_NAMED_ROWS)
    names, names_en, memos, blocks, offsets, toons, index_counts = [], [], [], [], [], [], []
    for _ in reader.rows(count):
        offsets.append(reader.offset)
        names.append(reader.text(layout.encoding))
        names_en.append(reader.text(layout.encoding))
        block = reader.take(record.itemsize)
        blocks.append(block)
        is_shared = block[-1]
        if is_shared > 1:
            # The width of the next field hangs on this byte: going on would read nonsense.
            raise reader.error(f"the shared toon byte is {is_shared}, not 0 or 1", offset=reader.offset - 1)
        toon_size = 1 if is_shared else layout.texture_size
        toons.append(int.from_bytes(reader.take(toon_size), "little", signed=True))
        memos.append(reader.text(layout.encoding))
        index_counts.append(reader.i32())
    fixed = np.frombuffer(b"".join(blocks), record)
    shared = fixed["shared_toon"] != 0
    known_toons = _known_toons(reader, np.array(toons, np.int32), shared, texture_count, offsets)

    def mend(name: str, default: float = 0.0) -> NDArray[np.float32]:
        values = fixed[name].copy()
        return finite(reader, values, name.replace("_", " "), offsets, section="material", default=default)

    def textures(values: NDArray[np.int32], what: str) -> Ints:
        return known_indices(reader, values, texture_count, what, offsets, section="material")

    return MaterialTable(
        names=tuple(names),
        names_en=tuple(names_en),
        diffuse=mend("diffuse", 1.0),
        specular=mend("specular"),
        specular_powers=mend("specular_power"),
        ambient=mend("ambient"),
        flags=fixed["flags"].copy(),
        edge_colors=mend("edge_color"),
        edge_sizes=mend("edge_size"),
        textures=textures(fixed["texture"].astype(np.int32), "texture"),
        sphere_textures=textures(fixed["sphere_texture"].astype(np.int32), "sphere texture"),
        sphere_modes=_known_sphere_modes(reader, fixed["sphere_mode"].copy(), offsets),
        shared_toons=shared & (known_toons != NO_INDEX),
        toons=known_toons,
        memos=tuple(memos),
        face_index_counts=settle_index_counts(reader, index_counts, face_index_count, offsets),
    )


def _known_sphere_modes(
    reader: BinaryReader, modes: NDArray[np.uint8], offsets: Offsets
) -> NDArray[np.uint8]:
    """MMD: 255 stands in real files and means off, like any other unknown mode."""
    unknown = modes > max(SphereMode)
    warn_rows(reader, unknown, "the sphere mode is unknown", "took off", offsets, section="material")
    return np.where(unknown, SphereMode.OFF, modes).astype(np.uint8)


def _known_toons(
    reader: BinaryReader, toons: Ints, shared: NDArray[np.bool_], texture_count: int, offsets: Offsets
) -> Ints:
    lost_shared = shared & ((toons < 0) | (toons >= SHARED_TOONS))
    warn_rows(reader, lost_shared, "the shared toon is unknown", "took none", offsets, section="material")
    toons = np.where(lost_shared, NO_INDEX, toons).astype(np.int32)
    lost = ~shared & ((toons < NO_INDEX) | (toons >= texture_count))
    warn_rows(reader, lost, "the toon texture is not there", "took none", offsets, section="material")
    return np.where(lost, NO_INDEX, toons).astype(np.int32)


def settle_index_counts(
    reader: BinaryReader, stored: list[int], face_index_count: int, offsets: Offsets
) -> Ints:
    """How many vertex indices each material draws, so that together they are no more than there are.

    Args:
        reader: collects the warnings.
        stored: one count for each material, as in the file.
        face_index_count: how many vertex indices the model has.
        offsets: where each material begins.
    """
    counts = np.array(stored, np.int64)
    whole = np.maximum(counts, 0) // 3 * 3
    warn_rows(
        reader,
        whole != counts,
        "its vertex index count is no whole number of triangles",
        "took the whole triangles",
        offsets,
        section="material",
    )
    ends = np.minimum(np.cumsum(whole), face_index_count)
    kept = np.diff(ends, prepend=0)
    warn_rows(
        reader,
        kept != whole,
        "claims more triangles than are left",
        "took those",
        offsets,
        section="material",
    )
    drawn = int(ends[-1]) if len(ends) else 0
    if drawn < face_index_count:
        reader.warn(
            f"the materials draw {drawn // 3:,} of {face_index_count // 3:,} triangles",
            "left the rest undrawn",
            section="material",
        )
    return np.asarray(kept, np.int32)
