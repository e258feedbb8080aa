"""What of a model can ever enter the picture: nothing else need be drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mmdgen.model import Bools
from mmdgen.rig import PosedModel, skin_vertices
from mmdgen.scene import Camera

_MARGIN = 0.05  # of the picture's side: between two extreme poses a point moves on an arc, not on the chord


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """The part of a model that some pose may show."""

    triangles: Bools  # (triangles of the file,)
    camera: Camera  # the given one, its depth range drawn close around those triangles


def find_reach(extremes: PosedModel, camera: Camera) -> Reach:
    """Find what poses between the given ones may show.

    A triangle counts if the box around it in all the poses meets the picture. Rotations up to 30 degrees
    apart leave that box by less than the margin of 5 % of the picture.

    Args:
        extremes: poses at the limits of what will be drawn, with one batch axis.
        camera: the picture; its own depth range does not matter.
    """
    positions, _ = skin_vertices(extremes)
    low, high = positions.min(axis=0), positions.max(axis=0)
    faces = extremes.rig.model.faces
    first, last = low[faces].min(axis=1), high[faces].max(axis=1)
    margin = _MARGIN * (camera.top - camera.bottom)
    inside = np.asarray(
        (last[:, 0] > camera.left - margin)
        & (first[:, 0] < camera.right + margin)
        & (last[:, 1] > camera.bottom - margin)
        & (first[:, 1] < camera.top + margin)
    )
    if not inside.any():
        return Reach(inside, camera)
    near, far = float(first[inside, 2].min()), float(last[inside, 2].max())
    slack = margin + 0.1 * (far - near)
    return Reach(inside, replace(camera, near=near - slack, far=far + slack))
