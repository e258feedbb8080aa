"""Where the numbers of a PMX file lie: the packed records that reader and writer share.

Source: the PMX 2.1 specification. Little-endian, no padding. Index sizes and the number of additional UV
channels come from the header, so the records that hold them are built for each file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mmdgen.model import MorphKind, Skinning

Record = np.dtype[Any]

VERTEX_INDEX: dict[int, Record] = {1: np.dtype("u1"), 2: np.dtype("<u2"), 4: np.dtype("<i4")}
"""Vertex indices of one and two bytes are unsigned and have no "none"."""
NULLABLE_INDEX: dict[int, Record] = {1: np.dtype("i1"), 2: np.dtype("<i2"), 4: np.dtype("<i4")}
"""All other indices are signed; -1 is "none"."""

ENCODINGS = ("utf-16-le", "utf-8")

BONES_OF_SKINNING = {
    Skinning.BDEF1: 1,
    Skinning.BDEF2: 2,
    Skinning.BDEF4: 4,
    Skinning.SDEF: 2,
    Skinning.QDEF: 4,
}
WEIGHTS_OF_SKINNING = {
    Skinning.BDEF1: 0,
    Skinning.BDEF2: 1,
    Skinning.BDEF4: 4,
    Skinning.SDEF: 1,
    Skinning.QDEF: 4,
}

RIGID_BODY_TAIL = np.dtype(
    [
        ("group", "u1"),
        ("mask", "<u2"),
        ("shape", "u1"),
        ("size", "<f4", 3),
        ("position", "<f4", 3),
        ("rotation", "<f4", 3),
        ("mass", "<f4"),
        ("linear_damping", "<f4"),
        ("angular_damping", "<f4"),
        ("restitution", "<f4"),
        ("friction", "<f4"),
        ("mode", "u1"),
    ]
)
JOINT_TAIL = np.dtype(
    [
        ("position", "<f4", 3),
        ("rotation", "<f4", 3),
        ("linear_lower", "<f4", 3),
        ("linear_upper", "<f4", 3),
        ("angular_lower", "<f4", 3),
        ("angular_upper", "<f4", 3),
        ("linear_spring", "<f4", 3),
        ("angular_spring", "<f4", 3),
    ]
)
SOFT_BODY_NUMBERS = np.dtype(
    [
        ("group", "u1"),
        ("mask", "<u2"),
        ("flags", "u1"),
        ("b_link_distance", "<i4"),
        ("cluster_count", "<i4"),
        ("total_mass", "<f4"),
        ("margin", "<f4"),
        ("aero_model", "<i4"),
        ("config", "<f4", 12),
        ("cluster", "<f4", 6),
        ("iterations", "<i4", 4),
        ("material_factors", "<f4", 3),
    ]
)


@dataclass(frozen=True)
class Layout:
    """The header's choices: text encoding, additional UV channels and index sizes in bytes."""

    encoding: str
    additional_uvs: int
    vertex_size: int
    texture_size: int
    material_size: int
    bone_size: int
    morph_size: int
    rigid_body_size: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """The six index sizes in file order."""
        return (
            self.vertex_size,
            self.texture_size,
            self.material_size,
            self.bone_size,
            self.morph_size,
            self.rigid_body_size,
        )

    @cached_property
    def vertex(self) -> Record:
        """A vertex index."""
        return VERTEX_INDEX[self.vertex_size]

    @cached_property
    def texture(self) -> Record:
        """A texture index."""
        return NULLABLE_INDEX[self.texture_size]

    @cached_property
    def material(self) -> Record:
        """A material index."""
        return NULLABLE_INDEX[self.material_size]

    @cached_property
    def bone(self) -> Record:
        """A bone index."""
        return NULLABLE_INDEX[self.bone_size]

    @cached_property
    def morph(self) -> Record:
        """A morph index."""
        return NULLABLE_INDEX[self.morph_size]

    @cached_property
    def rigid_body(self) -> Record:
        """A rigid body index."""
        return NULLABLE_INDEX[self.rigid_body_size]

    @cached_property
    def vertex_head(self) -> Record:
        """The part of a vertex before its weight type."""
        return np.dtype(
            [
                ("position", "<f4", 3),
                ("normal", "<f4", 3),
                ("uv", "<f4", 2),
                ("additional_uvs", "<f4", (self.additional_uvs, 4)),
            ]
        )

    def skin_record(self, skinning: Skinning) -> Record:
        """The part of a vertex after its weight type."""
        fields: list[Any] = [("bones", self.bone, (BONES_OF_SKINNING[skinning],))]
        if WEIGHTS_OF_SKINNING[skinning]:
            fields.append(("weights", "<f4", (WEIGHTS_OF_SKINNING[skinning],)))
        if skinning == Skinning.SDEF:
            fields += [("c", "<f4", 3), ("r0", "<f4", 3), ("r1", "<f4", 3)]
        return np.dtype([*fields, ("edge_scale", "<f4")])

    def vertex_size_of(self, skinning: Skinning) -> int:
        """Bytes of a whole vertex of one weight type."""
        return self.vertex_head.itemsize + 1 + self.skin_record(skinning).itemsize

    @cached_property
    def vertex_tag_at(self) -> int:
        """Where in a vertex its weight type stands."""
        return self.vertex_head.itemsize

    @cached_property
    def material_record(self) -> Record:
        """The fixed part of a material, between its names and its toon."""
        return np.dtype(
            [
                ("diffuse", "<f4", 4),
                ("specular", "<f4", 3),
                ("specular_power", "<f4"),
                ("ambient", "<f4", 3),
                ("flags", "u1"),
                ("edge_color", "<f4", 4),
                ("edge_size", "<f4"),
                ("texture", self.texture),
                ("sphere_texture", self.texture),
                ("sphere_mode", "u1"),
                ("shared_toon", "u1"),
            ]
        )

    @cached_property
    def bone_record(self) -> Record:
        """The fixed part of a bone, between its names and its tail."""
        return np.dtype([("position", "<f4", 3), ("parent", self.bone), ("layer", "<i4"), ("flags", "<u2")])

    def morph_record(self, kind: MorphKind) -> Record:
        """One element of a morph."""
        match kind:
            case MorphKind.GROUP | MorphKind.FLIP:
                return np.dtype([("index", self.morph), ("ratio", "<f4")])
            case MorphKind.VERTEX:
                return np.dtype([("index", self.vertex), ("offset", "<f4", 3)])
            case MorphKind.BONE:
                return np.dtype([("index", self.bone), ("translation", "<f4", 3), ("rotation", "<f4", 4)])
            case MorphKind.MATERIAL:
                return np.dtype([("index", self.material), ("operation", "u1"), ("values", "<f4", 28)])
            case MorphKind.IMPULSE:
                return np.dtype(
                    [
                        ("index", self.rigid_body),
                        ("is_local", "u1"),
                        ("velocity", "<f4", 3),
                        ("torque", "<f4", 3),
                    ]
                )
            case _:
                return np.dtype([("index", self.vertex), ("offset", "<f4", 4)])

    @cached_property
    def rigid_body_record(self) -> Record:
        """A rigid body after its names."""
        return _join(("bone", self.bone), RIGID_BODY_TAIL)

    @cached_property
    def joint_record(self) -> Record:
        """A joint after its names."""
        return np.dtype([("kind", "u1"), ("rigid_bodies", self.rigid_body, 2), ("tail", JOINT_TAIL)])

    @cached_property
    def soft_body_record(self) -> Record:
        """The fixed part of a soft body, between its names and its anchors."""
        return np.dtype([("shape", "u1"), ("material", self.material), ("numbers", SOFT_BODY_NUMBERS)])

    @cached_property
    def anchor_record(self) -> Record:
        """An anchor of a soft body."""
        return np.dtype([("rigid_body", self.rigid_body), ("vertex", self.vertex), ("is_near", "u1")])


def _join(first: tuple[str, Record], tail: Record) -> Record:
    return np.dtype([first, ("tail", tail)])
