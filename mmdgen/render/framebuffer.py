"""The offscreen target: many samples a pixel in 16-bit linear light, and the small encoded picture."""

from __future__ import annotations

import moderngl
import numpy as np
from numpy.typing import NDArray

from mmdgen.errors import RenderError
from mmdgen.images import Image
from mmdgen.render.changes import PixelBox
from mmdgen.render.programs import load_program
from mmdgen.scene import Shading

_RGBA16 = 0x805B

_PART = 0.1  # of the picture, up to which a part is cleared alone


class OffscreenFramebuffer:
    """Where one picture at a time is drawn, always at the same window coordinates.

    Samples are kept premultiplied, 16 bits a channel, on a `samples_per_axis` finer grid, then averaged and
    stored by a shader: linear light is encoded, MMD's gamma-space colours (`Shading.TOON`) are kept. Reusing
    one target makes every picture independent of the batch it was drawn in.
    """

    def __init__(
        self, context: moderngl.Context, size_px: int, samples_per_axis: int, shading: Shading
    ) -> None:
        side = size_px * samples_per_axis
        limit = min(context.info["GL_MAX_TEXTURE_SIZE"], context.info["GL_MAX_RENDERBUFFER_SIZE"])
        if side > limit:
            raise RenderError(
                f"{size_px} px with {samples_per_axis**2} samples per pixel needs a {side} px target, "
                f"this driver allows {limit}: use fewer samples"
            )
        self.size_px = size_px
        self.samples_per_axis = samples_per_axis
        self._context = context
        self._samples = context.texture((side, side), 4, dtype="nu2", internal_format=_RGBA16)
        self._samples.filter = (moderngl.LINEAR, moderngl.LINEAR)
        self._depth = context.depth_renderbuffer((side, side))
        self._target = context.framebuffer([self._samples], self._depth)
        self._numbers: moderngl.Framebuffer | None = None
        self._picture = context.renderbuffer((size_px, size_px), 4)
        self._small = context.framebuffer([self._picture])
        defines = {"SAMPLES_PER_AXIS": samples_per_axis, "LINEAR": int(shading is Shading.PHONG)}
        self._program = load_program(context, "resolve", defines)
        self._program["u_height"] = size_px
        self._triangle = context.vertex_array(self._program, [])

    def begin(self, box: PixelBox) -> None:
        """Clear a part to transparent black; what is drawn next shows only there."""
        self._clear(self._target, box)

    def read(self, box: PixelBox, *, premultiplied: bool) -> Image:
        """That part of the finished picture, (rows, columns, 4) uint8, top row first."""
        width, height = box.right - box.left, box.bottom - box.top
        self._small.use()
        self._small.scissor = viewport = (box.left, box.top, width, height)
        self._context.disable(moderngl.BLEND | moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        self._program["u_premultiplied"] = premultiplied
        self._samples.use(0)
        self._triangle.render(moderngl.TRIANGLES, vertices=3)
        pixels = self._small.read(viewport=viewport, components=4, alignment=4)
        return np.frombuffer(pixels, np.uint8).reshape(height, width, 4)

    def begin_numbers(self, box: PixelBox) -> None:
        """Like `begin`, for one number at each sample instead of a colour."""
        if self._numbers is None:
            side = self.size_px * self.samples_per_axis
            numbers = self._context.texture((side, side), 1, dtype="f4")
            self._numbers = self._context.framebuffer([numbers], self._depth)
        self._clear(self._numbers, box)

    def read_numbers(self, box: PixelBox) -> NDArray[np.intp]:
        """The numbers that were drawn in a part, 0 where none was; (sample rows, sample columns)."""
        assert self._numbers is not None
        viewport = self._samples_of(box)
        data = self._numbers.read(viewport=viewport, components=1, dtype="f4")
        return np.frombuffer(data, np.float32).reshape(viewport[3], viewport[2]).astype(np.intp)

    def _clear(self, target: moderngl.Framebuffer, box: PixelBox) -> None:
        target.use()
        # Mesa's software driver clears a whole target ten times faster than a large part of it.
        whole = PixelBox(0, 0, self.size_px, self.size_px)
        target.scissor = self._samples_of(box if box.area < _PART * whole.area else whole)
        target.clear(0.0, 0.0, 0.0, 0.0, depth=1.0)
        target.scissor = self._samples_of(box)

    def _samples_of(self, box: PixelBox) -> tuple[int, int, int, int]:
        """Left, bottom, width and height of a box in samples, whose rows count from the bottom."""
        scale = self.samples_per_axis
        return (
            box.left * scale,
            (self.size_px - box.bottom) * scale,
            (box.right - box.left) * scale,
            (box.bottom - box.top) * scale,
        )

    def release(self) -> None:
        """Free the GL objects."""
        if self._numbers is not None:
            self._numbers.color_attachments[0].release()
            self._numbers.release()
        for resource in (
            self._triangle,
            self._program,
            self._target,
            self._samples,
            self._depth,
            self._small,
            self._picture,
        ):
            resource.release()
