"""The skins of a PMD file as vertex morphs."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdgen.formats import pmd_layout as layout
from mmdgen.formats.binary import MAX_NAMED_ROWS, BinaryReader
from mmdgen.formats.pmd_text import field_text
from mmdgen.model import NO_INDEX, Ints, MorphElements, MorphKind, MorphTable, Panel, VertexElements

_BASE = 0  # the category of the base skin
_COUNT = struct.Struct("<H")


@dataclass(slots=True)
class Skins:
    """The skins but the base, in file order."""

    count: int  # with the base
    names: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)  # in the file's list, base included
    panels: list[int] = field(default_factory=list)
    elements: list[MorphElements] = field(default_factory=list)

    def table(self, names_en: tuple[str, ...]) -> MorphTable:
        """The morphs; the English names are those of all skins but the first."""
        known = ("", *names_en)
        return MorphTable(
            names=tuple(self.names),
            names_en=tuple(known[place] if place < len(known) else "" for place in self.places),
            panels=np.array(self.panels, np.uint8),
            kinds=np.full(len(self.names), MorphKind.VERTEX, np.uint8),
            elements=tuple(self.elements),
        )


def read_skins(reader: BinaryReader, vertex_count: int) -> Skins:
    """The skins. The first of category 0 lists the vertices that the others move, by place in that list.

    MMD: a later skin of category 0 is an ordinary one, an offset for each place of the base.
    """
    reader.begin("skin")
    start = reader.offset
    (count,) = reader.unpack(_COUNT)
    reader.check_count(count, "skins", layout.SKIN_HEAD.itemsize, limit=MAX_NAMED_ROWS, offset=start)
    skins = Skins(count)
    base: Ints | None = None
    all_vertices = np.arange(vertex_count, dtype=np.int32)
    nothing = VertexElements(np.zeros(0, np.int32), np.zeros((0, 3), np.float32))
    for row in reader.rows(count):
        start = reader.offset
        head = reader.array(layout.SKIN_HEAD, 1)[0]
        size, category = int(head["count"]), int(head["category"])
        reader.check_count(size, "skin elements", layout.SKIN_ELEMENT.itemsize, offset=start + 20)
        rows = reader.array(layout.SKIN_ELEMENT, size)
        if category == _BASE and base is None:
            base = _base_vertices(rows, vertex_count)
            continue
        if base is None and not skins.names:
            reader.warn("the first skin is no base", "took its numbers for vertices", offset=start)
        if category > max(Panel):
            reader.warn(f"category {category} is unknown", "put it under other", offset=start + 24)
            category = Panel.OTHER
        skins.names.append(field_text(reader, head["name"].tobytes(), offset=start))
        skins.places.append(row)
        skins.panels.append(category)
        skins.elements.append(
            _skin_elements(reader, rows, all_vertices if base is None else base) if size else nothing
        )
    return skins


def _base_vertices(rows: NDArray[Any], vertex_count: int) -> Ints:
    """The vertices of the base skin, NO_INDEX for those that are not there."""
    indices = rows["index"].astype(np.int64)
    return np.where(indices < vertex_count, indices, NO_INDEX).astype(np.int32)


def _skin_elements(reader: BinaryReader, rows: NDArray[Any], base: Ints) -> VertexElements:
    places = rows["index"].astype(np.int64)
    known = places < len(base)
    vertices = np.full(len(rows), NO_INDEX, np.int32)
    vertices[known] = base[places[known]]
    offsets = rows["offset"].copy()
    there = np.asarray(vertices != NO_INDEX)
    if not there.all():
        lost = int((~there).sum())
        reader.warn(f"{lost:,} of its {len(rows):,} elements name what is not there", "left them out")
        vertices, offsets = vertices[there], offsets[there]
    if not np.isfinite(offsets).all():
        reader.warn("an offset is not a finite number", "took 0")
        offsets = np.where(np.isfinite(offsets), offsets, 0).astype(np.float32)
    return VertexElements(vertices, offsets)
