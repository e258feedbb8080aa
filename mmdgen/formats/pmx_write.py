"""`Model` to PMX bytes: every section, in file order, in the smallest index sizes that fit.

What `read_pmx` reads from the result equals the model's tables, number for number. A model that was a PMD
file becomes PMX 2.0 in UTF-16.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdgen.formats.pmx import MAGIC
from mmdgen.formats.pmx_layout import ENCODINGS, Layout
from mmdgen.model import (
    NO_INDEX,
    BoneElements,
    BoneFlag,
    DisplayFrame,
    GroupElements,
    IkChain,
    ImpulseElements,
    MaterialElements,
    Model,
    MorphElements,
    MorphKind,
    Skinning,
    SoftBody,
)

_NO_IK = ~np.uint16(BoneFlag.IK)
_APPEND = BoneFlag.APPEND_ROTATION | BoneFlag.APPEND_TRANSLATION


def write_pmx(model: Model) -> bytes:
    """The model as a PMX file; version 2.1 where the model says so or has soft bodies, else 2.0."""
    is_21 = model.version > 2.05 or bool(model.soft_bodies)
    layout = _layout_for(model)
    writer = _Writer(layout)
    writer.raw(MAGIC + struct.pack("<fB", 2.1 if is_21 else 2.0, 8))
    writer.raw(bytes([ENCODINGS.index(layout.encoding), layout.additional_uvs, *layout.sizes]))
    writer.texts(model.name, model.name_en, model.comment, model.comment_en)
    _write_vertices(writer, model)
    writer.i32(model.faces.size)
    writer.raw(model.faces.astype(layout.vertex).tobytes())
    writer.i32(len(model.textures))
    writer.texts(*model.textures)
    _write_materials(writer, model)
    _write_bones(writer, model)
    _write_morphs(writer, model)
    _write_display_frames(writer, model.display_frames)
    _write_rigid_bodies(writer, model)
    _write_joints(writer, model)
    if is_21:
        _write_soft_bodies(writer, model.soft_bodies)
    return writer.joined()


class _Writer:
    """Collects the parts of a file."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._parts: list[bytes] = []

    def raw(self, part: bytes) -> None:
        self._parts.append(part)

    def i32(self, value: int) -> None:
        self._parts.append(value.to_bytes(4, "little", signed=True))

    def texts(self, *texts: str) -> None:
        for text in texts:
            encoded = text.encode(self.layout.encoding, "replace")
            self.i32(len(encoded))
            self._parts.append(encoded)

    def index(self, dtype: np.dtype[Any], value: int) -> None:
        self._parts.append(value.to_bytes(dtype.itemsize, "little", signed=dtype.kind == "i"))

    def floats(self, values: Iterable[float]) -> None:
        self._parts.append(np.asarray(values, "<f4").tobytes())

    def joined(self) -> bytes:
        return b"".join(self._parts)


def _layout_for(model: Model) -> Layout:
    def nullable(count: int) -> int:
        return 1 if count < 0x80 else 2 if count < 0x8000 else 4

    vertices = len(model.vertices)
    return Layout(
        encoding=model.encoding if model.encoding in ENCODINGS else ENCODINGS[0],
        additional_uvs=model.vertices.additional_uvs.shape[1],
        vertex_size=1 if vertices < 0x100 else 2 if vertices < 0x10000 else 4,
        texture_size=nullable(len(model.textures)),
        material_size=nullable(len(model.materials)),
        bone_size=nullable(len(model.bones)),
        morph_size=nullable(len(model.morphs)),
        rigid_body_size=nullable(len(model.rigid_bodies)),
    )


