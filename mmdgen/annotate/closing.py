"""Which morphs close an eye, told by geometry alone: does a lid move down over the iris and hide it?

Where nothing follows the eye bones there is no iris to look at. There the opening of the eye is known as what
the blink covers, and whoever covers it too closes the eye.

Thresholds come from 318 iris-hiding morphs of 37 models, 212 of them true closers (in brackets: what those
showed). Lengths are in u, the height of the eyes above the chin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmdgen.annotate.displacement import Displacement, side_by_weight
from mmdgen.annotate.face import Face
from mmdgen.annotate.schema import Side
from mmdgen.annotate.visibility import Grid, depth_map, extent, visible_area
from mmdgen.model import Bools, Floats, Ints

CLOSED = 0.10  # share of the iris still seen when the eye is closed [at most 0.04]
OPEN = 0.90  # share seen of an eye that stays open [1.00]
EYE_BOX = (0.7, 0.6)  # u; half width and half height of the box around an eye
LOCAL = 0.85  # share of the motion that must be inside the boxes
LOCAL_UNSURE = 0.5  # the same where u itself is unsure
LID_MOTION = 0.10  # u; a lid comes down at least so far: overlays that darken a face do not [0.10]
IRIS_SHARE = 0.3  # share of the motion that the iris itself may have: shrinking irises have more [0.23]
LARGEST_MOTION = 0.6  # u; replacement eyes travel farther [0.59]
COVERS = 0.8  # share of the eye's opening that another closing morph covers too [half-closed 0.4 to 0.7]
SHOWS_AT_REST = 0.05  # share of the iris that an open eye shows at least
BOTH_SIDES = 0.5  # weaker side over stronger side: both eyes above [0.95] ...
ONE_SIDE = 0.15  # ... one eye below [0.14]

_STEP = 0.012  # u; pixel of the visibility test
_MARGIN = 0.15  # u; around the iris
_COMES_FORWARD = 0.015  # u; what a lid is nearer than what it covers


@dataclass(frozen=True, slots=True, eq=False)
class Closing:
    """One morph's measurements over the eyes."""

    morph: int
    displacement: Displacement
    side: Side
    iris_left: float | None  # visible share at weight 1; None where the model has no iris to look at
    iris_right: float | None
    curvature: float  # sagitta over width of the closed lid line: positive hangs down, negative arches up
    lower_lid_ratio: float  # largest motion up over largest motion down

    @property
    def hides_irises(self) -> bool:
        """Whether both irises were seen open and are hidden."""
        shares = (self.iris_left, self.iris_right)
        return all(share is not None and share <= CLOSED for share in shares)

    @property
    def saw_no_iris(self) -> bool:
        """Whether there was no iris to look at in the eyes that it closes."""
        left, right = self.iris_left is None, self.iris_right is None
        return {Side.LEFT: left, Side.RIGHT: right}.get(self.side, left or right)


@dataclass(frozen=True, slots=True, eq=False)
class _Iris:
    """One eye's iris, the window in which it is looked at, and what may come before it."""

    faces: Ints  # (n, 3), vertices of its triangles
    grid: Grid
    pixels: int  # with nothing before it
    near_faces: Ints  # (m, 3), triangles that a morph may bring before it
    near_materials: Ints  # (m,)


