from __future__ import annotations

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdgen.model import Model
from mmdgen.pose import Pose
from mmdgen.rig import PosedModel, build_rig
from mmdgen.rig.deform import cut_cycles, deform_order
from mmdgen.rig.transforms import matrices_from_quaternions, multiply_quaternions
from tests.builders import (
    BoneSpec,
    about,
    about_x,
    about_y,
    about_z,
    bone,
    build_model,
    build_pose,
)
from tests.rig.plain_loop import PlainSkeleton

EYES = [
    bone("頭"),
    bone("両目", parent="頭", position=(0, 3, 0)),
    bone("左目", parent="頭", position=(1, 1, 0), append=("両目", 0.5)),
]


def posed(bones: list[BoneSpec], **motions: object) -> PosedModel:
    model = build_model(bones=bones)
    return build_rig(model).pose(build_pose(model, **motions))  # type: ignore[arg-type]


def assert_turned(result: PosedModel, name: str, quaternion: np.ndarray) -> None:
    index = result.rig.model.bones.names.index(name)
    expected = matrices_from_quaternions(np.asarray(quaternion, np.float64))
    np.testing.assert_allclose(result.bone_palette[index, :3, :3], expected, atol=1e-6)
    np.testing.assert_allclose(np.abs(result.bone_rotations[index] @ quaternion), 1, atol=1e-6)


def place(result: PosedModel, name: str) -> np.ndarray:
    return result.bone_positions[result.rig.model.bones.names.index(name)]


def test_rest_pose_leaves_every_bone_where_it_is() -> None:
    result = posed(EYES)
    np.testing.assert_array_equal(result.bone_palette, np.broadcast_to(np.eye(4), (3, 4, 4)))
    np.testing.assert_array_equal(result.bone_positions, result.rig.model.bones.rest_positions)


def test_a_child_moves_rigidly_with_its_parent() -> None:
    result = posed([bone("首", position=(0, 1, 0)), bone("頭", parent="首", position=(0, 3, 0))],
                   rotations={"首": about_z(90)})  # fmt: skip
    np.testing.assert_allclose(place(result, "頭"), (-2, 1, 0), atol=1e-6)
    assert_turned(result, "頭", about_z(90))


def test_translation_is_in_the_frame_of_the_parent() -> None:
    result = posed([bone("首"), bone("頭", parent="首", position=(0, 1, 0))],
                   rotations={"首": about_z(90)}, translations={"頭": (1, 0, 0)})  # fmt: skip
    np.testing.assert_allclose(place(result, "頭"), (-1, 1, 0), atol=1e-6)


def test_append_ratio_half_turns_half_as_far() -> None:
    assert_turned(posed(EYES, rotations={"両目": about_y(40)}), "左目", about_y(20))


@pytest.mark.parametrize("ratio", [-1.0, 0.0, 0.2, 1.0, 1.3])
def test_append_turns_ratio_times_along_the_shortest_arc(ratio: float) -> None:
    bones = [bone("a"), bone("b", append=("a", ratio))]
    assert_turned(posed(bones, rotations={"a": about((1, 2, 3), 50)}), "b", about((1, 2, 3), 50 * ratio))


def test_append_minus_one_cancels_the_parent() -> None:
    bones = [
        bone("肩", position=(1, 2, 0)),
        bone("肩C", parent="肩", position=(2, 2, 0), append=("肩", -1.0)),
    ]
    assert_turned(posed(bones, rotations={"肩": about((1, 2, 3), 50)}), "肩C", about_x(0))


def test_append_chains_hand_on_own_motion_and_append() -> None:
    bones = [bone("a"), bone("b", append=("a", 0.5)), bone("c", append=("b", 1.0))]
    result = posed(bones, rotations={"a": about_x(40), "b": about_y(30)})
    expected = multiply_quaternions(about_y(30), about_x(20))
    assert_turned(result, "b", expected)
    assert_turned(result, "c", expected)


def test_own_rotation_comes_after_the_append() -> None:
    result = posed(EYES, rotations={"両目": about_y(60), "左目": about_x(20)})
    assert_turned(result, "左目", multiply_quaternions(about_x(20), about_y(30)))


def test_append_of_a_bone_later_in_the_file_counts() -> None:
    bones = [bone("c", append=("b", 1.0)), bone("b", append=("a", 1.0)), bone("a")]
    assert_turned(posed(bones, rotations={"a": about_x(40)}), "c", about_x(40))


def test_append_translation_moves_ratio_times_as_far() -> None:
    bones = [
        bone("a"),
        bone("b", position=(1, 0, 0), append=("a", -0.5), append_rotation=False, append_translation=True),
        bone("c", position=(2, 0, 0), append=("b", 2.0), append_translation=True),
    ]
    result = posed(bones, translations={"a": (2, 4, 6)}, rotations={"a": about_x(90)})
    np.testing.assert_allclose(place(result, "b"), (0, -2, -3), atol=1e-6)
    assert_turned(result, "b", about_x(0))
    np.testing.assert_allclose(place(result, "c"), (0, -4, -6), atol=1e-6)


def test_local_append_leaves_out_the_append_of_its_source() -> None:
    bones = [bone("a"), bone("b", append=("a", 1.0)), bone("c", append=("b", 1.0), local_append=True)]
    result = posed(bones, rotations={"a": about_x(40), "b": about_y(30)})
    assert_turned(result, "c", about_y(30))


