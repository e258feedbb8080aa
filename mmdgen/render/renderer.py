"""Draws posed models offscreen: numpy in, numpy out. The only owner of the GL context."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from mmdgen.errors import RenderError
from mmdgen.images import Image
from mmdgen.render.changes import PixelBox
from mmdgen.render.context import RenderSettings, make_current, open_context
from mmdgen.render.crop import Reach, everything
from mmdgen.render.framebuffer import OffscreenFramebuffer
from mmdgen.render.geometry import DrawList
from mmdgen.render.gpu_model import GpuModel
from mmdgen.render.maps import MapFramebuffer, Maps
from mmdgen.render.materials import posed_materials
from mmdgen.render.painter import DrawCall, Painter, flat_plan, plan
from mmdgen.render.redraw import Redraw
from mmdgen.render.textures import BONE_TEXELS, ROW_TEXELS
from mmdgen.rig import PosedModel, Rig
from mmdgen.scene import Shading, View
from mmdgen.stopwatch import is_measuring, timed

_MOST_BONES = 65536  # that a vertex can tell apart, 16 bits each
_BATCH = 64  # poses whose tables are on the GPU at a time


class Renderer:
    """Draws posed models. Owns one GL context: use it on the thread that made it."""

    def __init__(self, settings: RenderSettings | None = None) -> None:
        self._context = open_context(settings or RenderSettings())
        try:
            self._painter = Painter(self._context)
        except RenderError:
            self._context.release()
            raise
        self._map_framebuffers: dict[int, MapFramebuffer] = {}
        self._framebuffers: dict[tuple[int, int, Shading], OffscreenFramebuffer] = {}

    @property
    def info(self) -> dict[str, str]:
        """Vendor, renderer and version of the OpenGL driver."""
        info = self._context.info
        return {key: str(info[f"GL_{key.upper()}"]) for key in ("vendor", "renderer", "version")}

    def load(
        self,
        rig: Rig,
        textures: Mapping[int, Image],
        reach: Reach | None = None,
        shading: Shading = Shading.PHONG,
    ) -> GpuModel:
        """Bring a rig to the GPU.

        Args:
            rig: the rig whose poses will be drawn.
            textures: RGBA pictures by index into `Model.textures`; a material whose texture is not there is
                drawn untextured (white), as MMD does.
            reach: what to draw at all, from `find_reach`; None = everything.
            shading: how it will be lit; toon shading needs sphere maps and toon ramps among the textures.

        Raises:
            RenderError: the model is too large for the driver.
        """
        make_current(self._context)
        limit = self._context.info["GL_MAX_TEXTURE_SIZE"]
        bone_count = len(rig.model.bones)
        if bone_count > min(_MOST_BONES, limit * (ROW_TEXELS // BONE_TEXELS)):
            raise RenderError(f"{rig.model.source}: {bone_count} bones are more than can be drawn")
        if reach is None:
            reach = everything(rig.model)
        return GpuModel(self._context, self._painter.programs, rig, textures, reach, shading)

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
        images = np.zeros((_pose_count(posed), view.size_px, view.size_px, 4), np.uint8)
        box = _reached_box(model.reach, view)
        if not box.is_empty:
            parts = self.draw_parts(model, model.surfaces, model.edges, posed, view, box)
            for pose, part in parts:
                images[pose, box.top : box.bottom, box.left : box.right] = part
        return images

    def bring_forward(self, model: GpuModel, base: PosedModel, view: View) -> None:
        """Let a model's opaque triangles that are seen in one pose be drawn before those that are not.

        The depth test then spares most of the others, in that pose and in poses near to it. Of surfaces in
        one plane the later one goes on showing.

        Args:
            model: from `load`; what was prepared with it before is of no use any more.
            base: one pose, batch axis (1,).
            view: camera and picture.
        """
        make_current(self._context)
        few = replace(view, samples_per_axis=min(2, view.samples_per_axis), outline_px=0.0)
        first = np.zeros_like(model.geometry.in_opaque_run)
        with ExitStack() as owned:
            opaque, none = model.geometry.surfaces(model.geometry.in_opaque_run), model.geometry.edges(first)
            owned.callback(opaque.release)
            owned.callback(none.release)
            box = _reached_box(model.reach, few)
            seen, _ = self.seen_triangles(model, opaque, none, [], base, few, box, earliest=True)
            first[opaque.triangles[seen]] = True
        model.bring_forward(first)

    def redraw(self, model: GpuModel, base: PosedModel, extremes: PosedModel, view: View) -> Redraw:
        """Prepare to draw many expressions of a face: bit for bit as `render`, several times faster.

        Args:
            model: from `load`.
            base: one pose, batch axis (1,), whose picture is mostly right for all of them.
            extremes: poses with one batch axis whose vertex offsets enclose those that will be drawn.
            view: camera, light and picture.
        """
        make_current(self._context)
        return Redraw(self, model, view, base, extremes)

    def render_maps(self, model: GpuModel, posed: PosedModel, view: View) -> Maps:
        """Depth, normals and flow for each pose but the first, which is the base of the flow.

        Args:
            model: from `load`.
            posed: poses with one batch axis (1 + N,).
            view: camera and size.
        """
        make_current(self._context)
        count, size = _pose_count(posed) - 1, view.size_px
        target = self._map_framebuffers.get(size) or MapFramebuffer(self._context, size)
        self._map_framebuffers[size] = target
        surface = np.empty((count, size, size, 4), np.float32)
        flow = np.empty_like(surface)
        for first in range(0, count, _BATCH):
            batch = range(first, min(first + _BATCH, count))
            model.upload(posed, [0, *(1 + pose for pose in batch)])
            self._painter.begin_batch(model, view)
            for slot, pose in enumerate(batch, start=1):
                target.begin()
                materials = posed_materials(posed, 1 + pose)
                self._painter.paint_maps(model, model.surfaces, materials, slot, 0, size)
                surface[pose], flow[pose] = target.read()
        return Maps(
            is_covered=flow[..., 3] > 0.5, depth=surface[..., 3], normals=surface[..., :3], flow=flow[..., :2]
        )

    def draw_parts(
        self,
        model: GpuModel,
        surfaces: DrawList,
        edges: DrawList,
        posed: PosedModel,
        view: View,
        box: PixelBox,
    ) -> Iterator[tuple[int, Image]]:
        """Draw some triangles of each pose and give a part of the picture: (pose, (rows, columns, 4))."""
        if model.shading is not view.shading:
            raise RenderError(f"a model loaded for {model.shading} shading cannot be drawn as {view.shading}")
        make_current(self._context)
        target = self._framebuffer(view)
        count = _pose_count(posed)
        calls: list[DrawCall] = []
        for first in range(0, count, _BATCH):
            batch = range(first, min(first + _BATCH, count))
            with timed("draw"):
                model.upload(posed, slice(batch.start, batch.stop))
                self._painter.begin_batch(model, view)
            for slot, pose in enumerate(batch):
                if not calls or posed.material_multiply is not None:
                    calls = plan(model, surfaces, edges, posed_materials(posed, pose), view)
                with timed("draw"):
                    target.begin(box)
                    self._painter.paint(model, calls, slot)
                    if is_measuring():  # else a software driver draws while it is read
                        self._context.finish()
                with timed("read"):
                    part = target.read(box, premultiplied=view.premultiplied)
                yield pose, part

    def draw_flat(self, model: GpuModel, posed: PosedModel, view: View) -> None:
        """Draw whole pictures in one flat colour and read nothing back: the least that drawing can cost.

        Args:
            model: from `load`.
            posed: poses of that model's rig with one batch axis (N,).
            view: camera and picture.
        """
        make_current(self._context)
        target, box = self._framebuffer(view), _reached_box(model.reach, view)
        for pose in range(_pose_count(posed)):
            materials = posed_materials(posed, pose)
            model.upload(posed, slice(pose, pose + 1))
            self._painter.begin_batch(model, view)
            target.begin(box)
            calls = flat_plan(plan(model, model.surfaces, model.edges, materials, view))
            self._painter.paint(model, calls, 0)
            self._context.finish()

    def seen_triangles(
        self,
        model: GpuModel,
        surfaces: DrawList,
        edges: DrawList,
        blended: Sequence[int],
        posed: PosedModel,
        view: View,
        box: PixelBox,
        *,
        earliest: bool = False,
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Which triangles of opaque lists may be seen at some sample of the box.

        MMD: a blended surface hides what is drawn behind it later, and what it covered before shines through.
        So all that is seen at the place of a blended run counts, not only what is seen in the end.

        Args:
            model: from `load`.
            surfaces: opaque surfaces.
            edges: opaque outlines.
            blended: places of blended runs among them, ascending.
            posed: one pose, batch axis (1,).
            view: camera and picture.
            box: the part of the picture.
            earliest: of several at the same depth count the first, not the last, which is what shows.

        Returns:
            Rows of `surfaces.triangles` and of `edges.triangles`.
        """
        if box.is_empty:
            return np.zeros(0, np.intp), np.zeros(0, np.intp)
        make_current(self._context)
        target = self._framebuffer(view)
        model.upload(posed, slice(0, 1))
        self._painter.begin_batch(model, view)
        target.begin_numbers(box)
        self._painter.begin_numbers(model, 0, earliest=earliest)
        first_edge = 1 + len(surfaces.triangles)
        is_seen = np.zeros(first_edge + len(edges.triangles), np.bool_)
        last = -1
        for draw in surfaces.draws:
            if any(last < place < draw.place for place in blended):
                is_seen[target.read_numbers(box)] = True
            self._painter.number_surfaces(surfaces, draw)
            last = draw.place
        is_seen[target.read_numbers(box)] = True
        if view.outline_px > 0.0:
            self._painter.number_edges(edges, posed_materials(posed, 0), first_edge, view)
            is_seen[target.read_numbers(box)] = True
        return np.flatnonzero(is_seen[1:first_edge]), np.flatnonzero(is_seen[first_edge:])

    def _framebuffer(self, view: View) -> OffscreenFramebuffer:
        key = (view.size_px, view.samples_per_axis, view.shading)
        if key not in self._framebuffers:
            self._framebuffers[key] = OffscreenFramebuffer(self._context, *key)
        return self._framebuffers[key]

    def close(self) -> None:
        """Free the context and what belongs to it. GpuModels made by this renderer are then dead."""
        make_current(self._context)
        for framebuffer in self._framebuffers.values():
            framebuffer.release()
        for map_framebuffer in self._map_framebuffers.values():
            map_framebuffer.release()
        self._painter.release()
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


def _reached_box(reach: Reach, view: View) -> PixelBox:
    if reach.rectangle is None:
        return PixelBox(0, 0, view.size_px, view.size_px)
    left, bottom, right, top = reach.rectangle
    return PixelBox.around((left, bottom), (right, top), view)


def _pose_count(posed: PosedModel) -> int:
    if len(posed.batch_shape) != 1:
        raise RenderError(f"poses to draw need exactly one batch axis, these have {posed.batch_shape}")
    return posed.batch_shape[0]
