"""Where the parts of a face are: the head's vertices, the irises, the eyes. The measure of all else.

Lengths in a face are told in `u`, the height of the eyes above the chin (facts of measured models: 0.86 to
1.35 MMD units), so that large, small and chibi models are the same to every rule.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mmdgen.annotate.displacement import FARTHEST, Displacement
from mmdgen.annotate.lexicon import NameHint, name_hints
from mmdgen.annotate.schema import Feature, Side
from mmdgen.errors import AnnotationError
from mmdgen.model import NO_INDEX, Bools, Floats, Model
from mmdgen.rig.skeleton import BoneRoles, find_bone_roles

OPAQUE = 0.05  # materials of less alpha are not drawn until a morph shows them
EYE_SPACING_UNITS = 2.0  # u is about twice the distance of an eye from the middle (measured 0.39 to 0.80 u)


@dataclass(frozen=True, slots=True, eq=False)
class Eyes:
    """The middles of the open eyes in the front view, and how they were found."""

    left: NDArray[np.float64]  # (2,) x y, the character's left
    right: NDArray[np.float64]
    method: str
    confidence: float
    reasons: tuple[str, ...] = ()

    @property
    def y(self) -> float:
        """Height of the eyes."""
        return float(self.left[1] + self.right[1]) / 2

    @property
    def center_x(self) -> float:
        """The middle between the eyes."""
        return float(self.left[0] + self.right[0]) / 2

    @property
    def half_distance(self) -> float:
        """How far an eye is from the middle."""
        return float(self.left[0] - self.right[0]) / 2


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """The parts of one model's face."""

    model: Model
    displacements: tuple[Displacement, ...]
    hints: tuple[NameHint, ...]  # what each morph's name suggests
    bones: BoneRoles
    head_vertices: Bools  # (vertices,), follow the head bone or what hangs on it
    iris_vertices: Bools  # (vertices,), follow the eye bones
    triangle_materials: NDArray[np.int32] = field(repr=False)  # (triangles,)
    drawn_triangles: Bools = field(repr=False)  # (triangles,), of materials that are not transparent
    eyes: Eyes  # the middles of what the lids move: the unit u is measured from here
    irises: Eyes | None  # the middles of the irises

    @property
    def positions(self) -> Floats:
        """Rest positions, (vertices, 3)."""
        return self.model.vertices.positions

    @property
    def head_position(self) -> NDArray[np.float64]:
        """Rest position of the head bone, (3,)."""
        return np.asarray(self.model.bones.rest_positions[self.bones.head], np.float64)

    @property
    def rough_unit(self) -> float:
        """The unit u before the chin is known, from the distance of the eyes."""
        return EYE_SPACING_UNITS * self.eyes.half_distance

    def triangles_of(self, vertices: Bools, *, all_corners: bool = False) -> Bools:
        """Drawn triangles with a corner (or all corners) among `vertices` (vertices,)."""
        a, b, c = (vertices[self.model.faces[:, corner]] for corner in range(3))
        return np.asarray(self.drawn_triangles & ((a & b & c) if all_corners else (a | b | c)))


