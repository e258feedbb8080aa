"""Draws the triangles of one posed model into the current target, with the programs in shaders/."""

from __future__ import annotations

from collections.abc import Mapping

import moderngl
import numpy as np

from mmdgen.images import linear_from_srgb
from mmdgen.render.geometry import SURFACE_PROGRAMS, Draw, DrawList
from mmdgen.render.gpu_model import GpuModel
from mmdgen.render.materials import PosedMaterials
from mmdgen.render.pictures import RAMP_UNIT, SPHERE_UNIT, TEXTURE_UNIT
from mmdgen.render.programs import load_program
from mmdgen.render.textures import SKINNING_DEFINES
from mmdgen.scene import MMD_LIGHT_COLOR, MMD_TO_LIGHT, Shading, View

_PROGRAMS: Mapping[str, tuple[str, dict[str, int]]] = {
    "surface": ("surface", {}),
    "opaque": ("surface", {"OPAQUE": 1}),
    "toon": ("toon", {}),
    "toon_opaque": ("toon", {"OPAQUE": 1}),
    "edge": ("edge", {}),
    "maps": ("maps", {}),
    "identify": ("identify", {}),
    "identify_edge": ("identify", {"EDGE": 1}),
}
_UNITS = {
    "u_texture": TEXTURE_UNIT,
    "u_bones": 1,
    "u_morphs": 2,
    "u_uv_morphs": 3,
    "u_sdef": 4,
    "u_sphere": SPHERE_UNIT,
    "u_ramp": RAMP_UNIT,
}


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
            for name, unit in _UNITS.items():
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
            for draw in _outlined(edges, materials):
                self._paint_edge(edges, draw, materials, view)

    def paint_maps(
        self,
        model: GpuModel,
        surfaces: DrawList,
        materials: PosedMaterials,
        slot: int,
        base_slot: int,
        size_px: int,
    ) -> None:
        """Draw normals, depth and flow from the pose in `base_slot`."""
        self._begin(model, slot)
        self._context.cull_face = "back"
        program = self.programs["maps"]
        program["u_base_pose"] = base_slot
        program["u_size"] = size_px
        for draw in _visible(surfaces, materials):
            program["u_alpha"] = materials.diffuse[draw.run.material, 3]
            model.bind_pictures(draw.run.material)
            self._switch(moderngl.CULL_FACE, not draw.run.double_sided)
            _render(surfaces, "maps", draw)

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
        for draw in _outlined(edges, materials):
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
        opaque = draw.run.is_opaque and bool(materials.diffuse[material, 3] >= 1.0)
        blended_name, opaque_name, *_ = SURFACE_PROGRAMS[view.shading]
        name = opaque_name if opaque else blended_name
        program = self.programs[name]
        program["u_texture_multiply"] = tuple(materials.texture_multiply[material])
        program["u_texture_add"] = tuple(materials.texture_add[material])
        if view.shading is Shading.PHONG:
            _set_phong(program, materials, material, view)
        else:
            _set_toon(program, materials, material, model.sphere_mode(material))
        model.bind_pictures(material)
        self._switch(moderngl.BLEND, not opaque)
        self._switch(moderngl.CULL_FACE, not draw.run.double_sided)
        _render(surfaces, name, draw)

    def _paint_edge(self, edges: DrawList, draw: Draw, materials: PosedMaterials, view: View) -> None:
        color = np.clip(materials.edge_colors[draw.run.material], 0.0, 1.0)
        program = self.programs["edge"]
        visible = linear_from_srgb(color[:3]) if view.shading is Shading.PHONG else color[:3]
        program["u_edge_color"] = (*visible, color[3])
        program["u_thickness"] = _thickness(draw, materials, view)
        _render(edges, "edge", draw)

    def _switch(self, flag: int, enabled: bool) -> None:
        (self._context.enable if enabled else self._context.disable)(flag)

    def release(self) -> None:
        """Free the GL objects."""
        for program in self.programs.values():
            program.release()


def _set_phong(program: moderngl.Program, materials: PosedMaterials, material: int, view: View) -> None:
    diffuse = materials.diffuse[material]
    program["u_ambient"] = tuple(materials.ambient[material] * view.light.ambient)
    program["u_diffuse"] = (*(diffuse[:3] * view.light.directional), diffuse[3])


def _set_toon(program: moderngl.Program, materials: PosedMaterials, material: int, sphere_mode: int) -> None:
    diffuse = materials.diffuse[material]
    base = np.clip(diffuse[:3] * MMD_LIGHT_COLOR + materials.ambient[material], 0.0, 1.0)
    program["u_base"] = (*base, diffuse[3])
    specular = materials.specular[material] * MMD_LIGHT_COLOR
    program["u_specular"] = (*specular, materials.specular_powers[material])
    program["u_to_light"] = MMD_TO_LIGHT
    program["u_sphere_mode"] = sphere_mode
    program["u_sphere_multiply"] = tuple(materials.sphere_multiply[material])
    program["u_sphere_add"] = tuple(materials.sphere_add[material])
    program["u_ramp_multiply"] = tuple(materials.ramp_multiply[material])
    program["u_ramp_add"] = tuple(materials.ramp_add[material])


def _visible(draw_list: DrawList, materials: PosedMaterials) -> list[Draw]:
    return [draw for draw in draw_list.draws if materials.diffuse[draw.run.material, 3] > 0.0]


def _outlined(edges: DrawList, materials: PosedMaterials) -> list[Draw]:
    """Those whose outline has a size and a colour: the others are not drawn, and so hide nothing."""
    return [
        draw
        for draw in _visible(edges, materials)
        if materials.edge_sizes[draw.run.material] > 0.0 and materials.edge_colors[draw.run.material, 3] > 0.0
    ]


def _thickness(draw: Draw, materials: PosedMaterials, view: View) -> float:
    return float(materials.edge_sizes[draw.run.material]) * view.edge_units


def _render(draw_list: DrawList, name: str, draw: Draw) -> None:
    draw_list.arrays[name].render(moderngl.TRIANGLES, vertices=draw.index_count, first=draw.first_index)