def _write_vertices(writer: _Writer, model: Model) -> None:
    """All vertices: a packed array for each weight type, then each row to its place in the file."""
    table, layout = model.vertices, writer.layout
    sizes = np.array([layout.vertex_size_of(kind) for kind in Skinning], np.int64)
    ends = np.cumsum(sizes[table.skinning])
    packed = np.empty(int(ends[-1]) if len(ends) else 0, np.uint8)
    for kind in Skinning:
        rows = np.flatnonzero(table.skinning == kind)
        if not len(rows):
            continue
        records = np.empty(
            len(rows), [("head", layout.vertex_head), ("kind", "u1"), ("skin", layout.skin_record(kind))]
        )
        head, skin = records["head"], records["skin"]
        head["position"], head["normal"] = table.positions[rows], table.normals[rows]
        head["uv"], head["additional_uvs"] = table.uvs[rows], table.additional_uvs[rows]
        records["kind"] = kind
        skin["bones"] = table.bone_indices[rows, : skin["bones"].shape[1]]
        if kind != Skinning.BDEF1:
            skin["weights"] = table.bone_weights[rows, : skin["weights"].shape[1]]
        if kind == Skinning.SDEF:
            skin["c"], skin["r0"], skin["r1"] = table.sdef_c, table.sdef_r0, table.sdef_r1
        skin["edge_scale"] = table.edge_scales[rows]
        whole = np.dtype((np.void, records.dtype.itemsize))
        places = np.ndarray(len(packed) - whole.itemsize + 1, whole, packed.data, strides=(1,))
        places[ends[rows] - whole.itemsize] = records.view(whole)
    writer.i32(len(table))
    writer.raw(packed.tobytes())


def _write_materials(writer: _Writer, model: Model) -> None:
    table, layout = model.materials, writer.layout
    records = np.zeros(len(table), layout.material_record)
    shared = table.shared_toons & (table.toons != NO_INDEX)
    for name, column in {
        "diffuse": table.diffuse,
        "specular": table.specular,
        "specular_power": table.specular_powers,
        "ambient": table.ambient,
        "flags": table.flags,
        "edge_color": table.edge_colors,
        "edge_size": table.edge_sizes,
        "texture": table.textures,
        "sphere_texture": table.sphere_textures,
        "sphere_mode": table.sphere_modes,
        "shared_toon": shared,
    }.items():
        records[name] = column
    writer.i32(len(table))
    for row, record in enumerate(records):
        writer.texts(table.names[row], table.names_en[row])
        writer.raw(record.tobytes())
        if shared[row]:
            writer.raw(bytes([int(table.toons[row])]))
        else:
            writer.index(layout.texture, int(table.toons[row]))
        writer.texts(table.memos[row])
        writer.i32(int(table.face_index_counts[row]))


def _write_bones(writer: _Writer, model: Model) -> None:
    table, layout = model.bones, writer.layout
    chains = {chain.bone: chain for chain in table.ik_chains}
    records = np.zeros(len(table), layout.bone_record)
    records["position"], records["parent"] = table.rest_positions, table.parents
    records["layer"], records["flags"] = table.deform_layers, table.flags & _NO_IK
    records["flags"][list(chains)] |= np.uint16(BoneFlag.IK)
    writer.i32(len(table))
    for bone, record in enumerate(records):
        flags = int(record["flags"])
        writer.texts(table.names[bone], table.names_en[bone])
        writer.raw(record.tobytes())
        if flags & BoneFlag.TAIL_IS_BONE:
            writer.index(layout.bone, int(table.tails[bone]))
        else:
            writer.floats(table.tail_offsets[bone])
        if flags & _APPEND:
            writer.index(layout.bone, int(table.append_parents[bone]))
            writer.floats(table.append_ratios[bone : bone + 1])
        if flags & BoneFlag.FIXED_AXIS:
            writer.floats(table.fixed_axes[bone])
        if flags & BoneFlag.LOCAL_AXES:
            writer.floats(table.local_x_axes[bone])
            writer.floats(table.local_z_axes[bone])
        if flags & BoneFlag.EXTERNAL_PARENT:
            writer.i32(int(table.external_keys[bone]))
        if flags & BoneFlag.IK:
            _write_ik_chain(writer, chains[bone])


def _write_ik_chain(writer: _Writer, chain: IkChain) -> None:
    writer.index(writer.layout.bone, chain.target)
    writer.i32(chain.loop_count)
    writer.floats([chain.limit_angle])
    writer.i32(len(chain.links))
    for row, link in enumerate(chain.links.tolist()):
        writer.index(writer.layout.bone, link)
        writer.raw(bytes([bool(chain.has_limits[row])]))
        if chain.has_limits[row]:
            writer.floats(chain.lower_limits[row])
            writer.floats(chain.upper_limits[row])


def _write_morphs(writer: _Writer, model: Model) -> None:
    table = model.morphs
    writer.i32(len(table))
    for row, elements in enumerate(table.elements):
        kind = MorphKind(int(table.kinds[row]))
        writer.texts(table.names[row], table.names_en[row])
        writer.raw(bytes([int(table.panels[row]), kind]))
        columns = _columns(elements)
        records = np.empty(len(columns["index"]), writer.layout.morph_record(kind))
        for name, column in columns.items():
            records[name] = column
        writer.i32(len(records))
        writer.raw(records.tobytes())


