"""Which triangles can ever enter the picture: the others need not be drawn."""

from __future__ import annotations

import numpy as np

from mmdgen.model import Bools
from mmdgen.rig import PosedModel, skin_vertices
from mmdgen.scene import Camera

_MARGIN = 0.05  # of the picture's side: between two extreme poses a point moves on an arc, not on the chord


def reachable_triangles(extremes: PosedModel, camera: Camera) -> Bools:
    """Triangles that enter the picture in a pose between the given ones.

    Args:
        extremes: poses at the limits of what will be drawn, with one batch axis.
        camera: the picture.

    Returns:
        (triangles,) True where the box around a triangle in all the poses meets the picture. Rotations up to
        30 degrees apart leave the box by less than the margin of 5 % of the picture.
    """
    positions, _ = skin_vertices(extremes)
    low, high = positions[..., :2].min(axis=0), positions[..., :2].max(axis=0)
    faces = extremes.rig.model.faces
    first, last = low[faces].min(axis=1), high[faces].max(axis=1)
    margin = _MARGIN * (camera.top - camera.bottom)
    return np.asarray(
        (last[:, 0] > camera.left - margin)
        & (first[:, 0] < camera.right + margin)
        & (last[:, 1] > camera.bottom - margin)
        & (first[:, 1] < camera.top + margin)
    )
