"""How sure a mean is: bootstrap over characters. numpy only.

Pictures of one character resemble each other, so ten thousand pictures of seventy characters say about as
much of a new character as seventy numbers do. Therefore whole characters are drawn with replacement, each
with all of its pictures (the cluster bootstrap), and never single pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its 95 % interval. The interval is None where one character alone gives no idea of it."""

    value: float
    low: float | None
    high: float | None


class Characters:
    """Which character each picture shows, and the resamples that all estimates share.

    The same resamples for every row of a table make differences between rows paired.

    Args:
        names: (pictures,) the character of each picture.
        resamples: how many bootstrap samples.
        seed: of the resamples.
    """

    def __init__(self, names: NDArray[np.str_], *, resamples: int = RESAMPLES, seed: int = 0) -> None:
        self.names, self._of_picture = np.unique(names, return_inverse=True)
        # (resamples, characters): how often each character is in each resample
        generator = np.random.Generator(np.random.PCG64(seed))
        shares = np.full(len(self), 1.0 / len(self))
        self._drawn = generator.multinomial(len(self), shares, size=resamples).astype(np.uint16)

    def __len__(self) -> int:
        return len(self.names)

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of the values of each character's pictures: (pictures,) to (characters,)."""
        return np.bincount(self._of_picture, weights=values, minlength=len(self)).astype(np.float64)

    def mean(self, values: NDArray[np.float64]) -> Estimate:
        """The mean over pictures, (pictures,)."""
        return self._ratio(self.sums(values), self.sums(np.ones_like(values)))

    def improvement(self, values: NDArray[np.float64], baseline: NDArray[np.float64]) -> Estimate:
        """By which share the mean of an error is below a baseline's: 1 - mean(values) / mean(baseline)."""
        base = self.sums(baseline)
        return self._ratio(base - self.sums(values), base)

    def _ratio(self, numerators: NDArray[np.float64], denominators: NDArray[np.float64]) -> Estimate:
        """Sum over sum, and its percentile interval. NaN where the denominators are all 0."""
        with np.errstate(invalid="ignore", divide="ignore"):
            value = float(numerators.sum() / denominators.sum())
            if len(self) < 2:
                return Estimate(value, None, None)
            drawn = (self._drawn @ numerators) / (self._drawn @ denominators)
        low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return Estimate(value, float(low), float(high))
