from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdgen.formats import read_model
from mmdgen.model import Model
from mmdgen.pose import Pose
from mmdgen.rig import build_rig
from mmdgen.rig.ik import _euler_order, _limit
from mmdgen.rig.transforms import matrices_from_quaternions, multiply_quaternions
from tests.builders import BoneSpec, about_x, about_y, bone, build_model, build_pose, ik
from tests.rig.plain_loop import PlainSkeleton

KNEE = ("ひざ", (-np.pi, 0.0, 0.0), (-0.01, 0.0, 0.0))  # bends backwards only, as in MMD


def leg(*links: object, foot: tuple[float, float, float] = (0, 0, 0), **chain: object) -> list[BoneSpec]:
    return [
        bone("センター", position=(0, 8, 0)),
        bone("足", parent="センター", position=(0, 10, 0)),
        bone("ひざ", parent="足", position=(0, 5, -0.1)),
        bone("足首", parent="ひざ", position=foot),
        bone("足IK", position=(0, 0, 0), layer=1, ik=ik("足首", links or (KNEE, "足"), **chain)),
        bone("足D", parent="センター", position=(0, 10, 0), layer=2, append=("足", 1.0)),
    ]


def solved(bones: list[BoneSpec], **motions: object) -> dict[str, np.ndarray]:
    model = build_model(bones=bones)
    posed = build_rig(model).pose(build_pose(model, **motions))  # type: ignore[arg-type]
    return dict(zip(model.bones.names, posed.bone_positions, strict=True))


def test_the_target_reaches_the_ik_bone() -> None:
    places = solved(leg(), translations={"足IK": (0.5, 2, -1)})
    np.testing.assert_allclose(places["足首"], (0.5, 2, -1), atol=1e-3)


def test_links_keep_their_lengths() -> None:
    places = solved(leg(), translations={"足IK": (0.5, 2, -1)})
    np.testing.assert_allclose(np.linalg.norm(places["ひざ"] - places["足"]), np.hypot(5, 0.1), atol=1e-5)


def test_the_knee_bends_forward_as_its_limits_say() -> None:
    model = build_model(bones=leg())
    posed = build_rig(model).pose(build_pose(model, translations={"センター": (0, -3, 0)}))
    knee, thigh = posed.bone_palette[2, :3, :3], posed.bone_palette[1, :3, :3]
    bend = thigh.T @ knee  # a pure turn about x by a negative angle
    assert np.arctan2(bend[2, 1], bend[1, 1]) < -0.5
    np.testing.assert_allclose(bend[0], (1, 0, 0), atol=1e-6)
    assert posed.bone_positions[2, 2] < -1  # the character faces -z


def test_a_rest_pose_stays_at_rest_even_where_the_target_is_beside_the_ik_bone() -> None:
    model = build_model(bones=leg(foot=(0.3, 0.2, 0)))
    posed = build_rig(model).pose(Pose.rest(model))
    np.testing.assert_array_equal(posed.bone_palette, np.broadcast_to(np.eye(4), (6, 4, 4)))


def test_a_leg_that_moves_as_a_whole_is_not_solved() -> None:
    bones = leg(foot=(0.3, 0.2, 0))
    bones.append(bone("全ての親", position=(0, 0, 0)))
    roots = {"センター", "足IK"}
    whole = [replace(spec, parent="全ての親") if spec.name in roots else spec for spec in bones]
    model = build_model(bones=whole)
    pose = build_pose(model, rotations={"全ての親": about_y(70)}, translations={"全ての親": (3, 1, 2)})
    rig = build_rig(model)
    np.testing.assert_array_equal(rig.pose(pose).bone_palette, rig.pose(pose, ik=False).bone_palette)


def test_ik_can_be_switched_off() -> None:
    model = build_model(bones=leg())
    posed = build_rig(model).pose(build_pose(model, translations={"足IK": (0.5, 2, -1)}), ik=False)
    np.testing.assert_array_equal(posed.bone_positions[3], (0, 0, 0))


def test_bones_that_append_a_link_follow_its_ik() -> None:
    model = build_model(bones=leg())
    posed = build_rig(model).pose(build_pose(model, translations={"足IK": (0.5, 2, -1)}))
    np.testing.assert_allclose(posed.bone_palette[5, :3, :3], posed.bone_palette[1, :3, :3], atol=1e-6)


