"""What a morph does to a face, in numbers that mean the same in every model: where it moves, and how.

Lengths are in u, the height of the eyes above the chin; both sides of the face are folded together, so that
"inward" is toward the middle on either side.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mmdgen.annotate.chin import Chin
from mmdgen.annotate.displacement import Displacement, side_by_weight
from mmdgen.annotate.face import Face
from mmdgen.annotate.schema import Side
from mmdgen.model import Bools

ONE_SIDE = 0.25  # weaker over stronger side: below, a motion is one-sided
BOTH_SIDES = 0.4  # ... above, it is both-sided

_Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """What the parts of a face are measured by."""

    face: Face
    chin: Chin
    blink: Displacement | None = field(default=None)  # the both-eye morph that closes the eyes normally

    def points(self, moved: Displacement) -> _Numbers:
        """Rest positions of moved vertices from the middle of the eyes, in u, (n, 3)."""
        origin = np.array([self.face.eyes.center_x, self.face.eyes.y, 0.0])
        return np.asarray((self.face.positions[moved.vertices] - origin) / self.chin.unit, np.float64)

    def around_brows(self, moved: Displacement) -> Bools:
        """Which moved vertices are about the brows and the upper half of the eyes, (n,)."""
        points = self.points(moved)
        return np.asarray((points[:, 1] > 0.05) & (points[:, 1] < 1.3))

    def around_eyes(self, moved: Displacement) -> Bools:
        """Which moved vertices are in the boxes around the eyes, (n,)."""
        points = self.points(moved)
        apart = np.abs(points[:, 0]) - self.face.eyes.half_distance / self.chin.unit
        return np.asarray((apart < 0.7) & (np.abs(points[:, 1]) < 0.6))

    def on_irises(self, moved: Displacement) -> Bools:
        """Which moved vertices are of the irises, (n,)."""
        return np.asarray(self.face.iris_vertices[moved.vertices] & self.around_eyes(moved))

    def around_mouth(self, moved: Displacement) -> Bools:
        """Which moved vertices are about the mouth, (n,)."""
        points = self.points(moved)
        return np.asarray((points[:, 1] < -0.25) & (points[:, 1] > -1.3) & (np.abs(points[:, 0]) < 0.8))

    def side_of(self, moved: Displacement) -> Side | None:
        """The side that a motion is on; None where it is neither one side nor both."""
        is_left = self.points(moved)[:, 0] > 0
        left, right = float(moved.lengths[is_left].sum()), float(moved.lengths[~is_left].sum())
        return side_by_weight(left, right, one_side=ONE_SIDE, both_sides=BOTH_SIDES)


@dataclass(frozen=True, slots=True)
class Motion:
    """How a part of the face moves. Ratios unless said otherwise."""

    farthest: float  # u
    evenness: float  # mean motion over farthest motion: 1 where all moves alike
    rise: float  # mean motion up over mean motion: 1 is straight up
    tilt: float  # change of the line's slope over |x|: positive lowers the inner ends
    spread: float  # how much wider it gets, per width
    corners: float  # change of height per |x|: positive lifts the corners
    opening: float  # u; how far the lips part in the middle
    shrinks: bool  # whether what moves draws nearer to the middle of its own eye
    upper_lid: float  # 1 where the upper lids come down as in the blink, negative where they rise
    lower_lid: float  # 1 where the lower lids come up as in the blink


def measure_motion(region: Region, moved: Displacement) -> Motion:
    """Measure a motion; `moved` holds only the vertices that are meant, at least one."""
    unit = region.chin.unit
    points, offsets = region.points(moved), moved.offsets.astype(np.float64) / unit
    lengths = moved.lengths.astype(np.float64) / unit
    x = np.abs(points[:, 0])
    outward = offsets[:, 0] * np.sign(points[:, 0])
    upper, lower = _like_blink(region, moved)
    return Motion(
        farthest=float(lengths.max()),
        evenness=float(lengths.mean() / lengths.max()),
        rise=float(np.average(offsets[:, 1], weights=lengths) / np.average(lengths, weights=lengths)),
        tilt=_slope(x + outward, points[:, 1] + offsets[:, 1]) - _slope(x, points[:, 1]),
        spread=float(np.sum(outward * x) / max(float(np.sum(x * x)), 1e-9)),
        corners=_slope(x, offsets[:, 1]),
        opening=parting(region, moved),
        shrinks=_shrinks(region, moved),
        upper_lid=upper,
        lower_lid=lower,
    )


def parting(region: Region, moved: Displacement) -> float:
    """How far the lips part in the middle, in u: the largest motion up minus the largest down."""
    half_mouth = 0.5 * region.face.eyes.half_distance / region.chin.unit
    middle = moved.offsets[np.abs(region.points(moved)[:, 0]) < half_mouth, 1]
    if not len(middle):
        return 0.0
    return float(max(middle.max(), 0.0) - min(middle.min(), 0.0)) / region.chin.unit


def _slope(x: _Numbers, y: _Numbers) -> float:
    """Slope of the line through points; 0 where they stand over each other."""
    spread = x - x.mean()
    square = float(np.sum(spread * spread))
    return float(np.sum(spread * (y - y.mean()))) / square if square > 1e-9 else 0.0


def _like_blink(region: Region, moved: Displacement) -> tuple[float, float]:
    """How far upper and lower lids go along with the blink, over the sides that move at all."""
    blink = region.blink
    if blink is None or not len(moved):
        return 0.0, 0.0
    side = region.side_of(moved)
    is_left = region.points(blink)[:, 0] > 0
    on_side = {Side.LEFT: is_left, Side.RIGHT: ~is_left}.get(side or Side.BOTH, np.ones_like(is_left))
    vertical = blink.offsets[:, 1].astype(np.float64)
    ours = np.zeros(len(vertical))
    _, rows, others = np.intersect1d(blink.vertices, moved.vertices, assume_unique=True, return_indices=True)
    ours[rows] = moved.offsets[others, 1]

    def share(lids: Bools) -> float:
        lids = lids & on_side
        whole = float(np.sum(vertical[lids] ** 2))
        return float(np.sum(ours[lids] * vertical[lids])) / whole if whole > 0.0 else 0.0

    return share(vertical < -0.3 * region.chin.unit * 0.1), share(vertical > 0.02 * region.chin.unit)


def _shrinks(region: Region, moved: Displacement) -> bool:
    eyes = region.face.irises or region.face.eyes
    points = region.face.positions[moved.vertices, :2].astype(np.float64)
    own_eye = np.where((points[:, 0] > eyes.center_x)[:, None], eyes.left, eyes.right)
    spread_before = np.abs(points - own_eye).sum()
    return bool(np.abs(points + moved.offsets[:, :2] - own_eye).sum() < spread_before)
