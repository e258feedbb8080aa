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
        ("slots", "<i4", 4),
        ("edge_scale", "<f4"),
    ]
)
_SURFACE_LAYOUT = ("3f4 3f4 2f4 4u2 4f4 4i4 4x4", "in_position in_normal in_uv in_bones in_weights in_slots")
_EDGE_LAYOUT = (
    "3f4 3f4 8x 4u2 4f4 4i4 1f4",
    "in_position in_normal in_bones in_weights in_slots in_edge_scale",
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
        self._morph_slots, self._uv_slots = _morph_slots(rig, vertices)
        packed = _pack_vertices(rig, vertices, self._morph_slots, self._uv_slots)
        self._vertex_buffer = context.buffer(packed.tobytes() or b"\0" * _VERTEX.itemsize)
        self._index_buffer = context.buffer(corners.astype("<u4").tobytes() or b"\0" * 12)
        self.surface = self._vertex_array(programs["surface"], _SURFACE_LAYOUT)
        self.edge = self._vertex_array(programs["edge"], _EDGE_LAYOUT)
        self._sdef = TableTexture(context, max(1, 4 * len(rig.sdef_vertices)))
        self._sdef.write(_sdef_table(rig))
        self._white = upload_picture(context, np.full((1, 1, 4), 255, np.uint8))
        used = {int(model.materials.textures[draw.material]) for draw in self.draws}
        self._textures = {
            index: upload_picture(context, pixels) for index, pixels in textures.items() if index in used
        }
        self._tables: tuple[TableTexture, TableTexture, TableTexture] | None = None

    def _vertex_array(self, program: moderngl.Program, layout: tuple[str, str]) -> moderngl.VertexArray:
        formats, names = layout
        return self._context.vertex_array(
            program,
            [(self._vertex_buffer, formats, *names.split())],
            index_buffer=self._index_buffer,
            index_element_size=4,
        )

    @property
    def table_rows(self) -> tuple[int, int, int]:
        """Texture rows that one pose takes in the bone, morph and UV morph tables."""
        assert self._tables is not None
        return self._tables[0].rows, self._tables[1].rows, self._tables[2].rows

    def upload(self, posed: PosedModel) -> None:
        """Bring a batch of poses (one leading axis) to the GPU; pose i is then drawn with u_pose = i."""
        count = len(posed.bone_palette)
        if self._tables is None or self._tables[0].tables < count:
            self._resize(count)
        assert self._tables is not None
        bones, morphs, uv_morphs = self._tables
        bones.write(_bone_table(posed))
        morphs.write(_scatter(self._morph_slots, posed.moved_vertices, posed.vertex_offsets))
        uv_morphs.write(_scatter(self._uv_slots, posed.moved_uvs, posed.uv_offsets))

    def _resize(self, tables: int) -> None:
        for table in self._tables or ():
            table.release()
        self._tables = (
            TableTexture(self._context, 4 * len(self.rig.model.bones), tables),
            TableTexture(self._context, 1 + int(self._morph_slots.max(initial=0)), tables),
            TableTexture(self._context, 1 + int(self._uv_slots.max(initial=0)), tables),
        )

    def bind_tables(self) -> None:
        """Bind bones, morphs, UV morphs and SDEF data to texture units 1 to 4."""
        assert self._tables is not None
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
            *(self._tables or ()),
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


def _morph_slots(rig: Rig, vertices: NDArray[np.intp]) -> tuple[Ints, Ints]:
    """Slot of each file vertex in the morph and UV morph tables; 0 = no morph ever moves it, or not drawn."""
    is_drawn = np.zeros(len(rig.model.vertices), np.bool_)
    is_drawn[vertices] = True
    return _numbered(rig.morphed_vertices, is_drawn), _numbered(rig.morphed_uvs, is_drawn)


def _numbered(candidates: Ints, is_drawn: Bools) -> Ints:
    slots = np.zeros(len(is_drawn), np.int32)
    drawn = candidates[is_drawn[candidates]]
    slots[drawn] = np.arange(1, len(drawn) + 1)
    return slots


def _pack_vertices(
    rig: Rig, vertices: NDArray[np.intp], morph_slots: Ints, uv_slots: Ints
) -> NDArray[np.void]:
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
    slots = packed["slots"]
    slots[:, 0] = np.where(is_linear, 0, rig.skinning[vertices])
    slots[:, 1] = morph_slots[vertices]
    slots[:, 2] = uv_slots[vertices]
    sdef_slots = np.zeros(len(table), np.int32)
    sdef_slots[rig.sdef_vertices] = np.arange(len(rig.sdef_vertices))
    slots[:, 3] = sdef_slots[vertices]
    return packed


def _sdef_table(rig: Rig) -> Floats:
    values = np.zeros((1, max(1, len(rig.sdef_vertices)), 4, 4), np.float32)
    if len(rig.sdef_vertices):
        values[0, :, 0, :3] = rig.sdef_c
        values[0, :, 1, :3] = rig.sdef_c0
        values[0, :, 2, :3] = rig.sdef_c1
    return values.reshape(1, -1, 4)


def _bone_table(posed: PosedModel) -> Floats:
    count, bones = posed.bone_palette.shape[:2]
    values = np.empty((count, bones, 4, 4), np.float32)
    values[:, :, :3] = posed.bone_palette[:, :, :3]
    values[:, :, 3] = posed.bone_rotations
    return values.reshape(count, bones * 4, 4)


def _scatter(slots: Ints, indices: Ints, offsets: Floats) -> Floats:
    """Offsets of the moved vertices at their slots, (poses, slots, 4)."""
    values = np.zeros((len(offsets), 1 + int(slots.max(initial=0)), 4), np.float32)
    at = slots[indices]
    values[:, at[at > 0], : offsets.shape[-1]] = offsets[:, at > 0]
    return values
