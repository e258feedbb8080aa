from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmdgen.annotate import propose_annotation
from mmdgen.annotate.schema import (
    Annotation,
    EyeCenters,
    Half,
    HeadBounds,
    MorphChoice,
    Origin,
    Provenance,
    Role,
)
from mmdgen.errors import AnnotationError, ModelError
from mmdgen.formats import read_model
from mmdgen.model import Model, MorphKind
from mmdgen.pose import THA1
from mmdgen.rig import build_rig, skin_vertices
from mmdgen.sampling.binding import BoundModel, bind_annotation
from tests.annotate.faces import face_model
from tests.builders import (
    MorphSpec,
    about_x,
    bone,
    bone_morph,
    build_model,
    group_morph,
    material_morph,
    uv_morph,
    vertex,
    vertex_morph,
)

AUTO = Provenance(Origin.AUTO, "test")
BONES = [
    bone("センター"),
    bone("首", position=(0, 10, 0), parent="センター"),
    bone("頭", position=(0, 11, 0), parent="首"),
    bone("左目", position=(0.5, 12, 0), parent="頭"),
    bone("右目", position=(-0.5, 12, 0), parent="頭"),
]
POINTS = [(0.5, 12, -1), (-0.5, 12, -1), (0.0, 11.3, -1)]  # left eye, right eye, mouth
DOWN = (0.0, -0.3, 0.0)


def model_with(morphs: Sequence[MorphSpec]) -> Model:
    return build_model(
        bones=BONES, vertices=[vertex(point, weights=(("頭", 1.0),)) for point in POINTS], morphs=morphs
    )


def annotation_of(
    model: Model, *, blink: str | int = "まばたき", center_x: float = 0.0, **changes: object
) -> Annotation:
    index = model.morphs.names.index(blink) if isinstance(blink, str) else blink
    name = model.morphs.names[index]
    return replace(
        Annotation(
            model_id="0" * 16,
            head=HeadBounds(11.0, 13.75, center_x, AUTO),
            roles={
                Role.EYE_WINK_LEFT: MorphChoice(index, name, Half.LEFT, AUTO),
                Role.EYE_WINK_RIGHT: MorphChoice(index, name, Half.RIGHT, AUTO),
                Role.MOUTH_AAA: MorphChoice(model.morphs.names.index("あ"), "あ", None, AUTO),
            },
            eyes=EyeCenters((0.5, 12.0), (-0.5, 12.0), AUTO),
        ),
        **changes,  # type: ignore[arg-type]
    )


BLINK = vertex_morph("まばたき", {0: DOWN, 1: DOWN})
MOUTH = vertex_morph("あ", {2: DOWN})


def motions(bound: BoundModel, **values: float) -> np.ndarray:
    """How far the vertices move from the mouth-closed rest, (vertices, 3)."""
    rig = build_rig(bound.model)
    closed = THA1.vector(mouth=0.0)
    posed = THA1.vector(**{"mouth": 0.0, **values})
    positions, _ = skin_vertices(rig.pose(bound.pose(np.stack([closed, posed]))))
    return np.asarray(positions[1] - positions[0])


def test_left_eye_closes_the_left_half_only() -> None:
    model = model_with([BLINK, MOUTH])
    moved = motions(bind_annotation(model, annotation_of(model)), left_eye=1.0)
    np.testing.assert_allclose(moved, [DOWN, (0, 0, 0), (0, 0, 0)], atol=1e-6)


def test_both_halves_are_the_whole_morph() -> None:
    model = model_with([vertex_morph("まばたき", {0: DOWN, 1: DOWN, 2: DOWN}), MOUTH])
    moved = motions(bind_annotation(model, annotation_of(model)), left_eye=1.0, right_eye=1.0)
    np.testing.assert_allclose(moved, [DOWN] * 3, atol=1e-6)


def test_weight_is_linear() -> None:
    model = model_with([BLINK, MOUTH])
    moved = motions(bind_annotation(model, annotation_of(model)), right_eye=0.25)
    np.testing.assert_allclose(moved[1], np.array(DOWN) / 4, atol=1e-6)


