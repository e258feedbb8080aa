"""The gate that every sample passes before it goes into a shard: measures of its pictures, and rules on them.

Pure functions on pictures and what was measured of them. What a rule finds is said in the sample's record;
a sample that breaks a rule is left out of the shard and listed, with its measures, beside it.

Measures are shares, so that a rule means the same at every picture size: of the picture, of its upper border,
or of the head's square (as high as the head, where the framing puts it). The usual limits are far from what
sound pictures show. 2,040 samples of 10 downloaded and 200 built-in characters cover 0.25 to 0.54 of the
picture, 0.57 and more of the head's square, at most 0.03 of the upper borders; at most 0.05 of what an
expression changes lies outside of the head's square, and the least visible expression changes 0.02 of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdgen.images import Image
from mmdgen.pose import PoseSpace, PoseVector, Stage
from mmdgen.scene import Framing

DISTINCT = 0.5  # how far a face parameter must be from its rest value for its effect to be asked for
TURNED = 0.2  # the same for parameters that turn the head: 3 degrees


@dataclass(frozen=True, slots=True)
class QualityRules:
    """Limits that a sample must keep; None turns a rule off."""

    min_coverage: float | None = 0.02  # of each picture: else it is empty
    max_coverage: float | None = 0.95  # of each picture: else something stands before the camera
    max_cut: float | None = 0.6  # of the border from chin height upwards that the character touches
    min_head: float | None = 0.4  # of the head's square that is covered: else the head is elsewhere
    max_stray: float | None = 0.5  # of what the expression changes, the part outside of the head's square
    min_effect: float | None = 0.0005  # of the head's square that a clearly changed label must change


def head_square(framing: Framing) -> tuple[slice, slice]:
    """Rows and columns of the square that the head stands in, cut to the canvas."""
    column, row = framing.head_center_px
    half, size = framing.head_height_px / 2, framing.size_px

    def pixels(middle: float) -> slice:
        return slice(min(max(round(middle - half), 0), size), min(max(round(middle + half), 0), size))

    return pixels(row), pixels(column)


def picture_facts(image: Image, framing: Framing) -> dict[str, Any]:
    """How much of a picture is covered, and where.

    Args:
        image: (height, width, 4) uint8 RGBA.
        framing: where the head should be.

    Returns:
        coverage: share of pixels with alpha above 0.
        box: left, top, right, bottom of those pixels (right and bottom one past); empty list if none.
        cut: share that is covered of the upper border and, down to the chin, the side borders.
        head: share that is covered of the head's square.
    """
    covered = image[..., 3] != 0
    rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
    box = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1] if len(rows) else []
    square = head_square(framing)
    chin = square[0].stop
    border = np.concatenate([covered[0], covered[1:chin, 0], covered[1:chin, -1]])
    return {
        "coverage": _share(covered),
        "box": [int(side) for side in box],
        "cut": _share(border),
        "head": _share(covered[square]),
    }


def change_facts(image: Image, other: Image, framing: Framing, of: str) -> dict[str, float]:
    """How much two pictures of a sample differ.

    Args:
        image: (height, width, 4) uint8 RGBA.
        other: the picture that comes before it.
        framing: where the head should be.
        of: that picture's name, for the names of the facts.

    Returns:
        changed_from_OF: share of the pixels that differ.
        stray: share of these that lie outside of the head's square; 0 where nothing differs.
    """
    differs = image.view(np.uint32)[..., 0] != other.view(np.uint32)[..., 0]
    count = int(np.count_nonzero(differs))
    inside = int(np.count_nonzero(differs[head_square(framing)]))
    return {
        f"changed_from_{of}": round(count / differs.size, 6),
        "stray": round((count - inside) / count, 6) if count else 0.0,
    }


def broken_rules(
    quality: Mapping[str, Mapping[str, Any]],
    vector: PoseVector,
    space: PoseSpace,
    framing: Framing,
    rules: QualityRules,
) -> tuple[str, ...]:
    """Which rules a sample breaks, each in words without numbers, so that equal ones can be counted.

    Args:
        quality: picture -> its facts, for rest, expression and posed.
        vector: (parameters,) the label.
        space: the label's parameters.
        framing: where the head should be.
        rules: the limits.
    """
    broken = [text for picture, facts in quality.items() for text in _broken_by(picture, facts, rules)]
    if rules.min_effect is not None:
        broken += _without_effect(quality, vector, space, framing, rules.min_effect)
    return tuple(broken)


def _broken_by(picture: str, facts: Mapping[str, Any], rules: QualityRules) -> Iterator[str]:
    if _is_below(facts["coverage"], rules.min_coverage):
        yield f"the {picture} picture is empty"
        return  # whatever else would be said of it says the same
    if _is_above(facts["coverage"], rules.max_coverage):
        yield f"the {picture} picture is covered all over"
    elif _is_above(facts["cut"], rules.max_cut):
        yield f"the {picture} picture is clipped at its upper borders"
    if _is_below(facts["head"], rules.min_head):
        yield f"the head is not in its box in the {picture} picture"
    if picture == "expression" and _is_above(facts["stray"], rules.max_stray):
        yield "the expression shows outside of the head's box"


def _without_effect(
    quality: Mapping[str, Mapping[str, Any]],
    vector: PoseVector,
    space: PoseSpace,
    framing: Framing,
    min_effect: float,
) -> Iterator[str]:
    least = min_effect * (framing.head_height_px / framing.size_px) ** 2  # as a share of the picture
    should_show = _departs(vector, space, Stage.EXPRESSION, DISTINCT)
    if should_show and quality["expression"]["changed_from_rest"] < least:
        yield "the expression has no visible effect"
    should_show = _departs(vector, space, Stage.POSED, TURNED)
    if should_show and quality["posed"]["changed_from_expression"] < least:
        yield "the pose has no visible effect"


def _departs(vector: PoseVector, space: PoseSpace, stage: Stage, share: float) -> bool:
    """Whether any parameter of a stage is farther from its rest value than `share`."""
    return any(
        parameter.stage is stage and abs(value - parameter.rest) >= share
        for parameter, value in zip(space.parameters, vector, strict=True)
    )


def _is_below(value: float, limit: float | None) -> bool:
    return limit is not None and value < limit


def _is_above(value: float, limit: float | None) -> bool:
    return limit is not None and value > limit


def _share(mask: NDArray[np.bool_]) -> float:
    return round(float(np.mean(mask)), 6) if mask.size else 0.0
