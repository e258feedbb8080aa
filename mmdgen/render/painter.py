"""Draws the triangles of one posed model into the current target, with the programs in shaders/."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import moderngl
import numpy as np

from mmdgen.images import linear_from_srgb
from mmdgen.render.geometry import SURFACE_PROGRAMS, Draw, DrawList
from mmdgen.render.gpu_model import GpuModel
from mmdgen.render.materials import PosedMaterials
from mmdgen.render.pictures import RAMP_UNIT, SPHERE_UNIT, TEXTURE_UNIT
from mmdgen.render.programs import Programs
from mmdgen.render.textures import SKINNING_DEFINES
from mmdgen.scene import MMD_LIGHT_COLOR, MMD_TO_LIGHT, Shading, View

_RECIPES: Mapping[str, tuple[str, Mapping[str, int]]] = {
    "surface": ("surface", SKINNING_DEFINES),
    "surface_plain": ("surface", SKINNING_DEFINES | {"PLAIN": 1}),
    "opaque": ("surface", SKINNING_DEFINES | {"OPAQUE": 1}),
    "opaque_plain": ("surface", SKINNING_DEFINES | {"OPAQUE": 1, "PLAIN": 1}),
    "toon": ("toon", SKINNING_DEFINES),
    "toon_plain": ("toon", SKINNING_DEFINES | {"PLAIN": 1}),
    "toon_opaque": ("toon", SKINNING_DEFINES | {"OPAQUE": 1}),
    "toon_opaque_plain": ("toon", SKINNING_DEFINES | {"OPAQUE": 1, "PLAIN": 1}),
    "edge": ("edge", SKINNING_DEFINES | {"EDGE": 1}),
    "maps": ("maps", SKINNING_DEFINES),
    "flat": ("flat", SKINNING_DEFINES),
    "flat_edge": ("flat", SKINNING_DEFINES | {"EDGE": 1}),
    "identify": ("identify", SKINNING_DEFINES),
    "identify_edge": ("identify", SKINNING_DEFINES | {"EDGE": 1}),
}
_USUAL = ("surface_plain", "opaque_plain", "edge", "identify", "identify_edge")
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
        self.programs = Programs(context, _RECIPES, _UNITS)
        for name in _USUAL:  # a driver that refuses shaders is found out before the first model
            self.programs.get(name, linear_skinning=True)
        self._shared: dict[str, object] = {}  # uniforms of all programs
        self._ready: set[int] = set()  # numbers of the programs that know them, in this picture

    def begin_batch(self, model: GpuModel, view: View) -> None:
        """Set what all poses of an uploaded batch share."""
        matrix = tuple(view.camera.clip_from_world().T.ravel())
        self._shared = {"u_clip_from_world": matrix, "u_rows": model.table_rows}

    def paint(self, model: GpuModel, calls: Sequence[DrawCall], slot: int) -> None:
        """Draw what `plan` says, of the pose in a slot of the batch."""
        self._begin(model, slot)
        self._context.blend_func = moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA  # "over", premultiplied
        for call in calls:
            array = self._array(call.draw_list, call.program, call.is_linear)
            program = array.program
            for name, value in call.uniforms:
                program[name] = value
            if call.material is not None:
                model.bind_pictures(call.material)
            self._context.cull_face = call.culled
            self._switch(moderngl.BLEND, call.is_blended)
            self._switch(moderngl.CULL_FACE, not call.double_sided)
            array.render(moderngl.TRIANGLES, vertices=call.index_count, first=call.first_index)

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
        for draw in _visible(surfaces, materials):
            array = self._array(surfaces, "maps", draw.run.is_linear)
            program = array.program
            program["u_base_pose"] = base_slot
            program["u_size"] = size_px
            program["u_alpha"] = materials.diffuse[draw.run.material, 3]
            model.bind_pictures(draw.run.material)
            self._switch(moderngl.CULL_FACE, not draw.run.double_sided)
            array.render(moderngl.TRIANGLES, vertices=draw.index_count, first=draw.first_index)

    def begin_numbers(self, model: GpuModel, slot: int, *, earliest: bool = False) -> None:
        """Get ready for `number_surfaces` and `number_edges` of the pose in a slot.

        Of triangles at the same depth the last is kept, as in pictures, or the `earliest`.
        """
        self._begin(model, slot)
        if earliest:
            self._context.depth_func = "<"

    def number_surfaces(self, surfaces: DrawList, draw: Draw) -> None:
        """Draw a run's triangles as their numbers in the list, from 1 on."""
        self._context.cull_face = "back"
        self._switch(moderngl.CULL_FACE, not draw.run.double_sided)
        array = self._array(surfaces, "identify", draw.run.is_linear)
        array.program["u_first_number"] = 1 + draw.first_index // 3
        array.render(moderngl.TRIANGLES, vertices=draw.index_count, first=draw.first_index)

    def number_edges(self, edges: DrawList, materials: PosedMaterials, first: int, view: View) -> None:
        """Draw outlines as numbers from `first` on."""
        self._context.cull_face = "front"
        self._context.enable(moderngl.CULL_FACE)
        for draw in _outlined(edges, materials):
            array = self._array(edges, "identify_edge", draw.run.is_linear)
            array.program["u_thickness"] = _thickness(draw, materials, view)
            array.program["u_first_number"] = first + draw.first_index // 3
            array.render(moderngl.TRIANGLES, vertices=draw.index_count, first=draw.first_index)

    def _begin(self, model: GpuModel, slot: int) -> None:
        self._context.enable_only(moderngl.DEPTH_TEST)
        self._context.depth_func = "<="  # MMD: a later surface at the same depth wins
        self._shared["u_pose"] = slot
        self._ready.clear()
        model.bind_tables()

    def _array(self, draw_list: DrawList, name: str, is_linear: bool) -> moderngl.VertexArray:
        """What draws a list with the program of that name, made ready for this picture."""
        array = draw_list.array(name, linear_skinning=is_linear)
        if array.program.glo not in self._ready:
            self._ready.add(array.program.glo)
            for uniform, value in self._shared.items():
                array.program[uniform] = value
        return array

    def _switch(self, flag: int, enabled: bool) -> None:
        (self._context.enable if enabled else self._context.disable)(flag)

    def release(self) -> None:
        """Free the GL objects."""
        self.programs.release()