def test_the_users_rotation_of_a_link_is_kept_inside_the_ik() -> None:
    # turned about its own axis the thigh still reaches, and stays turned
    places = solved(leg("ひざ", "足"), rotations={"足": about_y(40)}, translations={"足IK": (0.5, 2, -1)})
    np.testing.assert_allclose(places["足首"], (0.5, 2, -1), atol=1e-3)


def test_an_unreachable_goal_stretches_the_leg_towards_it() -> None:
    places = solved(leg("ひざ", "足"), translations={"足IK": (0, -10, 0)})
    np.testing.assert_allclose(places["足首"], (0, 0, 0), atol=0.1)


def test_a_link_limited_to_zero_never_turns() -> None:
    fixed = ("ひざ", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    model = build_model(bones=leg(fixed, "足"))
    posed = build_rig(model).pose(build_pose(model, translations={"足IK": (0.5, 2, -1)}))
    np.testing.assert_allclose(posed.bone_palette[2, :3, :3], posed.bone_palette[1, :3, :3], atol=1e-6)


@pytest.mark.parametrize(("links", "degrees"), [(("足",), 10), (("ひざ", "足"), 20)])
def test_a_step_of_a_link_is_limited_by_its_place_in_the_chain(
    links: tuple[str, ...], degrees: float
) -> None:
    bones = leg(*links, loop_count=1, limit_angle=np.radians(10))
    model = build_model(bones=bones)
    posed = build_rig(model).pose(build_pose(model, translations={"足IK": (10, 10, 0)}))
    angle = np.degrees(2 * np.arccos(np.clip(posed.bone_rotations[1, 3], -1, 1)))
    np.testing.assert_allclose(angle, degrees, atol=1e-2)


def test_an_angle_beyond_its_limit_is_reflected_at_first_and_clamped_later() -> None:
    limits = np.radians([(-10, -10, -10), (40, 10, 10)])
    beyond = about_x(50)[None]
    np.testing.assert_allclose(_limit(beyond, limits, (1, 0, 2), reflect=True), about_x(30)[None], atol=1e-9)
    np.testing.assert_allclose(_limit(beyond, limits, (1, 0, 2), reflect=False), about_x(40)[None], atol=1e-9)
    # reflected to -20 degrees it would leave the range on the other side
    far = about_x(85)[None]
    narrow = np.radians([(-10, -10, -10), (30, 10, 10)])
    np.testing.assert_allclose(_limit(far, narrow, (1, 0, 2), reflect=True), about_x(30)[None], atol=1e-9)


@pytest.mark.parametrize(
    ("x", "y", "order"),
    [(80, 170, (1, 0, 2)), (170, 80, (2, 1, 0)), (170, 170, (0, 2, 1)), (80, 80, (1, 0, 2))],
)
def test_the_middle_euler_angle_is_one_that_cannot_become_upright(
    x: float, y: float, order: tuple[int, int, int]
) -> None:
    assert _euler_order(np.radians([(-x, -y, -170), (x, y, 170)])) == order


def test_limits_stored_the_wrong_way_round_are_swapped() -> None:
    swapped = ("ひざ", KNEE[2], KNEE[1])
    moved = {"translations": {"足IK": (0.5, 2.0, -1.0)}}
    for name, place in solved(leg(swapped, "足"), **moved).items():
        np.testing.assert_array_equal(place, solved(leg(), **moved)[name])


@pytest.mark.parametrize(
    "limits",
    [
        ((-0.3, -0.2, -0.1), (0.4, 0.5, 0.6)),
        ((-3.0, -0.2, -0.1), (3.0, 0.5, 0.6)),
        ((-3.0, -3.0, -0.1), (3.0, 3.0, 0.6)),
        ((0.0, -1.0, 0.0), (0.0, 1.0, 0.0)),
        ((0.0, 0.0, -1.0), (0.0, 0.0, 1.0)),
    ],
)
def test_links_stay_within_their_limits(limits: tuple[tuple[float, ...], tuple[float, ...]]) -> None:
    model = build_model(bones=leg(("ひざ", *limits), "足"))
    posed = build_rig(model).pose(build_pose(model, translations={"足IK": (4, 5, -3)}))
    turn = posed.bone_palette[1, :3, :3].T.astype(np.float64) @ posed.bone_palette[2, :3, :3]
    a, b, c = order = _euler_order(np.array(limits))
    angles = np.zeros(3)
    angles[b] = np.arcsin(np.clip(-turn[a, c], -1, 1))
    angles[a], angles[c] = np.arctan2(turn[b, c], turn[c, c]), np.arctan2(turn[a, b], turn[a, a])
    # two routes: the angles found must rebuild the matrix
    turns = [
        np.append(np.eye(3)[axis] * np.sin(angles[axis] / 2), np.cos(angles[axis] / 2)) for axis in order
    ]
    rebuilt = multiply_quaternions(multiply_quaternions(turns[0], turns[1]), turns[2])
    np.testing.assert_allclose(matrices_from_quaternions(rebuilt), turn, atol=1e-5)
    assert (angles >= np.array(limits[0]) - 1e-5).all()
    assert (angles <= np.array(limits[1]) + 1e-5).all()
    assert np.abs(angles).max() > 1e-3


@pytest.mark.parametrize(
    "links", [("足首", "ひざ", "足"), ("ひざ", "センター", "足IK", "足"), ("ひざ", "ひざ", "足")]
)
def test_links_that_do_not_carry_the_target_are_left_out(
    links: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    places = solved(leg(*links), translations={"足IK": (0.5, 2, -1)})
    assert all(np.isfinite(place).all() for place in places.values())
    np.testing.assert_allclose(places["足首"], (0.5, 2, -1), atol=5e-3)


def test_a_chain_whose_links_cannot_move_its_target_does_nothing(caplog: pytest.LogCaptureFixture) -> None:
    places = solved(leg("足D"), translations={"足IK": (0.5, 2, -1)})
    np.testing.assert_array_equal(places["足首"], (0, 0, 0))
    assert "足IK" in caplog.text


@pytest.mark.parametrize("chain", [{"loop_count": 0}, {"loop_count": -5}, {"limit_angle": float("nan")}])
def test_chains_with_senseless_numbers_do_nothing(chain: dict[str, float]) -> None:
    places = solved(leg(**chain), translations={"足IK": (0.5, 2, -1)})
    np.testing.assert_array_equal(places["足首"], (0, 0, 0))


def test_a_chain_that_another_chain_moves_is_solved_after_it() -> None:
    bones = leg()
    bones[4] = bone("足IK", position=(0, 0, 0), layer=1, ik=ik("足首", (KNEE, "足")))
    bones += [
        bone("つま先", parent="足首", position=(0, 0, -2)),
        bone("つま先IK", parent="足IK", position=(0, 0, -2), layer=1, ik=ik("つま先", ("足首",))),
    ]
    places = solved(bones, translations={"足IK": (0, 3, -1)})
    np.testing.assert_allclose(places["足首"], (0, 3, -1), atol=1e-3)
    np.testing.assert_allclose(places["つま先"], (0, 3, -3), atol=1e-3)


angles = st.floats(-3, 3).map(lambda value: round(value, 2))
limit_ranges = st.one_of(
    st.none(),
    st.just(KNEE[1:]),
    st.tuples(st.tuples(angles, angles, angles), st.tuples(angles, angles, angles)),
)


@given(
    st.lists(limit_ranges, min_size=3, max_size=3),
    st.integers(1, 12),
    st.floats(0.1, 2.0),
    st.integers(0, 1_000),
)
@settings(deadline=None, max_examples=20)
def test_a_batch_and_a_plain_loop_turn_the_same_links(
    limits: list[tuple[object, ...] | None], loop_count: int, limit_angle: float, seed: int
) -> None:
    names = ("b2", "b1", "b0")
    links = [
        name if ends is None else (name, tuple(np.minimum(*ends)), tuple(np.maximum(*ends)))
        for name, ends in zip(names, limits, strict=True)
    ]
    rng = np.random.default_rng(seed)
    bones = [bone(f"b{i}", parent=i - 1, position=tuple(rng.normal(i, 0.3, 3))) for i in range(4)]
    chain = ik("b3", links, loop_count=loop_count, limit_angle=limit_angle)
    model = build_model(bones=[*bones, bone("IK", position=tuple(rng.normal(3, 0.3, 3)), ik=chain)])
    pose = Pose.rest(model, (2,))
    pose.bone_translations[:, 4] = rng.normal(size=(2, 3))
    pose.bone_rotations[:, :3, :3] = rng.normal(0, 0.2, (2, 3, 3))
    together = build_rig(model).pose(pose)
    plain = PlainSkeleton(model)
    for row in range(2):
        plain.palette(pose.bone_rotations[row], pose.bone_translations[row])
        plain.solve_ik(model.bones.ik_chains[0])
        for link in range(4):
            np.testing.assert_allclose(
                together.bone_positions[row, link], plain.world(link)[:3, 3], atol=1e-5
            )


def test_poses_of_a_batch_do_not_know_of_each_other() -> None:
    model = build_model(bones=leg())
    rig = build_rig(model)
    pose = Pose.rest(model, (5,))
    pose.bone_translations[1, 4] = (0.5, 2, -1)
    pose.bone_translations[3, 0] = (0, -2, 0)
    pose.bone_rotations[2, 0] = about_x(10)
    together = rig.pose(pose).bone_palette
    for row in range(5):
        alone = Pose(pose.morph_weights[row], pose.bone_rotations[row], pose.bone_translations[row])
        np.testing.assert_allclose(together[row], rig.pose(alone).bone_palette, atol=1e-6)
    np.testing.assert_array_equal(together[0], together[4])


chains = st.tuples(st.integers(-1, 5), st.lists(st.integers(0, 5), max_size=4), st.integers(0, 5))


@given(st.lists(chains, min_size=6, max_size=6), st.integers(0, 100))
@settings(deadline=None, max_examples=40)
def test_any_chains_end_and_give_numbers(rows: list[tuple[int, list[int], int]], seed: int) -> None:
    model = build_model(
        bones=[
            bone(f"b{i}", position=(i % 3, i, -i), parent=parent, append=(target, 0.5),
                 ik=ik(target, links, loop_count=8, limit_angle=0.5) if links else None)
            for i, (parent, links, target) in enumerate(rows)
        ]
    )  # fmt: skip
    pose = Pose.rest(model, (3,))
    rng = np.random.default_rng(seed)
    pose.bone_rotations[1:] = rng.normal(size=pose.bone_rotations[1:].shape)
    pose.bone_translations[1:] = rng.normal(size=pose.bone_translations[1:].shape)
    palette = build_rig(model).pose(pose).bone_palette
    assert np.isfinite(palette).all()
    np.testing.assert_array_equal(palette[0], np.broadcast_to(np.eye(4), palette[0].shape))


CHARACTERS = (
    "gene_light/Gene_light.pmx",
    "gene_light/Gene_light.pmd",
    "appearance_miku/Appearance Miku.pmx",
    "miku43/miku4.3.pmx",
    "mei_black_jacket/mei_black_jacket.pmd",
)


@pytest.fixture(scope="module", params=CHARACTERS)
def character(request: pytest.FixtureRequest, shared_dir: Path) -> Model:
    return read_model(shared_dir / "models" / request.param)


@pytest.mark.local_models
def test_a_crouching_character_keeps_its_feet_on_the_ground(character: Model) -> None:
    names = character.bones.names
    pose = build_pose(character, translations={"センター": (0, -3, 0)})
    places = build_rig(character).pose(pose).bone_positions
    rest = character.bones.rest_positions
    for side in "左右":
        foot, knee = names.index(f"{side}足首"), names.index(f"{side}ひざ")
        np.testing.assert_allclose(places[foot], rest[foot], atol=0.02)
        assert places[knee, 2] < rest[knee, 2] - 1  # knees go forward


@pytest.mark.local_models
def test_a_turned_head_leaves_the_legs_of_a_character_alone(character: Model) -> None:
    rig = build_rig(character)
    pose = build_pose(character, rotations={"頭": about_y(15), "首": about_x(5)})
    np.testing.assert_array_equal(rig.pose(pose).bone_palette, rig.pose(pose, ik=False).bone_palette)
    feet = [character.bones.names.index(f"{side}足首") for side in "左右"]
    np.testing.assert_array_equal(rig.pose(pose).bone_palette[feet], np.broadcast_to(np.eye(4), (2, 4, 4)))
