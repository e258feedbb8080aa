"""Pictures and tables of numbers as OpenGL textures."""

from __future__ import annotations

import moderngl
import numpy as np
from numpy.typing import NDArray

from mmdgen.images import Image, linear_from_srgb

ROW_SHIFT = 10
BONE_TEXELS = 4
ROW_TEXELS = 1 << ROW_SHIFT  # width of table textures: OpenGL 3.3 promises no more than 1024

# What shaders/skinning.glsl has to know of the tables.
SKINNING_DEFINES = {"ROW_TEXELS": ROW_TEXELS, "ROW_SHIFT": ROW_SHIFT}

_RGBA16 = 0x805B
_LINEAR = np.round(linear_from_srgb(np.arange(256) / 255.0) * 65535.0).astype(np.uint32)
_EVEN = np.arange(256, dtype=np.uint32) * 257  # alpha is linear as it stands
_LINEAR_RED_GREEN = (_LINEAR[:, None] << 16 | _LINEAR).ravel()  # by a pair of bytes, the second one high
_LINEAR_BLUE_ALPHA = (_EVEN[:, None] << 16 | _LINEAR).ravel()


def upload_picture(context: moderngl.Context, pixels: Image, *, decode: bool) -> moderngl.Texture:
    """A picture that repeats at its borders. It has no mipmaps: see `fitting`.

    Args:
        context: where to upload.
        pixels: (height, width, 4) uint8, sRGB, top row first. Row 0 becomes v = 0, as MMD's UVs want it.
        decode: whether colours are decoded to linear light when sampled; alpha is kept as it is.
    """
    height, width = pixels.shape[:2]
    if decode:
        # Software drivers decode sRGB texels at each read of each sample; 16 bits hold them decoded.
        linear = linear_levels(pixels)
        texture = context.texture((width, height), 4, linear.data, dtype="nu2", internal_format=_RGBA16)
    else:
        texture = context.texture((width, height), 4, np.ascontiguousarray(pixels).data)
    texture.filter = (moderngl.LINEAR, moderngl.LINEAR)
    return texture


def linear_levels(pixels: Image) -> NDArray[np.uint16]:
    """The same picture in linear light, (height, width, 4), 0 to 65535."""
    pairs = np.ascontiguousarray(pixels).view("<u2")  # red and green, blue and alpha: half the look-ups
    levels = np.empty(pairs.shape, "<u4")
    levels[..., 0] = _LINEAR_RED_GREEN[pairs[..., 0]]
    levels[..., 1] = _LINEAR_BLUE_ALPHA[pairs[..., 1]]
    return levels.view(np.uint16)


def upload_ramp(context: moderngl.Context, pixels: Image) -> moderngl.Texture:
    """A toon ramp: not decoded, no mipmaps, clamped at its borders as in MMD."""
    height, width = pixels.shape[:2]
    texture = context.texture((width, height), 4, np.ascontiguousarray(pixels).data)
    texture.filter = (moderngl.LINEAR, moderngl.LINEAR)
    texture.repeat_x = texture.repeat_y = False
    return texture


class TableTexture:
    """A batch of tables of float vectors that shaders read by number: `rows` texture rows for each table."""

    def __init__(self, context: moderngl.Context, texels: int, tables: int = 1) -> None:
        self.rows = max(1, -(-texels // ROW_TEXELS))
        self.tables = tables
        self._texture = context.texture((ROW_TEXELS, self.rows * tables), 4, dtype="f4")
        self._texture.filter = (moderngl.NEAREST, moderngl.NEAREST)

    def holds(self, values: NDArray[np.float32]) -> bool:
        """Whether tables of this shape fit."""
        count, texels, _ = values.shape
        return bool(count <= self.tables and -(-texels // ROW_TEXELS) == self.rows)

    def write(self, values: NDArray[np.float32]) -> None:
        """Replace the first tables, (n, texels, 4); they must fit, see `holds`."""
        count, texels, _ = values.shape
        padded = np.zeros((count, self.rows * ROW_TEXELS, 4), np.float32)
        padded[:, :texels] = values
        self._texture.write(padded, viewport=(0, 0, ROW_TEXELS, self.rows * count))

    def use(self, location: int) -> None:
        """Bind to a texture unit."""
        self._texture.use(location)

    def release(self) -> None:
        """Free the GL object."""
        self._texture.release()
