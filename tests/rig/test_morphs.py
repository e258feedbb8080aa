from __future__ import annotations

import numpy as np
import pytest

from mmdgen.model import NO_INDEX
from mmdgen.rig import PosedModel, build_rig, skin_vertices
from mmdgen.rig.transforms import matrices_from_quaternions, multiply_quaternions
from tests.builders import (
    MorphSpec,
    about_x,
    about_y,
    bone,
    bone_morph,
    build_model,
    build_pose,
    group_morph,
    impulse_morph,
    material,
    material_morph,
    uv_morph,
    vertex_morph,
)

TWO_BONES = [bone("a"), bone("b", position=(0, 5, 0))]  # three vertices each
ONES = np.ones(28)


def posed(morphs: list[MorphSpec], weights: dict[str | int, float], **settings: object) -> PosedModel:
    model = build_model(**{"bones": TWO_BONES, "morphs": morphs, **settings})  # type: ignore[arg-type]
    return build_rig(model).pose(build_pose(model, weights=weights))


def moved(result: PosedModel) -> dict[int, list[float]]:
    return dict(zip(result.moved_vertices.tolist(), result.vertex_offsets.tolist(), strict=True))


def test_a_vertex_morph_moves_its_vertices_by_weight() -> None:
    result = posed([vertex_morph("あ", {4: (0, 2, 0), 1: (1, 0, 0)})], {"あ": 0.5})
    assert moved(result) == {1: [0.5, 0, 0], 4: [0, 1, 0]}


def test_vertex_morphs_add_up_where_they_meet() -> None:
    morphs = [vertex_morph("a", {0: (1, 0, 0), 1: (0, 1, 0)}), vertex_morph("b", {1: (0, 0, 4)})]
    assert moved(posed(morphs, {"a": 1.0, "b": 0.25})) == {0: [1, 0, 0], 1: [0, 1, 1]}


def test_a_morph_at_rest_moves_nothing() -> None:
    result = posed([vertex_morph("あ", {0: (1, 0, 0)})], {})
    assert result.moved_vertices.shape == (0,)
    assert result.vertex_offsets.shape == (0, 3)


def test_a_vertex_named_twice_moves_by_the_sum() -> None:
    spec = vertex_morph("あ", {})
    twice = MorphSpec(name="あ", kind=spec.kind, content=[(2, (1, 0, 0)), (2, (0, 1, 0))])
    assert moved(posed([twice], {"あ": 1.0})) == {2: [1, 1, 0]}


def test_vertices_that_do_not_exist_are_left_out() -> None:
    assert moved(posed([vertex_morph("あ", {99: (1, 0, 0), -1: (1, 0, 0), 0: (1, 0, 0)})], {"あ": 1.0})) == {
        0: [1, 0, 0]
    }


def test_an_active_morph_without_elements_moves_nothing() -> None:
    result = posed([vertex_morph("空", {}), uv_morph("空白", {}), bone_morph("無", {})],
                   {"空": 1.0, "空白": 1.0, "無": 1.0})  # fmt: skip
    assert result.moved_vertices.size == result.moved_uvs.size == 0
    np.testing.assert_array_equal(skin_vertices(result)[0], result.rig.model.vertices.positions)


def test_a_group_of_vertex_morphs_is_their_sum() -> None:
    parts = [vertex_morph("左", {0: (1, 0, 0)}), vertex_morph("右", {1: (0, 1, 0)})]
    grouped = posed([*parts, group_morph("まばたき", {"左": 1.0, "右": 0.5})], {"まばたき": 0.8})
    single = posed(parts, {"左": 0.8, "右": 0.4})
    np.testing.assert_allclose(skin_vertices(grouped)[0], skin_vertices(single)[0], atol=1e-7)


def test_weights_beyond_one_and_below_zero_count() -> None:
    morphs = [vertex_morph("あ", {0: (1, 0, 0)})]
    assert moved(posed(morphs, {"あ": 2.0})) == {0: [2, 0, 0]}
    assert moved(posed(morphs, {"あ": -1.0})) == {0: [-1, 0, 0]}


def test_a_uv_morph_moves_texture_coordinates() -> None:
    result = posed([uv_morph("涙", {3: (0.5, 0.25, 0, 0)})], {"涙": 0.5})
    assert result.moved_uvs.tolist() == [3]
    np.testing.assert_allclose(result.uv_offsets, [[0.25, 0.125, 0, 0]])


@pytest.mark.parametrize("channel", [1, 2, 3, 4])
def test_additional_uv_morphs_move_their_own_channel(channel: int) -> None:
    result = posed([uv_morph("x", {3: (1, 2, 3, 4)}, channel=channel)], {"x": 0.5})
    assert result.moved_uvs.size == 0
    for other, sparse in enumerate(result.moved_additional_uvs, start=1):
        if other == channel:
            assert sparse is not None
            assert sparse.vertices.tolist() == [3]
            np.testing.assert_allclose(sparse.offsets, [[0.5, 1, 1.5, 2]])
        else:
            assert sparse is None


