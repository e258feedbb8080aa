"""Brows, eye shapes, irises and mouth: the geometry tells part, side and kind of a motion, names suggest.

A name is believed if the morph moves the right part of the face as its kind must; where the motion speaks
against the name that is said, and where names and motions of a model disagree too often its names count
little. Morphs without a known name are proposed where their motion alone shows what they are, always with low
confidence: some kinds (にこり and 真面目, ▲ and にやり) no motion tells, they need a name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mmdgen.annotate.chin import Chin
from mmdgen.annotate.displacement import Displacement
from mmdgen.annotate.face import Face
from mmdgen.annotate.motion import Motion, Region, measure_motion
from mmdgen.annotate.schema import Feature, Half, MorphChoice, Origin, Provenance, Role, Side
from mmdgen.model import Bools, MorphKind, Panel, UvElements

IN_PLACE = 0.6  # share of the motion that must be in the feature's part of the face
MOUTH_OPENS = 0.05  # u; lips part at least so far in an open mouth
LEAST_MOTION = 0.012  # u; what moves less is not seen [smallest real one 0.02]
STRAIGHT = 0.85  # share of a motion that goes straight up or down in raised and lowered brows
TILTS = 0.1  # change of the brows' slope from which they are troubled or angry without a name
DOUBTED = 0.45  # below the confidence from which a proposal counts as sure
LIES = (3, 0.2)  # from so many names, and such a share, that their motions speak against, names count little
FEW_NAMES = 4  # a model with so few features of a known name is named in a way that no table knows

_CLOSINGS = (Feature.EYE_WINK, Feature.EYE_HAPPY_WINK)  # told by `eyes`
_UNMEASURED = (MorphKind.UV, MorphKind.UV1, MorphKind.BONE, MorphKind.MATERIAL, MorphKind.GROUP)


@dataclass(frozen=True, slots=True, eq=False)
class FeatureRoles:
    """The roles of a model's features, and why its names should not be trusted, if so."""

    roles: dict[Role, MorphChoice]
    name_doubt: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """A morph that is taken for a feature."""

    morph: int
    side: Side
    rank: int  # of its name: morphs of one rank are one family
    method: str
    confidence: float
    reasons: tuple[str, ...] = ()
    motion: Motion | None = None


def choose_feature_roles(
    face: Face, chin: Chin, *, by: str, blink: Displacement | None = None
) -> FeatureRoles:
    """The roles of all features but the closing of the eyes.

    Args:
        face: where the parts are.
        chin: with the unit.
        by: the annotator's version, for the provenance.
        blink: what closes both eyes normally; without it the eye shapes cannot be compared with it.
    """
    region = Region(face, chin, blink)
    features = [feature for feature in Feature if feature not in _CLOSINGS]
    found = {feature: _named(region, feature) for feature in features}
    found[Feature.MOUTH_AAA] = (
        found[Feature.MOUTH_AAA] or _hardly_open_mouth(region) or _widest_opening(region)
    )
    found = _compare_vowels(found)
    doubt = _name_doubt(found)
    if doubt:
        found = {feature: [_doubted(entry, doubt) for entry in entries] for feature, entries in found.items()}
    if len({hint.feature for hint in face.hints} - {None}) <= FEW_NAMES:
        taken = {entry.morph for entries in found.values() for entry in entries}
        found |= {feature: _nameless(region, feature, taken) for feature in features if not found[feature]}
    roles: dict[Role, MorphChoice] = {}
    for feature in features:
        for side in (Side.BOTH, Side.LEFT, Side.RIGHT) if feature.has_sides else (Side.MIDDLE,):
            choice = _choose(face, found[feature], side, by)
            if choice is not None:
                roles[Role.of(feature, side)] = choice
    return FeatureRoles(roles, doubt)


def _named(region: Region, feature: Feature) -> list[_Found]:
    """Morphs that are named for a feature and move its part of the face, the most usual name first."""
    face = region.face
    ranked = sorted((hint.rank, index) for index, hint in enumerate(face.hints) if hint.feature is feature)
    found = [entry for rank, index in ranked if (entry := _confirm(region, feature, rank, index))]
    return sorted(found, key=lambda entry: entry.confidence < 0.5)  # stable: the doubted ones last


