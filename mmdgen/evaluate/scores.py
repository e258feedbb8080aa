"""The numbers of every picture under every configuration, and what they say together. numpy only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdgen.evaluate.columns import METRIC_NAMES
from mmdgen.evaluate.intervals import Characters, Estimate

IDENTITY = "identity"  # the row of a network that gives its input back


class Task(Enum):
    """What is asked of the networks."""

    EXPRESSION = "expression"
    ROTATION = "rotation"
    WHOLE = "whole"

    @property
    def source(self) -> str:
        """The picture of a sample that goes in."""
        return "expression" if self is Task.ROTATION else "rest"

    @property
    def target(self) -> str:
        """The picture of a sample that should come out."""
        return "expression" if self is Task.EXPRESSION else "posed"

    @property
    def title(self) -> str:
        """What it is called on a page."""
        return _TITLES[self]


_TITLES = {
    Task.EXPRESSION: "Face morpher: rest to expression",
    Task.ROTATION: "Face rotator: true expression to posed",
    Task.WHOLE: "Whole chain: rest to posed",
}


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What was measured.

    Attributes:
        keys: (pictures,) sample keys.
        characters: (pictures,) model ids.
        values: for each task and row (pictures, metrics) float64, columns as in `METRICS`. The first row of a
            task is the identity.
        distances: for each task (pictures,) in 0..1: how far the pose parameter that is farthest from rest
            is, as a share of its range; of the parameters that the task changes.
    """

    keys: NDArray[np.str_]
    characters: NDArray[np.str_]
    values: Mapping[Task, Mapping[str, NDArray[np.float64]]]
    distances: Mapping[Task, NDArray[np.float64]]

    def column(self, task: Task, row: str, metric: str) -> NDArray[np.float64]:
        """One metric of every picture, (pictures,)."""
        return self.values[task][row][:, METRIC_NAMES.index(metric)]

    def best_row(self, task: Task) -> str:
        """The row with the smallest MSE that is not the identity."""
        rows = [row for row in self.values[task] if row != IDENTITY]
        return min(rows, key=lambda row: float(self.column(task, row, "mse").mean()))

    def worst(self, task: Task, row: str, count: int) -> list[int]:
        """Numbers of the pictures with the largest MSE, worst first, at most one of each character.

        One character that a network cannot draw would fill the list otherwise.
        """
        order = np.argsort(-self.column(task, row, "mse"), kind="stable")
        _, first = np.unique(self.characters[order], return_index=True)
        return [int(number) for number in order[np.sort(first)][:count]]


def summarise(scores: Scores, pathways: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """The tables, as JSON will say them: for each task its rows and comparisons.

    Args:
        scores: of every picture.
        pathways: for each full configuration the rows of the pathways that it combines.
    """
    characters = Characters(scores.characters)
    return [
        {
            "task": task.value,
            "title": task.title,
            "rows": [_row(scores, characters, task, row) for row in rows],
            "comparisons": [
                _comparison(scores, characters, task, full, alone)
                for full, alones in pathways.items()
                if full in rows
                for alone in alones
            ],
        }
        for task, rows in scores.values.items()
    ]


def _row(scores: Scores, characters: Characters, task: Task, row: str) -> dict[str, Any]:
    values = scores.values[task][row]
    return {
        "name": row,
        "metrics": {
            name: _facts(characters.mean(values[:, number])) for number, name in enumerate(METRIC_NAMES)
        },
        "below_identity": _below(scores, characters, task, row, IDENTITY),
    }


def _comparison(scores: Scores, characters: Characters, task: Task, full: str, alone: str) -> dict[str, Any]:
    gain = scores.column(task, full, "ssim") - scores.column(task, alone, "ssim")
    return {
        "name": full,
        "against": alone,
        "below": _below(scores, characters, task, full, alone),
        "ssim_gain": _facts(characters.mean(gain)),
    }


def _below(scores: Scores, characters: Characters, task: Task, row: str, other: str) -> dict[str, Any]:
    """By which share the errors of a row are below those of another."""
    return {
        metric: _facts(
            characters.improvement(scores.column(task, row, metric), scores.column(task, other, metric))
        )
        for metric in ("mse", "l1")
    }


def _facts(estimate: Estimate) -> dict[str, float | None]:
    """An estimate as JSON, which has no NaN."""
    return {
        name: None if number is None or not np.isfinite(number) else number
        for name, number in (("value", estimate.value), ("low", estimate.low), ("high", estimate.high))
    }