def test_halves_part_at_the_middle_of_the_head() -> None:
    model = model_with([vertex_morph("まばたき", {0: DOWN, 1: DOWN, 2: DOWN}), MOUTH])
    bound = bind_annotation(model, annotation_of(model, center_x=-0.25))
    moved = motions(bound, left_eye=1.0)
    np.testing.assert_allclose(moved, [DOWN, (0, 0, 0), DOWN], atol=1e-6)


def test_group_morphs_are_resolved_before_they_are_halved() -> None:
    morphs = [
        vertex_morph("片目", {0: DOWN}),
        vertex_morph("他目", {1: DOWN}),
        group_morph("まばたき", {"片目": 0.5, "他目": 1.0}),
        MOUTH,
    ]
    model = model_with(morphs)
    bound = bind_annotation(model, annotation_of(model))
    np.testing.assert_allclose(motions(bound, left_eye=1.0)[0], np.array(DOWN) / 2, atol=1e-6)
    np.testing.assert_allclose(motions(bound, right_eye=1.0)[:2], [(0, 0, 0), DOWN], atol=1e-6)


def test_morphs_of_the_same_name_move_together() -> None:
    model = model_with(
        [vertex_morph("まばたき", {0: DOWN}), vertex_morph("まばたき", {0: DOWN, 1: DOWN}), MOUTH, MOUTH]
    )
    bound = bind_annotation(model, annotation_of(model))
    np.testing.assert_allclose(motions(bound, left_eye=1.0)[0], np.array(DOWN) * 2, atol=1e-6)
    np.testing.assert_allclose(motions(bound, mouth=1.0)[2], np.array(DOWN) * 2, atol=1e-6)


def test_eye_bones_of_a_blink_turn_with_their_half() -> None:
    turn = tuple(about_x(20.0))
    morphs = [
        BLINK,
        bone_morph("目ボーン", {"左目": ((0, 0, 0), turn), "右目": ((0, 0, 0), turn)}),
        group_morph("閉じる", {"まばたき": 1.0, "目ボーン": 1.0}),
        MOUTH,
    ]
    model = model_with(morphs)
    bound = bind_annotation(model, annotation_of(model, blink="閉じる"))
    rotations = build_rig(bound.model).pose(bound.pose(THA1.vector(left_eye=1.0))).bone_rotations
    np.testing.assert_allclose(rotations[3], turn, atol=1e-6)
    np.testing.assert_allclose(rotations[4], (0, 0, 0, 1), atol=1e-6)
    assert [MorphKind(kind).name for kind in bound.model.morphs.kinds[4:6]] == ["VERTEX", "BONE"]


def test_texture_coordinates_of_a_blink_move_with_their_half() -> None:
    shift = (0.5, 0.0, 0.0, 0.0)
    model = model_with([uv_morph("まばたき", {0: shift, 1: shift}), MOUTH])
    bound = bind_annotation(model, annotation_of(model))
    posed = build_rig(bound.model).pose(bound.pose(THA1.vector(left_eye=1.0)))
    offsets = dict(zip(posed.moved_uvs.tolist(), posed.uv_offsets, strict=True))
    assert offsets[0][0] == pytest.approx(0.5)
    assert 1 not in offsets or not offsets[1].any()


def test_materials_have_no_halves_and_this_is_said() -> None:
    morphs = [
        BLINK,
        material_morph("色", [(0, True, np.zeros(28))]),
        group_morph("閉じる", {"まばたき": 1.0, "色": 1.0}),
        MOUTH,
    ]
    model = model_with(morphs)
    bound = bind_annotation(model, annotation_of(model, blink="閉じる"))
    assert bound.notes == ("'閉じる' also changes materials; its halves leave that out",)


