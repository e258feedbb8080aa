"""The top of the skull with flat hair, as a person would draw the line.

No model has a skull under its hair, so the line is that of the hair's arch over the middle of the head:
without strands, tufts, ponytails, ears at the sides, and what is worn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmdgen.annotate.face import Face
from mmdgen.annotate.lexicon import names_hair, names_hat
from mmdgen.annotate.visibility import Grid, depth_map, opened
from mmdgen.model import Bools

# The top above the eyes over half the head's width just above them: measured 1.15 to 1.52, in chibi heads too
# (in u it is 1.2 to 2.7, so u does not tell a hat from a large skull).
USUAL_TOP = 1.42
TOP_RANGE = (0.8, 1.75)
UNUSUAL_TOP = 1.55  # heads with their hair are lower, heads with a hat that cannot be told from it are higher
FLAT = 0.015  # u; heads and their hair are arched by more over half a u [0.04 to 0.19]
HIGH_AND_FLAT = 1.5  # some hair is flat on top, but not on such a high head
BEHIND_SKULL = 0.5  # u behind the head bone: high ponytails and buns stand there, the skull's top does not
STANDS_OUT = 0.08  # u; what is more above the hair is a hat or the like; a headband is less
ROUGH = 0.12  # u; heads' arches are smoother [0.01]
COVERED = 0.9  # share of the middle columns that must have any surface
STRAND = 0.2  # u; what is thinner in the front view is a strand of hair, not the head

_STEP = 0.02  # u; pixel of the silhouette


@dataclass(frozen=True, slots=True)
class Top:
    """The top of the skull with flat hair."""

    y: float
    method: str
    confidence: float
    reasons: tuple[str, ...]


def find_top(face: Face, unit: float) -> Top:
    """The top of the flat hair over the middle of the head.

    Columns of the front silhouette near the middle, without strands and without what stands up behind the
    skull; a robust arch through their heights passes over gaps and tufts. If the names of materials tell
    which are hair, only those count, else those that are seen around the eyes: hair frames a face.
    """
    arches = _find_arches(face, unit)
    low, high = (face.eyes.y + limit * arches.half_width for limit in TOP_RANGE)

    def is_usual(arch: _Arch | None) -> bool:
        return arch is not None and arch.coverage > COVERED and low <= arch.y <= high

    for arch in (arches.hair, arches.bare):
        if arch is not None and is_usual(arch):
            return _judge_top(face.eyes.y, unit, arch, arches)
    if arches.everything is not None and is_usual(arches.everything):
        return Top(arches.everything.y, "arch over the hat", 0.3, ("no hair under what is worn on the head",))
    return _usual_top(face, arches)


@dataclass(frozen=True, slots=True)
class _Arch:
    """The arch through the silhouette's column heights."""

    y: float  # at the middle of the head
    residual: float  # typical distance of the columns from it
    coverage: float  # share of the columns that have any surface
    bend: float  # how much lower it is 0.5 u from the middle, u: an arch's sagitta, negative for a hollow


@dataclass(frozen=True, slots=True)
class _Arches:
    """The arches of what may be the top, None where there are too few columns."""

    hair: _Arch | None  # materials that are called hair; if none are, those that are seen around the eyes
    hair_is_named: bool
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
    half_width = _half_width(face, unit, head)
    hair_is_named = bool((head & is_hair).any())
    if not hair_is_named:
        framing = _materials_around_eyes(face, unit, head & ~is_worn, half_width)
        is_hair = np.isin(face.triangle_materials, framing)
    everything, hair = _arch(face, unit, head), _arch(face, unit, head & is_hair)
    if not hair_is_named and hair and everything and 0 <= everything.y - hair.y <= STANDS_OUT * unit:
        hair = None  # back hair that is seen on top only is hair all the same
    return _Arches(
        hair=hair,
        hair_is_named=hair_is_named,
        bare=_arch(face, unit, head & ~is_worn) if is_worn.any() else everything,
        everything=everything,
        half_width=half_width,
    )


