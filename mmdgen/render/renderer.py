"""Draws posed models offscreen: numpy in, numpy out. The only owner of the GL context."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

import moderngl
import numpy as np
from numpy.typing import NDArray

from mmdgen.errors import RenderError
from mmdgen.images import Image, linear_from_srgb
from mmdgen.model import Bools, Floats
from mmdgen.render.context import RenderSettings, open_context
from mmdgen.render.framebuffer import OffscreenFramebuffer
from mmdgen.render.gpu_model import SKINNING_DEFINES, Draw, GpuModel
from mmdgen.render.programs import load_program
from mmdgen.rig import PosedModel, Rig
from mmdgen.scene import View

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
            name: load_program(self._context, name, SKINNING_DEFINES) for name in ("surface", "edge")
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
        if posed.bone_palette.ndim != 4:
            raise RenderError("poses to draw need exactly one batch axis")
        images = np.empty((len(posed.bone_palette), view.size_px, view.size_px, 4), np.uint8)
        for first in range(0, len(images), _BATCH):
            batch = slice(first, min(first + _BATCH, len(images)))
            model.upload(posed, batch)
            for pose in range(batch.start, batch.stop):
                images[pose] = self._draw(model, posed, pose, view)
        return images

    def _draw(self, model: GpuModel, posed: PosedModel, pose: int, view: View) -> Image:
        target = self._framebuffer(view)
        target.begin()
        materials = _posed_materials(posed, pose)
        self._context.enable_only(moderngl.BLEND | moderngl.DEPTH_TEST)
        self._context.blend_func = moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA  # "over", premultiplied
        self._context.depth_func = "<="  # MMD: a later surface at the same depth wins
        model.bind_tables()
        visible = [draw for draw in model.draws if materials[draw.material, 3] > 0.0]
        self._draw_surfaces(model, visible, materials, posed, pose, view)
        if view.outline_px > 0.0:
            self._draw_edges(model, [draw for draw in visible if draw.has_edge], materials, pose, view)
        return target.read(premultiplied=view.premultiplied)

    def _draw_surfaces(
        self,
        model: GpuModel,
        draws: list[Draw],
        materials: Floats,
        posed: PosedModel,
        pose: int,
        view: View,
    ) -> None:
        program = self._programs["surface"]
        self._set_pose(program, model, pose, view)
        self._context.cull_face = "back"
        for draw in draws:
            values = materials[draw.material]
            program["u_ambient"] = tuple(values[_AMBIENT] * view.light.ambient)
            program["u_diffuse"] = (*(values[:3] * view.light.directional), values[3])
            multiply, add = _texture_factors(posed, pose, draw.material)
            program["u_texture_multiply"] = multiply
            program["u_texture_add"] = add
            model.bind_texture(draw.material)
            self._cull(not draw.double_sided)
            model.surface.render(moderngl.TRIANGLES, vertices=draw.index_count, first=draw.first_index)

    def _draw_edges(
        self, model: GpuModel, draws: list[Draw], materials: Floats, pose: int, view: View
    ) -> None:
        program = self._programs["edge"]
        self._set_pose(program, model, pose, view)
        self._context.cull_face = "front"
        self._cull(True)
        units_per_px = (view.camera.top - view.camera.bottom) / 256.0  # outline_px is meant at 256 px
        for draw in draws:
            values = materials[draw.material]
            color = np.clip(values[_EDGE_COLOR], 0.0, 1.0)
            if color[3] <= 0.0 or values[_EDGE_SIZE] <= 0.0:
                continue
            program["u_edge_color"] = (*linear_from_srgb(color[:3]), color[3])
            program["u_thickness"] = float(values[_EDGE_SIZE]) * view.outline_px * units_per_px
            model.edge.render(moderngl.TRIANGLES, vertices=draw.index_count, first=draw.first_index)

    def _set_pose(self, program: moderngl.Program, model: GpuModel, pose: int, view: View) -> None:
        program["u_clip_from_world"].write(np.ascontiguousarray(view.camera.clip_from_world().T))
        program["u_pose"] = pose % _BATCH
        rows = model.table_rows
        program["u_rows"] = rows

    def _cull(self, enabled: bool) -> None:
        (self._context.enable if enabled else self._context.disable)(moderngl.CULL_FACE)

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