def _confirm(region: Region, feature: Feature, rank: int, index: int) -> _Found | None:
    """A named morph with its side; doubted where its motion speaks against the name, None if elsewhere."""
    face = region.face
    moved = face.displacements[index]
    if not len(moved):
        return _unmoving(region, feature, rank, index)
    rule = _RULES[feature]
    inside = rule.part(region, moved)
    share = float(moved.lengths[inside].sum() / moved.lengths.sum())
    if share < IN_PLACE:
        return None
    part = moved.restricted(inside)
    motion = measure_motion(region, part)
    side = _side(region, feature, part)
    if side is None:
        return None
    if not rule.fits(motion):
        if feature in _MUST_FIT:
            return None
        reason = f"'{face.model.morphs.names[index]}' does not move as its name says"
        return _Found(index, side, rank, "name", 0.3, (reason,), motion)
    if motion.farthest < LEAST_MOTION:
        return _Found(index, side, rank, "name", 0.4, (f"moves by {motion.farthest:.3f} u only",), motion)
    confidence = (0.95 if rank < 3 else 0.85) * min(1.0, 0.7 + 0.3 * (share - IN_PLACE) / (0.85 - IN_PLACE))
    return _Found(index, side, rank, "name and geometry", confidence, (), motion)


def _unmoving(region: Region, feature: Feature, rank: int, index: int) -> _Found | None:
    """A named morph that moves no vertices. One that slides the texture shows at least where it does so."""
    face = region.face
    elements = face.model.morphs.elements[index]
    if isinstance(elements, UvElements):
        slid = _as_displacement(elements, len(face.positions))
        inside = _RULES[feature].part(region, slid)
        part = slid.restricted(inside)
        side = _side(region, feature, part)
        if len(part) < IN_PLACE * len(slid) or side is None or not len(part):
            return None
        reason = "slides the texture: where it does was measured, not what is seen"
        return _Found(index, side, rank, "name and place", 0.6, (reason,))
    if face.model.morphs.kinds[index] not in _UNMEASURED:
        return None
    side = face.hints[index].side if feature.has_sides else Side.MIDDLE
    reason = "moves no vertices: neither side nor effect could be measured"
    return _Found(index, side, rank, "name", 0.4, (reason,))


def _as_displacement(elements: UvElements, vertex_count: int) -> Displacement:
    """Where texture coordinates slide, as if each of the vertices moved by 1: only the place is asked."""
    in_range = (elements.vertices >= 0) & (elements.vertices < vertex_count)
    vertices = np.unique(elements.vertices[in_range & elements.offsets.any(axis=1)])
    offsets = np.ones((len(vertices), 3), np.float32)
    return Displacement(vertices, offsets, offsets[:, 0])


def _side(region: Region, feature: Feature, part: Displacement) -> Side | None:
    return region.side_of(part) if feature.has_sides else Side.MIDDLE


def _nameless(region: Region, feature: Feature, taken: set[int]) -> list[_Found]:
    """Without a known name: the morph of each side whose motion shows the feature most clearly."""
    rule, face = _RULES[feature], region.face
    if rule.clearness is None:
        return []
    best: dict[Side, tuple[float, _Found]] = {}
    for index, moved in enumerate(face.displacements):
        if index in taken or not len(moved) or face.hints[index].feature is not None:
            continue
        inside = rule.part(region, moved)
        if moved.lengths[inside].sum() < 0.9 * moved.lengths.sum():
            continue
        part = moved.restricted(inside)
        motion, side = measure_motion(region, part), _side(region, feature, part)
        clearness = rule.clearness(motion)
        if side is None or motion.farthest < LEAST_MOTION or clearness <= 0.0:
            continue
        if side not in best or clearness > best[side][0]:
            reason = "no known name; told by its motion alone"
            best[side] = (clearness, _Found(index, side, 0, "geometry", 0.3, (reason,), motion))
    return [entry for _, entry in best.values()]


