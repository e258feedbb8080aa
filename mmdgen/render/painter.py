"""Draws the triangles of one posed model into the current target, with the programs in shaders/."""

from __future__ import annotations

from collections.abc import Mapping

import moderngl
import numpy as np

from mmdgen.images import linear_from_srgb
from mmdgen.render.geometry import Draw, DrawList
from mmdgen.render.gpu_model import GpuModel
from mmdgen.render.materials import PosedMaterials
from mmdgen.render.programs import load_program
from mmdgen.render.textures import SKINNING_DEFINES
from mmdgen.scene import View

_PROGRAMS: Mapping[str, tuple[str, dict[str, int]]] = {
    "surface": ("surface", {}),
    "opaque": ("surface", {"OPAQUE": 1}),
    "edge": ("edge", {}),
    "identify": ("identify", {}),
    "identify_edge": ("identify", {"EDGE": 1}),
}
_TABLE_UNITS = {"u_bones": 1, "u_morphs": 2, "u_uv_morphs": 3, "u_sdef": 4}


class Painter:
    """The shader programs of one context, and how they are used."""

    def __init__(self, context: moderngl.Context) -> None:
        self._context = context
        # Front faces are clockwise in MMD's left-handed space, which clip space does not mirror.
        context.front_face = "cw"
        self.programs = {
            name: load_program(context, source, SKINNING_DEFINES | defines)
            for name, (source, defines) in _PROGRAMS.items()
        }
        for program in self.programs.values():
            for name, unit in _TABLE_UNITS.items():
                if name in program:
                    program[name] = unit

    def begin_batch(self, model: GpuModel, view: View) -> None:
        """Set what all poses of an uploaded batch share."""
        matrix = tuple(view.camera.clip_from_world().T.ravel())
        for program in self.programs.values():
            program["u_clip_from_world"] = matrix
            program["u_rows"] = model.table_rows

    def paint(
        self,
        model: GpuModel,
        surfaces: DrawList,
        edges: DrawList,
        materials: PosedMaterials,
        slot: int,
        view: View,
    ) -> None:
        """Draw surfaces, then outlines, of the pose in a slot of the batch."""
        self._begin(model, slot)
        self._context.blend_func = moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA  # "over", premultiplied
        self._context.cull_face = "back"
        for draw in _visible(surfaces, materials):
            self._paint_surface(model, surfaces, draw, materials, view)
        if view.outline_px > 0.0:
            self._context.cull_face = "front"
            self._context.enable(moderngl.CULL_FACE | moderngl.BLEND)
            for draw in _visible(edges, materials):
                self._paint_edge(edges, draw, materials, view)

    def begin_numbers(self, model: GpuModel, slot: int) -> None:
        """Get ready for `number_surfaces` and `number_edges` of the pose in a slot."""
        self._begin(model, slot)

    def number_surfaces(self, surfaces: DrawList, draw: Draw) -> None:
        """Draw a run's triangles as their numbers in the list, from 1 on."""
        self._context.cull_face = "back"
        self._switch(moderngl.CULL_FACE, not draw.run.double_sided)
        self.programs["identify"]["u_first_number"] = 1 + draw.first_index // 3
        _render(surfaces, "identify", draw)

    def number_edges(self, edges: DrawList, materials: PosedMaterials, first: int, view: View) -> None:
        """Draw outlines as numbers from `first` on."""
        self._context.cull_face = "front"
        self._context.enable(moderngl.CULL_FACE)
        program = self.programs["identify_edge"]
        for draw in _visible(edges, materials):
            program["u_thickness"] = _thickness(draw, materials, view)
            program["u_first_number"] = first + draw.first_index // 3
            _render(edges, "identify_edge", draw)

    def _begin(self, model: GpuModel, slot: int) -> None:
        self._context.enable_only(moderngl.DEPTH_TEST)
        self._context.depth_func = "<="  # MMD: a later surface at the same depth wins
        for program in self.programs.values():
            program["u_pose"] = slot
        model.bind_tables()

    def _paint_surface(
        self, model: GpuModel, surfaces: DrawList, draw: Draw, materials: PosedMaterials, view: View
    ) -> None:
        material = draw.run.material
        diffuse = materials.diffuse[material]
        name = "opaque" if draw.run.is_opaque and diffuse[3] >= 1.0 else "surface"
        program = self.programs[name]
        program["u_ambient"] = tuple(materials.ambient[material] * view.light.ambient)
        program["u_diffuse"] = (*(diffuse[:3] * view.light.directional), diffuse[3])
        program["u_texture_multiply"] = tuple(materials.texture_multiply[material])
        program["u_texture_add"] = tuple(materials.texture_add[material])
        model.bind_texture(material)
        self._switch(moderngl.BLEND, name == "surface")
        self._switch(moderngl.CULL_FACE, not draw.run.double_sided)
        _render(surfaces, name, draw)

    def _paint_edge(self, edges: DrawList, draw: Draw, materials: PosedMaterials, view: View) -> None:
        color = np.clip(materials.edge_colors[draw.run.material], 0.0, 1.0)
        thickness = _thickness(draw, materials, view)
        if color[3] <= 0.0 or thickness <= 0.0:
            return
        program = self.programs["edge"]
        program["u_edge_color"] = (*linear_from_srgb(color[:3]), color[3])
        program["u_thickness"] = thickness
        _render(edges, "edge", draw)

    def _switch(self, flag: int, enabled: bool) -> None:
        (self._context.enable if enabled else self._context.disable)(flag)

    def release(self) -> None:
        """Free the GL objects."""
        for program in self.programs.values():
            program.release()


def _visible(draw_list: DrawList, materials: PosedMaterials) -> list[Draw]:
    return [draw for draw in draw_list.draws if materials.diffuse[draw.run.material, 3] > 0.0]


def _thickness(draw: Draw, materials: PosedMaterials, view: View) -> float:
    return float(materials.edge_sizes[draw.run.material]) * view.edge_units


def _render(draw_list: DrawList, name: str, draw: Draw) -> None:
    draw_list.arrays[name].render(moderngl.TRIANGLES, vertices=draw.index_count, first=draw.first_index)
