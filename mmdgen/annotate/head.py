"""Chin, top of the skull and middle of a head in the rest pose.

The chin is the lowest point of the face's front profile under the mouth before it recedes to the neck; the
top is that of the flat hair over the middle of the skull. Distances are told in `u` (eyes above chin), the
unit of a face, whatever the model's size. Constants were measured on some forty models of many makers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmdgen.annotate.face import Face
from mmdgen.annotate.lexicon import names_hair, names_hat
from mmdgen.annotate.schema import Feature
from mmdgen.annotate.visibility import Grid, depth_map, opened
from mmdgen.model import NO_INDEX, Bools, Panel

MOUTH_ABOVE_CHIN = 0.30  # u; measured 0.23 to 0.39, the stablest proportion of these faces
MOUTH_RANGE = (0.20, 0.45)  # outside of this the chin is not believed
RECEDES = 0.45  # of the distance eyes to mouth: deeper than this behind the mouth is the neck
BRIDGED_GAP = 0.35  # of the same distance: shadows between lip and chin that are not yet the neck

# The top above the eyes over half the head's width just above them: measured 1.15 to 1.52, in chibi heads too
# (in u it is 1.2 to 2.7, so u does not tell a hat from a large skull).
USUAL_TOP = 1.42
TOP_RANGE = (0.8, 1.75)
BEHIND_SKULL = 0.5  # u behind the head bone: high ponytails and buns stand there, the skull's top does not
STANDS_OUT = 0.25  # u; more than this above all hair is a hat
COVERED = 0.9  # share of the middle columns that must have any surface
STRAND = 0.2  # u; what is thinner in the front view is a strand of hair, not the head

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


@dataclass(frozen=True, slots=True)
class Top:
    """The top of the skull with flat hair."""

    y: float
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
    """The chin by the front profile under the mouth, with poorer ways where that fails."""
    mouth = find_mouth(face)
    if mouth is None:
        return _chin_without_mouth(face)
    eyes_to_mouth = face.eyes.y - mouth.y
    lowest = _lowest_of_chin(face, mouth, eyes_to_mouth)
    expected = mouth.y - eyes_to_mouth * MOUTH_ABOVE_CHIN / (1 - MOUTH_ABOVE_CHIN)
    doubts = () if mouth.is_named else ("no vowel morph of a known name: the mouth was found by what moves",)
    if lowest is None or not _is_believable(face, lowest, mouth.y):
        reason = "the front profile shows no chin" if lowest is None else "the chin is at an unusual place"
        unit = face.eyes.y - expected
        return Chin(expected, mouth.y, unit, "proportion of eyes and mouth", 0.3, (*doubts, reason))
    proportion = (mouth.y - lowest) / (face.eyes.y - lowest)
    # inside the measured span 0.23 to 0.39 all chins were right; outside trust falls off
    unusual = max(0.23 - proportion, proportion - 0.39, 0.0)
    if unusual > 0:
        doubts = (*doubts, f"mouth is {proportion:.2f} u above the chin, usual are 0.23 to 0.39")
    confidence = (0.98 if mouth.is_named else 0.7) * (1 - 8 * unusual)
    return Chin(lowest, mouth.y, face.eyes.y - lowest, "front profile", confidence, doubts)


def find_mouth(face: Face) -> Mouth | None:
    """The mouth by the vowel morphs; without known names, by what moves under the eyes."""
    for named in (True, False):
        for index in _mouth_candidates(face, named=named):
            mouth = _mouth_of(face, index, is_named=named)
            if mouth is not None:
                return mouth
    return None


def find_top(face: Face, unit: float) -> Top:
    """The top of the flat hair over the middle of the head.

    Columns of the front silhouette near the middle, without strands and without what stands up behind the
    skull; a robust arch through their heights passes over gaps and tufts. What the material names call a hat
    is left out if there is hair under it, and so is what stands far above all that they call hair.
    """
    arches = _find_arches(face, unit)
    low, high = (face.eyes.y + limit * arches.half_width for limit in TOP_RANGE)

    def is_usual(arch: _Arch | None) -> bool:
        return arch is not None and arch.coverage > COVERED and low <= arch.y <= high

    if arches.hair is not None and is_usual(arches.hair):
        above = arches.bare.y - arches.hair.y if arches.bare is not None else 0.0
        if above > STANDS_OUT * unit:
            reason = f"hat suspected: something stands {above / unit:.1f} u above the hair"
            return Top(arches.hair.y, "arch of the hair", 0.55, (reason,))
    if arches.bare is not None and is_usual(arches.bare):
        return _judge_top(unit, arches.bare, arches.everything)
    if arches.everything is not None and is_usual(arches.everything):
        return Top(arches.everything.y, "arch over the hat", 0.3, ("no hair under what is worn on the head",))
    return _usual_top(face, arches)


@dataclass(frozen=True, slots=True)
class _Arch:
    """The arch through the silhouette's column heights."""

    y: float  # at the middle of the head
    residual: float  # typical distance of the columns from it
    coverage: float  # share of the columns that have any surface


@dataclass(frozen=True, slots=True)
class _Arches:
    """The arches of what may be the top, None where there are too few columns."""

    hair: _Arch | None  # materials that are called hair
    bare: _Arch | None  # all that is not called a hat
    everything: _Arch | None
    half_width: float  # of the head just above the eyes


