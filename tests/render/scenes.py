"""Flat models in front of a 16 px camera, one pixel a unit, for the renderer's tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mmdgen.images import Image
from mmdgen.model import MaterialFlag, Model
from mmdgen.pose import Pose
from mmdgen.render import Renderer
from mmdgen.rig import build_rig
from mmdgen.scene import Camera, View
from tests.builders import MaterialSpec, build_model, material, vertex

VIEW = View(Camera(-8.0, 8.0, -8.0, 8.0, -50.0, 50.0), size_px=16, outline_px=0.0)
FRONT = (0.0, 0.0, -1.0)  # towards the viewer


def quads(
    *rectangles: tuple[float, float, float, float, float],
    materials: Sequence[MaterialSpec] | None = None,
    normal: Sequence[float] = FRONT,
    **settings: object,
) -> Model:
    """Rectangles (left, bottom, right, top, z) that face the viewer, one material each."""
    vertices, faces = [], []
    for left, bottom, right, top, z in rectangles:
        first = len(vertices)
        corners = ((left, top, 0, 0), (right, top, 1, 0), (right, bottom, 1, 1), (left, bottom, 0, 1))
        vertices += [vertex((x, y, z), normal=normal, uv=(u, v)) for x, y, u, v in corners]
        faces += [(first, first + 1, first + 2), (first, first + 2, first + 3)]  # clockwise for the viewer
    specs = materials or [material(f"材質{row}") for row in range(len(rectangles))]
    return build_model(
        vertices=vertices,
        faces=faces,
        materials=[replace(spec, triangles=2) for spec in specs],
        **settings,  # type: ignore[arg-type]
    )


def draw(
    renderer: Renderer,
    model: Model,
    view: View = VIEW,
    textures: Mapping[int, Image] | None = None,
    pose: Pose | None = None,
) -> NDArray[np.uint8]:
    """The picture of a model in one pose, the rest pose if none is given."""
    rig = build_rig(model)
    gpu_model = renderer.load(rig, textures or {}, shading=view.shading)
    try:
        return renderer.render(gpu_model, rig.pose(pose or Pose.rest(model, (1,))), view)[0]
    finally:
        gpu_model.release()


def plain(color: Sequence[float], **settings: object) -> MaterialSpec:
    """A material that shows `color` (linear RGBA) under the default light, whatever its normals."""
    return material(
        "無地",
        diffuse=(0.0, 0.0, 0.0, color[3]),
        ambient=tuple(2.0 * value for value in color[:3]),
        **settings,
    )


DOUBLE_SIDED = int(MaterialFlag.DOUBLE_SIDED)
EDGE = int(MaterialFlag.EDGE)
