"""The morphs of a PMX file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdgen.formats.binary import MAX_NAMED_ROWS, BinaryReader
from mmdgen.formats.pmx_layout import Layout
from mmdgen.model import (
    BoneElements,
    GroupElements,
    ImpulseElements,
    MaterialElements,
    MorphElements,
    MorphKind,
    MorphTable,
    Panel,
    UvElements,
    VertexElements,
)

Records = NDArray[Any]
_LAST_KIND, _LAST_PANEL = int(max(MorphKind)), int(max(Panel))


def read_morphs(
    reader: BinaryReader, layout: Layout, *, vertex_count: int, material_count: int, bone_count: int
) -> MorphTable:
    """The morphs; elements that name what is not there are left out with a warning."""
    reader.begin("morph")
    count = reader.count("morphs", 14, limit=MAX_NAMED_ROWS)
    known = {
        MorphKind.GROUP: count,
        MorphKind.FLIP: count,
        MorphKind.BONE: bone_count,
        MorphKind.MATERIAL: material_count,
        MorphKind.IMPULSE: np.iinfo(np.int32).max,  # rigid bodies come later and are not simulated
    }
    records = {kind: layout.morph_record(kind) for kind in MorphKind}
    nothing = {kind: _elements(kind, np.empty(0, records[kind])) for kind in MorphKind}
    names, names_en = [], []
    panels, kinds = bytearray(count), bytearray(count)
    elements: list[MorphElements] = []
    for row in reader.rows(count):
        names.append(reader.text(layout.encoding))
        names_en.append(reader.text(layout.encoding))
        panels[row], kind_byte = reader.take(2)
        if kind_byte > _LAST_KIND:
            raise reader.error(f"morph type {kind_byte} is unknown", offset=reader.offset - 1)
        if panels[row] > _LAST_PANEL:
            reader.warn(f"panel {panels[row]} is unknown", "put it under other", offset=reader.offset - 2)
            panels[row] = Panel.OTHER
        kind = MorphKind(kind_byte)
        kinds[row] = kind
        size = reader.count("morph elements", records[kind].itemsize)
        if not size:
            elements.append(nothing[kind])
            continue
        start = reader.offset
        found = reader.array(records[kind], size)
        found = _known_elements(reader, found, known.get(kind, vertex_count), kind, start)
        elements.append(_elements(kind, _finite_elements(reader, found, start)))
    return MorphTable(
        names=tuple(names),
        names_en=tuple(names_en),
        panels=np.frombuffer(panels, np.uint8),
        kinds=np.frombuffer(kinds, np.uint8),
        elements=tuple(elements),
    )


def _known_elements(
    reader: BinaryReader, records: Records, count: int, kind: MorphKind, start: int
) -> Records:
    """The records whose index is there. MMD: a material morph's -1 means all materials."""
    indices = records["index"]
    lowest = -1 if kind == MorphKind.MATERIAL else 0
    if lowest <= int(indices.min()) and int(indices.max()) < count:
        return records
    bad = (indices < lowest) | (indices >= count)
    first = int(np.flatnonzero(bad)[0])
    reader.warn(
        f"{int(bad.sum()):,} of its {len(records):,} elements name what is not there ({int(indices[first])})",
        "left them out",
        offset=start + first * records.dtype.itemsize,
    )
    return records[~bad]


def _finite_elements(reader: BinaryReader, records: Records, start: int) -> Records:
    """The records with 0 in place of NaN and infinity."""
    mended = None
    for name in records.dtype.names or ():
        column = records[name]
        if column.dtype.kind != "f" or np.isfinite(column).all():
            continue
        mended = records.copy() if mended is None else mended
        mended[name] = np.where(np.isfinite(column), column, 0)
    if mended is None:
        return records
    reader.warn("an offset is not a finite number", "took 0", offset=start)
    return mended


def _elements(kind: MorphKind, records: Records) -> MorphElements:
    """The elements of one morph, from packed records to contiguous arrays."""
    return _BUILDERS[kind](records["index"].astype(np.int32), records)


def _vertex(indices: NDArray[np.int32], records: Records) -> VertexElements:
    return VertexElements(indices, records["offset"].copy())


def _uv(indices: NDArray[np.int32], records: Records) -> UvElements:
    return UvElements(indices, records["offset"].copy())


def _group(indices: NDArray[np.int32], records: Records) -> GroupElements:
    return GroupElements(indices, records["ratio"].copy())


def _bone(indices: NDArray[np.int32], records: Records) -> BoneElements:
    return BoneElements(indices, records["translation"].copy(), records["rotation"].copy())


def _material(indices: NDArray[np.int32], records: Records) -> MaterialElements:
    return MaterialElements(indices, records["operation"] != 0, records["values"].copy())


def _impulse(indices: NDArray[np.int32], records: Records) -> ImpulseElements:
    return ImpulseElements(
        indices, records["is_local"] != 0, records["velocity"].copy(), records["torque"].copy()
    )


_BUILDERS: dict[MorphKind, Callable[[NDArray[np.int32], Records], MorphElements]] = {
    MorphKind.GROUP: _group,
    MorphKind.FLIP: _group,
    MorphKind.VERTEX: _vertex,
    MorphKind.BONE: _bone,
    MorphKind.UV: _uv,
    MorphKind.UV1: _uv,
    MorphKind.UV2: _uv,
    MorphKind.UV3: _uv,
    MorphKind.UV4: _uv,
    MorphKind.MATERIAL: _material,
    MorphKind.IMPULSE: _impulse,
}
