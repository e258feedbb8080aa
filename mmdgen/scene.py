"""Where the camera stands, how the light falls, how large the picture is.

Everything is in raw MMD axes: the camera looks along +Z at the face, the viewer's right is +X. Only this
module uses pyrr, for the camera matrix, with float input (pyrr turns integers into zeros).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import pyrr
from numpy.typing import NDArray

from mmdgen.errors import RenderError


@dataclass(frozen=True, slots=True)
class Framing:
    """The canvas, and where the head stands on it. The default is THA1's: rows 64 to 191 of 256."""

    size_px: int = 256
    head_height_px: float = 128.0
    head_center_px: tuple[float, float] = (128.0, 128.0)  # column, row of the middle between chin and top


@dataclass(frozen=True, slots=True)
class Camera:
    """An orthographic camera in front of the face, looking along +Z."""

    left: float  # model x of the picture's left border, MMD units
    right: float
    bottom: float  # model y of the lower border
    top: float
    near: float  # model z of the near plane; smaller z is nearer to the viewer
    far: float

    def __post_init__(self) -> None:
        if not (self.left < self.right and self.bottom < self.top and self.near < self.far):
            raise RenderError(f"the camera sees nothing: {self}")

    def clip_from_world(self) -> NDArray[np.float32]:
        """Matrix from model space to OpenGL clip space, (4, 4), for column vectors.

        OpenGL's clip space is left-handed like MMD's space (x right, y up, z away from the viewer), so
        nothing is mirrored. pyrr assumes a camera that looks along -Z and row vectors: hence the swapped
        signs of near and far, and the transpose.
        """
        matrix = pyrr.matrix44.create_orthogonal_projection(
            float(self.left),
            float(self.right),
            float(self.bottom),
            float(self.top),
            -float(self.near),
            -float(self.far),
        )
        return np.asarray(matrix.T, np.float32)


@dataclass(frozen=True, slots=True)
class Light:
    """THA1's two white lights: ambient, and one directional light from the viewer (travels along +Z)."""

    ambient: float = 0.5
    directional: float = 0.5


class Shading(StrEnum):
    """How surfaces are lit."""

    PHONG = "phong"  # THA1: ambient and frontal light in linear light
    TOON = "toon"  # MikuMikuDance's own look, in gamma space, under its own light


# MMD's light, which `Shading.TOON` always uses: grey 154, from the front, above and the character's left.
MMD_LIGHT_COLOR = 154.0 / 255.0
MMD_TO_LIGHT = (0.5 / 1.5**0.5, 1.0 / 1.5**0.5, -0.5 / 1.5**0.5)


@dataclass(frozen=True, slots=True)
class View:
    """All that decides a picture apart from the posed model."""

    camera: Camera
    light: Light = Light()
    size_px: int = 256
    samples_per_axis: int = 4  # 4 is a grid of 16 samples per pixel
    outline_px: float = 0.5  # edge thickness of an edge size of 1, in pixels at 256; 0 = no outline
    premultiplied: bool = True  # stored colour: sRGB(alpha x linear colour) as THA1, else straight
    shading: Shading = Shading.PHONG

    def with_depth_range(self, depth_range: tuple[float, float] | None) -> View:
        """The same view with another near and far plane; None changes nothing."""
        if depth_range is None:
            return self
        return replace(self, camera=replace(self.camera, near=depth_range[0], far=depth_range[1]))

    @property
    def edge_units(self) -> float:
        """Edge thickness of an edge size of 1, MMD units."""
        return self.outline_px * (self.camera.top - self.camera.bottom) / 256.0


def frame_head(
    head_bottom: float,
    head_top: float,
    center_x: float = 0.0,
    *,
    framing: Framing = Framing(),
    depth_range: tuple[float, float] = (-100.0, 100.0),
) -> Camera:
    """The camera that puts chin and head top where the framing wants them (tha1: the middle 128 rows).

    Args:
        head_bottom: y of the chin tip, MMD units.
        head_top: y of the top of the skull.
        center_x: x of the middle of the head.
        framing: the canvas.
        depth_range: z of the nearest and farthest thing that may be drawn.

    Raises:
        RenderError: the head has no height.
    """
    if not head_top > head_bottom:
        raise RenderError(f"the head's top ({head_top:g}) is not above its bottom ({head_bottom:g})")
    units_per_px = (head_top - head_bottom) / framing.head_height_px
    column, row = framing.head_center_px
    left = center_x - column * units_per_px
    top = (head_top + head_bottom) / 2 + row * units_per_px
    side = framing.size_px * units_per_px
    return Camera(
        left=left, right=left + side, bottom=top - side, top=top, near=depth_range[0], far=depth_range[1]
    )