def test_appended_halves_have_names_of_their_own() -> None:
    model = model_with([BLINK, MOUTH, vertex_morph("まばたき (left half)", {2: DOWN})])
    names = bind_annotation(model, annotation_of(model)).model.morphs.names
    assert len(set(names)) == len(names)
    assert names[:3] == model.morphs.names


def test_head_and_neck_turn_by_positive_angles_in_the_files_axes() -> None:
    bound = bind_annotation(face_model(), propose_annotation(face_model(), "0" * 16))
    pose = bound.pose(THA1.vector(head_x=1.0, head_y=-0.5, neck_z=0.4))
    sine, cosine = np.sin, np.cos
    x, y, z = np.radians([15.0, -7.5, 6.0]) / 2
    np.testing.assert_allclose(pose.bone_rotations[bound.bones.neck], (0, 0, sine(z), cosine(z)), atol=1e-6)
    # R_y(y) R_x(x), multiplied out
    expected = (sine(x) * cosine(y), cosine(x) * sine(y), -sine(x) * sine(y), cosine(x) * cosine(y))
    np.testing.assert_allclose(pose.bone_rotations[bound.bones.head], expected, atol=1e-6)


def test_poses_have_the_labels_batch_axes() -> None:
    model = model_with([BLINK, MOUTH])
    bound = bind_annotation(model, annotation_of(model))
    pose = bound.pose(np.zeros((3, 2, 6)))
    assert pose.batch_shape == (3, 2)
    assert pose.bone_rotations.shape == (3, 2, len(model.bones), 4)


def test_missing_role_is_one_sentence() -> None:
    model = model_with([BLINK, MOUTH])
    annotation = annotation_of(model)
    roles = {role: choice for role, choice in annotation.roles.items() if role is not Role.MOUTH_AAA}
    with pytest.raises(AnnotationError, match=r"^test.pmx: no morph for mouth_aaa"):
        bind_annotation(model, replace(annotation, roles=roles))


def test_annotation_of_another_file_is_refused() -> None:
    model = model_with([BLINK, MOUTH])
    other = model_with([MOUTH, BLINK])
    with pytest.raises(AnnotationError, match="belongs to another file"):
        bind_annotation(other, annotation_of(model))


def test_half_without_motion_is_refused() -> None:
    model = model_with([vertex_morph("まばたき", {0: DOWN}), MOUTH])
    with pytest.raises(AnnotationError, match="moves nothing on the right side"):
        bind_annotation(model, annotation_of(model))


def test_model_that_cannot_be_posed_is_refused() -> None:
    model = build_model(bones=[bone("センター")], morphs=[BLINK, MOUTH])
    with pytest.raises(ModelError, match="no head bone"):
        bind_annotation(model, annotation_of(model))


@pytest.mark.local_models
@pytest.mark.parametrize(
    "path", ["gene_light/Gene_light.pmx", "miku43/miku4.3.pmx", "appearance_miku/Appearance Miku.pmx"]
)
def test_labels_move_a_real_face_the_right_way(shared_dir: Path, path: str) -> None:
    model = read_model(shared_dir / "models" / path)
    annotation = propose_annotation(model, "0" * 16)
    bound = bind_annotation(model, annotation)
    rest = model.vertices.positions
    left = motions(bound, left_eye=1.0)
    assert rest[np.abs(left).max(axis=1) > 1e-4, 0].min() > -0.15  # the character's left is +X
    head = bound.bones.head
    in_front = np.flatnonzero(rest[:, 2] < model.bones.rest_positions[head, 2] - 0.5)
    nose = in_front[np.argmin(np.abs(rest[in_front] - [0, annotation.head.bottom + 0.6, -1.2]).sum(axis=1))]
    assert motions(bound, head_x=1.0)[nose, 1] > 0.1  # looks up
    assert motions(bound, head_y=1.0)[nose, 0] < -0.1  # to the viewer's left
    top = np.argmin(np.abs(rest - [0, annotation.head.top, 0]).sum(axis=1))
    assert motions(bound, neck_z=1.0)[top, 0] < -0.3  # leans to the viewer's left
