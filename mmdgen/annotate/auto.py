"""The machine's proposal for a model: head bounds, eyes, roles, each with a confidence and its reasons."""

from __future__ import annotations

from mmdgen.annotate.chin import Chin, find_chin
from mmdgen.annotate.closing import ClosingDetector
from mmdgen.annotate.displacement import resolve_displacements
from mmdgen.annotate.eyes import EyeRoles, choose_eye_roles
from mmdgen.annotate.face import Face, find_face, with_eyes_of
from mmdgen.annotate.features import choose_feature_roles
from mmdgen.annotate.schema import (
    REVIEW_BELOW,
    Annotation,
    EyeCenters,
    HeadBounds,
    Origin,
    Provenance,
    Role,
)
from mmdgen.annotate.skull import Top, find_top
from mmdgen.model import Model

ANNOTATOR = "mmdgen-auto-1"  # changes when the same model may get another proposal

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
    chin, eye_roles = _measure(face)
    blink = eye_roles.roles.get(Role.EYE_WINK_BOTH)
    if face.eyes.method != "lids" and blink is not None and blink.provenance.method == "geometry":
        # u is told from the lids; now that they are known without a name, measure again
        face = with_eyes_of(face, blink.morph)
        chin, eye_roles = _measure(face)
    top = find_top(face, chin.unit)
    roles = {**eye_roles.roles, **choose_feature_roles(face, chin, by=ANNOTATOR)}
    return Annotation(
        model_id=model_id,
        head=_head_bounds(face, chin, top),
        roles={role: roles[role] for role in Role if role in roles},
        eyes=_eye_centers(face),
        closing_morphs=eye_roles.closing_morphs,
        warnings=_warnings(model),
    )


def _measure(face: Face) -> tuple[Chin, EyeRoles]:
    """The chin, which gives the unit, and the closing of the eyes, which is told in it."""
    chin = find_chin(face)
    detector = ClosingDetector(face, chin.unit, unit_is_sure=chin.confidence >= REVIEW_BELOW)
    return chin, choose_eye_roles(face, detector, chin.unit, by=ANNOTATOR)


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


def _eye_centers(face: Face) -> EyeCenters:
    """The irises' middles; where there are none, those of the lids."""
    eyes, method = (face.irises, "irises") if face.irises else (face.eyes, face.eyes.method)
    provenance = Provenance(Origin.AUTO, method, face.eyes.confidence, face.eyes.reasons, ANNOTATOR)
    left, right = (float(eyes.left[0]), float(eyes.left[1])), (float(eyes.right[0]), float(eyes.right[1]))
    return EyeCenters(left, right, provenance)


def _warnings(model: Model) -> tuple[str, ...]:
    """What was noticed and concerns no single field."""
    names = [name for name in model.morphs.names if name]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if not repeated:
        return ()
    return (f"morphs of the same name move together: {', '.join(repeated)}",)
