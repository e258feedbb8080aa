"""One rig on the GPU: its drawable triangles, its textures, and the poses of the current batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import moderngl
import numpy as np
from numpy.typing import NDArray

from mmdgen.images import Image
from mmdgen.model import Bools, Floats, Ints, MaterialFlag, Model, Skinning
from mmdgen.render.textures import ROW_SHIFT, ROW_TEXELS, TableTexture, upload_picture
from mmdgen.rig import PosedModel, Rig

SKINNING_DEFINES = {"ROW_TEXELS": ROW_TEXELS, "ROW_SHIFT": ROW_SHIFT}

_VERTEX = np.dtype(
    [
        ("position", "<f4", 3),
        ("normal", "<f4", 3),
        ("uv", "<f4", 2),
        ("bones", "<u2", 4),
        ("weights", "<f4", 4),
        ("kind", "<i4", 2),
        ("edge_scale", "<f4"),
    ]
)
_SURFACE_LAYOUT = ("3f4 3f4 2f4 4u2 4f4 2i4 4x", "in_position in_normal in_uv in_bones in_weights in_kind")
_EDGE_LAYOUT = (
    "3f4 3f4 8x 4u2 4f4 2i4 1f4",
    "in_position in_normal in_bones in_weights in_kind in_edge_scale",
)


@dataclass(frozen=True, slots=True)
class Draw:
    """The triangles of one material, as a range of the index buffer."""

    material: int
    first_index: int
    index_count: int
    double_sided: bool
    has_edge: bool


class GpuModel:
    """A rig's geometry, textures and current poses in GL objects. Made by `Renderer.load`."""

    def __init__(
        self,
        context: moderngl.Context,
        programs: Mapping[str, moderngl.Program],
        rig: Rig,
        textures: Mapping[int, Image],
        triangles: Bools | None = None,
    ) -> None:
        model = rig.model
        self.rig = rig
        self._context = context
        order = _drawable_triangles(model, triangles)
        vertices, corners = np.unique(model.faces[order].reshape(-1), return_inverse=True)
        self.draws = _draws(model, order)
        self._vertices = vertices
        packed = _pack_vertices(rig, vertices)
        self._vertex_buffer = context.buffer(packed.tobytes() or b"\0" * _VERTEX.itemsize)
        self._index_buffer = context.buffer(corners.astype("<u4").tobytes() or b"\0" * 12)
        self._moved = _Moved.nothing(len(vertices))
        self._slot_buffer = context.buffer(self._moved.slots.tobytes() or b"\0" * 8, dynamic=True)
        self.surface = self._vertex_array(programs["surface"], _SURFACE_LAYOUT)
        self.edge = self._vertex_array(programs["edge"], _EDGE_LAYOUT)
        self._sdef = TableTexture(context, max(1, 4 * len(rig.sdef_vertices)))
        self._sdef.write(_sdef_table(rig))
        self._white = upload_picture(context, np.full((1, 1, 4), 255, np.uint8))
        used = {int(model.materials.textures[draw.material]) for draw in self.draws}
        self._textures = {
            index: upload_picture(context, pixels) for index, pixels in textures.items() if index in used
        }
        self._tables = tuple(TableTexture(context, texels=1) for _ in range(3))

    def _vertex_array(self, program: moderngl.Program, layout: tuple[str, str]) -> moderngl.VertexArray:
        formats, names = layout
        # The outline does not look at texture coordinates, and its shader then has no UV slot.
        slots = ("2i4", "in_slots")
        return self._context.vertex_array(
            program,
            [(self._vertex_buffer, formats, *names.split()), (self._slot_buffer, *slots)],
            index_buffer=self._index_buffer,
            index_element_size=4,
        )

    @property
    def table_rows(self) -> tuple[int, int, int]:
        """Texture rows that one pose takes in the bone, morph and UV morph tables."""
        bones, morphs, uv_morphs = self._tables
        return bones.rows, morphs.rows, uv_morphs.rows

    def upload(self, posed: PosedModel, poses: slice) -> None:
        """Bring some poses of a batch to the GPU; the first of them is then drawn with u_pose = 0."""
        moved = self._moved.updated(posed, self._vertices)
        if moved is not self._moved:
            self._moved = moved
            self._slot_buffer.write(moved.slots)
        values = (
            _bone_table(posed.bone_palette[poses], posed.bone_rotations[poses]),
            _slot_table(posed.vertex_offsets[poses]),
            _slot_table(posed.uv_offsets[poses]),
        )
        self._tables = tuple(
            self._fitting(table, new) for table, new in zip(self._tables, values, strict=True)
        )
        for table, new in zip(self._tables, values, strict=True):
            table.write(new)

    def _fitting(self, table: TableTexture, values: Floats) -> TableTexture:
        """The table, or a larger one in its place."""
        if table.holds(values):
            return table
        table.release()
        return TableTexture(self._context, texels=values.shape[1], tables=len(values))

    def bind_tables(self) -> None:
        """Bind bones, morphs, UV morphs and SDEF data to texture units 1 to 4."""
        for unit, table in enumerate((*self._tables, self._sdef), start=1):
            table.use(unit)

    def bind_texture(self, material: int) -> None:
        """Bind a material's texture, or white, to texture unit 0."""
        index = int(self.rig.model.materials.textures[material])
        self._textures.get(index, self._white).use(0)

    def release(self) -> None:
        """Free the GL objects."""
        for resource in (
            self.surface,
            self.edge,
            self._vertex_buffer,
            self._index_buffer,
            self._sdef,
            self._white,
            *self._textures.values(),
            self._slot_buffer,
            *self._tables,
        ):
            resource.release()


