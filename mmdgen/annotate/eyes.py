"""Which closing morph plays which eye role: normal or smiling, both eyes or one.

Names only suggest. Two both-eye morphs are found first, the normal one (まばたき) and the smiling one (笑い);
one-eye morphs are told by likeness to their halves. A one-eye role is then played by the half of the
both-eye morph, the same in every model, and the model's own wink is the check on it; where a model has no
both-eye morph its own winks play.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from mmdgen.annotate.closing import Closing, ClosingDetector
from mmdgen.annotate.displacement import Displacement, cosine, half_weights
from mmdgen.annotate.face import Face
from mmdgen.annotate.lexicon import names_another_closing
from mmdgen.annotate.schema import (
    ClosedShape,
    ClosingMorph,
    Feature,
    Half,
    MorphChoice,
    Origin,
    Provenance,
    Role,
    Side,
)

ALIKE = 0.95  # cosine from which two closings are the same shape [true pairs 0.98, usually 1.000]
IDENTICAL = 0.995  # two morphs for the same, as in models with several sets of names
UNLIKE = 0.85  # below this a closing is a third shape
CURVATURE_CUT = -0.055  # alone each of these cuts tells 85 to 90 of 100 shapes right
LOWER_LID_CUT = 0.40
HARDLY_APART = 0.03  # curvature; the two lid lines of one model are alike

_PAIR = (ClosedShape.NORMAL, ClosedShape.SMILE)
_SHAPES = {Feature.EYE_WINK: ClosedShape.NORMAL, Feature.EYE_HAPPY_WINK: ClosedShape.SMILE}


@dataclass(frozen=True, slots=True, eq=False)
class _Pick:
    """The both-eye morph of one shape, and how it was told."""

    closing: Closing
    method: str
    confidence: float
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class EyeRoles:
    """The eye roles of a model, and every morph that was found to close an eye."""

    roles: dict[Role, MorphChoice]
    closing_morphs: tuple[ClosingMorph, ...]


def choose_eye_roles(face: Face, detector: ClosingDetector, unit: float, *, by: str) -> EyeRoles:
    """Find the closing morphs of a face and give them their roles.

    Args:
        face: where the eyes are.
        detector: what tells a closing morph.
        unit: u, the height of the eyes above the chin.
        by: the annotator's version, for the provenance.
    """
    closings = [found for morph in range(len(face.displacements)) if (found := detector.detect(morph))]
    named = {feature: _named(face, detector, feature, closings) for feature in _SHAPES}
    blink = named.get(Feature.EYE_WINK)
    whole = blink.closing if blink is not None else _widest(detector, closings)
    if whole is not None:  # without irises, lid motion alone lets brows and half-closed eyes through
        closings = [c for c in closings if not c.saw_no_iris or _covers(detector, c, whole)]
        named = {feature: _named(face, detector, feature, closings) for feature in _SHAPES}
    picks = _settle_pair(face, detector, closings, named)
    shaped = [_describe(face, detector, closing, picks) for closing in closings]
    roles: dict[Role, MorphChoice] = {}
    for feature in _SHAPES:
        for side in (Side.BOTH, Side.LEFT, Side.RIGHT):
            choice = _choose(face, detector, unit, feature, side, picks, shaped, by)
            choice = choice or _unmeasured(face, feature, side, by)
            if choice is not None:
                roles[Role.of(feature, side)] = choice
    return EyeRoles(roles, tuple(shaped))


def _widest(detector: ClosingDetector, closings: list[Closing]) -> Closing | None:
    """The both-eye closing that covers most, of those that were found without irises."""
    unseen = [closing for closing in closings if closing.side is Side.BOTH and closing.saw_no_iris]
    covered = [(int(np.sum(detector.opening(one.morph, Side.LEFT))), -i) for i, one in enumerate(unseen)]
    return unseen[-max(covered)[1]] if covered else None


def _covers(detector: ClosingDetector, closing: Closing, blink: Closing) -> bool:
    return closing.morph == blink.morph or detector.covers_like(closing.morph, blink.morph, closing.side)


def _named(face: Face, detector: ClosingDetector, feature: Feature, closings: list[Closing]) -> _Pick | None:
    """The both-eye morph that its name tells, confirmed by the geometry if it can be."""
    names = face.model.morphs.names
    by_morph = {closing.morph: closing for closing in closings}
    hints = sorted((hint.rank, i) for i, hint in enumerate(face.hints) if hint.feature is feature)
    for _, index in hints:
        closing = by_morph.get(index)
        if closing is not None and closing.side is Side.BOTH:
            if not closing.saw_no_iris:
                return _Pick(closing, "name and geometry", 0.98)
            if detector.sees_irises:
                reason = "the eyes are closed in the rest pose, or something hides the irises"
                return _Pick(closing, "name and lid motion", 0.4, (reason,))
            return _Pick(closing, "name and lid motion", 0.7, ("no iris to look at behind the lids",))
    for rank, index in hints:
        moved = face.displacements[index]
        if rank == 0 and len(moved) and detector.side_of(moved) is Side.BOTH:
            closing = detector.measure(index, Side.BOTH)
            if closing.hides_irises:
                reason = f"'{names[index]}' hides the irises in an unusual way"
                return _Pick(closing, "name and hidden irises", 0.7, (reason,))
            return _Pick(closing, "name", 0.4, (f"'{names[index]}' does not measurably close the eyes",))
    return None


def _settle_pair(
    face: Face,
    detector: ClosingDetector,
    closings: list[Closing],
    named: dict[Feature, _Pick | None],
) -> dict[Feature, _Pick]:
    """The normal and the smiling both-eye morph, from names where they are there, else from the shapes."""
    picks = {feature: pick for feature, pick in named.items() if pick is not None}
    both = [closing for closing in closings if closing.side is Side.BOTH]
    own = [pick.closing for pick in picks.values()]
    votes = _votes(detector, closings, [*own, *(c for c in both if c.morph not in {o.morph for o in own})])
    picks = _check_copies(face, detector, both, votes, picks)
    if len(picks) == 2:
        return _check_order(picks)
    taken = {pick.closing.morph for pick in picks.values()}
    pool = [
        closing
        for closing in both
        if closing.morph not in taken and not names_another_closing(face.model.morphs.names[closing.morph])
    ]
    for feature in _SHAPES:
        chosen = None if feature in picks else _by_shape(pool, votes, feature)
        if chosen is not None:
            pool.remove(chosen)
            confidence = 0.3 if chosen.saw_no_iris else 0.6 if votes[chosen.morph] else 0.4
            reason = "no known name; told by the shape of the closed lid"
            picks[feature] = _Pick(chosen, "geometry", confidence, (reason,))
    return _check_order(picks) if len(picks) == 2 else picks


def _by_shape(pool: list[Closing], votes: Counter[int], feature: Feature) -> Closing | None:
    """The both-eye morph of a shape among those without a known name.

    One-eye morphs are copies of まばたき or 笑い, never of another expression: what has such copies is one of
    the pair. Else the shape decides alone, and the first in the file of those alike.

    Args:
        pool: the candidates in file order.
        votes: how many one-eye copies each has.
        feature: which shape is sought.
    """
    is_wink = feature is Feature.EYE_WINK
    opposite = ClosedShape.SMILE if is_wink else ClosedShape.NORMAL
    copied = [closing for closing in pool if votes[closing.morph] and _looks_like(closing) is not opposite]
    if copied:
        return max(copied, key=_straightness) if is_wink else min(copied, key=_straightness)
    fitting = [closing for closing in pool if _looks_like(closing) is _SHAPES[feature]]
    if not fitting and is_wink and pool:
        return max(pool, key=_straightness)
    return fitting[0] if fitting else None


def _check_copies(
    face: Face,
    detector: ClosingDetector,
    both: list[Closing],
    votes: Counter[int],
    picks: dict[Feature, _Pick],
) -> dict[Feature, _Pick]:
    """Compare the named pair with the model's one-eye morphs, which are copies of the true pair's halves.

    A both-eye morph that has such copies and is not of the named pair takes the place of one that has none.
    """
    own = [pick.closing for pick in picks.values()]
    copied = [
        closing
        for closing in both
        if votes[closing.morph] and all(_likeness(detector, closing, one) < IDENTICAL for one in own)
    ]
    without = [feature for feature, pick in picks.items() if not votes[pick.closing.morph]]
    if not copied or not without:
        return picks
    result = dict(picks)
    for feature in without:
        by_shape = max if feature is Feature.EYE_WINK else min
        better = by_shape(copied, key=_straightness)
        ours, theirs = (face.model.morphs.names[c.morph] for c in (picks[feature].closing, better))
        reason = f"'{ours}' has the name, '{theirs}' has the one-eye copies"
        result[feature] = _Pick(better, "geometry", 0.45, (reason,))
        copied = [closing for closing in copied if closing is not better] or copied
    return result


def _check_order(picks: dict[Feature, _Pick]) -> dict[Feature, _Pick]:
    """Compare the two shapes: the smile's lid line arches higher and its lower lid comes up farther.

    Both were so in 36 of 36 and 35 of 36 models. Where both say the opposite, the names are swapped.
    """
    normal, smile = picks[Feature.EYE_WINK], picks[Feature.EYE_HAPPY_WINK]
    by_lid = normal.closing.lower_lid_ratio < smile.closing.lower_lid_ratio
    by_line = normal.closing.curvature > smile.closing.curvature
    if by_lid and by_line:
        return picks
    if by_lid or by_line:
        doubt = ("the shapes of normal and smiling closed eyes are hardly apart",)
        gap = (
            normal.closing.curvature - smile.closing.curvature
        )  # the lids say so in all models, the line nearly
        confidence = 0.75 if by_lid and gap > -HARDLY_APART else 0.45
        return {feature: _doubted(pick, confidence, doubt) for feature, pick in picks.items()}
    doubt = ("by the shape of the lids the normal and the smiling morph are swapped",)
    return {
        Feature.EYE_WINK: _doubted(smile, 0.45, doubt),
        Feature.EYE_HAPPY_WINK: _doubted(normal, 0.45, doubt),
    }


def _doubted(pick: _Pick, confidence: float, reasons: tuple[str, ...]) -> _Pick:
    return _Pick(pick.closing, pick.method, min(pick.confidence, confidence), (*pick.reasons, *reasons))


def _votes(detector: ClosingDetector, closings: list[Closing], pool: list[Closing]) -> Counter[int]:
    """How many one-eye closings are copies of each both-eye closing."""
    votes: Counter[int] = Counter()
    for one in closings:
        if one.side is Side.BOTH or not pool:
            continue
        likeness, morph = max((_likeness(detector, one, both), both.morph) for both in pool)
        if likeness >= ALIKE:
            votes[morph] += 1
    return votes


def _likeness(detector: ClosingDetector, one: Closing, both: Closing) -> float:
    """Cosine over the eyes that `one` closes."""
    ours, theirs = (detector.on_side(morph.displacement, one.side) for morph in (one, both))
    return cosine(ours, theirs)


def _looks_like(closing: Closing) -> ClosedShape:
    """The shape by absolute cuts; UNSURE where the two cuts disagree."""
    hangs = closing.curvature > CURVATURE_CUT
    if hangs and closing.lower_lid_ratio < LOWER_LID_CUT:
        return ClosedShape.NORMAL
    if not hangs or closing.lower_lid_ratio > 2 * LOWER_LID_CUT:
        return ClosedShape.SMILE
    return ClosedShape.UNSURE


def _straightness(closing: Closing) -> float:
    """More is more like まばたき."""
    return closing.curvature - 0.3 * closing.lower_lid_ratio


def _describe(
    face: Face, detector: ClosingDetector, closing: Closing, picks: dict[Feature, _Pick]
) -> ClosingMorph:
    """A closing morph with its shape told by likeness to the pair."""
    name = face.model.morphs.names[closing.morph]
    normal, smile = (
        _likeness(detector, closing, picks[feature].closing) if feature in picks else 0.0
        for feature in _SHAPES
    )
    return ClosingMorph(
        morph=closing.morph,
        name=name,
        side=closing.side,
        shape=_shape(closing, name, face.hints[closing.morph].feature, normal, smile, picks),
        iris_left=closing.iris_left,
        iris_right=closing.iris_right,
        likeness_normal=normal,
        likeness_smile=smile,
        curvature=closing.curvature,
        lower_lid_ratio=closing.lower_lid_ratio,
    )


def _shape(
    closing: Closing,
    name: str,
    feature: Feature | None,
    normal: float,
    smile: float,
    picks: dict[Feature, _Pick],
) -> ClosedShape:
    """The shape by likeness to the pair; without a pair by the name's word, else by absolute cuts."""
    for picked, pick in picks.items():
        if pick.closing.morph == closing.morph:
            return _SHAPES[picked]
    if names_another_closing(name):
        return ClosedShape.OTHER
    if not picks:
        return _SHAPES[feature] if feature in _SHAPES else _looks_like(closing)
    if max(normal, smile) < UNLIKE:
        return ClosedShape.OTHER if len(picks) == 2 else _looks_like(closing)
    if max(normal, smile) < ALIKE and closing.side is Side.BOTH:
        return ClosedShape.UNSURE
    return ClosedShape.NORMAL if normal > smile else ClosedShape.SMILE


