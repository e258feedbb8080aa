"""The light of a model's pictures, drawn from ranges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmdgen.errors import DatasetError
from mmdgen.sampling.poses import uniforms
from mmdgen.scene import Light

DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Range:
    """A number drawn uniformly between two; fixed where both are the same."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.low <= self.high:
            raise DatasetError(f"the range {self.low:g} to {self.high:g} is not of the form 0 <= low <= high")


@dataclass(frozen=True, slots=True)
class LightRanges:
    """Where the strengths of the two lights are drawn from (THA1: 0.5 each)."""

    ambient: Range = Range(0.5, 0.5)
    directional: Range = Range(0.5, 0.5)


# The light of THA1's data sets, of its later variant against dark rings around closed eyes, and of THA2.
LIGHTS = {
    "tha1": LightRanges(),
    "tha1-bright": LightRanges(ambient=Range(0.5, 1.2)),
    "tha2": LightRanges(ambient=Range(0.5, 0.75), directional=Range(0.5, 1.25)),
}


def sample_light(ranges: LightRanges, rng: np.random.Generator) -> Light:
    """The light of one model. All its pictures share it, as its rest image stands in all its samples."""
    chances = uniforms(rng, 2)
    return Light(ambient=_draw(ranges.ambient, chances[0]), directional=_draw(ranges.directional, chances[1]))


def _draw(limits: Range, chance: float) -> float:
    return round(float(limits.low + (limits.high - limits.low) * chance), DECIMALS)