@dataclass(frozen=True, slots=True, eq=False)
class DrawCall:
    """Triangles that one call draws."""

    draw_list: DrawList
    program: str
    is_linear: bool  # see `Run`
    uniforms: tuple[tuple[str, object], ...]
    material: int | None  # whose pictures are bound; None: none needed
    is_blended: bool
    culled: str  # "back" or "front"
    double_sided: bool
    first_index: int
    index_count: int

    def takes_in(self, other: DrawCall) -> bool:
        """Whether the other's triangles follow, and differ in nothing."""
        return (
            self.draw_list is other.draw_list
            and self.first_index + self.index_count == other.first_index
            and self.program == other.program
            and self.is_linear == other.is_linear
            and self.is_blended == other.is_blended
            and self.double_sided == other.double_sided
            and self.uniforms == other.uniforms
        )


def plan(
    model: GpuModel, surfaces: DrawList, edges: DrawList, materials: PosedMaterials, view: View
) -> list[DrawCall]:
    """The calls that draw surfaces, then outlines: in the order of the lists, as few as do."""
    calls = [_surface_call(model, surfaces, draw, materials, view) for draw in _visible(surfaces, materials)]
    if view.outline_px > 0.0:
        calls += [_edge_call(edges, draw, materials, view) for draw in _outlined(edges, materials)]
    merged: list[DrawCall] = []
    for call in calls:
        if merged and merged[-1].takes_in(call) and model.shows_alike(merged[-1].material, call.material):
            count = merged[-1].index_count + call.index_count
            merged[-1] = replace(merged[-1], index_count=count)
        else:
            merged.append(call)
    return merged