@pytest.mark.parametrize("ratio", [float("nan"), float("inf"), -1e30])
def test_append_ratio_that_cannot_be_meant_is_ignored(ratio: float) -> None:
    assert_turned(posed([bone("a"), bone("b", append=("a", ratio))], rotations={"a": about_x(9)}), "b",
                  about_x(0))  # fmt: skip


def test_append_without_a_source_is_ignored() -> None:
    bones = [bone("a"), bone("b", append=(-1, 1.0))]
    assert_turned(posed(bones, rotations={"a": about_x(40)}), "b", about_x(0))


def test_layer_decides_before_index_and_physics_before_layer() -> None:
    bones = [bone("a", layer=2), bone("b", layer=1), bone("c", after_physics=True), bone("d", layer=1)]
    assert deform_order(build_model(bones=bones).bones).tolist() == [1, 3, 0, 2]


@pytest.mark.parametrize(
    "bones",
    [
        [bone("子", parent="親", position=(0, 1, 0)), bone("親")],
        [bone("親", layer=1), bone("子", parent="親", position=(0, 1, 0))],
    ],
    ids=["stored later", "higher layer"],
)
def test_a_late_parent_is_moved_first_and_warned_about(
    bones: list[BoneSpec], caplog: pytest.LogCaptureFixture
) -> None:
    result = posed(bones, rotations={"親": about_z(90)})
    np.testing.assert_allclose(place(result, "子"), (-1, 0, 0), atol=1e-6)
    assert "before their parent" in caplog.text
    assert "子" in caplog.text


def test_no_warning_for_an_ordinary_skeleton(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        posed(EYES)
    assert not caplog.records


def test_a_bone_that_is_its_own_parent_is_a_root(caplog: pytest.LogCaptureFixture) -> None:
    result = posed([bone("a", parent="a", position=(1, 2, 3))], rotations={"a": about_x(30)})
    np.testing.assert_allclose(place(result, "a"), (1, 2, 3), atol=1e-6)
    assert "its own ancestor" in caplog.text


def test_parents_in_a_circle_are_cut_where_it_closes() -> None:
    assert cut_cycles(np.array([1, 2, 0, 0], np.int32)).tolist() == [1, 2, -1, 0]


def test_appends_in_a_circle_end() -> None:
    bones = [bone("a", append=("b", 1.0)), bone("b", append=("a", 1.0))]
    result = posed(bones, rotations={"a": about_x(10), "b": about_x(20)})
    assert_turned(result, "a", about_x(30))
    assert_turned(result, "b", about_x(20))


def test_fixed_and_local_axes_do_not_change_what_a_pose_does() -> None:
    bones = [bone("捩", fixed_axis=(1, 0, 0), local_axes=((0, 1, 0), (0, 0, 1)))]
    assert_turned(posed(bones, rotations={"捩": about_y(20)}), "捩", about_y(20))


def test_rotations_of_any_length_are_normalised() -> None:
    assert_turned(posed([bone("a")], rotations={"a": about_y(20) * 3}), "a", about_y(20))


skeletons = st.integers(1, 8).flatmap(
    lambda count: st.lists(
        st.tuples(
            st.integers(-1, count - 1),  # parent: any bone, itself too
            st.integers(-1, count - 1),  # append source
            st.floats(-4, 4),
            st.integers(0, 3),
            st.booleans(),
            st.booleans(),
        ),
        min_size=count,
        max_size=count,
    )
)


def skeleton(rows: list[tuple[int, int, float, int, bool, bool]]) -> Model:
    return build_model(
        bones=[
            bone(f"b{i}", position=(i, i % 3, -i), parent=parent, append=(source, ratio), layer=layer,
                 local_append=local, append_translation=moves)
            for i, (parent, source, ratio, layer, local, moves) in enumerate(rows)
        ]
    )  # fmt: skip


def random_pose(model: Model, seed: int, poses: int = 3) -> Pose:
    rng = np.random.default_rng(seed)
    pose = Pose.rest(model, (poses,))
    pose.bone_rotations[:] = rng.normal(size=pose.bone_rotations.shape)
    pose.bone_translations[:] = rng.normal(size=pose.bone_translations.shape)
    return pose


@given(skeletons, st.integers(0, 100))
@settings(deadline=None, max_examples=60)
def test_any_skeleton_ends_and_gives_rotations(
    rows: list[tuple[int, int, float, int, bool, bool]], seed: int
) -> None:
    model = skeleton(rows)
    result = build_rig(model).pose(random_pose(model, seed))
    rotations = result.bone_palette[..., :3, :3].astype(np.float64)
    assert np.isfinite(result.bone_palette).all()
    squares = rotations @ rotations.swapaxes(-1, -2)
    np.testing.assert_allclose(squares, np.broadcast_to(np.eye(3), squares.shape), atol=1e-5)


@given(skeletons, st.integers(0, 100))
@settings(deadline=None, max_examples=40)
def test_batched_levels_and_a_plain_loop_agree(
    rows: list[tuple[int, int, float, int, bool, bool]], seed: int
) -> None:
    model = skeleton(rows)
    pose = random_pose(model, seed, poses=2)
    palette = build_rig(model).pose(pose).bone_palette
    scale = max(1.0, float(np.abs(palette).max()))
    plain = PlainSkeleton(model)
    for row in range(2):
        expected = plain.palette(pose.bone_rotations[row], pose.bone_translations[row])
        np.testing.assert_allclose(palette[row], expected, atol=2e-6 * scale)
