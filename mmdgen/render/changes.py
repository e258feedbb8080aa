"""The part of a picture that a change of the face can reach, so that only it is drawn again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmdgen.model import Bools, Floats
from mmdgen.rig import PosedModel
from mmdgen.scene import View

_SLACK = 1e-5  # MMD units: rounding of sums of offsets


@dataclass(frozen=True, slots=True)
class PixelBox:
    """A rectangle of pixels; rows count from the top, ends are not included."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def around(cls, low: Sequence[float], high: Sequence[float], view: View) -> PixelBox:
        """The pixels that a rectangle of model space (x, y) touches, and one more on each side."""
        camera, size = view.camera, view.size_px
        scale = size / (camera.top - camera.bottom)
        left, right = ((x - camera.left) * scale for x in (low[0], high[0]))
        top, bottom = ((camera.top - y) * scale for y in (high[1], low[1]))
        first = np.clip(np.floor([left, top]) - 1, 0, size).astype(int)
        last = np.maximum(np.clip(np.ceil([right, bottom]) + 1, 0, size).astype(int), first)
        return cls(int(first[0]), int(first[1]), int(last[0]), int(last[1]))

    @property
    def area(self) -> int:
        """How many pixels lie in it."""
        return max(0, self.right - self.left) * max(0, self.bottom - self.top)

    @property
    def is_empty(self) -> bool:
        """Whether no pixel lies in it."""
        return self.area == 0


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """Where pictures can differ, and which triangles of the file matter there."""

    box: PixelBox
    triangles: Bools  # (triangles,), those that may show in the box
    moved: Bools  # (triangles,), those that some morph moves


def find_change(base: PosedModel, posed: PosedModel, view: View) -> Change | None:
    """Where pictures of `posed` (N,) can differ from the picture of `base` (1,).

    None where more than vertex morphs is at work (bones, texture coordinates, materials), so that whole
    pictures are needed.
    """
    if not _only_vertices_move(base, posed):
        return None
    lows, highs = _vertex_boxes(base, posed)
    faces = base.rig.model.faces
    thickness = _edge_thickness(base, view)
    low, high = lows[faces].min(axis=1) - thickness, highs[faces].max(axis=1) + thickness
    is_moved = np.zeros(len(lows), np.bool_)
    is_moved[base.moved_vertices] = True
    is_moved[posed.moved_vertices] = True
    moved = np.asarray(is_moved[faces].any(axis=1))
    if not moved.any():
        return Change(PixelBox(0, 0, 0, 0), moved, moved)
    box = PixelBox.around(low[moved].min(axis=0).tolist(), high[moved].max(axis=0).tolist(), view)
    return Change(box, _meets(low, high, box, view), moved)


def is_within(posed: PosedModel, extremes: PosedModel) -> bool:
    """Whether poses only move vertices, and those no farther than the extremes do."""
    if not _only_vertices_move(extremes, posed):
        return False
    rows = np.searchsorted(extremes.moved_vertices, posed.moved_vertices)
    known = extremes.moved_vertices
    if len(rows) and (rows.max() >= len(known) or (known[rows] != posed.moved_vertices).any()):
        return False
    low = np.minimum(extremes.vertex_offsets.min(axis=0), 0.0)[rows] - _SLACK
    high = np.maximum(extremes.vertex_offsets.max(axis=0), 0.0)[rows] + _SLACK
    return bool(((posed.vertex_offsets >= low) & (posed.vertex_offsets <= high)).all())


def _only_vertices_move(base: PosedModel, posed: PosedModel) -> bool:
    at_rest = all(bool((palette == np.eye(4)).all()) for palette in (base.bone_palette, posed.bone_palette))
    others = (base.material_multiply, posed.material_multiply)
    no_uvs = not len(base.moved_uvs) and not len(posed.moved_uvs)
    return at_rest and no_uvs and all(factors is None for factors in others)


def _vertex_boxes(base: PosedModel, posed: PosedModel) -> tuple[Floats, Floats]:
    """Lowest and highest x, y that each vertex takes in any of the poses, each (vertices, 2)."""
    lows = np.array(base.rig.model.vertices.positions[:, :2])
    highs = lows.copy()
    for moving in (base, posed):
        at = moving.moved_vertices
        rest = moving.rig.model.vertices.positions[at, :2]
        lows[at] = np.minimum(lows[at], rest + moving.vertex_offsets[..., :2].min(axis=0))
        highs[at] = np.maximum(highs[at], rest + moving.vertex_offsets[..., :2].max(axis=0))
    return lows, highs


def _edge_thickness(posed: PosedModel, view: View) -> float:
    """How far an outline can reach beyond its surface, MMD units."""
    model = posed.rig.model
    largest_scale = float(np.abs(model.vertices.edge_scales).max(initial=0.0))  # below zero: inwards
    return float(model.materials.edge_sizes.max(initial=0.0)) * largest_scale * view.edge_units


def _meets(low: Floats, high: Floats, box: PixelBox, view: View) -> Bools:
    """Which boxes of model space, each (n, 2), meet the pixels."""
    camera = view.camera
    pixel = (camera.top - camera.bottom) / view.size_px
    left, right = camera.left + box.left * pixel, camera.left + box.right * pixel
    top, bottom = camera.top - box.top * pixel, camera.top - box.bottom * pixel
    return np.asarray(
        (high[:, 0] >= left - pixel)
        & (low[:, 0] <= right + pixel)
        & (high[:, 1] >= bottom - pixel)
        & (low[:, 1] <= top + pixel)
    )