def flat_plan(calls: Sequence[DrawCall]) -> list[DrawCall]:
    """The same triangles in one flat colour: no texture, light or blending."""
    return [_flat_call(call) for call in calls]


def _flat_call(call: DrawCall) -> DrawCall:
    is_edge = call.program == "edge"
    return replace(
        call,
        program="flat_edge" if is_edge else "flat",
        uniforms=tuple(item for item in call.uniforms if item[0] == "u_thickness"),
        material=None,
        is_blended=False,
    )


def _surface_call(
    model: GpuModel, surfaces: DrawList, draw: Draw, materials: PosedMaterials, view: View
) -> DrawCall:
    material = draw.run.material
    opaque = draw.run.is_opaque and bool(materials.diffuse[material, 3] >= 1.0)
    blended_name, opaque_name = SURFACE_PROGRAMS[view.shading]
    if view.shading is Shading.PHONG:
        uniforms = _phong_uniforms(materials, material, view)
    else:
        uniforms = _toon_uniforms(materials, material, model.sphere_mode(material))
    if not materials.has_plain_pictures:
        uniforms += _factors(materials, material, view.shading)
    return DrawCall(
        draw_list=surfaces,
        program=(opaque_name if opaque else blended_name) + "_plain" * materials.has_plain_pictures,
        is_linear=draw.run.is_linear,
        uniforms=uniforms,
        material=material,
        is_blended=not opaque,
        culled="back",
        double_sided=draw.run.double_sided,
        first_index=draw.first_index,
        index_count=draw.index_count,
    )


def _edge_call(edges: DrawList, draw: Draw, materials: PosedMaterials, view: View) -> DrawCall:
    color = np.clip(materials.edge_colors[draw.run.material], 0.0, 1.0)
    visible = linear_from_srgb(color[:3]) if view.shading is Shading.PHONG else color[:3]
    return DrawCall(
        draw_list=edges,
        program="edge",
        is_linear=draw.run.is_linear,
        uniforms=(
            ("u_edge_color", (*visible.tolist(), float(color[3]))),
            ("u_thickness", _thickness(draw, materials, view)),
        ),
        material=None,
        is_blended=bool(color[3] < 1.0),
        culled="front",
        double_sided=False,
        first_index=draw.first_index,
        index_count=draw.index_count,
    )


_Uniforms = tuple[tuple[str, object], ...]


def _phong_uniforms(materials: PosedMaterials, material: int, view: View) -> _Uniforms:
    diffuse = materials.diffuse[material]
    ambient = materials.ambient[material] * view.light.ambient
    directional = diffuse[:3] * view.light.directional
    return ("u_ambient", tuple(ambient.tolist())), (
        "u_diffuse",
        (*directional.tolist(), float(diffuse[3])),
    )


def _toon_uniforms(materials: PosedMaterials, material: int, sphere_mode: int) -> _Uniforms:
    diffuse = materials.diffuse[material]
    base = np.clip(diffuse[:3] * MMD_LIGHT_COLOR + materials.ambient[material], 0.0, 1.0)
    specular = materials.specular[material] * MMD_LIGHT_COLOR
    return (
        ("u_base", (*base.tolist(), float(diffuse[3]))),
        ("u_specular", (*specular.tolist(), float(materials.specular_powers[material]))),
        ("u_to_light", MMD_TO_LIGHT),
        ("u_sphere_mode", sphere_mode),
    )


def _factors(materials: PosedMaterials, material: int, shading: Shading) -> _Uniforms:
    """What material morphs do to the pictures of a material."""
    kinds = ("texture", "sphere", "ramp") if shading is Shading.TOON else ("texture",)
    names = [f"{kind}_{way}" for kind in kinds for way in ("multiply", "add")]
    return tuple((f"u_{name}", tuple(getattr(materials, name)[material].tolist())) for name in names)


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
