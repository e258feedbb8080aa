"""Poses: the labels of a data set (`PoseVector`) and the instruction for one rig (`Pose`).

A `PoseSpace` names the parameters of a family of networks. It knows no model; a `Pose` knows one rig's
bones and morphs by index and no parameter names. `mmdgen.sampling.binding` turns the first into the second.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mmdgen.errors import DatasetError
from mmdgen.model import Floats, Model

PoseVector: TypeAlias = NDArray[np.float64]  # (..., parameters), in the order of a PoseSpace


class Stage(Enum):
    """The first picture of a sample in which a parameter shows."""

    EXPRESSION = "expression"
    POSED = "posed"


class Density(Enum):
    """How a parameter is drawn."""

    UNIFORM = "uniform"
    V_SHAPED = "v-shaped"  # p(x) = 0.15 + 0.70 |x| on [-1, 1] (THA1, figure 5A)
    ONE_SIDED = "one-sided"  # p(t) = 0.3 + 1.4 t on [0, 1]: the V's positive half (THA2)
    CONSTANT = "constant"  # low, which is high too


@dataclass(frozen=True, slots=True)
class PoseParameter:
    """One number of a label."""

    name: str
    low: float
    high: float
    rest: float  # its value in the rest image
    density: Density
    stage: Stage
    meaning: str

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise DatasetError(f"pose parameter {self.name}: {self.low:g} is above {self.high:g}")
        if (self.density is Density.CONSTANT) != (self.low == self.high):
            raise DatasetError(f"pose parameter {self.name}: constant means one value, others need a range")


@dataclass(frozen=True, slots=True)
class PoseSpace:
    """The named parameters of a label, in their fixed order."""

    name: str
    parameters: tuple[PoseParameter, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Parameter names in order."""
        return tuple(parameter.name for parameter in self.parameters)

    def index(self, name: str) -> int:
        """Position of a parameter. Raises DatasetError for an unknown name."""
        if name not in self.names:
            raise DatasetError(f"no pose parameter '{name}'; known are {', '.join(self.names)}")
        return self.names.index(name)

    def rest_vector(self) -> PoseVector:
        """The label of the rest image, (parameters,)."""
        return np.array([parameter.rest for parameter in self.parameters])

    def vector(self, **values: float) -> PoseVector:
        """A label from named values; the others rest. Raises DatasetError for unknown or out of range."""
        vector = self.rest_vector()
        for name, value in values.items():
            parameter = self.parameters[self.index(name)]
            if not parameter.low <= value <= parameter.high:
                raise DatasetError(
                    f"pose parameter {name} = {value:g} is outside {parameter.low:g}..{parameter.high:g}"
                )
            vector[self.index(name)] = value
        return vector

    def expression_vector(self, vector: PoseVector) -> PoseVector:
        """The same label with every parameter of the posed stage at rest."""
        is_posed = np.array([parameter.stage is Stage.POSED for parameter in self.parameters])
        return np.where(is_posed, self.rest_vector(), vector)


HEAD_ANGLE_DEGREES = 15.0  # what a head parameter of 1 means (THA1)

# THA1: the order of the article's released networks. Signs are those of its published pose videos.
THA1 = PoseSpace(
    "tha1",
    (
        PoseParameter("head_x", -1.0, 1.0, 0.0, Density.V_SHAPED, Stage.POSED, "+1 looks up, 15 degrees"),
        PoseParameter(
            "head_y",
            -1.0,
            1.0,
            0.0,
            Density.V_SHAPED,
            Stage.POSED,
            "+1 turns to the viewer's left, 15 degrees",
        ),
        PoseParameter(
            "neck_z",
            -1.0,
            1.0,
            0.0,
            Density.V_SHAPED,
            Stage.POSED,
            "+1 leans the top of the head to the viewer's left, 15 degrees",
        ),
        PoseParameter(
            "left_eye",
            0.0,
            1.0,
            0.0,
            Density.UNIFORM,
            Stage.EXPRESSION,
            "1 closes the character's left eye (the viewer's right)",
        ),
        PoseParameter(
            "right_eye",
            0.0,
            1.0,
            0.0,
            Density.UNIFORM,
            Stage.EXPRESSION,
            "1 closes the character's right eye (the viewer's left)",
        ),
        PoseParameter(
            "mouth", 0.0, 1.0, 1.0, Density.UNIFORM, Stage.EXPRESSION, "1 is open, as in the rest image"
        ),
    ),
)

POSE_SPACES = {space.name: space for space in (THA1,)}


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """Morph weights and bone motions of one rig, with any leading batch axes.

    Rotations are quaternions (x, y, z, w) in raw MMD axes; translations are MMD units.
    """

    morph_weights: Floats  # (..., morphs)
    bone_rotations: Floats  # (..., bones, 4)
    bone_translations: Floats  # (..., bones, 3)

    @staticmethod
    def rest(model: Model, batch_shape: tuple[int, ...] = ()) -> Pose:
        """The pose that changes nothing; its arrays are fresh and may be written to."""
        rotations = np.zeros((*batch_shape, len(model.bones), 4), np.float32)
        rotations[..., 3] = 1.0
        return Pose(
            morph_weights=np.zeros((*batch_shape, len(model.morphs)), np.float32),
            bone_rotations=rotations,
            bone_translations=np.zeros((*batch_shape, len(model.bones), 3), np.float32),
        )

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The leading axes."""
        return self.morph_weights.shape[:-1]