def _materials_around_eyes(face: Face, unit: float, triangles: Bools, half_width: float) -> NDArray[np.intp]:
    """Materials that are seen at the height of the eyes: hair frames the face, a hat does not."""
    middle, eyes_y, reach = face.eyes.center_x, face.eyes.y, 1.3 * half_width
    low, high = eyes_y - 0.3 * unit, eyes_y + 0.5 * unit
    grid = Grid.around(middle - reach, low, middle + reach, high, 1.5 * _STEP * unit)
    nearest = np.full((grid.height, grid.width), np.inf, np.float32)
    owners = np.full(nearest.shape, -1)
    for material in np.unique(face.triangle_materials[triangles]):
        of_material = triangles & (face.triangle_materials == material)
        depth = depth_map(face.positions[face.model.faces[of_material]], grid)
        owners[depth < nearest] = material
        nearest = np.minimum(nearest, depth)
    counts = np.bincount(owners[owners >= 0], minlength=1)
    return np.flatnonzero(counts >= 0.005 * owners.size)


def _judge_top(eyes_y: float, unit: float, arch: _Arch, arches: _Arches) -> Top:
    """The confidence in an arch at a usual height: less where something stands above it."""
    reasons: list[str] = []
    confidence = 0.98
    above = 0.0 if arches.everything is None else (arches.everything.y - arch.y) / unit
    if above > STANDS_OUT:
        reasons.append(f"hat suspected: something stands {above:.2f} u above the hair")
        confidence = 0.8 if above < 3 * STANDS_OUT else 0.6
        if not arches.hair_is_named:
            confidence = 0.45
    height = (arch.y - eyes_y) / arches.half_width
    if height > UNUSUAL_TOP:
        reasons.append(f"hat suspected: the head is {height:.2f} times half its width high above the eyes")
        confidence = min(confidence, 0.6)
    if arch.bend < FLAT and height > 1.15:
        hollow = arch.bend < -4 * FLAT
        reasons.append(
            "something stands up on both sides of the crown" if hollow else "hat suspected: the crown is flat"
        )
        confidence = min(confidence, 0.45 if height > HIGH_AND_FLAT and not hollow else 0.6)
    if arch.residual > ROUGH * unit:
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
    usually = f"{height:.1f} times half its width high above the eyes, usual are 1.2 to 1.5"
    if height < USUAL_TOP:  # wide hair, rather than no skull
        return Top(arch.y, "arch of the hair", 0.45, (f"the head is only {usually}",))
    reason = f"hat suspected: the head is {usually}"
    return Top(usual, "proportion", 0.3, (reason,))


def _half_width(face: Face, unit: float, triangles: Bools) -> float:
    """Half the width of the front silhouette around the middle, between eyes and forehead.

    Never less than the outer ends of the eyes.
    """
    middle, eyes_y = face.eyes.center_x, face.eyes.y
    step, reach = 1.5 * _STEP * unit, 4 * unit
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
    bend = -0.25 * float(solution[2]) / unit
    return _Arch(float(solution[0] + offset), residual, float(seen.mean()), bend)


def _column_heights(
    face: Face, unit: float, triangles: Bools
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Highest surface in each column of the front view over the middle half of the face, NaN for none.

    Strands that are thinner than a finger (STRAND) are wiped off the silhouette first.
    """
    middle, eyes_y, step = face.eyes.center_x, face.eyes.y, _STEP * unit
    half_width = (0.5 + STRAND) * unit
    bottom, top = eyes_y + 0.5 * unit, eyes_y + 5 * unit
    grid = Grid.around(middle - half_width, bottom, middle + half_width, top, step)
    seen = np.isfinite(depth_map(face.positions[face.model.faces[triangles]], grid))
    thick = opened(seen, round(STRAND * unit / step))
    highest = grid.rows_y()[grid.height - 1 - np.argmax(thick[::-1], axis=0)] + step / 2
    x = grid.columns_x() - middle
    central = np.abs(x) < 0.5 * unit
    return x[central], np.where(thick.any(axis=0), highest, np.nan)[central]