def _choose(
    face: Face,
    detector: ClosingDetector,
    unit: float,
    feature: Feature,
    side: Side,
    picks: dict[Feature, _Pick],
    shaped: list[ClosingMorph],
    by: str,
) -> MorphChoice | None:
    """The morph for one role: the both-eye morph or its half, else the model's own wink."""
    pick = picks.get(feature)
    if pick is None:
        return None if side is Side.BOTH else _own_wink(face, shaped, feature, side, by)
    name = face.model.morphs.names[pick.closing.morph]
    if side is Side.BOTH:
        provenance = Provenance(Origin.AUTO, pick.method, pick.confidence, pick.reasons, by)
        return MorphChoice(pick.closing.morph, name, None, provenance)
    half = Half(side.value)
    confidence, reasons = _check_half(face, detector, unit, pick, half, feature, shaped)
    provenance = Provenance(Origin.AUTO, "half of the both-eye morph", confidence, reasons, by)
    return MorphChoice(pick.closing.morph, name, half, provenance)


def _own_wink(
    face: Face, shaped: list[ClosingMorph], feature: Feature, side: Side, by: str
) -> MorphChoice | None:
    """A one-eye morph of the right side and shape, where there is no both-eye morph to halve."""
    fitting = [morph for morph in shaped if morph.side is side and morph.shape is _SHAPES[feature]]
    if not fitting:
        return None
    named = [morph for morph in fitting if face.hints[morph.morph].feature is feature]
    chosen = (named or fitting)[0]
    if named:
        provenance = Provenance(Origin.AUTO, "one-eye morph by name and geometry", 0.9, (), by)
    else:
        reasons = ("no both-eye morph to compare with",)
        provenance = Provenance(Origin.AUTO, "one-eye morph by geometry", 0.45, reasons, by)
    return MorphChoice(chosen.morph, chosen.name, None, provenance)