def find_face(model: Model, displacements: tuple[Displacement, ...]) -> Face:
    """Locate the parts of a model's face.

    Raises:
        AnnotationError: the model has no head bone or nothing that follows it, or no eyes can be found.
    """
    model = _without_absurd_positions(model)
    bones = find_bone_roles(model)
    if bones.head == NO_INDEX:
        raise AnnotationError(
            f"{model.source}: no head bone (頭), so this is no character that can be annotated"
        )
    is_finite = np.isfinite(model.vertices.positions).all(axis=1)
    head_vertices = bound_vertices(model, [bones.head]) & is_finite
    if not head_vertices.any():
        raise AnnotationError(
            f"{model.source}: no vertex follows the head bone, so there is no face to annotate"
        )
    eye_bones = [bone for bone in (bones.left_eye, bones.right_eye, bones.both_eyes) if bone != NO_INDEX]
    iris_vertices = bound_vertices(model, eye_bones) & is_finite
    triangle_materials = model.materials.of_triangles(len(model.faces))
    drawn = triangle_materials != NO_INDEX
    drawn[drawn] = model.materials.diffuse[triangle_materials[drawn], 3] > OPAQUE
    hints = name_hints(model.morphs)
    irises = _find_irises(model, bones, _shown(model, drawn) & iris_vertices)
    eyes = _find_eyes(model, displacements, hints, bones, head_vertices, irises)
    if not (np.isfinite([*eyes.left, *eyes.right]).all() and eyes.half_distance > 0.0):
        raise AnnotationError(f"{model.source}: the eyes are at no usable place, so no face can be measured")
    return Face(
        model=model,
        displacements=displacements,
        hints=hints,
        bones=bones,
        head_vertices=head_vertices,
        iris_vertices=iris_vertices,
        triangle_materials=triangle_materials,
        drawn_triangles=drawn,
        eyes=eyes,
        irises=irises,
    )


def _without_absurd_positions(model: Model) -> Model:
    """The model with NaN for what is infinite or absurdly far, so that no later sum overflows."""
    positions = model.vertices.positions
    is_sane = np.abs(positions) < FARTHEST  # False for NaN too
    if is_sane.all():
        return model
    return replace(
        model, vertices=replace(model.vertices, positions=np.where(is_sane, positions, np.float32(np.nan)))
    )


def with_eyes_of(face: Face, morph: int) -> Face:
    """The same face with its eyes measured by a both-eye morph that geometry found."""
    moved = face.displacements[morph]
    near = moved.restricted(face.head_vertices[moved.vertices])
    lids = _lid_middles(face.model, near, float(face.head_position[0]))
    if lids is None:
        return face
    return replace(face, eyes=Eyes(*lids, "lids", face.eyes.confidence, face.eyes.reasons))


def bound_vertices(model: Model, roots: list[int]) -> Bools:
    """Vertices whose weights over some bones and all that hang on them sum to more than one half."""
    under = _descendants(model.bones.parents, roots)
    indices, weights = model.vertices.bone_indices, model.vertices.bone_weights
    share = np.where((indices != NO_INDEX) & under[indices], weights, 0.0).sum(axis=1)
    return np.asarray(share > 0.5 * np.where(indices != NO_INDEX, weights, 0.0).sum(axis=1))


def _descendants(parents: NDArray[np.int32], roots: list[int]) -> Bools:
    """Which bones are among `roots` or below them. Survives loops of parents."""
    under = np.zeros(len(parents), np.bool_)
    under[roots] = True
    for _ in range(len(parents)):
        grown = under | ((parents != NO_INDEX) & under[parents])
        if (grown == under).all():
            break
        under = grown
    return under


def _shown(model: Model, drawn: Bools) -> Bools:
    """Vertices of drawn triangles, (vertices,)."""
    shown = np.zeros(len(model.vertices), np.bool_)
    shown[model.faces[drawn]] = True
    return shown


def _find_irises(model: Model, bones: BoneRoles, iris_vertices: Bools) -> Eyes | None:
    """The middles of what follows the eye bones on either side of the head bone."""
    points = model.vertices.positions[iris_vertices].astype(np.float64)
    middle = float(model.bones.rest_positions[bones.head, 0])
    sides = [points[points[:, 0] > middle], points[points[:, 0] <= middle]]
    if min(len(side) for side in sides) < 3:
        return None
    # spare eyes (stars, spirals) wait inside the head for their morph: they are not what is seen
    depth = np.percentile(np.abs(points[:, 0] - middle), 95)
    sides = [side[side[:, 2] < np.percentile(side[:, 2], 5) + depth] for side in sides]
    # the outermost twentieth is left out: highlights and the like may stand off
    left, right = (np.percentile(side[:, :2], (5, 95), axis=0).mean(axis=0) for side in sides)
    return Eyes(left, right, "irises", 0.8, ("no eye-closing morph of a known name",))