def _drawable_triangles(model: Model, wanted: Bools | None) -> NDArray[np.intp]:
    """Triangles that can show, in file order: wanted by the caller and drawn as surfaces."""
    keep = np.zeros(len(model.faces), np.bool_)
    for material, (first, end) in enumerate(model.materials.face_ranges()):
        if not model.materials.flags[material] & (MaterialFlag.POINTS | MaterialFlag.LINES):
            keep[first:end] = True
    if wanted is not None:
        keep &= wanted
    return np.flatnonzero(keep)


def _draws(model: Model, triangles: NDArray[np.intp]) -> tuple[Draw, ...]:
    draws = []
    for material, (first, end) in enumerate(model.materials.face_ranges()):
        begin, stop = np.searchsorted(triangles, (first, end))
        if stop > begin:
            flags = int(model.materials.flags[material])
            draws.append(
                Draw(
                    material=material,
                    first_index=3 * int(begin),
                    index_count=3 * int(stop - begin),
                    double_sided=bool(flags & MaterialFlag.DOUBLE_SIDED),
                    has_edge=bool(flags & MaterialFlag.EDGE),
                )
            )
    return tuple(draws)


@dataclass(frozen=True, slots=True, eq=False)
class _Moved:
    """Which drawn vertices stand in which slot of the morph tables; slot 0 = not moved."""

    vertices: Ints  # as in PosedModel
    uvs: Ints
    slots: Ints  # (drawn vertices, 2): vertex-morph slot, UV-morph slot

    @staticmethod
    def nothing(count: int) -> _Moved:
        none = np.zeros(0, np.int32)
        return _Moved(none, none, np.zeros((count, 2), np.int32))

    def updated(self, posed: PosedModel, drawn: NDArray[np.intp]) -> _Moved:
        """Itself where the poses move the same vertices as before, which is the usual case."""
        if np.array_equal(self.vertices, posed.moved_vertices) and np.array_equal(self.uvs, posed.moved_uvs):
            return self
        numbered = [
            _numbered(moved, len(posed.rig.model.vertices))[drawn]
            for moved in (posed.moved_vertices, posed.moved_uvs)
        ]
        return _Moved(posed.moved_vertices, posed.moved_uvs, np.stack(numbered, axis=1).astype(np.int32))


def _numbered(moved: Ints, count: int) -> Ints:
    slots = np.zeros(count, np.int32)
    slots[moved] = np.arange(1, len(moved) + 1)
    return slots


def _pack_vertices(rig: Rig, vertices: NDArray[np.intp]) -> NDArray[np.void]:
    table = rig.model.vertices
    packed = np.zeros(len(vertices), _VERTEX)
    packed["position"] = table.positions[vertices]
    packed["normal"] = table.normals[vertices]
    packed["uv"] = table.uvs[vertices]
    packed["edge_scale"] = table.edge_scales[vertices]
    bones, weights = rig.skin_bones[vertices], rig.skin_weights[vertices]
    is_linear = ~np.isin(rig.skinning[vertices], (Skinning.SDEF, Skinning.QDEF))
    largest_first = np.argsort(-weights, axis=1, kind="stable")
    largest_first[~is_linear] = np.arange(4)
    packed["bones"] = np.take_along_axis(bones, largest_first, axis=1)
    packed["weights"] = np.take_along_axis(weights, largest_first, axis=1)
    packed["kind"][:, 0] = np.where(is_linear, 0, rig.skinning[vertices])
    sdef_rows = np.zeros(len(table), np.int32)
    sdef_rows[rig.sdef_vertices] = np.arange(len(rig.sdef_vertices))
    packed["kind"][:, 1] = sdef_rows[vertices]
    return packed


def _sdef_table(rig: Rig) -> Floats:
    values = np.zeros((1, max(1, len(rig.sdef_vertices)), 4, 4), np.float32)
    if len(rig.sdef_vertices):
        values[0, :, 0, :3] = rig.sdef_c
        values[0, :, 1, :3] = rig.sdef_c0
        values[0, :, 2, :3] = rig.sdef_c1
    return values.reshape(1, -1, 4)


def _bone_table(bone_palette: Floats, bone_rotations: Floats) -> Floats:
    count, bones = bone_palette.shape[:2]
    values = np.empty((count, bones, 4, 4), np.float32)
    values[:, :, :3] = bone_palette[:, :, :3]
    values[:, :, 3] = bone_rotations
    return values.reshape(count, bones * 4, 4)


def _slot_table(offsets: Floats) -> Floats:
    """Offsets by slot, (poses, 1 + moved, 4); slot 0 is nothing."""
    count, moved, components = offsets.shape
    values = np.zeros((count, 1 + moved, 4), np.float32)
    values[:, 1:, :components] = offsets
    return values
