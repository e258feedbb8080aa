from __future__ import annotations

import numpy as np
import pytest

from mmdgen.model import NO_INDEX, Skinning
from mmdgen.rig import build_rig, skin_vertices
from mmdgen.rig.transforms import matrices_from_quaternions
from tests.builders import (
    VertexSpec,
    about,
    about_x,
    about_y,
    about_z,
    bone,
    build_model,
    build_pose,
    vertex,
    vertex_morph,
)

BONES = [bone("上"), bone("下", parent="上", position=(0, 2, 0)), bone("横", position=(3, 0, 0))]
POINT = (0.5, 2.5, -0.3)
SDEF = ((0.0, 2.0, 0.0), (0.0, 1.5, 0.0), (0.0, 2.5, 0.0))  # C, R0, R1


def skin(spec: VertexSpec, **motions: object) -> tuple[np.ndarray, np.ndarray]:
    model = build_model(bones=BONES, vertices=[spec])
    positions, normals = skin_vertices(build_rig(model).pose(build_pose(model, **motions)))  # type: ignore[arg-type]
    return positions[0], normals[0]


def rigid(name: str, **motions: object) -> np.ndarray:
    return skin(vertex(POINT, weights=[(name, 1.0)]), **motions)[0]


BENT = {"rotations": {"上": about((1, 2, 3), 30), "下": about_z(50), "横": about_y(-70)}}


@pytest.mark.parametrize("skinning", list(Skinning))
def test_rest_pose_gives_the_position_of_the_file(skinning: Skinning) -> None:
    spec = vertex(POINT, weights=[("上", 0.3), ("下", 0.7)], skinning=skinning, sdef=SDEF)
    np.testing.assert_allclose(skin(spec)[0], POINT, atol=1e-6)


def test_two_weights_average_what_the_bones_do() -> None:
    spec = vertex(POINT, weights=[("上", 0.25), ("下", 0.75)])
    expected = 0.25 * rigid("上", **BENT) + 0.75 * rigid("下", **BENT)
    np.testing.assert_allclose(skin(spec, **BENT)[0], expected, atol=1e-6)


def test_four_weights_average_what_the_bones_do() -> None:
    spec = vertex(POINT, weights=[("上", 0.25), ("下", 0.5), ("横", 0.125), ("上", 0.125)])
    expected = 0.375 * rigid("上", **BENT) + 0.5 * rigid("下", **BENT) + 0.125 * rigid("横", **BENT)
    np.testing.assert_allclose(skin(spec, **BENT)[0], expected, atol=1e-6)


def test_weights_are_divided_by_their_sum() -> None:
    spec = vertex(POINT, weights=[("上", 0.5), ("下", 1.0), ("横", 0.5), ("横", 0.0)])
    same = vertex(POINT, weights=[("上", 0.25), ("下", 0.5), ("横", 0.25), ("横", 0.0)])
    np.testing.assert_allclose(skin(spec, **BENT)[0], skin(same, **BENT)[0], atol=1e-6)


def test_a_weight_of_two_bones_outside_0_to_1_is_clamped() -> None:
    found, _ = skin(vertex(POINT, weights=[("上", 1.5), ("横", -0.5)]), **BENT)
    np.testing.assert_allclose(found, rigid("上", **BENT), atol=1e-6)


def test_a_weightless_vertex_hangs_on_its_first_bone() -> None:
    spec = vertex(POINT, weights=[(NO_INDEX, 0.0), ("下", 0.0), ("横", 0.0), ("上", 0.0)])
    np.testing.assert_allclose(skin(spec, **BENT)[0], rigid("下", **BENT), atol=1e-6)


def test_a_missing_bone_loses_its_weight_to_the_others() -> None:
    spec = vertex(POINT, weights=[(NO_INDEX, 0.6), ("下", 0.4)])
    np.testing.assert_allclose(skin(spec, **BENT)[0], rigid("下", **BENT), atol=1e-6)


def test_a_vertex_without_bones_hangs_on_the_first_bone_of_the_model() -> None:
    spec = vertex(POINT, weights=[(NO_INDEX, 1.0)])
    np.testing.assert_allclose(skin(spec, **BENT)[0], rigid("上", **BENT), atol=1e-6)


def test_weights_that_are_no_numbers_count_as_nothing() -> None:
    spec = vertex(POINT, weights=[("上", float("nan")), ("下", 0.4)])
    np.testing.assert_allclose(skin(spec, **BENT)[0], rigid("下", **BENT), atol=1e-6)


def test_a_model_without_bones_stays_at_rest() -> None:
    model = build_model(bones=[], vertices=[vertex(POINT, weights=[(NO_INDEX, 1.0)])])
    posed = build_rig(model).pose(build_pose(model))
    assert posed.bone_palette.shape == (1, 4, 4)
    np.testing.assert_allclose(skin_vertices(posed)[0], [POINT], atol=1e-6)


def test_tables_for_the_shader_have_no_missing_bone_and_sum_to_one() -> None:
    specs = [
        vertex(weights=[(NO_INDEX, 1.0)]),
        vertex(weights=[("下", 0.0), (NO_INDEX, 0.5)]),
        vertex(weights=[("上", 0.3), ("下", 0.3), ("横", 0.3), ("上", 0.3)]),
        vertex(weights=[("上", 0.3), ("下", 0.7)], sdef=SDEF),
    ]
    rig = build_rig(build_model(bones=BONES, vertices=specs))
    assert rig.skin_bones.min() >= 0
    np.testing.assert_allclose(rig.skin_weights.sum(axis=1), 1.0, atol=1e-6)
    assert rig.sdef_vertices.tolist() == [3]


