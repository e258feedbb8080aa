"""The true annotation of a built-in character: known because it was built so."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmdgen.annotate.schema import (
    Annotation,
    EyeCenters,
    Feature,
    HeadBounds,
    MorphChoice,
    Origin,
    Provenance,
    Role,
    Side,
)
from mmdgen.cast.assemble import Placement
from mmdgen.cast.expressions import Expression
from mmdgen.cast.eyes import CENTER_Y
from mmdgen.cast.strands import HairDome
from mmdgen.cast.traits import Traits

_STRAND_HEIGHT = 0.02  # of the strands over the dome at the parting, head units
BUILT = Provenance(Origin.AUTO, "construction", by="mmdgen cast")

_FEATURES = {
    "brow_troubled": Feature.EYEBROW_TROUBLED,
    "brow_angry": Feature.EYEBROW_ANGRY,
    "brow_down": Feature.EYEBROW_LOWERED,
    "brow_up": Feature.EYEBROW_RAISED,
    "brow_gentle": Feature.EYEBROW_HAPPY,
    "brow_serious": Feature.EYEBROW_SERIOUS,
    "blink": Feature.EYE_WINK,
    "smile": Feature.EYE_HAPPY_WINK,
    "wide": Feature.EYE_SURPRISED,
    "calm": Feature.EYE_RELAXED,
    "half": Feature.EYE_UNIMPRESSED,
    "small_iris": Feature.IRIS_SMALL,
    "mouth_a": Feature.MOUTH_AAA,
    "mouth_i": Feature.MOUTH_III,
    "mouth_u": Feature.MOUTH_UUU,
    "mouth_e": Feature.MOUTH_EEE,
    "mouth_o": Feature.MOUTH_OOO,
    "mouth_triangle": Feature.MOUTH_DELTA,
    "mouth_corners_down": Feature.MOUTH_LOWERED_CORNER,
    "mouth_corners_up": Feature.MOUTH_RAISED_CORNER,
    "mouth_smirk": Feature.MOUTH_SMIRK,
}


def role_of(key: str) -> Role | None:
    """The role that an expression plays. None for one that the networks do not know."""
    stem, _, last = key.rpartition("_")
    side = Side(last) if last in ("left", "right") and stem in _FEATURES else Side.BOTH
    feature = _FEATURES.get(key if side is Side.BOTH else stem)
    if feature is None:
        return None
    return Role.of(feature, side if feature.has_sides else Side.MIDDLE)


def true_annotation(
    identity: str,
    traits: Traits,
    expressions: Sequence[Expression],
    placement: Placement,
    notes: Sequence[str] = (),
) -> Annotation:
    """Head bounds, eyes and roles in the model's own units.

    Args:
        identity: the model id of the written file.
        traits: the character.
        expressions: its morphs in file order.
        placement: where it stands.
        notes: how it strays from a tidy model.
    """
    x, y, _ = placement.origin
    dome = HairDome.over(traits.face.width, traits.hair.volume)
    top = float(dome.at(np.array([0.0, 1.0, 0.0]))[1]) + _STRAND_HEIGHT
    eye = traits.eyes.spacing * placement.scale
    eye_y = y + CENTER_Y * placement.scale
    roles = {}
    for index, expression in enumerate(expressions):
        role = role_of(expression.key)
        if role is not None:
            roles[role] = MorphChoice(index, expression.name, None, BUILT)
    return Annotation(
        model_id=identity,
        head=HeadBounds(y, y + top * placement.scale, x, BUILT),
        roles=roles,
        warnings=tuple(notes),
        eyes=EyeCenters((x + eye, eye_y), (x - eye, eye_y), BUILT),
    )
