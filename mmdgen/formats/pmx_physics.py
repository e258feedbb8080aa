"""What follows the morphs in a PMX file: display frames, rigid bodies, joints and soft bodies.

No picture depends on it, so damage here ends the reading with a warning instead of an error: MMD and
PMXEditor open files that are cut in the middle of the last joint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdgen.errors import FormatError
from mmdgen.formats.binary import MAX_NAMED_ROWS, BinaryReader
from mmdgen.formats.physics_tables import joint_table, rigid_body_table
from mmdgen.formats.pmx_layout import Layout
from mmdgen.formats.repair import finite, known_indices
from mmdgen.model import DisplayFrame, JointTable, RigidBodyTable, SoftBody

MAX_DISPLAY_FRAMES = 4_096
MAX_SOFT_BODIES = 1_024


@dataclass(frozen=True, slots=True)
class Tail:
    """The sections after the morphs."""

    display_frames: tuple[DisplayFrame, ...]
    rigid_bodies: RigidBodyTable
    joints: JointTable
    soft_bodies: tuple[SoftBody, ...]


@dataclass(frozen=True, slots=True)
class _Counts:
    bones: int
    morphs: int
    materials: int
    vertices: int


def read_tail(
    reader: BinaryReader,
    layout: Layout,
    *,
    bone_count: int,
    morph_count: int,
    material_count: int,
    vertex_count: int,
    has_soft_bodies: bool,
) -> Tail:
    """The sections after the morphs; from the first damaged place on they are left out."""
    counts = _Counts(bone_count, morph_count, material_count, vertex_count)
    frames: list[DisplayFrame] = []
    bodies, joints = _Rows(), _Rows()
    soft_bodies: list[SoftBody] = []
    try:
        _read_display_frames(reader, layout, counts, frames)
        _read_rigid_bodies(reader, layout, bodies)
        _read_joints(reader, layout, joints)
        if has_soft_bodies:
            _read_soft_bodies(reader, layout, counts, len(bodies.names), soft_bodies)
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
    return Tail(
        display_frames=tuple(frames),
        rigid_bodies=_rigid_bodies(reader, bodies, layout, bone_count),
        joints=_joints(reader, joints, layout, len(bodies.names)),
        soft_bodies=tuple(soft_bodies),
    )


@dataclass(slots=True)
class _Rows:
    """Names and packed records of a table that is being read."""

    names: list[str]
    names_en: list[str]
    blocks: list[bytes]
    offsets: list[int]

    def __init__(self) -> None:
        self.names, self.names_en, self.blocks, self.offsets = [], [], [], []

    def add(self, name: str, name_en: str, block: bytes, offset: int) -> None:
        self.names.append(name)
        self.names_en.append(name_en)
        self.blocks.append(block)
        self.offsets.append(offset)

    def records(self, dtype: np.dtype[Any]) -> NDArray[Any]:
        return np.frombuffer(b"".join(self.blocks), dtype)


def _read_display_frames(
    reader: BinaryReader, layout: Layout, counts: _Counts, frames: list[DisplayFrame]
) -> None:
    reader.begin("display frame")
    sizes = {0: 1 + layout.bone_size, 1: 1 + layout.morph_size}
    count = reader.count("display frames", 13, limit=MAX_DISPLAY_FRAMES)
    no_kinds, no_indices = np.zeros(0, np.bool_), np.zeros(0, np.int32)
    for _ in reader.rows(count):
        start = reader.offset
        name = reader.text(layout.encoding)
        name_en = reader.text(layout.encoding)
        is_special = reader.u8() != 0
        size = reader.count("frame entries", min(sizes.values()), limit=2 * MAX_NAMED_ROWS)
        if not size:
            frames.append(DisplayFrame(name, name_en, is_special, no_kinds, no_indices))
            continue
        kinds, offsets = reader.walk(size, 0, sizes, "entry kind")
        is_morph = kinds != 0
        indices = np.empty(size, np.int32)
        indices[~is_morph] = reader.gather(layout.bone, offsets[:-1][~is_morph] + 1)
        indices[is_morph] = reader.gather(layout.morph, offsets[:-1][is_morph] + 1)
        there = (indices >= 0) & (indices < np.where(is_morph, counts.morphs, counts.bones))
        if not there.all():
            reader.warn("an entry names what is not there", "left it out", offset=start)
        frames.append(DisplayFrame(name, name_en, is_special, is_morph[there], indices[there]))


def _read_rigid_bodies(reader: BinaryReader, layout: Layout, rows: _Rows) -> None:
    reader.begin("rigid body")
    size = layout.rigid_body_record.itemsize
    for _ in reader.rows(reader.count("rigid bodies", 8 + size, limit=MAX_NAMED_ROWS)):
        start = reader.offset
        rows.add(reader.text(layout.encoding), reader.text(layout.encoding), reader.take(size), start)


def _read_joints(reader: BinaryReader, layout: Layout, rows: _Rows) -> None:
    """The joints. MMD: a file that ends inside its last joint is read as if zeros followed."""
    reader.begin("joint")
    size = layout.joint_record.itemsize
    count = reader.i32()
    if not 0 <= count <= MAX_NAMED_ROWS:
        raise reader.error(f"claims {count:,} joints", offset=reader.offset - 4)
    for row in reader.rows(count):
        start = reader.offset
        name, name_en = reader.text(layout.encoding), reader.text(layout.encoding)
        if reader.left < size and row == count - 1:
            reader.warn("the file ends inside the last joint", "took zeros for the rest")
            rows.add(name, name_en, reader.take(reader.left).ljust(size, b"\0"), start)
        else:
            rows.add(name, name_en, reader.take(size), start)


def _rigid_bodies(reader: BinaryReader, rows: _Rows, layout: Layout, bone_count: int) -> RigidBodyTable:
    fixed = rows.records(layout.rigid_body_record)
    bones = fixed["bone"].astype(np.int32)
    bones = known_indices(reader, bones, bone_count, "bone", rows.offsets, section="rigid body")
    return rigid_body_table(
        reader, tuple(rows.names), tuple(rows.names_en), bones, fixed["tail"], rows.offsets
    )


def _joints(reader: BinaryReader, rows: _Rows, layout: Layout, rigid_body_count: int) -> JointTable:
    fixed = rows.records(layout.joint_record)
    bodies = fixed["rigid_bodies"].astype(np.int32)
    bodies = known_indices(reader, bodies, rigid_body_count, "rigid body", rows.offsets, section="joint")
    return joint_table(
        reader,
        tuple(rows.names),
        tuple(rows.names_en),
        fixed["kind"].copy(),
        bodies,
        fixed["tail"],
        rows.offsets,
    )


def _read_soft_bodies(
    reader: BinaryReader,
    layout: Layout,
    counts: _Counts,
    rigid_body_count: int,
    soft_bodies: list[SoftBody],
) -> None:
    """The soft bodies. Some writers of 2.1 leave the section out altogether: that is none."""
    reader.begin("soft body")
    if not reader.left:
        return
    size = layout.soft_body_record.itemsize
    count = reader.count("soft bodies", 8 + size + 8, limit=MAX_SOFT_BODIES)
    soft_bodies.extend(_read_soft_body(reader, layout, counts, rigid_body_count) for _ in reader.rows(count))


def _read_soft_body(reader: BinaryReader, layout: Layout, counts: _Counts, rigid_body_count: int) -> SoftBody:
    start = reader.offset
    name, name_en = reader.text(layout.encoding), reader.text(layout.encoding)
    fixed = reader.array(layout.soft_body_record, 1)[0]
    numbers = fixed["numbers"]
    anchors = reader.array(layout.anchor_record, reader.count("anchors", layout.anchor_record.itemsize))
    pins = reader.array(layout.vertex, reader.count("pins", layout.vertex.itemsize))

    def mend(values: NDArray[Any]) -> NDArray[np.float32]:
        row = np.asarray(values, np.float32).reshape(1, -1)
        return finite(reader, row, "a number", start, section="soft body").reshape(-1)

    def known(values: NDArray[Any], count: int, what: str) -> NDArray[np.int32]:
        return known_indices(reader, values.astype(np.int32), count, what, start, section="soft body")

    mass, margin = mend(np.array([numbers["total_mass"], numbers["margin"]])).tolist()
    return SoftBody(
        name=name,
        name_en=name_en,
        shape=int(fixed["shape"]),
        material=int(known(fixed["material"].reshape(1), counts.materials, "material")[0]),
        group=int(numbers["group"]),
        no_collision_mask=int(numbers["mask"]),
        flags=int(numbers["flags"]),
        b_link_distance=int(numbers["b_link_distance"]),
        cluster_count=int(numbers["cluster_count"]),
        total_mass=mass,
        margin=margin,
        aero_model=int(numbers["aero_model"]),
        config=mend(numbers["config"]),
        cluster=mend(numbers["cluster"]),
        iterations=numbers["iterations"].astype(np.int32),
        material_factors=mend(numbers["material_factors"]),
        anchor_rigid_bodies=known(anchors["rigid_body"], rigid_body_count, "rigid body"),
        anchor_vertices=known(anchors["vertex"], counts.vertices, "vertex"),
        anchor_is_near=anchors["is_near"] != 0,
        pins=known(pins, counts.vertices, "vertex"),
    )
