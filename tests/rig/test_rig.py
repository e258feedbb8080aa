from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdgen.errors import MmdgenError, ModelError
from mmdgen.formats import read_model
from mmdgen.model import Model
from mmdgen.pose import Pose
from mmdgen.rig import build_rig, find_bone_roles, skin_vertices
from tests.builders import (
    about_x,
    about_y,
    about_z,
    bone,
    bone_morph,
    build_model,
    build_pose,
    material_morph,
    uv_morph,
    vertex_morph,
)


def small_model() -> Model:
    return build_model(
        bones=[
            bone("首", position=(0, 10, 0)),
            bone("頭", parent="首", position=(0, 12, 0)),
            bone("左目", parent="頭", position=(0.5, 13, -1), append=("両目", 0.5)),
            bone("両目", parent="頭", position=(0, 20, 0)),
        ],
        morphs=[
            vertex_morph("あ", {0: (0, 1, 0), 5: (1, 0, 0)}),
            uv_morph("涙", {3: (0.1, 0.2, 0, 0)}),
            uv_morph("光", {3: (0.1, 0.2, 0, 0)}, channel=2),
            bone_morph("舌", {"頭": ((0, 0.1, 0), about_x(10))}),
            material_morph("照れ", [(0, True, np.ones(28)), (-1, False, np.full(28, 0.5))]),
        ],
    )


def random_pose(model: Model, batch_shape: tuple[int, ...], seed: int = 0) -> Pose:
    rng = np.random.default_rng(seed)
    pose = Pose.rest(model, batch_shape)
    pose.morph_weights[:] = rng.random(pose.morph_weights.shape)
    pose.bone_rotations[:] = rng.normal(size=pose.bone_rotations.shape)
    pose.bone_translations[:] = rng.normal(size=pose.bone_translations.shape)
    return pose


@given(st.lists(st.integers(0, 3), max_size=3).map(tuple))
@settings(deadline=None, max_examples=25)
def test_results_have_the_batch_axes_of_the_poses(batch_shape: tuple[int, ...]) -> None:
    model = small_model()
    posed = build_rig(model).pose(random_pose(model, batch_shape))
    assert posed.batch_shape == batch_shape
    assert posed.bone_palette.shape == (*batch_shape, 4, 4, 4)
    assert posed.bone_rotations.shape == (*batch_shape, 4, 4)
    assert posed.bone_positions.shape == (*batch_shape, 4, 3)
    positions, normals = skin_vertices(posed)
    assert positions.shape == normals.shape == (*batch_shape, len(model.vertices), 3)
    if 0 not in batch_shape:
        assert posed.vertex_offsets.shape == (*batch_shape, 2, 3)
        assert posed.uv_offsets.shape == (*batch_shape, 1, 4)
        sparse = posed.moved_additional_uvs[1]
        assert sparse is not None
        assert sparse.offsets.shape == (*batch_shape, 1, 4)
        assert posed.material_add is not None
        assert posed.material_add.shape == (*batch_shape, 1, 28)


def test_everything_is_float32() -> None:
    model = small_model()
    posed = build_rig(model).pose(random_pose(model, (2,)))
    for values in (posed.bone_palette, posed.bone_rotations, posed.vertex_offsets, posed.uv_offsets,
                   posed.material_add, posed.material_multiply, *skin_vertices(posed)):  # fmt: skip
        assert values is not None
        assert values.dtype == np.float32


