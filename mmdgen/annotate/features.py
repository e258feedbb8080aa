"""Brows, eye shapes, irises and mouth: morphs that a name suggests and the geometry confirms.

A name is believed only if the morph moves the right part of the face in the right direction; its side is told
by the geometry alone. Features without a morph of a known name are left out, except the open mouth, without
which no picture can be made: there the morph that opens the lips widest is proposed, with low confidence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mmdgen.annotate.chin import Chin
from mmdgen.annotate.displacement import Displacement
from mmdgen.annotate.face import Face
from mmdgen.annotate.schema import Feature, Half, MorphChoice, Origin, Provenance, Role, Side
from mmdgen.model import Bools, Floats, MorphKind, Panel

IN_PLACE = 0.6  # share of the motion that must be in the feature's part of the face
ONE_SIDE = 0.25  # weaker over stronger side: below, a feature is one-sided
BOTH_SIDES = 0.4  # ... above, it is both-sided
MOUTH_OPENS = 0.05  # u; lips part at least so far in an open mouth

_CLOSINGS = (Feature.EYE_WINK, Feature.EYE_HAPPY_WINK)  # told by `eyes`
_UNMEASURED = (MorphKind.UV, MorphKind.UV1, MorphKind.BONE, MorphKind.MATERIAL, MorphKind.GROUP)


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """A morph that is taken for a feature."""

    morph: int
    side: Side
    rank: int  # of its name: morphs of one rank are one family
    method: str
    confidence: float
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Region:
    """What the parts of a face are measured by."""

    face: Face
    chin: Chin

    def points(self, moved: Displacement) -> Floats:
        """Rest positions of moved vertices from the middle of the eyes, in u, (n, 3)."""
        origin = np.array([self.face.eyes.center_x, self.face.eyes.y, 0.0])
        return np.asarray((self.face.positions[moved.vertices] - origin) / self.chin.unit, np.float32)

    def around_brows(self, moved: Displacement) -> Bools:
        points = self.points(moved)
        return np.asarray((points[:, 1] > 0.05) & (points[:, 1] < 1.3))

    def around_eyes(self, moved: Displacement) -> Bools:
        points = self.points(moved)
        apart = np.abs(points[:, 0]) - self.face.eyes.half_distance / self.chin.unit
        return np.asarray((apart < 0.7) & (np.abs(points[:, 1]) < 0.6))

    def on_irises(self, moved: Displacement) -> Bools:
        return np.asarray(self.face.iris_vertices[moved.vertices] & self.around_eyes(moved))

    def around_mouth(self, moved: Displacement) -> Bools:
        points = self.points(moved)
        return np.asarray((points[:, 1] < -0.25) & (points[:, 1] > -1.3) & (np.abs(points[:, 0]) < 0.8))


def choose_feature_roles(face: Face, chin: Chin, *, by: str) -> dict[Role, MorphChoice]:
    """The roles of all features but the closing of the eyes."""
    region = _Region(face, chin)
    roles: dict[Role, MorphChoice] = {}
    for feature in Feature:
        if feature in _CLOSINGS:
            continue
        found = _find(region, feature)
        if feature is Feature.MOUTH_AAA and not found:
            found = _named_mouth(region) or _widest_opening(region)
        for side in (Side.BOTH, Side.LEFT, Side.RIGHT) if feature.has_sides else (Side.MIDDLE,):
            choice = _choose(face, found, side, by)
            if choice is not None:
                roles[Role.of(feature, side)] = choice
    return roles


def _find(region: _Region, feature: Feature) -> list[_Found]:
    """Morphs that are named for a feature and move what it should, the most usual name first."""
    face = region.face
    ranked = sorted((hint.rank, index) for index, hint in enumerate(face.hints) if hint.feature is feature)
    found = [_confirm(region, feature, rank, index) for rank, index in ranked]
    return [entry for entry in found if entry is not None]


def _confirm(region: _Region, feature: Feature, rank: int, index: int) -> _Found | None:
    """A named morph with its side, if the geometry does not speak against it."""
    face = region.face
    moved = face.displacements[index]
    if not len(moved):
        if face.model.morphs.kinds[index] not in _UNMEASURED:
            return None
        side = face.hints[index].side if feature.has_sides else Side.MIDDLE
        reason = "moves no vertices: neither side nor effect could be measured"
        return _Found(index, side, rank, "name", 0.4, (reason,))
    part, behaves = _RULES[feature]
    inside = part(region, moved)
    share = float(moved.lengths[inside].sum() / moved.lengths.sum())
    part_moved = moved.restricted(inside)
    if share < IN_PLACE or not behaves(region, part_moved):
        return None
    measured_side = _side(region, part_moved) if feature.has_sides else Side.MIDDLE
    if measured_side is None:
        return None
    confidence = (0.95 if rank < 3 else 0.85) * min(1.0, 0.7 + 0.3 * (share - IN_PLACE) / (0.85 - IN_PLACE))
    return _Found(index, measured_side, rank, "name and geometry", confidence)


def _side(region: _Region, moved: Displacement) -> Side | None:
    """The side that a morph moves; None where it is neither one side nor both."""
    is_left = region.points(moved)[:, 0] > 0
    left, right = float(moved.lengths[is_left].sum()), float(moved.lengths[~is_left].sum())
    balance = min(left, right) / max(left, right)
    if balance >= BOTH_SIDES:
        return Side.BOTH
    if balance <= ONE_SIDE:
        return Side.LEFT if left > right else Side.RIGHT
    return None


def _choose(face: Face, found: list[_Found], side: Side, by: str) -> MorphChoice | None:
    """The morph of a side, or the half of the both-sided one where that has the better name.

    Left and right are chosen alike, so that they are the two sides of one expression.
    """
    names = face.model.morphs.names
    own = {entry.side: entry for entry in reversed(found)}  # the best name of each side stays
    both = own.get(Side.BOTH)
    pair_rank = max((own[eye].rank for eye in (Side.LEFT, Side.RIGHT) if eye in own), default=0)
    is_family = Side.LEFT in own and Side.RIGHT in own and (both is None or pair_rank <= both.rank)
    can_halve = both is not None and len(face.displacements[both.morph]) > 0
    if both is not None and can_halve and side is not Side.BOTH and not is_family:
        method = "half of the both-sided morph"
        provenance = Provenance(Origin.AUTO, method, both.confidence, both.reasons, by)
        return MorphChoice(both.morph, names[both.morph], Half(side.value), provenance)
    entry = own.get(side)
    if entry is None:
        return None
    provenance = Provenance(Origin.AUTO, entry.method, entry.confidence, entry.reasons, by)
    return MorphChoice(entry.morph, names[entry.morph], None, provenance)


def _named_mouth(region: _Region) -> list[_Found]:
    """A morph of the open mouth's most usual name that opens less than expected."""
    for index, hint in enumerate(region.face.hints):
        moved = region.face.displacements[index]
        if hint.feature is Feature.MOUTH_AAA and hint.rank == 0 and len(moved):
            inside = region.around_mouth(moved)
            opening = _opening(region, moved.restricted(inside))
            reason = f"parts the lips by {opening:.2f} u only"
            return [_Found(index, Side.MIDDLE, hint.rank, "name", 0.4, (reason,))]
    return []


