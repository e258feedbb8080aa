"""Labels drawn at random: one number for each parameter of a pose space, independently.

The numbers come from the raw 64-bit output of the bit generator, whose stream numpy keeps for ever; the
distributions of `numpy.random.Generator` may change between versions of numpy (NEP 19).
"""

from __future__ import annotations

from typing import assert_never

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmdgen.pose import Density, PoseParameter, PoseSpace, PoseVector

DECIMALS = 6  # labels are rounded to what is written in the records, so that records reproduce pictures

# THA1, figure 5A: p(x) = V_FLOOR + V_SLOPE |x| on [-1, 1]
V_FLOOR = 0.15
V_SLOPE = 0.70


def sample_pose_vector(space: PoseSpace, rng: np.random.Generator) -> PoseVector:
    """One label of a pose space, (parameters,), rounded to six decimals."""
    chances = uniforms(rng, len(space.parameters))
    values = [
        quantile(parameter, chance) for parameter, chance in zip(space.parameters, chances, strict=True)
    ]
    vector = np.array(values, np.float64)
    vector = np.round(vector, DECIMALS, out=vector)
    return vector + 0.0  # no negative zero in the records


def uniforms(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Numbers from [0, 1) with 53 random bits each, (count,)."""
    raw = np.asarray(rng.bit_generator.random_raw(count), np.uint64)
    return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53


def quantile(parameter: PoseParameter, chance: ArrayLike) -> NDArray[np.float64]:
    """The parameter's value below which a share `chance` of its draws falls: the inverse of its CDF."""
    chance = np.asarray(chance, np.float64)
    match parameter.density:
        case Density.UNIFORM:
            unit = chance
        case Density.V_SHAPED:
            signed = 2.0 * chance - 1.0
            unit = (np.sign(signed) * v_shaped_magnitude(np.abs(signed)) + 1.0) / 2.0
        case Density.ONE_SIDED:
            unit = v_shaped_magnitude(chance)
        case Density.CONSTANT:
            unit = np.zeros_like(chance)
        case _:
            assert_never(parameter.density)
    return parameter.low + (parameter.high - parameter.low) * unit


def v_shaped_magnitude(chance: ArrayLike) -> NDArray[np.float64]:
    """Inverse of F(t) = 0.3 t + 0.7 t^2, the CDF of |x| under p(x) = 0.15 + 0.70 |x|."""
    chance = np.asarray(chance, np.float64)
    return (-V_FLOOR + np.sqrt(V_FLOOR**2 + V_SLOPE * chance)) / V_SLOPE


def density(parameter: PoseParameter, value: ArrayLike) -> NDArray[np.float64]:
    """The probability density of a parameter at `value` inside its range; infinite for a constant."""
    value = np.asarray(value, np.float64)
    if parameter.density is Density.CONSTANT:
        return np.full(value.shape, np.inf)
    half_range = (parameter.high - parameter.low) / 2.0
    match parameter.density:
        case Density.UNIFORM:
            return np.full(value.shape, 0.5 / half_range)
        case Density.V_SHAPED:
            unit = (value - parameter.low) / half_range - 1.0
            return (V_FLOOR + V_SLOPE * np.abs(unit)) / half_range
        case Density.ONE_SIDED:
            unit = (value - parameter.low) / (2.0 * half_range)
            return (V_FLOOR + V_SLOPE * unit) / half_range
        case _:
            assert_never(parameter.density)