@pytest.mark.parametrize("batch_shape", [(1,), (7,), (2, 3)])
@pytest.mark.parametrize("turns_at_once", [8_192, 8])
def test_a_batch_gives_what_its_poses_give_alone(
    batch_shape: tuple[int, ...], turns_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmdgen.rig.rig._TURNS_AT_ONCE", turns_at_once)  # 8 is two poses of the four bones
    model = small_model()
    rig = build_rig(model)
    pose = random_pose(model, batch_shape)
    together = skin_vertices(rig.pose(pose))[0]
    for at in np.ndindex(batch_shape):
        alone = Pose(pose.morph_weights[at], pose.bone_rotations[at], pose.bone_translations[at])
        np.testing.assert_allclose(skin_vertices(rig.pose(alone))[0], together[at], atol=2e-6)


def test_a_pose_is_not_changed_by_posing() -> None:
    model = small_model()
    pose, same = random_pose(model, (3,)), random_pose(model, (3,))
    build_rig(model).pose(pose)
    np.testing.assert_array_equal(pose.bone_rotations, same.bone_rotations)
    np.testing.assert_array_equal(pose.morph_weights, same.morph_weights)


def test_posing_twice_gives_the_same_bits() -> None:
    model = small_model()
    rig, pose = build_rig(model), random_pose(model, (9,))
    first, second = rig.pose(pose), rig.pose(pose)
    assert first.bone_palette.tobytes() == second.bone_palette.tobytes()
    assert first.vertex_offsets.tobytes() == second.vertex_offsets.tobytes()


def test_a_pose_of_another_model_is_refused() -> None:
    other = build_model(bones=[bone("a")])
    with pytest.raises(
        ModelError, match=r"a pose of 0 morphs and 1 bones does not fit its 5 morphs and 4 bones"
    ):
        build_rig(small_model()).pose(Pose.rest(other))


def test_an_empty_model_can_be_posed() -> None:
    model = build_model(bones=[], vertices=[])
    posed = build_rig(model).pose(Pose.rest(model, (3,)))
    assert posed.bone_palette.shape == (3, 1, 4, 4)
    assert skin_vertices(posed)[0].shape == (3, 0, 3)


def test_a_rig_can_be_sent_to_a_worker() -> None:
    model = small_model()
    rig, pose = build_rig(model), random_pose(model, (2,))
    copy = pickle.loads(pickle.dumps(rig))
    np.testing.assert_array_equal(copy.pose(pose).bone_palette, rig.pose(pose).bone_palette)


CHARACTERS = ("gene_light/Gene_light.pmx", "appearance_miku/Appearance Miku.pmx", "miku43/miku4.3.pmx")


@pytest.fixture(scope="module", params=CHARACTERS)
def character(request: pytest.FixtureRequest, shared_dir: Path) -> Model:
    return read_model(shared_dir / "models" / request.param)


@pytest.mark.local_models
def test_every_fixture_that_can_be_read_can_be_posed(shared_dir: Path) -> None:
    count = 0
    for path in sorted((shared_dir / "models" / "fixtures").rglob("*.pm[xd]")):
        try:
            model = read_model(path)
        except MmdgenError:
            continue
        pose = random_pose(model, (2,))
        pose.bone_rotations[0], pose.bone_translations[0], pose.morph_weights[0] = (0, 0, 0, 1), 0, 0
        positions, normals = skin_vertices(build_rig(model).pose(pose))
        assert np.abs(positions[0] - model.vertices.positions).max(initial=0) <= 1e-5, path.name
        assert np.isfinite(positions).all(), path.name
        assert np.isfinite(normals).all(), path.name
        count += 1
    assert count > 50


def nose_tip(model: Model) -> int:
    """The foremost vertex of the head near the middle, at half eye height."""
    roles = find_bone_roles(model)
    positions, bones = model.vertices.positions, model.vertices.bone_indices[:, 0]
    eyes = model.bones.rest_positions[roles.left_eye, 1]
    is_near = (np.abs(positions[:, 0]) < 0.1) & (np.abs(positions[:, 1] - eyes + 0.3) < 0.3)
    candidates = np.flatnonzero(is_near & (bones == roles.head))
    return int(candidates[positions[candidates, 2].argmin()])


@pytest.mark.local_models
def test_identity_pose_is_the_file(character: Model) -> None:
    positions, _ = skin_vertices(build_rig(character).pose(Pose.rest(character)))
    assert np.abs(positions - character.vertices.positions).max() <= 1e-5


@pytest.mark.local_models
def test_positive_x_of_the_head_raises_the_nose(character: Model) -> None:
    pose = build_pose(character, rotations={"頭": about_x(15)})
    positions, _ = skin_vertices(build_rig(character).pose(pose))
    nose = nose_tip(character)
    assert positions[nose, 1] > character.vertices.positions[nose, 1] + 0.1


@pytest.mark.local_models
def test_positive_y_of_the_head_turns_the_nose_to_negative_x(character: Model) -> None:
    pose = build_pose(character, rotations={"頭": about_y(15)})
    positions, _ = skin_vertices(build_rig(character).pose(pose))
    nose = nose_tip(character)
    assert positions[nose, 0] < character.vertices.positions[nose, 0] - 0.1


@pytest.mark.local_models
def test_positive_z_of_the_neck_leans_the_head_top_to_negative_x(character: Model) -> None:
    positions, _ = skin_vertices(
        build_rig(character).pose(build_pose(character, rotations={"首": about_z(15)}))
    )
    on_head = np.flatnonzero(character.vertices.bone_indices[:, 0] == find_bone_roles(character).head)
    top = on_head[character.vertices.positions[on_head, 1].argmax()]
    assert positions[top, 0] < character.vertices.positions[top, 0] - 0.5


@pytest.mark.local_models
def test_moving_the_gaze_bone_turns_both_eyes(character: Model) -> None:
    roles = find_bone_roles(character)
    posed = build_rig(character).pose(build_pose(character, rotations={"両目": about_y(10)}))
    for eye in (roles.left_eye, roles.right_eye):
        ratio = character.bones.append_ratios[eye]
        angle = np.degrees(2 * np.arccos(np.clip(posed.bone_rotations[eye, 3], -1, 1)))
        np.testing.assert_allclose(angle, 10 * ratio, atol=0.05)


@pytest.mark.local_models
def test_a_one_eye_morph_moves_vertices_of_one_side_only(shared_dir: Path) -> None:
    model = read_model(shared_dir / "models" / CHARACTERS[0])
    posed = build_rig(model).pose(build_pose(model, weights={"ウィンク２": 1.0}))
    sides = np.sign(model.vertices.positions[posed.moved_vertices, 0])
    assert len(sides) > 100
    assert len(np.unique(sides)) == 1
