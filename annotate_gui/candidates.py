"""Which morphs a person may want to give a role: those around the eyes and those around the mouth. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from mmdgen.annotate.displacement import Displacement, resolve_displacements
from mmdgen.annotate.schema import Annotation, Side
from mmdgen.model import Model, Panel

MOST_EYES = 14
MOST_MOUTHS = 8
_LEAST = 0.02  # u; what moves less is not seen
_ONE_SIDED = 0.15  # of the motion on the other side [one eye at most 0.14, both at least 0.95]


class Region(StrEnum):
    """Where on the face."""

    EYES = "eyes"
    MOUTH = "mouth"


@dataclass(frozen=True, slots=True)
class Face:
    """Where things are in the front view, MMD units."""

    center_x: float
    eye_y: float
    eye_x: float  # of the left eye, from the centre
    unit: float  # eyes above chin

    @property
    def mouth_y(self) -> float:
        """Mouths stand 0.23 to 0.39 u above the chin."""
        return self.eye_y - 0.7 * self.unit


@dataclass(frozen=True, slots=True)
class Candidate:
    """A morph that may play a role."""

    morph: int
    name: str
    name_en: str
    region: Region
    side: Side  # which side it moves
    shape: str  # of the closed lid, "" where it was not measured to close an eye
    note: str  # what was measured, for a person

    def to_json(self) -> dict[str, Any]:
        """For the browser."""
        return {
            "morph": self.morph,
            "name": self.name,
            "name_en": self.name_en,
            "region": self.region.value,
            "side": self.side.value,
            "shape": self.shape,
            "note": self.note,
        }


def face_of(annotation: Annotation) -> Face:
    """Where the eyes and the mouth are, as far as the annotation says."""
    head = annotation.head
    eyes = annotation.eyes
    if eyes is not None:
        eye_y = (eyes.left[1] + eyes.right[1]) / 2
        if eye_y > head.bottom:
            half = abs(eyes.left[0] - eyes.right[0]) / 2
            return Face(head.center_x, eye_y, half, eye_y - head.bottom)
    unit = (head.top - head.bottom) / 2.75
    return Face(head.center_x, head.bottom + unit, 0.5 * unit, unit)


def find_candidates(model: Model, annotation: Annotation, *, every: bool = False) -> list[Candidate]:
    """The morphs for the strip: of the eyes first, then of the mouth.

    What is measured to close an eye and what already plays a role comes first, then others in file order.

    Args:
        model: whose morphs.
        annotation: what is known of it.
        every: no limit, and whatever moves the face anywhere.
    """
    face = face_of(annotation)
    closing = {found.morph: found for found in annotation.closing_morphs}
    playing = {choice.morph for choice in annotation.roles.values() if not choice.is_absent}
    needed = {choice.morph for role, choice in annotation.roles.items() if _is_on_keys(role.value)}
    found: list[tuple[tuple[bool, ...], Candidate]] = []
    for morph, moved in enumerate(resolve_displacements(model)):
        region = _region(model, moved, face, morph in closing, every)
        is_brow = model.morphs.panels[morph] == Panel.BROW and not every and morph not in closing
        if (region is None or is_brow) and morph not in needed:
            continue
        found.append(
            (
                (morph not in closing, morph not in needed, morph not in playing),
                Candidate(
                    morph=morph,
                    name=model.morphs.names[morph],
                    name_en=model.morphs.names_en[morph],
                    region=region or Region.MOUTH,
                    side=closing[morph].side if morph in closing else _side(model, moved, face),
                    shape=closing[morph].shape.value if morph in closing else "",
                    note=_note(annotation, morph),
                ),
            )
        )
    result = []
    for region, most in ((Region.EYES, MOST_EYES), (Region.MOUTH, MOST_MOUTHS)):
        of_region = sorted((row for row in found if row[1].region is region), key=lambda row: row[0])
        result += [candidate for _, candidate in of_region[: None if every else most]]
    return result


def _is_on_keys(role: str) -> bool:
    return role.startswith(("eye_wink", "eye_happy_wink")) or role == "mouth_aaa"


def _region(model: Model, moved: Displacement, face: Face, closes: bool, every: bool) -> Region | None:
    """Where a morph moves most of what it moves; None if elsewhere than at the eyes and the mouth."""
    if not len(moved) or float(moved.lengths.max()) < _LEAST * face.unit:
        return None
    if closes:
        return Region.EYES
    x, y, _ = model.vertices.positions[moved.vertices].T
    across, above = np.abs(x - face.center_x) / face.unit, (y - face.eye_y) / face.unit
    near_eyes = (across < 1.3) & (np.abs(above) < 0.45)
    near_mouth = (across < 0.6) & (above < -0.45) & (above > -1.15)
    total = float(moved.lengths.sum())
    eyes = float(moved.lengths[near_eyes].sum()) / total
    mouth = float(moved.lengths[near_mouth].sum()) / total
    least = 0.0 if every else 0.5
    if max(eyes, mouth) <= least:
        return Region.EYES if every else None
    return Region.EYES if eyes >= mouth else Region.MOUTH


def _side(model: Model, moved: Displacement, face: Face) -> Side:
    x = model.vertices.positions[moved.vertices, 0] - face.center_x
    left, right = float(moved.lengths[x > 0].sum()), float(moved.lengths[x < 0].sum())
    if min(left, right) > _ONE_SIDED * max(left, right):
        return Side.BOTH
    return Side.LEFT if left > right else Side.RIGHT


def _note(annotation: Annotation, morph: int) -> str:
    """What was measured of a morph, in a line."""
    for found in annotation.closing_morphs:
        if found.morph == morph:
            seen = [
                f"{side} iris {ratio:.0%} visible"
                for side, ratio in (("left", found.iris_left), ("right", found.iris_right))
                if ratio is not None
            ]
            likeness = f"likeness normal {found.likeness_normal:.2f}, smile {found.likeness_smile:.2f}"
            return "; ".join([*seen, likeness])
    return "not measured to close an eye"
