"""The machine's proposal for a model: head bounds, eyes, roles, each with a confidence and its reasons."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mmdgen.annotate.chin import Chin, find_chin
from mmdgen.annotate.closing import ClosingDetector
from mmdgen.annotate.displacement import Displacement, resolve_displacements
from mmdgen.annotate.eyes import EyeRoles, choose_eye_roles
from mmdgen.annotate.face import Face, find_face, with_eyes_of
from mmdgen.annotate.features import DOUBTED, choose_feature_roles
from mmdgen.annotate.schema import (
    REVIEW_BELOW,
    Annotation,
    EyeCenters,
    HeadBounds,
    MorphChoice,
    Origin,
    Provenance,
    Role,
    Side,
)
from mmdgen.annotate.skull import Top, find_top
from mmdgen.model import Model

ANNOTATOR = "mmdgen-auto-2"  # changes when the same model may get another proposal

EYES_APART = 0.25  # u; irises and what the blink covers are one place [at most 0.14]

# What a picture of the first article cannot do without.
NEEDED_ROLES = (Role.EYE_WINK_LEFT, Role.EYE_WINK_RIGHT, Role.MOUTH_AAA)


def propose_annotation(model: Model, model_id: str) -> Annotation:
    """Propose head bounds, eye centres and morph roles from a model's geometry and names.

    Args:
        model: as read from its file.
        model_id: the hash of the file's content.

    Raises:
        AnnotationError: the model is no character with a head and eyes.
    """
    face = find_face(model, resolve_displacements(model))
    chin, detector, eye_roles = _measure(face)
    blink = eye_roles.roles.get(Role.EYE_WINK_BOTH)
    if face.eyes.method != "lids" and blink is not None and blink.provenance.method == "geometry":
        # u is told from the lids; now that they are known without a name, measure again
        face = with_eyes_of(face, blink.morph)
        chin, detector, eye_roles = _measure(face)
        blink = eye_roles.roles.get(Role.EYE_WINK_BOTH)
    top = find_top(face, chin.unit)
    closed = None if blink is None or blink.is_absent else face.displacements[blink.morph]
    features = choose_feature_roles(face, chin, by=ANNOTATOR, blink=closed)
    eyes = {
        role: _if_names_are_right(choice, features.name_doubt) for role, choice in eye_roles.roles.items()
    }
    roles = {**eyes, **features.roles}
    annotation = Annotation(
        model_id=model_id,
        head=_head_bounds(face, chin, top),
        roles={role: roles[role] for role in Role if role in roles},
        eyes=_eye_centers(face, chin.unit, _openings(detector, eye_roles, blink)),
        closing_morphs=eye_roles.closing_morphs,
        warnings=_warnings(model),
    )
    if _looks_backward(face, closed):
        return _capped(annotation, 0.2, "the face looks to +z, where a model's back should be")
    return annotation


def _looks_backward(face: Face, closed: Displacement | None) -> bool:
    """Whether the eyes are in the rear half of the head."""
    eyes = face.iris_vertices.nonzero()[0] if closed is None or not len(closed) else closed.vertices
    if not len(eyes):
        return False
    front, back = np.percentile(face.positions[face.head_vertices, 2], (5, 95))
    middle = float(front + back) / 2 + 0.1 * float(back - front)
    return float(np.median(face.positions[eyes, 2])) > middle


def _capped(annotation: Annotation, most: float, reason: str) -> Annotation:
    """An annotation of which nothing is sure any more."""

    def cap(said: Provenance) -> Provenance:
        return replace(said, confidence=min(said.confidence, most), reasons=(*said.reasons, reason))

    eyes = annotation.eyes
    return replace(
        annotation,
        head=replace(annotation.head, provenance=cap(annotation.head.provenance)),
        eyes=None if eyes is None else replace(eyes, provenance=cap(eyes.provenance)),
        roles={role: replace(c, provenance=cap(c.provenance)) for role, c in annotation.roles.items()},
    )


def _measure(face: Face) -> tuple[Chin, ClosingDetector, EyeRoles]:
    """The chin, which gives the unit, and the closing of the eyes, which is told in it."""
    chin = find_chin(face)
    detector = ClosingDetector(face, chin.unit, unit_is_sure=chin.confidence >= REVIEW_BELOW)
    return chin, detector, choose_eye_roles(face, detector, chin.unit, by=ANNOTATOR)


def _if_names_are_right(choice: MorphChoice, doubt: str) -> MorphChoice:
    """A choice that only its name tells is doubted where the model's other names are wrong."""
    said = choice.provenance
    if not doubt or said.method.startswith("geometry") or any("agrees with" in why for why in said.reasons):
        return choice
    confidence = min(said.confidence, DOUBTED)
    return replace(choice, provenance=replace(said, confidence=confidence, reasons=(*said.reasons, doubt)))