def _name_doubt(found: dict[Feature, list[_Found]]) -> str:
    """Why the names of a model should not be trusted: too many do not fit the motions. "" if they do."""
    checked = [
        entry
        for feature, entries in found.items()
        if _RULES[feature].tells
        for entry in entries
        if entry.motion is not None
    ]
    against = sum(entry.method == "name" for entry in checked)
    if against < LIES[0] or against < LIES[1] * len(checked):
        return ""
    return f"of this model's names {against} of {len(checked)} do not fit what their morphs do"


def _compare_vowels(found: dict[Feature, list[_Found]]) -> dict[Feature, list[_Found]]:
    """い and う open the mouth less than あ; where they open it far more, one of the names is wrong."""
    wide = next((e.motion for e in found[Feature.MOUTH_AAA] if e.motion is not None), None)
    result = dict(found)
    for feature in (Feature.MOUTH_III, Feature.MOUTH_UUU):
        first = next((entry.motion for entry in found[feature] if entry.motion is not None), None)
        if wide is None or first is None or first.opening <= 1.2 * wide.opening:
            continue
        reason = "い or う opens the mouth farther than あ"
        for doubted in (feature, Feature.MOUTH_AAA):
            result[doubted] = [_doubted(entry, reason) for entry in result[doubted]]
    return result


def _doubted(entry: _Found, reason: str) -> _Found:
    return _Found(
        entry.morph,
        entry.side,
        entry.rank,
        entry.method,
        min(entry.confidence, DOUBTED),
        (*entry.reasons, reason),
        entry.motion,
    )


def _choose(face: Face, found: list[_Found], side: Side, by: str) -> MorphChoice | None:
    """The morph of a side, or the half of the both-sided one where that has the better name.

    Left and right are chosen alike, so that they are the two sides of one expression.
    """
    names = face.model.morphs.names
    own = {entry.side: entry for entry in reversed(found)}  # the best name of each side stays
    both = own.get(Side.BOTH)
    pair_rank = max((own[eye].rank for eye in (Side.LEFT, Side.RIGHT) if eye in own), default=0)
    is_family = Side.LEFT in own and Side.RIGHT in own and (both is None or pair_rank <= both.rank)
    can_halve = both is not None and (
        len(face.displacements[both.morph]) > 0 or both.method == "name and place"
    )
    if both is not None and can_halve and side is not Side.BOTH and not is_family:
        method = "half of the both-sided morph"
        provenance = Provenance(Origin.AUTO, method, both.confidence, both.reasons, by)
        return MorphChoice(both.morph, names[both.morph], Half(side.value), provenance)
    entry = own.get(side)
    if entry is None:
        return None
    provenance = Provenance(Origin.AUTO, entry.method, entry.confidence, entry.reasons, by)
    return MorphChoice(entry.morph, names[entry.morph], None, provenance)


def _hardly_open_mouth(region: Region) -> list[_Found]:
    """A morph of the open mouth's most usual name that opens less than expected."""
    for index, hint in enumerate(region.face.hints):
        moved = region.face.displacements[index]
        if hint.feature is Feature.MOUTH_AAA and hint.rank == 0 and len(moved):
            part = moved.restricted(region.around_mouth(moved))
            motion = measure_motion(region, part) if len(part) else None
            reason = f"parts the lips by {0.0 if motion is None else motion.opening:.2f} u only"
            return [_Found(index, Side.MIDDLE, hint.rank, "name", 0.4, (reason,), motion)]
    return []


def _widest_opening(region: Region) -> list[_Found]:
    """Without a known name: the morph that opens the mouth widest and moves little else."""
    face = region.face
    openings: list[tuple[float, int]] = []
    for index, moved in enumerate(face.displacements):
        if not len(moved) or face.model.morphs.panels[index] in (Panel.BROW, Panel.EYE):
            continue
        part = moved.restricted(region.around_mouth(moved))
        if not len(part) or float(part.lengths.sum()) < 0.8 * float(moved.lengths.sum()):
            continue
        motion = measure_motion(region, part)
        if motion.opening >= MOUTH_OPENS:  # お parts the lips as far as あ, and is narrower
            openings.append((motion.opening * (1.0 + motion.spread), -index))
    if not openings:
        return []
    reason = "no known name; it opens the mouth widest"
    return [_Found(-max(openings)[1], Side.MIDDLE, 0, "geometry", 0.4, (reason,))]