def _find_arches(face: Face, unit: float) -> _Arches:
    names = face.model.materials.names
    is_worn = np.array([names_hat(name) for name in names], np.bool_)[face.triangle_materials]
    is_hair = np.array([names_hair(name) for name in names], np.bool_)[face.triangle_materials]
    depth = face.positions[face.model.faces, 2].mean(axis=1)
    before = depth < face.head_position[2] + BEHIND_SKULL * unit
    head = face.triangles_of(face.head_vertices, all_corners=True) & before
    everything = _arch(face, unit, head)
    return _Arches(
        hair=_arch(face, unit, head & is_hair) if (head & is_hair).any() else None,
        bare=_arch(face, unit, head & ~is_worn) if is_worn.any() else everything,
        everything=everything,
        half_width=_half_width(face, unit, head),
    )


def _judge_top(unit: float, arch: _Arch, everything: _Arch | None) -> Top:
    """The confidence in an arch at a usual height."""
    reasons: list[str] = []
    confidence = 0.98
    if everything is not None and everything.y > arch.y + 0.1 * unit:
        reasons.append("hat suspected: the top is taken from the hair under what is worn")
        confidence = 0.6
    if arch.residual > 0.12 * unit:
        reasons.append(f"hat or unusual hair suspected: no smooth arch ({arch.residual / unit:.2f} u off)")
        confidence = min(confidence, 0.45)
    return Top(arch.y, "arch of the hair", confidence, tuple(reasons))


def _usual_top(face: Face, arches: _Arches) -> Top:
    """A guess by the head's width, where what is drawn cannot be its top."""
    usual = face.eyes.y + USUAL_TOP * arches.half_width
    arch = arches.everything
    if arch is None or arch.coverage <= COVERED:
        return Top(usual, "proportion", 0.2, ("the middle of the head is not covered",))
    height = (arch.y - face.eyes.y) / arches.half_width
    what = "hat suspected: the head is" if height > USUAL_TOP else "the head is only"
    reason = f"{what} {height:.1f} times half its width high above the eyes, usual are 1.2 to 1.5"
    return Top(usual, "proportion", 0.3, (reason,))


def _half_width(face: Face, unit: float, triangles: Bools) -> float:
    """Half the width of the front silhouette around the middle, between eyes and forehead.

    Never less than the outer ends of the eyes.
    """
    middle, eyes_y = face.eyes.center_x, face.eyes.y
    step, reach = 3 * _STEP * unit, 4 * unit
    grid = Grid.around(middle - reach, eyes_y + 0.3 * unit, middle + reach, eyes_y + 0.6 * unit, step)
    gaps = ~np.isfinite(depth_map(face.positions[face.model.faces[triangles]], grid))
    half = grid.width // 2
    runs = [
        np.where(side.any(axis=1), np.argmax(side, axis=1), half)
        for side in (gaps[:, half:], gaps[:, half - 1 :: -1])
    ]
    width = float(np.median(runs[0] + runs[1])) * step / 2
    return max(width, 1.5 * face.eyes.half_distance)


def _arch(face: Face, unit: float, triangles: Bools) -> _Arch | None:
    """Fit an arch to the column heights of some triangles around the middle of the head."""
    x, heights = _column_heights(face, unit, triangles)
    seen = np.isfinite(heights)
    if seen.sum() < 5:
        return None
    x, heights = x[seen] / unit, heights[seen]
    design = np.stack([np.ones_like(x), x, x * x], axis=1)
    weights = np.ones_like(x)
    offset = np.median(heights)
    for _ in range(20):  # iteratively reweighted: columns more than 0.3 u away (Tukey) count nothing
        root = np.sqrt(weights)[:, None]
        solution = np.linalg.lstsq(design * root, (heights - offset) * root[:, 0], rcond=None)[0]
        error = (heights - offset - design @ solution) / (0.3 * unit)
        weights = np.where(np.abs(error) < 1, (1 - error**2) ** 2, 1e-6)
    residual = float(np.median(np.abs(error))) * 0.3 * unit
    return _Arch(float(solution[0] + offset), residual, float(seen.mean()))


def _column_heights(
    face: Face, unit: float, triangles: Bools
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Highest surface in each column of the front view over the middle half of the face, NaN for none.

    Strands that are thinner than a finger (STRAND) are wiped off the silhouette first.
    """
    middle, eyes_y, step = face.eyes.center_x, face.eyes.y, 2 * _STEP * unit
    half_width = (0.5 + STRAND) * unit
    bottom, top = eyes_y + 0.5 * unit, eyes_y + 5 * unit
    grid = Grid.around(middle - half_width, bottom, middle + half_width, top, step)
    seen = np.isfinite(depth_map(face.positions[face.model.faces[triangles]], grid))
    thick = opened(seen, round(STRAND * unit / step))
    highest = grid.rows_y()[grid.height - 1 - np.argmax(thick[::-1], axis=0)] + step / 2
    x = grid.columns_x() - middle
    central = np.abs(x) < 0.5 * unit
    return x[central], np.where(thick.any(axis=0), highest, np.nan)[central]


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
    """Without any mouth morph: where the profile of the whole head first drops back under the eyes.

    The underside of the jaw drops back at once, by more than the underside of a nose.
    """
    doubts = (*face.eyes.reasons, "no mouth morph found")
    unit = face.rough_unit
    y, z = _front_profile(face, face.triangles_of(face.head_vertices), unit, face.eyes.y - 0.4 * unit)
    rows = max(1, round(DROPS_WITHIN / _STEP))
    z = np.minimum(z, face.head_position[2] + 10 * unit)  # no surface is far behind
    drops = np.flatnonzero(z[:-rows] - z[rows:] > DROPS_BACK * unit)
    if len(drops):
        chin_y = float(y[drops[-1] + 1])  # the highest row that lies behind one shortly above it is below
        return Chin(chin_y, None, face.eyes.y - chin_y, "drop of the front profile", 0.3, doubts)
    doubts = (*doubts, "the chin is guessed from the eyes' spacing")
    return Chin(face.eyes.y - unit, None, unit, "proportion of the eyes", 0.1, doubts)
