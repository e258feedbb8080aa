"""The skin of the head: a grid with holes, and rings of vertices around each hole for lids and lips."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mmdgen.cast.curves import Array, lerp, smoothstep
from mmdgen.cast.head import CROWN, HeadShape
from mmdgen.cast.mesh import (
    Part,
    Triangles,
    face_normals,
    grid_triangles,
    rigid,
    smooth_normals,
    without_orphans,
)

HEAD_BONE = "head"
TEXTURE_WINDOW = (-1.3, 1.3, -0.15, 2.45)  # left, right, bottom, top of the face texture, head units

# Columns are lines of constant s = x / half width: a fine middle for the nose, one block for each eye.
_NOSE_COLUMNS, _EYE_COLUMNS, _CHEEK_COLUMNS, _BACK_COLUMNS = 6, 10, 3, 12
_NOSE_S, _EYE_S = 0.17, 0.88
_CROWN_ROWS = (CROWN, 2.58, 2.42, 2.12, 1.80, 1.55)
_EYE_TOP, _EYE_BOTTOM, _EYE_ROWS = 1.40, 0.62, 8
_NOSE_ROWS = (0.60, 0.575, 0.55, 0.525)
_MOUTH_TOP, _MOUTH_BOTTOM, _MOUTH_ROWS = 0.50, 0.10, 6
_CHIN_ROWS = (0.06, 0.03, 0.01, 0.0)
_MOUTH_COLUMNS = 14

Outline = Callable[[Array], Array]  # angles (n,) -> (n, 2) places on the face
Motion = Callable[[Array], Array]  # angles (n,) -> (n, 3): x, y and lift toward the viewer


@dataclass(frozen=True, slots=True)
class Hole:
    """An opening in the face.

    Angles run from 0 at the right-hand end of the opening (the outer corner of an eye) over its top (pi / 2)
    to its other end (pi) and back along its lower rim.
    """

    rows: tuple[int, int]
    columns: tuple[int, int]
    mirrored: bool  # angle 0 at the smallest x instead of the largest
    rings: int
    outline: Outline
    motions: Mapping[str, Motion]


def eye_hole(side: int, outline: Outline, motions: Mapping[str, Motion]) -> Hole:
    """The opening of the eye at x > 0 (side 1) or x < 0 (side -1)."""
    first = _CHEEK_COLUMNS if side < 0 else _CHEEK_COLUMNS + _EYE_COLUMNS + _NOSE_COLUMNS
    row = len(_CROWN_ROWS)
    return Hole((row, row + _EYE_ROWS), (first, first + _EYE_COLUMNS), side < 0, 5, outline, motions)


def mouth_hole(outline: Outline, motions: Mapping[str, Motion]) -> Hole:
    """The opening of the mouth."""
    middle = _CHEEK_COLUMNS + _EYE_COLUMNS + _NOSE_COLUMNS // 2
    row = len(_CROWN_ROWS) + _EYE_ROWS + 1 + len(_NOSE_ROWS)
    columns = (middle - _MOUTH_COLUMNS // 2, middle + _MOUTH_COLUMNS // 2)
    return Hole((row, row + _MOUTH_ROWS), columns, False, 5, outline, motions)


def opening_angles(hole: Hole) -> Array:
    """The angles of a hole's rim vertices, counter-clockwise from 0."""
    height, width = hole.rows[1] - hole.rows[0], hole.columns[1] - hole.columns[0]
    count = 2 * (height + width)
    return np.arange(count) * (2 * np.pi / count)


def face_uv(xy: Array) -> Array:
    """Texture coordinates of places on the face, seen straight from the front."""
    left, right, bottom, top = TEXTURE_WINDOW
    return np.stack([(xy[..., 0] - left) / (right - left), (top - xy[..., 1]) / (top - bottom)], axis=-1)


def face_part(shape: HeadShape, holes: Sequence[Hole], material: str) -> Part:
    """The skin of the whole head with its openings and their morphs."""
    heights = _row_heights()
    grid = _grid_positions(shape, heights)
    columns = grid.shape[1]
    triangles = _without_holes(len(heights), columns, holes)
    positions = [grid.reshape(-1, 3)]
    morphs: dict[str, list[tuple[int, Array]]] = {}
    count = len(positions[0])
    for hole in holes:
        loop = _loop_indices(hole, columns)
        rings, offsets = _ring_vertices(shape, hole, positions[0][loop, :2])
        indices = np.concatenate([loop[None], count + np.arange(rings[..., 0].size).reshape(rings.shape[:2])])
        triangles = np.concatenate([triangles, _ring_triangles(indices, hole.mirrored)])
        for name, values in offsets.items():
            morphs.setdefault(name, []).append((count, values))
        positions.append(rings.reshape(-1, 3))
        count += len(positions[-1])
    every = np.concatenate(positions)
    area = np.linalg.norm(face_normals(every, triangles), axis=1)
    part = Part(
        material=material,
        positions=every,
        triangles=triangles[area > 1e-9],
        uvs=face_uv(every[:, :2]),
        weights=rigid(HEAD_BONE, count),
        morphs={name: _placed(pieces, count) for name, pieces in morphs.items()},
    )
    return without_orphans(part)