def fields_for_person(annotation: Annotation) -> dict[str, tuple[str, ...]]:
    """What a person should look at before a model is used, each with its reasons; empty if nothing.

    Only what the first article's pictures need counts: the head and the needed roles.
    """
    wanted: dict[str, tuple[str, ...]] = {}
    if annotation.head.provenance.needs_person:
        wanted["head"] = annotation.head.provenance.reasons
    for role in NEEDED_ROLES:
        choice = annotation.roles.get(role)
        if choice is None or choice.is_absent:
            wanted[role.value] = ("no morph found",)
        elif choice.provenance.needs_person:
            wanted[role.value] = choice.provenance.reasons
    return wanted


def overall_confidence(annotation: Annotation) -> float:
    """The confidence of the least sure thing that a picture needs, 0 where one is missing."""
    fields = [annotation.head.provenance]
    for role in NEEDED_ROLES:
        choice = annotation.roles.get(role)
        if choice is None or choice.is_absent:
            return 0.0
        fields.append(choice.provenance)
    return min(field.confidence for field in fields)


def _head_bounds(face: Face, chin: Chin, top: Top) -> HeadBounds:
    reasons = (*face.eyes.reasons, *chin.reasons, *top.reasons)
    confidence = min(face.eyes.confidence, chin.confidence, top.confidence)
    method = f"chin by {chin.method}, top by {top.method}"
    provenance = Provenance(Origin.AUTO, method, confidence, tuple(dict.fromkeys(reasons)), ANNOTATOR)
    return HeadBounds(chin.y, top.y, _center_x(face, chin.unit), provenance)


def _center_x(face: Face, unit: float) -> float:
    """The head bone's x, unless it stands off the face."""
    bone_x = float(face.head_position[0])
    return bone_x if abs(bone_x - face.eyes.center_x) < 0.1 * unit else face.eyes.center_x


def _openings(
    detector: ClosingDetector, eye_roles: EyeRoles, blink: MorphChoice | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """The middles of what the blink covers, left and right; None without a blink that closes the eyes."""
    closing = next((c for c in eye_roles.closing_morphs if blink and c.morph == blink.morph), None)
    if blink is None or closing is None:
        return None
    if detector.sees_irises and None in (closing.iris_left, closing.iris_right):
        return None  # closed at rest: what the morph covers then is no opening
    left, right = (detector.opening_middle(blink.morph, side) for side in (Side.LEFT, Side.RIGHT))
    return None if left is None or right is None else (left, right)


def _eye_centers(
    face: Face, unit: float, openings: tuple[NDArray[np.float64], NDArray[np.float64]] | None
) -> EyeCenters:
    """The irises' middles, checked against what the blink covers; without irises the middles of that."""
    eyes, confidence = face.irises or face.eyes, face.eyes.confidence
    left, right, method, reasons = eyes.left, eyes.right, eyes.method, face.eyes.reasons
    if openings is None:
        if face.irises is None:
            confidence, reasons = min(confidence, 0.4), (*reasons, "the middles of the lids, not of the eyes")
    elif face.irises is None:
        left, right = openings
        method, confidence = "what the blink covers", min(confidence, 0.7)
    elif max(np.linalg.norm(left - openings[0]), np.linalg.norm(right - openings[1])) > EYES_APART * unit:
        left, right = openings
        method, confidence = "what the blink covers", min(confidence, 0.4)
        reasons = (*reasons, "what follows the eye bones is not where the blink closes the eyes")
    provenance = Provenance(Origin.AUTO, method, confidence, tuple(dict.fromkeys(reasons)), ANNOTATOR)
    return EyeCenters((float(left[0]), float(left[1])), (float(right[0]), float(right[1])), provenance)


def _warnings(model: Model) -> tuple[str, ...]:
    """What was noticed and concerns no single field."""
    names = [name for name in model.morphs.names if name]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if not repeated:
        return ()
    return (f"morphs of the same name move together: {', '.join(repeated)}",)
