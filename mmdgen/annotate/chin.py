"""The chin: the lowest point of the face's front profile under the mouth before it recedes to the neck.

It gives the unit of a face, u: the height of the eyes above the chin. Constants were measured on some forty
models of many makers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmdgen.annotate.face import Face
from mmdgen.annotate.schema import Feature
from mmdgen.annotate.visibility import Grid, depth_map
from mmdgen.model import NO_INDEX, Bools, Panel

MOUTH_ABOVE_CHIN = 0.30  # u; the stablest proportion of these faces
USUAL_MOUTH = (0.23, 0.39)  # u; inside of this all chins were right
MOUTH_RANGE = (0.20, 0.45)  # u; outside of this the chin is not believed
CHINS_AGREE = 0.1  # u; two ways to find the chin are one chin
RECEDES = 0.45  # of the distance eyes to mouth: deeper than this behind the mouth is the neck
BRIDGED_GAP = 0.35  # of the same distance: shadows between lip and chin that are not yet the neck
DROPS_BACK = 0.3  # u; what the jaw's underside drops back ...
DROPS_WITHIN = 0.08  # ... within this height, where no mouth is known to start from

_STRIP = 0.11  # u; half width of the front profile
_STEP = 0.01  # u; its sampling
_VOWELS = (Feature.MOUTH_AAA, Feature.MOUTH_OOO, Feature.MOUTH_EEE, Feature.MOUTH_III, Feature.MOUTH_UUU)


@dataclass(frozen=True, slots=True)
class Chin:
    """The tip of the chin, and with it the unit of the face."""

    y: float
    mouth_y: float | None
    unit: float  # u, eyes above chin
    method: str
    confidence: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Mouth:
    """The lips, known by what the vowels move."""

    y: float
    vertices: Bools  # (vertices,)
    is_named: bool  # whether a name told the vowel


def find_chin(face: Face) -> Chin:
    """The chin by the front profile under the mouth, compared with where the profile drops back."""
    mouth = find_mouth(face)
    if mouth is None:
        return _chin_without_mouth(face)
    doubts = () if mouth.is_named else ("no vowel morph of a known name: the mouth was found by what moves",)
    surest = 0.98 if mouth.is_named else 0.7
    eyes_to_mouth = face.eyes.y - mouth.y
    lowest = _lowest_of_chin(face, mouth, eyes_to_mouth)
    drop = _drop_of_profile(face)
    if lowest is not None and _is_believable(face, lowest, mouth.y):
        confidence, more = _compare(face, mouth.y, lowest, drop)
        unit = face.eyes.y - lowest
        return Chin(lowest, mouth.y, unit, "front profile", min(surest, confidence), (*doubts, *more))
    reason = "the front profile shows no chin" if lowest is None else "the chin is at an unusual place"
    if drop is not None and _is_believable(face, drop, mouth.y):
        unit = face.eyes.y - drop
        return Chin(drop, mouth.y, unit, "drop of the front profile", 0.5, (*doubts, reason))
    unit = eyes_to_mouth / (1 - MOUTH_ABOVE_CHIN)
    return Chin(face.eyes.y - unit, mouth.y, unit, "proportion of eyes and mouth", 0.3, (*doubts, reason))


def _compare(face: Face, mouth_y: float, lowest: float, drop: float | None) -> tuple[float, tuple[str, ...]]:
    """Confidence in a chin from its proportion and from the other way to find it."""
    unit = face.eyes.y - lowest
    proportion = (mouth_y - lowest) / unit
    confidence, doubts = 1.0, []
    unusual = max(USUAL_MOUTH[0] - proportion, proportion - USUAL_MOUTH[1], 0.0)
    if unusual > 0.0:
        confidence -= 6 * unusual
        doubts.append(f"mouth is {proportion:.2f} u above the chin, usual are 0.23 to 0.39")
    if drop is None or abs(drop - lowest) > CHINS_AGREE * unit:
        confidence -= 0.25
        other = "nowhere" if drop is None else f"{abs(drop - lowest) / unit:.2f} u away"
        doubts.append(f"the profile drops back {other}, not at the chin")
    return max(confidence, 0.3), tuple(doubts)


def find_mouth(face: Face) -> Mouth | None:
    """The mouth by the vowel morphs; without known names, by what moves under the eyes."""
    for named in (True, False):
        for index in _mouth_candidates(face, named=named):
            mouth = _mouth_of(face, index, is_named=named)
            if mouth is not None:
                return mouth
    return None


def _mouth_candidates(face: Face, *, named: bool) -> list[int]:
    """Morphs that may be vowels, the likeliest first."""
    morphs = face.model.morphs
    if not named:
        return sorted(range(len(morphs)), key=lambda index: (morphs.panels[index] != Panel.MOUTH, index))
    hints = enumerate(face.hints)
    vowels = [(_VOWELS.index(hint.feature), hint.rank, i) for i, hint in hints if hint.feature in _VOWELS]
    return [index for *_, index in sorted(vowels)]


def _mouth_of(face: Face, index: int, *, is_named: bool) -> Mouth | None:
    """The mouth as what one morph moves between the eyes, below them and before the middle of the head.

    A morph without a known name must move little else; the old vowels also pull cheeks and lids along.
    """
    moved = face.displacements[index]
    points = face.positions[moved.vertices]
    eyes, unit = face.eyes, face.rough_unit
    below = eyes.y - points[:, 1]
    around = (
        (np.abs(points[:, 0] - eyes.center_x) < eyes.half_distance)
        & (below > 0.15 * unit)
        & (below < 2.0 * unit)
        & (points[:, 2] < face.head_position[2])
        & face.head_vertices[moved.vertices]
    )
    mouth = moved.restricted(around)
    share = mouth.lengths.sum() / max(moved.lengths.sum(), 1e-12)
    if len(mouth) < 3 or share < (0.1 if is_named else 0.8):
        return None
    y = float(np.average(face.positions[mouth.vertices, 1], weights=mouth.lengths))
    vertices = np.zeros(len(face.positions), np.bool_)
    vertices[mouth.vertices] = True
    return Mouth(y, vertices, is_named)


def _lowest_of_chin(face: Face, mouth: Mouth, eyes_to_mouth: float) -> float | None:
    """Walk down the front profile from the mouth until the face recedes to the neck.

    All materials that the mouth is part of count: teeth, tongue or a split face may be the one asked.
    """
    of_mouth = np.unique(face.triangle_materials[face.triangles_of(mouth.vertices)])
    triangles = face.triangles_of(face.head_vertices) & np.isin(face.triangle_materials, of_mouth)
    unit = eyes_to_mouth / (1 - MOUTH_ABOVE_CHIN)
    y, z = _front_profile(face, triangles, unit, mouth.y + 0.2 * unit)
    near_mouth = np.abs(y - mouth.y) < 0.15 * unit
    if not np.isfinite(z[near_mouth]).any():
        return None
    mouth_z = np.min(z[near_mouth])
    is_face = z - mouth_z <= RECEDES * eyes_to_mouth
    lowest = mouth.y
    for row in np.flatnonzero(is_face & (y <= mouth.y))[::-1]:  # downward
        if lowest - y[row] > BRIDGED_GAP * eyes_to_mouth:
            break
        lowest = float(y[row])
    return lowest if lowest < mouth.y else None


def _front_profile(
    face: Face, triangles: Bools, unit: float, top_y: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nearest z of some triangles in a narrow strip down the middle, by height; +inf where there is none."""
    middle, half_width = face.eyes.center_x, _STRIP * unit
    bottom = face.eyes.y - 2.0 * unit
    grid = Grid.around(middle - half_width, bottom, middle + half_width, top_y, _STEP * unit)
    depth = depth_map(face.positions[face.model.faces[triangles]], grid)
    return grid.rows_y(), np.min(depth, axis=1).astype(np.float64)


