"""From a label to the pose of one model: which morphs and bones its parameters drive.

The half of a both-eye morph becomes a vertex morph of its own, appended to the model, so that nothing after
this needs to know of halves. What such a morph does to bones and texture coordinates is divided by the same
rule; what it does to materials has no side and is left out, and said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mmdgen.annotate.displacement import displace, half_weights, leaf_weights
from mmdgen.annotate.schema import Annotation, Half, MorphChoice, Role
from mmdgen.errors import AnnotationError
from mmdgen.model import (
    BoneElements,
    Floats,
    MaterialElements,
    Model,
    MorphElements,
    MorphKind,
    Panel,
    UvElements,
    VertexElements,
)
from mmdgen.pose import HEAD_ANGLE_DEGREES, THA1, Pose, PoseSpace, PoseVector
from mmdgen.rig.skeleton import BoneRoles, require_posable
from mmdgen.rig.transforms import multiply_quaternions, normalize_quaternions, scale_rotations

# Which role plays a parameter of a pose space; the other parameters turn bones.
MORPH_PARAMETERS: Mapping[str, Role] = {
    "left_eye": Role.EYE_WINK_LEFT,
    "right_eye": Role.EYE_WINK_RIGHT,
    "mouth": Role.MOUTH_AAA,
}

_HEAD_HEIGHT_UNITS = 2.75  # a head is about so many u high, where no eyes are annotated (2.5 to 3.5)


@dataclass(frozen=True, slots=True, eq=False)
class BoundModel:
    """A model that can take the poses of a pose space."""

    model: Model  # with the halves of morphs appended
    space: PoseSpace
    bones: BoneRoles
    morphs: Mapping[str, tuple[int, ...]]  # parameter -> morphs of `model` that take its value as weight
    notes: tuple[str, ...]  # what was left out of the halves

    def pose(self, vectors: PoseVector) -> Pose:
        """The poses of labels.

        MMD: all angles are positive in the files' axes. 首 turns by R_z(neck_z), 頭 by
        R_y(head_y) R_x(head_x) (pitch first, then yaw in the neck's frame); 1 is 15 degrees.

        Args:
            vectors: (..., parameters) in the order of the pose space.
        """
        vectors = np.asarray(vectors, np.float64)
        pose = Pose.rest(self.model, vectors.shape[:-1])
        for name, morphs in self.morphs.items():
            pose.morph_weights[..., list(morphs)] = vectors[..., self.space.index(name), None]
        angles = np.radians(HEAD_ANGLE_DEGREES) * vectors
        pitch = _turn(0, angles[..., self.space.index("head_x")])
        yaw = _turn(1, angles[..., self.space.index("head_y")])
        roll = _turn(2, angles[..., self.space.index("neck_z")])
        pose.bone_rotations[..., self.bones.neck, :] = roll
        pose.bone_rotations[..., self.bones.head, :] = multiply_quaternions(yaw, pitch)
        return pose


def _turn(axis: int, angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quaternions x y z w that turn about the x, y or z axis (0, 1, 2) by angles (...) in radians."""
    turns = np.zeros((*angles.shape, 4))
    turns[..., axis] = np.sin(angles / 2)
    turns[..., 3] = np.cos(angles / 2)
    return turns


def bind_annotation(model: Model, annotation: Annotation, space: PoseSpace = THA1) -> BoundModel:
    """Bind a pose space to one model.

    Raises:
        AnnotationError: a needed role has no morph, or the annotation is of another file.
        ModelError: the model's head cannot be posed.
    """
    bones = require_posable(model)
    appended: list[_Part] = []
    morphs: dict[str, tuple[int, ...]] = {}
    notes: list[str] = []
    for name in space.names:
        if name not in MORPH_PARAMETERS:
            continue
        choice = _needed_choice(model, annotation, MORPH_PARAMETERS[name])
        if choice.half is None:
            morphs[name] = (choice.morph,)
            continue
        parts, left_out = _halve(model, choice, choice.half, annotation)
        first = len(model.morphs) + len(appended)
        morphs[name] = tuple(range(first, first + len(parts)))
        appended += parts
        notes += left_out
    return BoundModel(_with_morphs(model, appended), space, bones, morphs, tuple(dict.fromkeys(notes)))


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """One morph to append."""

    name: str
    panel: int
    kind: MorphKind
    elements: MorphElements


def _needed_choice(model: Model, annotation: Annotation, role: Role) -> MorphChoice:
    """The morph of a role. Raises AnnotationError unless it is there and is the one that was annotated."""
    choice = annotation.roles.get(role)
    if choice is None or choice.is_absent:
        raise AnnotationError(
            f"{model.source}: no morph for {role.value}; annotate it or leave the model out"
        )
    if not 0 <= choice.morph < len(model.morphs) or model.morphs.names[choice.morph] != choice.name:
        raise AnnotationError(
            f"{model.source}: the annotation's morph {choice.morph} ('{choice.name}') for {role.value} "
            "is not in this model; it belongs to another file"
        )
    return choice


def _halve(
    model: Model, choice: MorphChoice, half: Half, annotation: Annotation
) -> tuple[list[_Part], list[str]]:
    """One half of what a morph does, as morphs to append, and what had to be left out.

    Groups are resolved first; morphs of the same name count too, as MMD moves them together.
    """
    weights = leaf_weights(model)[choice.morph]
    unit, center_x = _unit(annotation), annotation.head.center_x
    name, panel = f"{choice.name} ({half.value} half)", int(model.morphs.panels[choice.morph])
    parts: list[_Part] = []
    notes: list[str] = []

    def share(x: Floats) -> Floats:
        return half_weights(x, center_x, unit, half)

    moved = displace(model, weights)
    moved = moved.scaled(share(model.vertices.positions[moved.vertices, 0]))
    if len(moved):
        parts.append(_Part(name, panel, MorphKind.VERTEX, VertexElements(moved.vertices, moved.offsets)))
    for index in np.flatnonzero(weights):
        elements, weight = model.morphs.elements[index], float(weights[index])
        part_name = f"{name} {len(parts) + 1}"
        if isinstance(elements, BoneElements):
            kept = share(model.bones.rest_positions[elements.bones, 0])
            bones = _half_bones(elements, kept * np.float32(weight))
            parts.append(_Part(part_name, panel, MorphKind.BONE, bones))
        elif isinstance(elements, UvElements):
            kept = share(model.vertices.positions[elements.vertices, 0]) * np.float32(weight)
            uvs = UvElements(elements.vertices, elements.offsets * kept[:, None])
            parts.append(_Part(part_name, panel, MorphKind(model.morphs.kinds[index]), uvs))
        elif isinstance(elements, MaterialElements):
            notes.append(f"'{choice.name}' also changes materials; its halves leave that out")
    if not parts:
        raise AnnotationError(
            f"{model.source}: '{choice.name}' moves nothing on the {half.value} side, so it has no "
            f"{half.value} half; choose another morph"
        )
    return parts, notes


def _half_bones(elements: BoneElements, kept: Floats) -> BoneElements:
    """Bone motions times a share each; a share of a rotation is that share of its angle."""
    keep = kept != 0.0
    turned = scale_rotations(normalize_quaternions(elements.rotations[keep].astype(np.float64)), kept[keep])
    moved = elements.translations[keep] * kept[keep, None]
    return BoneElements(elements.bones[keep], moved, turned.astype(np.float32))


def _unit(annotation: Annotation) -> float:
    """The face's unit u: eyes above chin."""
    if annotation.eyes is not None:
        unit = (annotation.eyes.left[1] + annotation.eyes.right[1]) / 2 - annotation.head.bottom
        if unit > 0.0:
            return unit
    return (annotation.head.top - annotation.head.bottom) / _HEAD_HEIGHT_UNITS


def _with_morphs(model: Model, parts: Sequence[_Part]) -> Model:
    """The model with morphs appended under names that no other morph has."""
    if not parts:
        return model
    morphs = model.morphs
    names = list(morphs.names)
    for part in parts:
        name = part.name
        while name in names:  # MMD: equal names would move together
            name += "*"
        names.append(name)
    added = names[len(morphs) :]
    table = replace(
        morphs,
        names=tuple(names),
        names_en=(*morphs.names_en, *added),
        panels=_extended(morphs.panels, [Panel(part.panel) for part in parts]),
        kinds=_extended(morphs.kinds, [part.kind for part in parts]),
        elements=(*morphs.elements, *(part.elements for part in parts)),
    )
    return replace(model, morphs=table)


def _extended(column: NDArray[np.uint8], values: Sequence[int]) -> NDArray[np.uint8]:
    return np.concatenate([column, np.array(values, np.uint8)])