def _widest_opening(region: _Region) -> list[_Found]:
    """Without a known name: the morph that parts the lips farthest and moves little else."""
    face = region.face
    openings: list[tuple[float, int]] = []
    for index, moved in enumerate(face.displacements):
        if not len(moved) or face.model.morphs.panels[index] in (Panel.BROW, Panel.EYE):
            continue
        inside = region.around_mouth(moved)
        if float(moved.lengths[inside].sum()) >= 0.8 * float(moved.lengths.sum()):
            openings.append((_opening(region, moved.restricted(inside)), -index))
    if not openings or max(openings)[0] < MOUTH_OPENS:
        return []
    reason = "no known name; it parts the lips farthest"
    return [_Found(-max(openings)[1], Side.MIDDLE, 0, "geometry", 0.4, (reason,))]


def _opening(region: _Region, moved: Displacement) -> float:
    """How far the lips part in the middle, in u: the largest motion up minus the largest down."""
    half_mouth = 0.5 * region.face.eyes.half_distance / region.chin.unit
    middle = moved.offsets[np.abs(region.points(moved)[:, 0]) < half_mouth, 1]
    if not len(middle):
        return 0.0
    return float(max(middle.max(), 0.0) - min(middle.min(), 0.0)) / region.chin.unit


def _mean_rise(region: _Region, moved: Displacement) -> float:
    return float(np.average(moved.offsets[:, 1], weights=moved.lengths)) / region.chin.unit


