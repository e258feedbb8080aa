"""Draws posed models offscreen: numpy in, numpy out. The only owner of the GL context."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import TracebackType

import moderngl
import numpy as np
from numpy.typing import NDArray

from mmdgen.errors import RenderError
from mmdgen.images import Image, linear_from_srgb
from mmdgen.model import Bools, Floats
from mmdgen.render.changes import PixelBox, find_change
from mmdgen.render.context import RenderSettings, open_context
from mmdgen.render.framebuffer import OffscreenFramebuffer
from mmdgen.render.geometry import Draw, DrawList
from mmdgen.render.gpu_model import GpuModel
from mmdgen.render.programs import load_program
from mmdgen.render.textures import SKINNING_DEFINES
from mmdgen.rig import PosedModel, Rig
from mmdgen.scene import View

_PROGRAMS: Mapping[str, tuple[str, dict[str, int]]] = {
    "surface": ("surface", {}),
    "opaque": ("surface", {"OPAQUE": 1}),
    "edge": ("edge", {}),
}
_BATCH = 64  # poses whose tables are on the GPU at a time

# Columns of material factors (see MaterialElements).
_DIFFUSE, _AMBIENT, _EDGE_COLOR, _EDGE_SIZE, _TEXTURE = (
    slice(0, 4),
    slice(8, 11),
    slice(11, 15),
    15,
    slice(16, 20),
)


class Renderer:
    """Draws posed models with THA1's shading. Owns one GL context: use it on the thread that made it."""

    def __init__(self, settings: RenderSettings | None = None) -> None:
        self._context = open_context(settings or RenderSettings())
        # Front faces are clockwise in MMD's left-handed space, which clip space does not mirror.
        self._context.front_face = "cw"
        self._programs = {
            name: load_program(self._context, source, SKINNING_DEFINES | defines)
            for name, (source, defines) in _PROGRAMS.items()
        }
        for program in self._programs.values():
            for unit, name in enumerate(("u_bones", "u_morphs", "u_uv_morphs", "u_sdef"), start=1):
                if name in program:
                    program[name] = unit
        self._framebuffers: dict[tuple[int, int], OffscreenFramebuffer] = {}

    @property
    def info(self) -> dict[str, str]:
        """Vendor, renderer and version of the OpenGL driver."""
        info = self._context.info
        return {key: str(info[f"GL_{key.upper()}"]) for key in ("vendor", "renderer", "version")}

    def load(self, rig: Rig, textures: Mapping[int, Image], triangles: Bools | None = None) -> GpuModel:
        """Bring a rig to the GPU.

        Args:
            rig: the rig whose poses will be drawn.
            textures: RGBA pictures by index into `Model.textures`; a material whose texture is not there is
                drawn untextured (white), as MMD does.
            triangles: (triangles,) which to draw at all; None = all.

        Raises:
            RenderError: the model is too large for the driver.
        """
        limit = self._context.info["GL_MAX_TEXTURE_SIZE"]
        bone_count = len(rig.model.bones)
        if bone_count > min(65535, limit * 256):
            raise RenderError(f"{rig.model.source}: {bone_count} bones are more than can be drawn")
        return GpuModel(self._context, self._programs, rig, textures, triangles)

    def render(self, model: GpuModel, posed: PosedModel, view: View) -> NDArray[np.uint8]:
        """Draw one picture for each pose.

        Args:
            model: from `load`.
            posed: poses of that model's rig with one batch axis (N,).
            view: camera, light and picture.

        Returns:
            (N, size, size, 4) uint8, sRGB, top row first, alpha stored as the view says; transparent pixels
            are (0, 0, 0, 0).
        """
        everywhere = PixelBox(0, 0, view.size_px, view.size_px)
        images = np.empty((_pose_count(posed), view.size_px, view.size_px, 4), np.uint8)
        for pose, part in self._parts(model, model.geometry.everything, posed, view, everywhere):
            images[pose] = part
        return images

    def render_changes(
        self, model: GpuModel, posed: PosedModel, view: View, base: PosedModel, base_image: Image
    ) -> NDArray[np.uint8]:
        """The same pictures as `render`, bit for bit, drawing only what differs from another picture.

        Where only vertex morphs differ, as in the expressions of a face, a small part of the picture and of
        the triangles is drawn anew; else all of it.

        Args:
            model: from `load`.
            posed: poses with one batch axis (N,).
            view: camera, light and picture.
            base: one pose, batch axis (1,).
            base_image: its picture, as `render` drew it with the same view.
        """
        change = find_change(base, posed, view)
        if change is None:
            return self.render(model, posed, view)
        images = np.repeat(base_image[None], _pose_count(posed), axis=0)
        box = change.box
        if box.left < box.right and box.top < box.bottom:
            draw_list = model.geometry.restricted(change.triangles)
            for pose, part in self._parts(model, draw_list, posed, view, box):
                images[pose, box.top : box.bottom, box.left : box.right] = part
            draw_list.release()
        return images

    def _parts(
        self, model: GpuModel, draw_list: DrawList, posed: PosedModel, view: View, box: PixelBox
    ) -> Iterator[tuple[int, Image]]:
        """Draw a part of each pose's picture."""
        target = self._framebuffer(view)
        count = _pose_count(posed)
        for first in range(0, count, _BATCH):
            batch = range(first, min(first + _BATCH, count))
            model.upload(posed, slice(batch.start, batch.stop))
            for pose in batch:
                target.begin(box)
                self._draw(model, draw_list, posed, pose, view)
                yield pose, target.read(box, premultiplied=view.premultiplied)

    def _draw(self, model: GpuModel, draw_list: DrawList, posed: PosedModel, pose: int, view: View) -> None:
        materials = _posed_materials(posed, pose)
        self._context.enable_only(moderngl.DEPTH_TEST)
        self._context.blend_func = moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA  # "over", premultiplied
        self._context.depth_func = "<="  # MMD: a later surface at the same depth wins
        model.bind_tables()
        visible = [draw for draw in draw_list.draws if materials[draw.material, 3] > 0.0]
        for name in ("surface", "opaque"):
            self._set_pose(self._programs[name], model, pose, view)
        self._context.cull_face = "back"
        for draw in visible:
            self._draw_surface(model, draw_list, draw, materials[draw.material], posed, pose, view)
        if view.outline_px > 0.0:
            with_edge = [draw for draw in visible if draw.has_edge]
            self._draw_edges(model, draw_list, with_edge, materials, pose, view)

    def _draw_surface(
        self,
        model: GpuModel,
        draw_list: DrawList,
        draw: Draw,
        values: Floats,
        posed: PosedModel,
        pose: int,
        view: View,
    ) -> None:
        name = "opaque" if draw.is_opaque and values[3] >= 1.0 else "surface"
        program = self._programs[name]
        program["u_ambient"] = tuple(values[_AMBIENT] * view.light.ambient)
        program["u_diffuse"] = (*(values[:3] * view.light.directional), values[3])
        program["u_texture_multiply"], program["u_texture_add"] = _texture_factors(posed, pose, draw.material)
        model.bind_texture(draw.material)
        self._switch(moderngl.BLEND, name == "surface")
        self._switch(moderngl.CULL_FACE, not draw.double_sided)
        draw_list.arrays[name].render(moderngl.TRIANGLES, vertices=draw.index_count, first=draw.first_index)

    def _draw_edges(
        self,
        model: GpuModel,
        draw_list: DrawList,
        draws: list[Draw],
        materials: Floats,
        pose: int,
        view: View,
    ) -> None:
        program = self._programs["edge"]
        self._set_pose(program, model, pose, view)
        self._context.cull_face = "front"
        self._context.enable(moderngl.CULL_FACE | moderngl.BLEND)
        for draw in draws:
            values = materials[draw.material]
            color = np.clip(values[_EDGE_COLOR], 0.0, 1.0)
            if color[3] <= 0.0 or values[_EDGE_SIZE] <= 0.0:
                continue
            program["u_edge_color"] = (*linear_from_srgb(color[:3]), color[3])
            program["u_thickness"] = float(values[_EDGE_SIZE]) * view.edge_units
            draw_list.arrays["edge"].render(
                moderngl.TRIANGLES, vertices=draw.index_count, first=draw.first_index
            )

    def _set_pose(self, program: moderngl.Program, model: GpuModel, pose: int, view: View) -> None:
        program["u_clip_from_world"] = tuple(view.camera.clip_from_world().T.ravel())
        program["u_pose"] = pose % _BATCH
        rows = model.table_rows
        program["u_rows"] = rows

    def _switch(self, flag: int, enabled: bool) -> None:
        (self._context.enable if enabled else self._context.disable)(flag)

    def _framebuffer(self, view: View) -> OffscreenFramebuffer:
        key = (view.size_px, view.samples_per_axis)
        if key not in self._framebuffers:
            self._framebuffers[key] = OffscreenFramebuffer(self._context, *key)
        return self._framebuffers[key]

    def close(self) -> None:
        """Free the context and what belongs to it. GpuModels made by this renderer are then dead."""
        for framebuffer in self._framebuffers.values():
            framebuffer.release()
        for program in self._programs.values():
            program.release()
        self._context.release()

    def __enter__(self) -> Renderer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _pose_count(posed: PosedModel) -> int:
    if len(posed.batch_shape) != 1:
        raise RenderError(f"poses to draw need exactly one batch axis, these have {posed.batch_shape}")
    return posed.batch_shape[0]


def _posed_materials(posed: PosedModel, pose: int) -> Floats:
    """The materials' numbers under one pose, (materials, 16): diffuse .. edge size, see MaterialElements."""
    materials = posed.rig.model.materials
    base = np.concatenate(
        [
            materials.diffuse,
            materials.specular,
            materials.specular_powers[:, None],
            materials.ambient,
            materials.edge_colors,
            materials.edge_sizes[:, None],
        ],
        axis=1,
    )
    if posed.material_multiply is None or posed.material_add is None:
        return base
    width = base.shape[1]
    posed_values = base * posed.material_multiply[pose, :, :width] + posed.material_add[pose, :, :width]
    return np.asarray(posed_values, np.float32)


def _texture_factors(
    posed: PosedModel, pose: int, material: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if posed.material_multiply is None or posed.material_add is None:
        return (1.0, 1.0, 1.0, 1.0), (0.0, 0.0, 0.0, 0.0)
    return (
        tuple(posed.material_multiply[pose, material, _TEXTURE]),
        tuple(posed.material_add[pose, material, _TEXTURE]),
    )