def split_behind(part: Part, shape: HeadShape) -> tuple[Part, Part]:
    """The skin in front of the ears, and behind and below them, with the normals of the whole.

    The face's texture is painted as seen from the front; what lies behind it needs another.
    """
    whole = replace(part, normals=smooth_normals(part.positions, part.triangles))
    y, z = part.positions[:, 1], part.positions[:, 2]
    is_behind = (z >= shape.middle(y) - 1e-6)[part.triangles].all(axis=1)
    front, behind = (
        without_orphans(replace(whole, triangles=whole.triangles[chosen]))
        for chosen in (~is_behind, is_behind)
    )
    return front, replace(behind, morphs={})


def _row_heights() -> Array:
    eye = np.linspace(_EYE_TOP, _EYE_BOTTOM, _EYE_ROWS + 1)
    mouth = np.linspace(_MOUTH_TOP, _MOUTH_BOTTOM, _MOUTH_ROWS + 1)
    return np.concatenate([_CROWN_ROWS, eye, _NOSE_ROWS, mouth, _CHIN_ROWS])


def _grid_positions(shape: HeadShape, heights: Array) -> Array:
    cheek = np.sin(np.linspace(np.arcsin(_EYE_S), np.pi / 2, _CHEEK_COLUMNS + 1))
    eye = np.linspace(_NOSE_S, _EYE_S, _EYE_COLUMNS + 1)
    nose = np.linspace(-_NOSE_S, _NOSE_S, _NOSE_COLUMNS + 1)
    front = np.concatenate([-cheek[::-1], -eye[-2::-1], nose[1:], eye[1:], cheek[1:]])
    back = np.cos(np.arange(1, _BACK_COLUMNS) * (np.pi / _BACK_COLUMNS))
    y = heights[:, None]
    width = shape.half_width(y)
    in_front = shape.point(front * width, y)
    x = back * width
    behind = np.stack(np.broadcast_arrays(x, y, shape.back(x, y)), axis=-1)
    return np.concatenate([in_front, behind], axis=1)


def _without_holes(rows: int, columns: int, holes: Sequence[Hole]) -> Triangles:
    keep = np.ones((rows - 1, columns), np.bool_)
    for hole in holes:
        keep[hole.rows[0] : hole.rows[1], hole.columns[0] : hole.columns[1]] = False
    cells = grid_triangles(rows, columns, wrap=True).reshape(rows - 1, columns, 6)
    return cells[keep].reshape(-1, 3)


def _loop_indices(hole: Hole, columns: int) -> NDArray[np.int64]:
    """Grid vertices around a hole, in the order of `opening_angles`."""
    (top, bottom), (left, right) = hole.rows, hole.columns
    down = [(i, right) for i in range(top, bottom)] + [(bottom, j) for j in range(right, left, -1)]
    up = [(i, left) for i in range(bottom, top, -1)] + [(top, j) for j in range(left, right)]
    clockwise = down + up  # from the top right corner
    start = (bottom - top) // 2
    loop = [clockwise[(start - k) % len(clockwise)] for k in range(len(clockwise))]
    if hole.mirrored:
        loop = [(i, left + right - j) for i, j in loop]
    return np.array([i * columns + j for i, j in loop])


def _ring_vertices(shape: HeadShape, hole: Hole, border: Array) -> tuple[Array, dict[str, Array]]:
    """Vertices between a hole's border and its rim, (rings, n, 3), and their morph offsets."""
    angles = opening_angles(hole)
    share = np.linspace(0.0, 1.0, hole.rings + 1)[1:, None, None]
    flat = lerp(border[None], hole.outline(angles)[None], share)
    rest = shape.point(flat[..., 0], flat[..., 1])
    falloff = smoothstep(-0.15, 1.0, share) * share**0.5
    offsets: dict[str, Array] = {}
    for name, motion in hole.motions.items():
        moved = motion(angles)[None] * falloff
        goal = shape.point(flat[..., 0] + moved[..., 0], flat[..., 1] + moved[..., 1], lift=moved[..., 2])
        offsets[name] = (goal - rest).reshape(-1, 3)
    return rest, offsets


def _ring_triangles(indices: NDArray[np.int64], mirrored: bool) -> Triangles:
    rings, points = indices.shape
    triangles = indices.reshape(-1)[grid_triangles(rings, points, wrap=True)]
    return triangles if mirrored else triangles[:, ::-1]


def _placed(pieces: Sequence[tuple[int, Array]], count: int) -> Array:
    result = np.zeros((count, 3))
    for start, values in pieces:
        result[start : start + len(values)] = values
    return result