def _find_eyes(
    model: Model,
    displacements: tuple[Displacement, ...],
    hints: tuple[NameHint, ...],
    bones: BoneRoles,
    head_vertices: Bools,
    irises: Eyes | None,
) -> Eyes:
    """Eyes from the both-eye morph that its name tells, checked against the irises; else from those alone."""
    middle = float(model.bones.rest_positions[bones.head, 0])
    for index in _morphs_named(hints, Feature.EYE_WINK):
        moved = displacements[index]
        lids = _lid_middles(model, moved.restricted(head_vertices[moved.vertices]), middle)
        if lids is None:
            continue
        if irises is None:
            return Eyes(*lids, "lids", 0.8, ("nothing follows the eye bones: no iris to look at",))
        apart = max(np.linalg.norm(lids[0] - irises.left), np.linalg.norm(lids[1] - irises.right))
        if apart < irises.half_distance:
            return Eyes(*lids, "lids", 1.0)
    return (
        irises
        or _eyes_from_morphs(model, displacements, head_vertices, middle)
        or _eyes_from_bones(model, bones)
    )


def _eyes_from_morphs(
    model: Model, displacements: tuple[Displacement, ...], head_vertices: Bools, middle: float
) -> Eyes | None:
    """Where a morph pulls most down on both sides of the face and nothing between: lids, never a mouth."""
    best, lowest = None, 0.0
    for moved in displacements:
        near = moved.restricted(head_vertices[moved.vertices])
        lids = _lid_middles(model, near, middle) if len(near) else None
        if lids is None or len(near) < 0.9 * len(moved):
            continue
        apart = float(lids[0][0] - lids[1][0]) / 2
        x = np.abs(model.vertices.positions[near.vertices, 0] - middle)
        is_pair = (
            abs(lids[0][1] - lids[1][1]) < 0.2 * apart and abs(lids[0][0] + lids[1][0] - 2 * middle) < apart
        )
        between = float(near.lengths[x < 0.25 * apart].sum()) / float(near.lengths.sum())
        down = float(near.offsets[:, 1].min())
        if is_pair and between < 0.02 and -1.5 * apart < down < lowest:
            best, lowest = lids, down
    if best is None:
        return None
    reason = "no eye bones and no known name: the eyes are where a morph pulls most down on both sides"
    return Eyes(*best, "morphs", 0.3, (reason,))


def _eyes_from_bones(model: Model, bones: BoneRoles) -> Eyes:
    """The eye bones: their height is about right, their x may be the pivot in the middle of the skull."""
    if NO_INDEX in (bones.left_eye, bones.right_eye):
        raise AnnotationError(
            f"{model.source}: no eyes found: neither eye bones nor an eye-closing morph of a known name"
        )
    pair = np.asarray(model.bones.rest_positions[[bones.left_eye, bones.right_eye], :2], np.float64)
    left, right = pair[np.argsort(-pair[:, 0])]
    if not left[0] > right[0]:
        raise AnnotationError(f"{model.source}: both eye bones stand at the same place; eyes cannot be found")
    return Eyes(left, right, "eye bones", 0.2, ("the eyes are known by their bones only",))


def _lid_middles(
    model: Model, moved: Displacement, middle: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Medians of what a blink moves left and right of the middle, or None unless it moves both sides."""
    is_much = moved.lengths > 0.1 * moved.lengths.max(initial=0.0)
    points = model.vertices.positions[moved.vertices[is_much], :2].astype(np.float64)
    is_left = points[:, 0] > middle
    if min(is_left.sum(), (~is_left).sum()) < 3:
        return None
    return np.median(points[is_left], axis=0), np.median(points[~is_left], axis=0)


def _morphs_named(hints: tuple[NameHint, ...], feature: Feature) -> list[int]:
    """Morphs whose name suggests a feature of both sides, the most usual name first."""
    return [
        index
        for index, hint in sorted(enumerate(hints), key=lambda pair: (pair[1].rank, pair[0]))
        if hint.feature is feature and hint.side in (Side.BOTH, Side.MIDDLE)
    ]
