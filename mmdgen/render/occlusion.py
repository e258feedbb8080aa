"""Which triangles of a posed model are surely hidden, judged by a picture of the others.

A triangle may be left out of a picture, without any sample of it changing, if behind each pixel that its
bounding box touches every sample shows an opaque surface that lies before the whole triangle: such a surface
erases what was drawn there earlier, and lets nothing farther pass later. MMD: blended surfaces write depth
too, and hide opaque ones that are drawn after them. So pixels that a blended triangle may touch hide nothing.

This needs no knowledge of how the picture of the others came about, only its depths: pictures drawn with a
guess of what is seen are proved right, or the guess is made larger.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmdgen.model import Bools, Floats, Ints, Skinning
from mmdgen.rig import PosedModel, Rig
from mmdgen.scene import View

_SAME = 1e-6  # largest difference between the elements of two bone matrices that count as one
_SLACK_PX = 0.05  # pixels by which positions here may differ from the driver's
_WIDEST_PX = 8  # triangles that touch more pixels in a row or column are never hidden


@dataclass(frozen=True, slots=True, eq=False)
class Shapes:
    """Triangles that are drawn with one offset: surfaces, or outlines.

    Attributes:
        corners: rows of the drawn vertices, (3, triangles).
        is_opaque: (triangles,).
        reach: how far a triangle may stand out from its corners, MMD units, (triangles,).
        never: (triangles,), those that cannot be judged.
    """

    corners: NDArray[np.intp]
    is_opaque: Bools
    reach: Floats
    never: Bools


class Posing:
    """Where a batch of poses puts the drawn vertices of a rig, quickly.

    Bones that move alike are one: under poses of a head few different motions are left, and nearly every
    vertex hangs on one of them alone.

    Attributes:
        is_exact: (vertices,), False for those that need more than linear skinning.
    """

    def __init__(self, rig: Rig, vertices: NDArray[np.integer], posed: PosedModel) -> None:
        self._posed = posed
        bones, weights = rig.skin_bones[vertices], rig.skin_weights[vertices]
        bones = np.where(weights > 0.0, bones, bones[:, :1])
        motion_of_bone, self._examples = _distinct_motions(posed, np.unique(bones))
        motions = motion_of_bone[bones]
        is_rigid = (motions == motions[:, :1]).all(axis=1)
        kinds = rig.skinning[vertices]
        self.is_exact = is_rigid | ~np.isin(kinds, (Skinning.SDEF, Skinning.QDEF))
        self._rest = np.ones((4, len(vertices)), np.float32)
        self._rest[:3] = rig.model.vertices.positions[vertices].T
        self._rigid = [
            (example, np.flatnonzero(is_rigid & (motions[:, 0] == motion)))
            for motion, example in enumerate(self._examples)
        ]
        self._blended = np.flatnonzero(~is_rigid)
        self._weights = np.zeros((len(self._examples), len(self._blended)), np.float32)
        for slot in range(4):
            np.add.at(
                self._weights,
                (motions[self._blended, slot], np.arange(len(self._blended))),
                weights[self._blended, slot],
            )
        where = np.full(len(rig.model.vertices), -1, np.intp)
        where[vertices] = np.arange(len(vertices))
        rows = where[posed.moved_vertices]
        self._moved, self._offsets = rows[rows >= 0], np.flatnonzero(rows >= 0)

    def positions(self, pose: int) -> Floats:
        """Model space, (3, vertices), MMD units."""
        rest = self._rest
        if len(self._moved):
            rest = rest.copy()
            rest[:3, self._moved] += self._posed.vertex_offsets[pose, self._offsets].T
        result = np.empty((3, rest.shape[1]), np.float32)
        for example, rows in self._rigid:
            if len(rows):
                result[:, rows] = self._posed.bone_palette[pose, example, :3] @ rest[:, rows]
        if len(self._blended):
            points = rest[:, self._blended]
            total = np.zeros((3, len(self._blended)), np.float32)
            for example, weights in zip(self._examples, self._weights, strict=True):
                total += weights * (self._posed.bone_palette[pose, example, :3] @ points)
            result[:, self._blended] = total
        return result


def _distinct_motions(posed: PosedModel, bones: NDArray[np.integer]) -> tuple[Ints, list[int]]:
    """A number for each bone, equal where bones move alike in all poses, and one bone for each number."""
    numbers = np.zeros(posed.bone_palette.shape[1], np.int32)
    matrices = posed.bone_palette[:, :, :3]
    examples: list[int] = []
    left = bones
    while len(left):
        example = int(left[0])
        differences = np.abs(matrices[:, left] - matrices[:, example, None]).max(axis=(0, 2, 3))
        alike = differences <= _SAME
        numbers[left[alike]] = len(examples)
        examples.append(example)
        left = left[~alike]
    return numbers, examples


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """What triangles touch: a rectangle of pixels each, cut at the picture's borders, and their least depth.

    `width` or `height` 0: nothing of the triangle is in the picture.
    """

    left: NDArray[np.intp]
    top: NDArray[np.intp]
    width: NDArray[np.intp]
    height: NDArray[np.intp]
    depth: Floats  # 0 at the near plane, 1 at the far plane


def pixel_boxes(positions: Floats, shapes: Shapes, view: View) -> Boxes:
    """The boxes of triangles whose vertices are at (3, vertices)."""
    camera, size = view.camera, view.size_px
    scale = size / (camera.top - camera.bottom)
    slack = shapes.reach * scale + _SLACK_PX
    x = (positions[0] - camera.left) * scale
    y = (camera.top - positions[1]) * scale
    low_x, high_x = _extent(x, shapes.corners)
    low_y, high_y = _extent(y, shapes.corners)
    nearest, _ = _extent(positions[2], shapes.corners)
    left, right = _pixels(low_x - slack, high_x + slack, size)
    top, bottom = _pixels(low_y - slack, high_y + slack, size)
    depth = (nearest - slack / scale - camera.near) / (camera.far - camera.near)
    return Boxes(left, top, right - left, bottom - top, depth)


def _extent(values: Floats, corners: NDArray[np.intp]) -> tuple[Floats, Floats]:
    a, b, c = values[corners[0]], values[corners[1]], values[corners[2]]
    return np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)


def _pixels(low: Floats, high: Floats, size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First pixel and the one after the last, (triangles,) each."""
    first = np.clip(np.floor(low), 0, size).astype(np.intp)
    return first, np.clip(np.floor(high) + 1, first, size).astype(np.intp)