def test_a_bone_morph_turns_and_moves_by_weight() -> None:
    result = posed([bone_morph("m", {"b": ((2, 0, 0), about_x(60))})], {"m": 0.5})
    expected = matrices_from_quaternions(about_x(30))
    np.testing.assert_allclose(result.bone_palette[1, :3, :3], expected, atol=1e-6)
    np.testing.assert_allclose(result.bone_positions[1], (1, 5, 0), atol=1e-6)


def test_a_bone_morph_acts_before_the_users_rotation() -> None:
    model = build_model(bones=TWO_BONES, morphs=[bone_morph("m", {"b": ((0, 0, 0), about_x(60))})])
    pose = build_pose(model, weights={"m": 1.0}, rotations={"b": about_y(30)})
    expected = matrices_from_quaternions(multiply_quaternions(about_y(30), about_x(60)))
    np.testing.assert_allclose(build_rig(model).pose(pose).bone_palette[1, :3, :3], expected, atol=1e-6)


def test_a_bone_named_twice_by_a_morph_turns_twice() -> None:
    twice = bone_morph("m", {"b": ((1, 0, 0), about_x(20)), 1: ((0, 1, 0), about_x(20))})
    result = posed([twice], {"m": 1.0})
    np.testing.assert_allclose(
        result.bone_palette[1, :3, :3], matrices_from_quaternions(about_x(40)), atol=1e-6
    )
    np.testing.assert_allclose(result.bone_positions[1], (1, 6, 0), atol=1e-6)


def test_an_all_zero_quaternion_of_a_bone_morph_is_no_rotation() -> None:
    result = posed([bone_morph("m", {"b": ((0, 0, 0), (0, 0, 0, 0))})], {"m": 1.0})
    np.testing.assert_array_equal(result.bone_palette[1], np.eye(4))


def test_bones_appended_to_a_morphed_bone_follow() -> None:
    bones = [bone("a"), bone("b", append=("a", 0.5))]
    result = posed([bone_morph("m", {"a": ((0, 0, 0), about_x(60))})], {"m": 1.0}, bones=bones)
    np.testing.assert_allclose(
        result.bone_palette[1, :3, :3], matrices_from_quaternions(about_x(30)), atol=1e-6
    )


MATERIALS = [material("肌", triangles=1), material("頬")]


def test_material_factors_are_absent_while_no_material_morph_is_active() -> None:
    result = posed([material_morph("照れ", [("頬", True, ONES)])], {}, materials=MATERIALS)
    assert result.material_multiply is None
    assert result.material_add is None


def test_an_adding_material_morph_adds_its_weighted_values() -> None:
    result = posed([material_morph("照れ", [("頬", True, ONES * 2)])], {"照れ": 0.5}, materials=MATERIALS)
    np.testing.assert_allclose(result.material_add, [np.zeros(28), ONES])
    np.testing.assert_allclose(result.material_multiply, np.ones((2, 28)))


def test_a_multiplying_material_morph_mixes_between_one_and_its_values() -> None:
    result = posed([material_morph("青", [("肌", False, ONES * 0.5)])], {"青": 0.5}, materials=MATERIALS)
    np.testing.assert_allclose(result.material_multiply, [ONES * 0.75, ONES])


def test_a_material_morph_of_no_material_changes_all() -> None:
    result = posed([material_morph("消", [(NO_INDEX, False, ONES * 0)])], {"消": 1.0}, materials=MATERIALS)
    np.testing.assert_allclose(result.material_multiply, np.zeros((2, 28)))


def test_material_morphs_multiply_and_add_up() -> None:
    changes = [("肌", False, ONES * 0.5), (NO_INDEX, False, ONES * 0.5), ("肌", True, ONES), (0, True, ONES)]
    result = posed([material_morph("m", changes)], {"m": 1.0}, materials=MATERIALS)
    np.testing.assert_allclose(result.material_multiply, [ONES * 0.25, ONES * 0.5])
    np.testing.assert_allclose(result.material_add, [ONES * 2, ONES * 0])


def test_an_impulse_morph_changes_nothing() -> None:
    result = posed([impulse_morph("突")], {"突": 1.0})
    np.testing.assert_array_equal(result.bone_palette, np.broadcast_to(np.eye(4), (2, 4, 4)))
    assert result.moved_vertices.size == 0


def test_vertex_morphs_leave_normals_alone() -> None:
    result = posed([vertex_morph("あ", {0: (5, 5, 5)})], {"あ": 1.0})
    _, normals = skin_vertices(result)
    np.testing.assert_array_equal(normals, result.rig.model.vertices.normals)
