"""The bones of a PMX file."""

from __future__ import annotations

import struct

import numpy as np

from mmdgen.formats.binary import MAX_NAMED_ROWS, BinaryReader
from mmdgen.formats.pmx_layout import Layout
from mmdgen.formats.repair import BoneColumns, settle_bones
from mmdgen.model import BoneFlag, BoneTable, IkChain

_VECTOR = struct.Struct("<3f")
_FLOAT = struct.Struct("<f")
_INDEX = {1: struct.Struct("<b"), 2: struct.Struct("<h"), 4: struct.Struct("<i")}
_IK = struct.Struct("<if")

# Plain integers: an IntFlag operation costs a hundred times as much, and there are six for each bone.
_TAIL_IS_BONE = int(BoneFlag.TAIL_IS_BONE)
_APPEND = int(BoneFlag.APPEND_ROTATION | BoneFlag.APPEND_TRANSLATION)
_FIXED_AXIS = int(BoneFlag.FIXED_AXIS)
_LOCAL_AXES = int(BoneFlag.LOCAL_AXES)
_EXTERNAL_PARENT = int(BoneFlag.EXTERNAL_PARENT)
_IK_BONE = int(BoneFlag.IK)


def read_bones(reader: BinaryReader, layout: Layout) -> BoneTable:
    """The bones; a parent that is not there, or an own descendant, becomes none."""
    reader.begin("bone")
    record = layout.bone_record
    index = _INDEX[layout.bone_size]
    count = reader.count("bones", 8 + record.itemsize + layout.bone_size, limit=MAX_NAMED_ROWS)
    names, names_en, blocks, offsets = [], [], [], []
    columns = BoneColumns.empty(count)
    chains: list[IkChain] = []
    links_left = MAX_NAMED_ROWS
    for bone in reader.rows(count):
        offsets.append(reader.offset)
        names.append(reader.text(layout.encoding))
        names_en.append(reader.text(layout.encoding))
        block = reader.take(record.itemsize)
        blocks.append(block)
        flags = block[-2] | block[-1] << 8
        if flags & _TAIL_IS_BONE:
            columns.tails[bone] = reader.unpack(index)[0]
        else:
            columns.tail_offsets[bone] = reader.unpack(_VECTOR)
        if flags & _APPEND:
            columns.append_parents[bone] = reader.unpack(index)[0]
            columns.append_ratios[bone] = reader.unpack(_FLOAT)[0]
        if flags & _FIXED_AXIS:
            columns.fixed_axes[bone] = reader.unpack(_VECTOR)
        if flags & _LOCAL_AXES:
            columns.local_x_axes[bone] = reader.unpack(_VECTOR)
            columns.local_z_axes[bone] = reader.unpack(_VECTOR)
        if flags & _EXTERNAL_PARENT:
            columns.external_keys[bone] = reader.i32()
        if flags & _IK_BONE:
            chains.append(_read_ik_chain(reader, layout, bone, links_left))
            links_left -= len(chains[-1].links)
    fixed = np.frombuffer(b"".join(blocks), record)
    columns.rest_positions[:] = fixed["position"]
    columns.parents[:] = fixed["parent"]
    columns.deform_layers[:] = fixed["layer"]
    columns.flags[:] = fixed["flags"]
    return settle_bones(reader, tuple(names), tuple(names_en), columns, chains, offsets)


def _read_ik_chain(reader: BinaryReader, layout: Layout, bone: int, links_left: int) -> IkChain:
    """Target, loop count, limit angle and the links, each with or without limits."""
    index = _INDEX[layout.bone_size]
    (target,) = reader.unpack(index)
    loop_count, limit_angle = reader.unpack(_IK)
    count = reader.count("IK links", layout.bone_size + 1, limit=links_left)
    links = []
    has_limits = np.zeros(count, np.bool_)
    limits = np.zeros((2, count, 3), np.float32)
    for link in range(count):
        links.append(reader.unpack(index)[0])
        limited = reader.u8()
        if limited > 1:
            raise reader.error(f"IK limit byte {limited} is unknown", offset=reader.offset - 1)
        if limited:
            has_limits[link] = True
            limits[0, link] = reader.unpack(_VECTOR)
            limits[1, link] = reader.unpack(_VECTOR)
    return IkChain(
        bone=bone,
        target=target,
        loop_count=loop_count,
        limit_angle=limit_angle,
        links=np.array(links, np.int32),
        has_limits=has_limits,
        lower_limits=limits[0],
        upper_limits=limits[1],
    )