def _inner_rise(region: _Region, moved: Displacement) -> float:
    """How much more the inner ends of the brows rise than the outer ends: slope of rise over |x|, negated."""
    x = np.abs(region.points(moved)[:, 0]).astype(np.float64)
    if np.ptp(x) == 0.0:
        return 0.0
    return -float(np.polyfit(x, moved.offsets[:, 1] / region.chin.unit, 1)[0])


def _any(region: _Region, moved: Displacement) -> bool:
    return True


def _rises(region: _Region, moved: Displacement) -> bool:
    return _mean_rise(region, moved) > 0


def _falls(region: _Region, moved: Displacement) -> bool:
    return _mean_rise(region, moved) < 0


def _shrinks(region: _Region, moved: Displacement) -> bool:
    """Whether the moved vertices draw nearer to the middle of their own eye."""
    eyes = region.face.eyes
    points = region.face.positions[moved.vertices, :2].astype(np.float64)
    own_eye = np.where((points[:, 0] > eyes.center_x)[:, None], eyes.left, eyes.right)
    spread_before = np.abs(points - own_eye).sum()
    return bool(np.abs(points + moved.offsets[:, :2] - own_eye).sum() < spread_before)


def _opens(region: _Region, moved: Displacement) -> bool:
    return _opening(region, moved) >= MOUTH_OPENS


_Rule = tuple[Callable[[_Region, Displacement], Bools], Callable[[_Region, Displacement], bool]]

# Where each feature moves and what it must do there.
_RULES: dict[Feature, _Rule] = {
    Feature.EYEBROW_TROUBLED: (_Region.around_brows, lambda r, m: _inner_rise(r, m) > 0),
    Feature.EYEBROW_ANGRY: (_Region.around_brows, lambda r, m: _inner_rise(r, m) < 0),
    Feature.EYEBROW_LOWERED: (_Region.around_brows, _falls),
    Feature.EYEBROW_RAISED: (_Region.around_brows, _rises),
    Feature.EYEBROW_HAPPY: (_Region.around_brows, _any),
    Feature.EYEBROW_SERIOUS: (_Region.around_brows, _any),
    Feature.EYE_SURPRISED: (_Region.around_eyes, _any),
    Feature.EYE_RELAXED: (_Region.around_eyes, _falls),
    Feature.EYE_UNIMPRESSED: (_Region.around_eyes, _falls),
    Feature.EYE_RAISED_LOWER_EYELID: (_Region.around_eyes, _rises),
    Feature.IRIS_SMALL: (_Region.on_irises, _shrinks),
    Feature.MOUTH_AAA: (_Region.around_mouth, _opens),
    Feature.MOUTH_III: (_Region.around_mouth, _any),
    Feature.MOUTH_UUU: (_Region.around_mouth, _any),
    Feature.MOUTH_EEE: (_Region.around_mouth, _any),
    Feature.MOUTH_OOO: (_Region.around_mouth, _any),
    Feature.MOUTH_DELTA: (_Region.around_mouth, _any),
    Feature.MOUTH_LOWERED_CORNER: (_Region.around_mouth, _any),
    Feature.MOUTH_RAISED_CORNER: (_Region.around_mouth, _any),
    Feature.MOUTH_SMIRK: (_Region.around_mouth, _any),
}