def _is_believable(face: Face, chin_y: float, mouth_y: float) -> bool:
    proportion = (mouth_y - chin_y) / (face.eyes.y - chin_y)
    neck = face.bones.neck
    above_neck = neck == NO_INDEX or chin_y > face.model.bones.rest_positions[neck, 1]
    return MOUTH_RANGE[0] <= proportion <= MOUTH_RANGE[1] and bool(above_neck)


def _chin_without_mouth(face: Face) -> Chin:
    """Without any mouth morph: where the profile drops back; else the usual distance under the eyes."""
    doubts = (*face.eyes.reasons, "no mouth morph found")
    drop = _drop_of_profile(face)
    if drop is not None:
        return Chin(drop, None, face.eyes.y - drop, "drop of the front profile", 0.3, doubts)
    unit = face.rough_unit
    doubts = (*doubts, "the chin is guessed from the eyes' spacing")
    return Chin(face.eyes.y - unit, None, unit, "proportion of the eyes", 0.1, doubts)


def _drop_of_profile(face: Face) -> float | None:
    """The height under the eyes where the front profile of the whole head first drops back.

    The underside of the jaw drops back at once, by more than the underside of a nose.
    """
    unit = face.rough_unit
    y, z = _front_profile(face, face.triangles_of(face.head_vertices), unit, face.eyes.y - 0.4 * unit)
    z = np.minimum(z, face.head_position[2] + 10 * unit)  # no surface is far behind
    rows = max(1, round(DROPS_WITHIN / _STEP))
    behind = np.flatnonzero(z[:-rows] - z[rows:] > DROPS_BACK * unit)
    return float(y[behind[-1] + 1]) if len(behind) else None