def _columns(elements: MorphElements) -> dict[str, NDArray[Any]]:
    """The elements under the names that `Layout.morph_record` gives them."""
    match elements:
        case GroupElements():
            return {"index": elements.morphs, "ratio": elements.ratios}
        case BoneElements():
            return {
                "index": elements.bones,
                "translation": elements.translations,
                "rotation": elements.rotations,
            }
        case MaterialElements():
            return {"index": elements.materials, "operation": elements.is_add, "values": elements.values}
        case ImpulseElements():
            return {
                "index": elements.rigid_bodies,
                "is_local": elements.is_local,
                "velocity": elements.velocities,
                "torque": elements.torques,
            }
        case _:
            return {"index": elements.vertices, "offset": elements.offsets}


def _write_display_frames(writer: _Writer, frames: tuple[DisplayFrame, ...]) -> None:
    layout = writer.layout
    writer.i32(len(frames))
    for frame in frames:
        writer.texts(frame.name, frame.name_en)
        writer.raw(bytes([frame.is_special]))
        writer.i32(len(frame.indices))
        for is_morph, index in zip(frame.is_morph.tolist(), frame.indices.tolist(), strict=True):
            writer.raw(bytes([is_morph]))
            writer.index(layout.morph if is_morph else layout.bone, index)


def _write_rigid_bodies(writer: _Writer, model: Model) -> None:
    table = model.rigid_bodies
    records = np.zeros(len(table), writer.layout.rigid_body_record)
    records["bone"] = table.bones
    for name, column in {
        "group": table.groups,
        "mask": table.no_collision_masks,
        "shape": table.shapes,
        "size": table.sizes,
        "position": table.positions,
        "rotation": table.rotations,
        "mass": table.masses,
        "linear_damping": table.linear_dampings,
        "angular_damping": table.angular_dampings,
        "restitution": table.restitutions,
        "friction": table.frictions,
        "mode": table.modes,
    }.items():
        records["tail"][name] = column
    _write_named(writer, table.names, table.names_en, records)


def _write_joints(writer: _Writer, model: Model) -> None:
    table = model.joints
    records = np.zeros(len(table), writer.layout.joint_record)
    records["kind"], records["rigid_bodies"] = table.kinds, table.rigid_bodies
    for name, column in {
        "position": table.positions,
        "rotation": table.rotations,
        "linear_lower": table.linear_lower,
        "linear_upper": table.linear_upper,
        "angular_lower": table.angular_lower,
        "angular_upper": table.angular_upper,
        "linear_spring": table.linear_springs,
        "angular_spring": table.angular_springs,
    }.items():
        records["tail"][name] = column
    _write_named(writer, table.names, table.names_en, records)


def _write_named(
    writer: _Writer, names: tuple[str, ...], names_en: tuple[str, ...], records: NDArray[Any]
) -> None:
    writer.i32(len(names))
    for name, name_en, record in zip(names, names_en, records, strict=True):
        writer.texts(name, name_en)
        writer.raw(record.tobytes())


def _write_soft_bodies(writer: _Writer, soft_bodies: tuple[SoftBody, ...]) -> None:
    layout = writer.layout
    writer.i32(len(soft_bodies))
    for body in soft_bodies:
        record = np.zeros(1, layout.soft_body_record)
        record["shape"], record["material"] = body.shape, body.material
        for name, value in {
            "group": body.group,
            "mask": body.no_collision_mask,
            "flags": body.flags,
            "b_link_distance": body.b_link_distance,
            "cluster_count": body.cluster_count,
            "total_mass": body.total_mass,
            "margin": body.margin,
            "aero_model": body.aero_model,
            "config": body.config,
            "cluster": body.cluster,
            "iterations": body.iterations,
            "material_factors": body.material_factors,
        }.items():
            record["numbers"][name] = value
        anchors = np.zeros(len(body.anchor_vertices), layout.anchor_record)
        anchors["rigid_body"], anchors["vertex"] = body.anchor_rigid_bodies, body.anchor_vertices
        anchors["is_near"] = body.anchor_is_near
        writer.texts(body.name, body.name_en)
        writer.raw(record.tobytes())
        writer.i32(len(anchors))
        writer.raw(anchors.tobytes())
        writer.i32(len(body.pins))
        writer.raw(body.pins.astype(layout.vertex).tobytes())