def test_sdef_with_all_weight_on_one_bone_is_rigid() -> None:
    for weights, name in (((1.0, 0.0), "上"), ((0.0, 1.0), "下")):
        spec = vertex(POINT, weights=[("上", weights[0]), ("下", weights[1])], sdef=SDEF)
        np.testing.assert_allclose(skin(spec, **BENT)[0], rigid(name, **BENT), atol=1e-6)


def test_sdef_keeps_the_radius_that_linear_skinning_loses() -> None:
    bones = [bone("a"), bone("b", parent="a")]
    around = {"rotations": {"b": about_y(120)}}
    center = ((0.0, 0, 0), (0.0, 0, 0), (0.0, 0, 0))
    radii = []
    for sdef in (None, center):
        spec = vertex((1, 0, 0), weights=[("a", 0.5), ("b", 0.5)], sdef=sdef)
        model = build_model(bones=bones, vertices=[spec])
        positions, _ = skin_vertices(build_rig(model).pose(build_pose(model, **around)))  # type: ignore[arg-type]
        radii.append(np.linalg.norm(positions[0]))
    np.testing.assert_allclose(radii, [0.5, 1.0], atol=1e-6)


def test_sdef_does_not_depend_on_the_order_of_its_bones() -> None:
    c, r0, r1 = SDEF
    one = vertex(POINT, weights=[("上", 0.3), ("下", 0.7)], sdef=(c, r0, r1))
    other = vertex(POINT, weights=[("下", 0.7), ("上", 0.3)], sdef=(c, r1, r0))
    np.testing.assert_allclose(skin(one, **BENT)[0], skin(other, **BENT)[0], atol=1e-6)


def test_sdef_carries_vertex_morphs() -> None:
    spec = vertex(POINT, weights=[("上", 0.0), ("下", 1.0)], sdef=SDEF)
    model = build_model(bones=BONES, vertices=[spec], morphs=[vertex_morph("あ", {0: (0, 1, 0)})])
    pose = build_pose(model, weights={"あ": 1.0}, rotations={"下": about_z(90)})
    positions, _ = skin_vertices(build_rig(model).pose(pose))
    np.testing.assert_allclose(positions[0], (-1.5, 2.5, -0.3), atol=1e-6)


@pytest.mark.parametrize(
    "spec",
    [
        vertex(POINT, weights=[("上", 0.5), (NO_INDEX, 0.5)], sdef=SDEF),
        vertex(POINT, weights=[("上", 0.5), ("下", 0.5)], sdef=((0, np.nan, 0), (0, 0, 0), (0, 0, 0))),
    ],
    ids=["missing bone", "not a number"],
)
def test_broken_sdef_is_skinned_linearly(spec: VertexSpec) -> None:
    rig = build_rig(build_model(bones=BONES, vertices=[spec]))
    assert rig.skinning.tolist() == [Skinning.BDEF2]
    assert np.isfinite(skin(spec, **BENT)[0]).all()


def test_qdef_with_one_bone_is_rigid() -> None:
    spec = vertex(POINT, weights=[("下", 1.0)], skinning=Skinning.QDEF)
    np.testing.assert_allclose(skin(spec, **BENT)[0], rigid("下", **BENT), atol=1e-6)


def test_qdef_half_way_between_two_turns_is_the_half_turn() -> None:
    bones = [bone("a"), bone("b")]
    spec = vertex((1, 0, 0), weights=[("a", 0.5), ("b", 0.5)], skinning=Skinning.QDEF)
    model = build_model(bones=bones, vertices=[spec])
    # -q is the same rotation: the blend must align signs
    pose = build_pose(model, rotations={"a": about_y(20), "b": -about_y(140)})
    positions, _ = skin_vertices(build_rig(model).pose(pose))
    expected = matrices_from_quaternions(about_y(80)) @ (1, 0, 0)
    np.testing.assert_allclose(positions[0], expected, atol=1e-6)


def test_qdef_between_turns_more_than_half_a_circle_apart_takes_the_short_way() -> None:
    spec = vertex((1, 0, 0), weights=[("a", 0.5), ("b", 0.5)], skinning=Skinning.QDEF)
    model = build_model(bones=[bone("a"), bone("b")], vertices=[spec])
    pose = build_pose(model, rotations={"a": about_y(170), "b": about_y(-170)})
    np.testing.assert_allclose(skin_vertices(build_rig(model).pose(pose))[0][0], (-1, 0, 0), atol=1e-6)


@pytest.mark.parametrize("skinning", list(Skinning))
def test_normals_turn_with_the_bones_and_are_unit(skinning: Skinning) -> None:
    spec = vertex(POINT, normal=(0, 0, -3), weights=[("上", 0.5), ("下", 0.5)], skinning=skinning, sdef=SDEF)
    _, normal = skin(spec, rotations={"上": about_x(40)}, translations={"上": (5, 5, 5)})
    expected = matrices_from_quaternions(about_x(40)) @ (0, 0, -1)
    np.testing.assert_allclose(normal, expected, atol=1e-6)


def test_a_normal_of_length_zero_stays_zero() -> None:
    np.testing.assert_array_equal(skin(vertex(POINT, normal=(0, 0, 0)), **BENT)[1], (0, 0, 0))
