"""One rig on the GPU: its geometry, its textures, and the poses of the current batch."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import moderngl
import numpy as np
from numpy.typing import NDArray

from mmdgen.images import Image
from mmdgen.model import Bools, Floats, Ints
from mmdgen.render.context import make_current
from mmdgen.render.crop import Reach
from mmdgen.render.fitting import fit_pictures
from mmdgen.render.geometry import Geometry
from mmdgen.render.opacity import opaque_triangles
from mmdgen.render.pictures import MaterialPictures
from mmdgen.render.programs import Programs
from mmdgen.render.textures import TableTexture
from mmdgen.rig import PosedModel, Rig
from mmdgen.scene import Shading


class GpuModel:
    """A rig's geometry, textures and current poses in GL objects. Made by `Renderer.load`."""

    def __init__(
        self,
        context: moderngl.Context,
        programs: Programs,
        rig: Rig,
        textures: Mapping[int, Image],
        reach: Reach,
        shading: Shading = Shading.PHONG,
    ) -> None:
        self.rig = rig
        self.shading = shading
        self.reach = reach
        pictures = fit_pictures(rig.model, textures, reach, shading, context.info["GL_MAX_TEXTURE_SIZE"])
        shows = reach.surfaces | reach.edges
        is_opaque = opaque_triangles(rig.model, pictures, shows, with_spheres=shading is Shading.TOON)
        self.context = context
        with ExitStack() as owned:  # so that a model that the driver refuses midway leaves nothing behind
            self.geometry = Geometry(context, programs, rig, reach, is_opaque)
            owned.callback(self.geometry.release)
            self.surfaces, self.edges = self.geometry.surfaces(), self.geometry.edges()
            owned.callback(self._release_lists)
            self._sdef = TableTexture(context, max(1, 4 * len(rig.sdef_vertices)))
            owned.callback(self._sdef.release)
            self._tables = tuple(TableTexture(context, texels=1) for _ in range(3))
            owned.callback(self._release_tables)
            shown = sorted({draw.run.material for draw in self.surfaces.draws})
            self._pictures = MaterialPictures(context, rig.model, pictures, shown, shading)
            owned.callback(self._pictures.release)
            self._owned = owned.pop_all()
        self._sdef.write(_sdef_table(rig))
        self._moved = _Moved.nothing(len(self.geometry.vertices))

    @property
    def table_rows(self) -> tuple[int, int, int]:
        """Texture rows that one pose takes in the bone, morph and UV morph tables."""
        bones, morphs, uv_morphs = self._tables
        return bones.rows, morphs.rows, uv_morphs.rows

    def upload(self, posed: PosedModel, poses: slice | list[int]) -> None:
        """Bring some poses of a batch to the GPU; the first of them is then drawn with u_pose = 0."""
        moved = self._moved.updated(posed, self.geometry.vertices)
        if moved is not self._moved:
            self._moved = moved
            self.geometry.slot_buffer.write(moved.slots)
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

    def bring_forward(self, first: Bools) -> None:
        """Draw some opaque triangles before the others, (triangles of the file,)."""
        self.geometry.sort(first)
        self._release_lists()
        self.surfaces, self.edges = self.geometry.surfaces(), self.geometry.edges()

    def _release_lists(self) -> None:
        self.surfaces.release()
        self.edges.release()

    def _fitting(self, table: TableTexture, values: Floats) -> TableTexture:
        """The table, or a larger one in its place."""
        if table.holds(values):
            return table
        table.release()
        return TableTexture(self.context, texels=values.shape[1], tables=len(values))

    def _release_tables(self) -> None:
        for table in self._tables:
            table.release()

    def bind_tables(self) -> None:
        """Bind bones, morphs, UV morphs and SDEF data to texture units 1 to 4."""
        for unit, table in enumerate((*self._tables, self._sdef), start=1):
            table.use(unit)

    def bind_pictures(self, material: int) -> None:
        """Bind what a material shows, see `MaterialPictures.bind`."""
        self._pictures.bind(material)

    def shows_alike(self, material: int | None, other: int | None) -> bool:
        """Whether two materials bind the same pictures; None binds none."""
        if material is None or other is None:
            return material is other
        return self._pictures.bound(material) == self._pictures.bound(other)

    def sphere_mode(self, material: int) -> int:
        """See `MaterialPictures.sphere_mode`."""
        return self._pictures.sphere_mode(material)

    def release(self) -> None:
        """Free the GL objects."""
        make_current(self.context)
        self._owned.close()


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

    def updated(self, posed: PosedModel, drawn: NDArray[np.integer]) -> _Moved:
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
