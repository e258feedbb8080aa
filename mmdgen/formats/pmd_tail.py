"""What follows the skins in a PMD file. Any of it may be missing, from older programs or by damage."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdgen.errors import FormatError
from mmdgen.formats import pmd_layout as layout
from mmdgen.formats.binary import MAX_NAMED_ROWS, BinaryReader
from mmdgen.formats.physics_tables import joint_table, rigid_body_table
from mmdgen.formats.pmd_text import field_text, field_texts
from mmdgen.formats.repair import known_indices
from mmdgen.model import DisplayFrame, Floats, JointTable, RigidBodyTable

_COUNT = struct.Struct("<I")


@dataclass(slots=True)
class PmdTail:
    """The parts after the skins, as far as they go. Rigid bodies stand relative to their bones."""

    rigid_bodies: RigidBodyTable
    joints: JointTable
    frame_names: tuple[str, ...] = ()
    frame_entries: NDArray[Any] = field(default_factory=lambda: np.zeros(0, layout.FRAME_ENTRY))
    name_en: str = ""
    comment_en: str = ""
    bone_names_en: tuple[str, ...] = ()
    skin_names_en: tuple[str, ...] = ()
    frame_names_en: tuple[str, ...] = ()
    toons: tuple[str, ...] = ()

    def display_frames(self, bone_count: int) -> tuple[DisplayFrame, ...]:
        """The lists of bones. Frame numbers count from 1."""
        bones = self.frame_entries["bone"].astype(np.int32)
        there = bones < bone_count
        names_en = self.frame_names_en or ("",) * len(self.frame_names)
        frames = []
        for row, (name, name_en) in enumerate(zip(self.frame_names, names_en, strict=True)):
            listed = bones[there & (self.frame_entries["frame"] == row + 1)]
            frames.append(DisplayFrame(name, name_en, False, np.zeros(len(listed), np.bool_), listed))
        return tuple(frames)


def read_tail(reader: BinaryReader, *, bone_positions: Floats, skin_count: int) -> PmdTail:
    """The parts after the skins; from the first damaged place on they are left out, with a warning.

    Args:
        reader: stands after the skins.
        bone_positions: (bones, 3), from which rigid bodies are measured.
        skin_count: how many skins the file has, with the base.
    """
    tail = PmdTail(
        _rigid_bodies(reader, np.zeros(0, layout.RIGID_BODY), 0, bone_positions),
        _joints(reader, np.zeros(0, layout.JOINT), 0, 0),
    )
    try:
        _read_frames(reader, tail)
        if reader.left:
            _read_english(reader, len(bone_positions), skin_count, tail)
        if reader.left:
            reader.begin("toon")
            start = reader.offset
            tail.toons = field_texts(reader, reader.array(layout.TOON_NAME, 10), offset=start)
        if reader.left:
            rows, start = _read_rows(reader, "rigid body", "rigid bodies", layout.RIGID_BODY)
            tail.rigid_bodies = _rigid_bodies(reader, rows, start, bone_positions)
        if reader.left:
            rows, start = _read_rows(reader, "joint", "joints", layout.JOINT)
            tail.joints = _joints(reader, rows, start, len(tail.rigid_bodies))
        if reader.left:
            reader.begin("end of file")
            reader.warn(f"{reader.left:,} bytes follow the model", "ignored them")
    except FormatError as error:
        if reader.strict:
            raise
        reader.warn(
            error.problem,
            "kept what comes before",
            offset=error.offset,
            element=error.element,
            section=error.section,
        )
    return tail


def _read_frames(reader: BinaryReader, tail: PmdTail) -> None:
    """The skins of the expression panel, which are skipped, and the lists of bones."""
    reader.begin("display frame")
    if not reader.left:
        return
    reader.array(layout.SKIN_NUMBER, reader.u8())
    start = reader.offset
    names = field_texts(reader, reader.array(layout.FRAME_NAME, reader.u8()), offset=start)
    tail.frame_names = tuple(name.rstrip("\n") for name in names)  # MMD: these names end with a line feed
    tail.frame_entries, _ = _read_rows(reader, "display frame", "frame entries", layout.FRAME_ENTRY)


def _read_english(reader: BinaryReader, bone_count: int, skin_count: int, tail: PmdTail) -> None:
    reader.begin("English names")
    start = reader.offset
    if reader.u8() == 0:
        return
    tail.name_en = field_text(reader, reader.take(layout.NAME.itemsize), offset=start)
    tail.comment_en = field_text(reader, reader.take(layout.COMMENT.itemsize), offset=start)

    def texts(dtype: np.dtype[Any], count: int) -> tuple[str, ...]:
        return field_texts(reader, reader.array(dtype, count), offset=reader.offset)

    tail.bone_names_en = texts(layout.NAME, bone_count)
    tail.skin_names_en = texts(layout.NAME, max(skin_count - 1, 0))
    tail.frame_names_en = texts(layout.FRAME_NAME, len(tail.frame_names))


def _read_rows(
    reader: BinaryReader, section: str, what: str, record: np.dtype[Any]
) -> tuple[NDArray[Any], int]:
    reader.begin(section)
    start = reader.offset
    (count,) = reader.unpack(_COUNT)
    reader.check_count(count, what, record.itemsize, limit=MAX_NAMED_ROWS, offset=start)
    return reader.array(record, count), start + _COUNT.size


def _rigid_bodies(
    reader: BinaryReader, rows: NDArray[Any], start: int, bone_positions: Floats
) -> RigidBodyTable:
    """The rigid bodies in model space. MMD: one without a bone stands relative to the first bone."""
    offsets = start + np.arange(len(rows), dtype=np.int64) * rows.dtype.itemsize
    bones = rows["bone"].astype(np.int32)
    bones = known_indices(reader, bones, len(bone_positions), "bone", offsets, section="rigid body")
    names = field_texts(reader, rows["name"], offset=start)
    rows = rows.copy()
    if len(rows) and len(bone_positions):
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite then is mended below
            rows["tail"]["position"] += bone_positions[np.maximum(bones, 0)]
    return rigid_body_table(reader, names, ("",) * len(rows), bones, rows["tail"], offsets)


def _joints(reader: BinaryReader, rows: NDArray[Any], start: int, rigid_body_count: int) -> JointTable:
    offsets = start + np.arange(len(rows), dtype=np.int64) * rows.dtype.itemsize
    bodies = rows["rigid_bodies"].astype(np.int32)
    bodies = known_indices(reader, bodies, rigid_body_count, "rigid body", offsets, section="joint")
    names = field_texts(reader, rows["name"], offset=start)
    kinds = np.zeros(len(rows), np.uint8)
    return joint_table(reader, names, ("",) * len(rows), kinds, bodies, rows["tail"], offsets)