class ClosingDetector:
    """Finds closing morphs of one face. Keeps what the open eyes look like."""

    def __init__(self, face: Face, unit: float, *, unit_is_sure: bool) -> None:
        self._face = face
        self._unit = unit
        self._locality = LOCAL if unit_is_sure else LOCAL_UNSURE
        self._irises = {side: _iris(face, unit, side) for side in (Side.LEFT, Side.RIGHT)}
        self._near = {side: _near_faces(face, self.window(side)) for side in (Side.LEFT, Side.RIGHT)}
        self._open_eyes: dict[tuple[Side, bytes], int] = {}

    @property
    def sees_irises(self) -> bool:
        """Whether there is an iris in each eye to look at."""
        return all(iris is not None for iris in self._irises.values())

    def detect(self, morph: int) -> Closing | None:
        """The measurements of a morph, or None if it closes no eye."""
        moved = self._face.displacements[morph]
        side = self._moves_like_a_lid(moved)
        if side is None:
            return None
        closing = self.measure(morph, side)
        shares = {Side.LEFT: closing.iris_left, Side.RIGHT: closing.iris_right}
        for eye, share in shares.items():
            if share is None:
                continue
            is_closed = side in (Side.BOTH, eye)
            if (share > CLOSED) if is_closed else (share < OPEN):
                return None
        return closing

    def measure(self, morph: int, side: Side) -> Closing:
        """The measurements of a morph that is taken to close the eyes of a side."""
        moved = self._face.displacements[morph]
        near = moved.restricted(self._in_eye_boxes(moved))
        return Closing(
            morph=morph,
            displacement=moved,
            side=side,
            iris_left=self._visible_share(moved, Side.LEFT),
            iris_right=self._visible_share(moved, Side.RIGHT),
            curvature=self._curvature(near, side),
            lower_lid_ratio=_lower_lid_ratio(near),
        )

    def opening(self, morph: int, side: Side) -> Bools:
        """Pixels over one eye where a morph brings a surface forward: what a blink covers is the opening.

        The grid is `window(side)`. Only the materials that the morph touches count, so that neither a fringe
        nor glasses matter.
        """
        moved, rest = self._face.displacements[morph], self._face.positions
        is_moved = np.zeros(len(rest), np.bool_)
        is_moved[moved.vertices] = True
        faces, materials = self._near[side]
        touched = np.unique(materials[is_moved[faces].any(axis=1)])
        faces = faces[np.isin(materials, touched)]
        posed = rest.copy()
        posed[moved.vertices] += moved.offsets
        grid = self.window(side)
        before, after = depth_map(rest[faces], grid), depth_map(posed[faces], grid)
        return np.asarray(np.isfinite(after) & (after < before - _COMES_FORWARD * self._unit))

    def window(self, side: Side) -> Grid:
        """The grid of `opening` around one eye."""
        eyes, (width, height) = self._face.eyes, EYE_BOX
        x, y = eyes.left if side is Side.LEFT else eyes.right
        width = min(width * self._unit, eyes.half_distance)
        height *= self._unit
        return Grid.around(x - width, y - height, x + width, y + height, 2 * _STEP * self._unit)

    def covers_like(self, morph: int, blink: int, side: Side) -> bool:
        """Whether a morph covers the eyes' opening of a side, which is what `blink` covers."""
        for eye in (Side.LEFT, Side.RIGHT) if side is Side.BOTH else (side,):
            whole = self.opening(blink, eye)
            if np.count_nonzero(whole & self.opening(morph, eye)) < COVERS * np.count_nonzero(whole):
                return False
        return True

    def opening_middle(self, morph: int, side: Side) -> NDArray[np.float64] | None:
        """The middle (x, y) of what a morph covers over one eye; None if that is next to nothing."""
        rows, columns = np.nonzero(self.opening(morph, side))
        if len(rows) < 20:
            return None
        grid = self.window(side)
        x, y = grid.columns_x()[columns], grid.rows_y()[rows]
        return np.array([np.percentile(values, (3, 97)).mean() for values in (x, y)])

    def on_side(self, moved: Displacement, side: Side) -> Displacement:
        """The rows of one side of the face; all of them for BOTH."""
        if side is Side.BOTH:
            return moved
        x = self._face.positions[moved.vertices, 0]
        return moved.restricted((x > self._face.eyes.center_x) == (side is Side.LEFT))

    def side_of(self, moved: Displacement) -> Side | None:
        """The eyes that a morph moves, or None where it is neither one nor both."""
        left = float(self.on_side(moved, Side.LEFT).lengths.sum())
        right = float(self.on_side(moved, Side.RIGHT).lengths.sum())
        return side_by_weight(left, right, one_side=ONE_SIDE, both_sides=BOTH_SIDES)

    def _moves_like_a_lid(self, moved: Displacement) -> Side | None:
        """The eyes over which a morph brings lids down, by its motion alone."""
        total = float(moved.lengths.sum())
        inside = moved.restricted(self._in_eye_boxes(moved))
        local = float(inside.lengths.sum())
        if not (local > 0.0 and local >= self._locality * total):
            return None
        is_iris = self._face.iris_vertices[inside.vertices]
        lids = inside.restricted(~is_iris)
        comes_down = len(lids) > 0 and float(lids.offsets[:, 1].min()) <= -LID_MOTION * self._unit
        iris_share = float(inside.lengths[is_iris].sum()) / local
        farthest = float(inside.lengths.max())
        if not comes_down or iris_share > IRIS_SHARE or farthest > LARGEST_MOTION * self._unit:
            return None
        return self.side_of(inside)

    def _in_eye_boxes(self, moved: Displacement) -> Bools:
        eyes, points = self._face.eyes, self._face.positions[moved.vertices]
        from_eye = np.abs(points[:, 0] - eyes.center_x) - eyes.half_distance
        width, height = (extent * self._unit for extent in EYE_BOX)
        return np.asarray((from_eye < width) & (np.abs(points[:, 1] - eyes.y) < height))

    def _visible_share(self, moved: Displacement, side: Side) -> float | None:
        """Visible iris pixels with the morph over those without, against the materials that it touches."""
        iris = self._irises[side]
        if iris is None:
            return None
        rest = self._face.positions
        is_moved = np.zeros(len(rest), np.bool_)
        is_moved[moved.vertices] = True
        corners = is_moved[iris.near_faces]
        touched = np.unique(iris.near_materials[corners[:, 0] | corners[:, 1] | corners[:, 2]])
        occluders = iris.near_faces[np.isin(iris.near_materials, touched)]
        key = (side, touched.tobytes())
        if key not in self._open_eyes:
            self._open_eyes[key] = visible_area(rest[iris.faces], rest[occluders], iris.grid)
        before = self._open_eyes[key]
        if before <= SHOWS_AT_REST * iris.pixels:
            return None  # closed at rest
        posed = rest.copy()
        posed[moved.vertices] += moved.offsets
        return visible_area(posed[iris.faces], posed[occluders], iris.grid) / before

    def _curvature(self, moved: Displacement, side: Side) -> float:
        """Sagitta over width of the lid lines after the morph, the mean of the eyes that it closes."""
        eyes = (Side.LEFT, Side.RIGHT) if side is Side.BOTH else (side,)
        return float(np.mean([_sagitta(self._face.positions, self.on_side(moved, eye)) for eye in eyes]))