class DepthMap:
    """The farthest sample behind each pixel of a picture, and behind each square of pixels.

    Args:
        depths: (size, size), top row first, 0 at the near plane; it is taken over and changed.
    """

    def __init__(self, depths: Floats) -> None:
        self._depths = depths

    def open(self, boxes: Boxes, wanted: Bools) -> None:
        """Let the pixels of some boxes hide nothing."""
        rows = np.flatnonzero(wanted & (boxes.width > 0) & (boxes.height > 0))
        wide = np.maximum(boxes.width[rows], boxes.height[rows]) > _WIDEST_PX
        for row in rows[wide]:
            left, top = boxes.left[row], boxes.top[row]
            self._depths[top : top + boxes.height[row], left : left + boxes.width[row]] = 1.0
        rows = rows[~wide]
        for down in range(_WIDEST_PX):
            rows = rows[boxes.height[rows] > down]
            at = rows
            for right in range(_WIDEST_PX):
                at = at[boxes.width[at] > right]
                if not len(at):
                    break
                self._depths[boxes.top[at] + down, boxes.left[at] + right] = 1.0

    def hides(self, boxes: Boxes) -> Bools:
        """Which boxes lie wholly behind what is drawn, (triangles,)."""
        size = self._depths.shape[0]
        side = np.maximum(boxes.width, boxes.height)
        hidden = (boxes.width == 0) | (boxes.height == 0)
        padded = np.full((size + _WIDEST_PX, size + _WIDEST_PX), -1.0, np.float32)
        padded[:size, :size] = self._depths
        place = boxes.top * padded.shape[1] + boxes.left
        farthest, reached = padded, 1
        for limit in (1, 2, 3, 4, 6, 8):
            if limit > reached:
                farthest = _widened(farthest, limit - reached)
                reached = limit
            rows = np.flatnonzero((side <= limit) & (side > (0 if limit == 1 else _PREVIOUS[limit])))
            hidden[rows] |= boxes.depth[rows] > farthest.ravel()[place[rows]]
        return np.asarray(hidden)


_PREVIOUS = {2: 1, 3: 2, 4: 3, 6: 4, 8: 6}


def _widened(farthest: Floats, more: int) -> Floats:
    """Maxima over squares that are `more` larger to the right and below; `more` at most doubles them."""
    result = farthest.copy()
    np.maximum(result[:, :-more], farthest[:, more:], out=result[:, :-more])
    across = result.copy()
    np.maximum(result[:-more], across[more:], out=result[:-more])
    return result