def _unmeasured(face: Face, feature: Feature, side: Side, by: str) -> MorphChoice | None:
    """A morph of the feature's most usual name that closes the eyes without moving vertices."""
    for index, hint in enumerate(face.hints):
        if hint.feature is feature and hint.rank == 0 and not len(face.displacements[index]):
            reason = "moves no vertices: neither side nor effect could be measured"
            provenance = Provenance(Origin.AUTO, "name", 0.3, (reason,), by)
            half = None if side is Side.BOTH else Half(side.value)
            return MorphChoice(index, face.model.morphs.names[index], half, provenance)
    return None


def _check_half(
    face: Face,
    detector: ClosingDetector,
    unit: float,
    pick: _Pick,
    half: Half,
    feature: Feature,
    shaped: list[ClosingMorph],
) -> tuple[float, tuple[str, ...]]:
    """Confidence in a half, checked against the model's own wink of that side and shape."""
    split = _half_of(face, pick.closing.displacement, unit, half)
    winks = [morph for morph in shaped if morph.side is Side(half.value) and morph.shape is _SHAPES[feature]]
    if not winks:
        return pick.confidence, pick.reasons
    likeness, wink = max((cosine(split, face.displacements[w.morph]), w.name) for w in winks)
    if likeness >= ALIKE:
        # a copy of this half is a wink of the model: names were not needed to know it for an eye closing
        is_copied = pick.method == "geometry" and pick.confidence >= 0.5 and likeness >= IDENTICAL
        sure = max(pick.confidence, 0.7) if is_copied else pick.confidence
        return sure, (*pick.reasons, f"agrees with '{wink}' (cosine {likeness:.3f})")
    return min(pick.confidence, 0.7), (*pick.reasons, f"differs from '{wink}' (cosine {likeness:.3f})")


def _half_of(face: Face, moved: Displacement, unit: float, half: Half) -> Displacement:
    x = face.positions[moved.vertices, 0]
    return moved.scaled(half_weights(x, face.eyes.center_x, unit, half))
