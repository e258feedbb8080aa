"""Pictures of numbers: what stands at each pixel, how it is turned, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass

import moderngl
import numpy as np
from numpy.typing import NDArray

from mmdgen.errors import RenderError
from mmdgen.model import Bools, Floats


@dataclass(frozen=True, slots=True, eq=False)
class Maps:
    """What stands at the centre of each pixel of some pictures, top row first; zeros where nothing does.

    Flow leads back to a base picture: what stands at pixel p here stands at p + flow(p) there, so that the
    base picture read at p + flow(p) gives this picture wherever the base shows the same surface.
    """

    is_covered: Bools  # (N, size, size)
    depth: Floats  # (N, size, size), MMD z: smaller is nearer to the viewer
    normals: Floats  # (N, size, size, 3), unit vectors in raw MMD axes: (0, 0, -1) faces the viewer
    flow: Floats  # (N, size, size, 2), pixels to the right and down


class MapFramebuffer:
    """Where maps are drawn: one sample at the centre of each pixel."""

    def __init__(self, context: moderngl.Context, size_px: int) -> None:
        if size_px > min(context.info["GL_MAX_TEXTURE_SIZE"], context.info["GL_MAX_RENDERBUFFER_SIZE"]):
            raise RenderError(f"this driver cannot draw maps of {size_px} px")
        self.size_px = size_px
        self._layers = [context.texture((size_px, size_px), 4, dtype="f4") for _ in range(2)]
        self._depth = context.depth_renderbuffer((size_px, size_px))
        self._target = context.framebuffer(self._layers, self._depth)

    def begin(self) -> None:
        """Clear, and make this the target of what is drawn next."""
        self._target.use()
        self._target.clear(0.0, 0.0, 0.0, 0.0, depth=1.0)

    def read(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Surface and flow layers, each (size, size, 4), top row first."""
        layers = [
            np.frombuffer(self._target.read(components=4, attachment=number, dtype="f4"), np.float32)
            for number in range(2)
        ]
        surface, flow = (layer.reshape(self.size_px, self.size_px, 4)[::-1] for layer in layers)
        return surface, flow

    def release(self) -> None:
        """Free the GL objects."""
        self._target.release()
        self._depth.release()
        for layer in self._layers:
            layer.release()