@dataclass(frozen=True, slots=True)
class _Rule:
    """Where a feature moves, what it must do there, and how clearly a motion alone shows it."""

    part: Callable[[Region, Displacement], Bools]
    fits: Callable[[Motion], bool] = lambda motion: True
    clearness: Callable[[Motion], float] | None = None  # positive where the motion alone shows it
    tells: bool = False  # whether `fits` tells this feature from its neighbours


def _straight(motion: Motion, sign: float) -> float:
    """How clearly brows go straight up (sign 1) or down (-1) as a whole, without tilting or arching."""
    return (sign * motion.rise - STRAIGHT) * motion.evenness if abs(motion.tilt) < TILTS else 0.0


# A morph that shares one of these names and does something else is no such feature at all.
_MUST_FIT = (Feature.MOUTH_AAA, Feature.IRIS_SMALL)

_brows, _eyes, _mouth = Region.around_brows, Region.around_eyes, Region.around_mouth

_RULES: dict[Feature, _Rule] = {
    Feature.EYEBROW_TROUBLED: _Rule(
        _brows, lambda m: m.tilt < 0 or m.corners < 0, lambda m: -m.tilt - TILTS, tells=True
    ),
    Feature.EYEBROW_ANGRY: _Rule(
        _brows, lambda m: m.tilt > 0 or m.corners > 0, lambda m: m.tilt - TILTS, tells=True
    ),
    Feature.EYEBROW_LOWERED: _Rule(_brows, lambda m: m.rise < 0, lambda m: _straight(m, -1.0), tells=True),
    Feature.EYEBROW_RAISED: _Rule(_brows, lambda m: m.rise > 0, lambda m: _straight(m, 1.0), tells=True),
    Feature.EYEBROW_HAPPY: _Rule(_brows, lambda m: m.rise > -0.8),
    Feature.EYEBROW_SERIOUS: _Rule(_brows, lambda m: m.rise < 0.9),
    Feature.EYE_SURPRISED: _Rule(
        _eyes, lambda m: m.upper_lid < 0.1, lambda m: -m.upper_lid - 0.05, tells=True
    ),
    Feature.EYE_RELAXED: _Rule(_eyes, lambda m: m.upper_lid > 0.4, tells=True),
    Feature.EYE_UNIMPRESSED: _Rule(_eyes, lambda m: 0.1 < m.upper_lid < 0.95, tells=True),
    Feature.EYE_RAISED_LOWER_EYELID: _Rule(
        _eyes,
        lambda m: (m.rise > 0 or m.lower_lid > 0.2) and m.upper_lid < 0.35,
        lambda m: m.lower_lid - 0.2 if abs(m.upper_lid) < 0.1 else 0.0,
    ),
    Feature.IRIS_SMALL: _Rule(Region.on_irises, lambda m: m.shrinks, lambda m: float(m.shrinks) * m.farthest),
    Feature.MOUTH_AAA: _Rule(_mouth, lambda m: m.opening >= MOUTH_OPENS, tells=True),
    Feature.MOUTH_III: _Rule(_mouth, lambda m: m.spread > -0.1),
    Feature.MOUTH_UUU: _Rule(_mouth, lambda m: m.spread < 0.05, tells=True),
    Feature.MOUTH_EEE: _Rule(_mouth),
    Feature.MOUTH_OOO: _Rule(_mouth, lambda m: m.opening >= 0.02 and m.spread < 0.05, tells=True),
    Feature.MOUTH_DELTA: _Rule(_mouth),
    Feature.MOUTH_LOWERED_CORNER: _Rule(_mouth, lambda m: m.corners < 0 or m.rise < 0, tells=True),
    Feature.MOUTH_RAISED_CORNER: _Rule(_mouth, lambda m: m.corners > 0 or m.rise > 0, tells=True),
    Feature.MOUTH_SMIRK: _Rule(_mouth),
}