def _sagitta(positions: Floats, moved: Displacement) -> float:
    """Fit a parabola through the vertices that came down most, where they came to rest."""
    if not len(moved):
        return 0.0
    down = moved.offsets[:, 1]
    lid = down <= 0.5 * down.min()
    points = (positions[moved.vertices[lid]] + moved.offsets[lid]).astype(np.float64)
    width = float(np.ptp(points[:, 0])) if len(points) >= 4 else 0.0
    if width == 0.0 or len(np.unique(np.round(points[:, 0] / width, 2))) < 4:
        return 0.0  # no line, but a plane of few corners
    x = (points[:, 0] - points[:, 0].mean()) / width
    bend = np.polyfit(x, points[:, 1] / width, 2)[0]
    return float(bend) / 4


def _lower_lid_ratio(moved: Displacement) -> float:
    if not len(moved):
        return 0.0
    up, down = float(moved.offsets[:, 1].max()), -float(moved.offsets[:, 1].min())
    return max(up, 0.0) / max(down, 1e-9)


def _iris(face: Face, unit: float, side: Side) -> _Iris | None:
    """The iris of one eye in its window; None where nothing that is drawn follows the eye bones."""
    middle = face.eyes.left if side is Side.LEFT else face.eyes.right
    box = np.array(EYE_BOX) * unit
    faces = face.model.faces[face.triangles_of(face.iris_vertices, all_corners=True)]
    centers = face.positions[faces, :2].mean(axis=1)
    faces = faces[(np.abs(centers - middle) < (min(box[0], face.eyes.half_distance), box[1])).all(axis=1)]
    if not len(faces):
        return None
    points = face.positions[faces.ravel(), :2]
    low = np.maximum(points.min(axis=0) - _MARGIN * unit, middle - box)
    high = np.minimum(points.max(axis=0) + _MARGIN * unit, middle + box)
    grid = Grid.around(float(low[0]), float(low[1]), float(high[0]), float(high[1]), _STEP * unit)
    reach = LARGEST_MOTION * unit
    is_near = _triangles_near(face, low - reach, high + reach)
    pixels = int(np.isfinite(depth_map(face.positions[faces], grid)).sum())
    return _Iris(faces, grid, pixels, face.model.faces[is_near], face.triangle_materials[is_near])


def _near_faces(face: Face, window: Grid) -> tuple[Ints, Ints]:
    """Drawn triangles that a morph may bring into a window, irises included, and their materials."""
    low = np.array([window.left, window.bottom])
    high = low + np.array([window.width, window.height]) * window.step
    lowest, highest = extent(face.positions[face.model.faces, :2])
    touches = ((lowest <= high) & (highest >= low)).all(axis=1) & face.drawn_triangles
    return face.model.faces[touches], face.triangle_materials[touches]


def _triangles_near(face: Face, low: NDArray[np.float64], high: NDArray[np.float64]) -> Bools:
    """Drawn triangles that are no iris and touch a box of the front view, (triangles,)."""
    lowest, highest = extent(face.positions[face.model.faces, :2])
    touches = (lowest[:, 0] <= high[0]) & (lowest[:, 1] <= high[1])
    touches &= (highest[:, 0] >= low[0]) & (highest[:, 1] >= low[1])
    is_iris = face.triangles_of(face.iris_vertices, all_corners=True)
    return np.asarray(touches & face.drawn_triangles & ~is_iris)
