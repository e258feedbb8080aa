from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdgen.formats import read_model
from mmdgen.formats.vmd import read_vmd
from mmdgen.model import Model
from mmdgen.motion import BoneTrack, MorphTrack, Motion, NamedPose, SwitchTrack, motion_name
from mmdgen.pose import Pose
from mmdgen.rig import build_rig, ik_from_motion, pose_from_motion, pose_from_named
from mmdgen.rig.motion import ease
from mmdgen.rig.transforms import multiply_quaternions
from tests.builders import about_x, about_y, bone, build_model, ik, vertex_morph

LINEAR = (20 / 127, 20 / 127, 107 / 127, 107 / 127)


def track(frames: list[int], translations: list[tuple[float, ...]] | None = None,
          rotations: list[np.ndarray] | None = None, curves: object = LINEAR) -> BoneTrack:  # fmt: skip
    count = len(frames)
    return BoneTrack(
        frames=np.array(frames, np.int32),
        translations=np.array(translations or [(0, 0, 0)] * count, np.float32),
        rotations=np.array(rotations or [(0, 0, 0, 1)] * count, np.float32),
        curves=np.broadcast_to(np.asarray(curves, np.float32), (count, 4, 4)),
    )


def motion_of(**tables: object) -> Motion:
    empty: dict[bytes, object] = {}
    return Motion("x.vmd", "", **{"bones": empty, "morphs": empty, "ik_switches": empty, **tables})  # type: ignore[arg-type]


def model() -> Model:
    return build_model(
        bones=[bone("首"), bone("頭", parent="首"), bone("足ＩＫ", ik=ik("頭", ["首"]))],
        morphs=[vertex_morph("あ", {0: (0, 1, 0)})],
    )


HEAD = motion_name("頭")


def test_a_straight_curve_goes_evenly() -> None:
    motion = motion_of(bones={HEAD: track([0, 10], [(0, 0, 0), (1, 2, 3)], [about_x(0), about_x(40)])})
    pose = pose_from_motion(model(), motion, 2.5)
    np.testing.assert_allclose(pose.bone_translations[1], (0.25, 0.5, 0.75), atol=1e-6)
    np.testing.assert_allclose(pose.bone_rotations[1], about_x(10), atol=1e-6)


def test_each_channel_follows_its_own_curve_and_that_of_the_later_key() -> None:
    slow_start = (1.0, 0.0, 1.0, 0.0)  # x runs ahead of y: progress comes late
    curves = np.broadcast_to(np.asarray(LINEAR), (2, 4, 4)).copy()
    curves[1, 0] = slow_start
    motion = motion_of(bones={HEAD: track([0, 10], [(0, 0, 0), (1, 1, 1)], curves=curves)})
    x, y, z = pose_from_motion(model(), motion, 5).bone_translations[1]
    assert x < 0.1
    np.testing.assert_allclose((y, z), 0.5, atol=1e-6)


def test_the_nearest_key_holds_before_the_first_and_after_the_last() -> None:
    motion = motion_of(
        bones={HEAD: track([10, 20], [(1, 0, 0), (2, 0, 0)])},
        morphs={
            motion_name("あ"): MorphTrack(np.array([10, 20], np.int32), np.array([0.2, 0.8], np.float32))
        },
    )
    pose = pose_from_motion(model(), motion, [0, 10, 20, 1000])
    np.testing.assert_allclose(pose.bone_translations[:, 1, 0], (1, 1, 2, 2))
    np.testing.assert_allclose(pose.morph_weights[:, 0], (0.2, 0.2, 0.8, 0.8), atol=1e-6)


def test_morph_weights_are_linear_between_keys() -> None:
    keys = MorphTrack(np.array([0, 10], np.int32), np.array([0, 1], np.float32))
    pose = pose_from_motion(model(), motion_of(morphs={motion_name("あ"): keys}), 3)
    np.testing.assert_allclose(pose.morph_weights, [0.3], atol=1e-6)


def test_rotations_take_the_shortest_arc() -> None:
    motion = motion_of(bones={HEAD: track([0, 10], rotations=[about_y(10), -about_y(50)])})
    turned = pose_from_motion(model(), motion, 5).bone_rotations[1]
    np.testing.assert_allclose(np.abs(turned @ about_y(30)), 1, atol=1e-6)


def test_frames_of_any_shape_become_batch_axes() -> None:
    motion = motion_of(bones={HEAD: track([0, 10], [(0, 0, 0), (1, 0, 0)])})
    pose = pose_from_motion(model(), motion, np.arange(6).reshape(2, 3))
    assert pose.batch_shape == (2, 3)
    np.testing.assert_allclose(pose.bone_translations[1, 2, 1, 0], 0.5, atol=1e-6)


def test_what_the_model_lacks_is_left_out_and_told_when_it_is_all(caplog: pytest.LogCaptureFixture) -> None:
    motion = motion_of(bones={motion_name("尻尾"): track([0])})
    pose = pose_from_motion(model(), motion, 0)
    np.testing.assert_array_equal(pose.bone_rotations[:, 3], 1)
    assert "moves no bone or morph" in caplog.text


def test_long_names_match_as_the_motion_file_cuts_them() -> None:
    long = "とても長い名前のボーンそのいち"
    motion = motion_of(bones={long.encode("cp932")[:15]: track([0], [(1, 0, 0)])})
    other = build_model(bones=[bone("とても"), bone(long)])
    np.testing.assert_allclose(pose_from_motion(other, motion, 0).bone_translations[:, 0], (0, 1))


def test_ik_is_on_until_a_motion_switches_it_off() -> None:
    switch = SwitchTrack(np.array([5, 20], np.int32), np.array([False, True]))
    motion = motion_of(ik_switches={motion_name("足ＩＫ"): switch})
    states = [ik_from_motion(model(), motion, frame)[2] for frame in (5, 19.5, 20, 99)]
    assert states == [False, False, True, True]
    assert ik_from_motion(model(), motion_of(), 0).all()


def test_ik_switched_off_by_a_motion_is_not_solved() -> None:
    bones = [bone("足", position=(0, 4, 0)), bone("ひざ", parent="足", position=(0, 2, -0.2)),
             bone("足首", parent="ひざ"), bone("足ＩＫ", ik=ik("足首", ["ひざ", "足"]))]  # fmt: skip
    leg = build_model(bones=bones)
    motion = motion_of(bones={motion_name("足ＩＫ"): track([0], [(0, 1, 0)])})
    rig, pose = build_rig(leg), pose_from_motion(leg, motion, 0)
    np.testing.assert_allclose(rig.pose(pose).bone_positions[2], (0, 1, 0), atol=1e-3)
    switched_off = np.array([True, True, True, False])
    np.testing.assert_array_equal(rig.pose(pose, ik=switched_off).bone_positions[2], (0, 0, 0))


def test_a_named_pose_moves_bones_and_morphs() -> None:
    named = NamedPose("x.vpd", "", {HEAD: about_x(30).astype(np.float32)},
                      {HEAD: np.array([1, 2, 3], np.float32)}, {motion_name("あ"): 0.5})  # fmt: skip
    pose = pose_from_named(model(), named)
    np.testing.assert_allclose(pose.bone_rotations[1], about_x(30), atol=1e-6)
    np.testing.assert_allclose(pose.bone_translations[1], (1, 2, 3))
    assert pose.morph_weights.tolist() == [0.5]


def test_a_bone_with_a_fixed_axis_keeps_only_its_turn_about_it() -> None:
    twisting = build_model(bones=[bone("捩", fixed_axis=(0, 3, 0)), bone("腕")])
    both = multiply_quaternions(about_y(40), about_x(20))
    keys = {motion_name(name): track([0], rotations=[both]) for name in ("捩", "腕")}
    turned = pose_from_motion(twisting, motion_of(bones=keys), 0).bone_rotations
    np.testing.assert_allclose(turned[0], about_y(40), atol=1e-6)
    np.testing.assert_allclose(turned[1], both, atol=1e-6)
    named = NamedPose("x.vpd", "", {motion_name("捩"): both.astype(np.float32)}, {}, {})
    np.testing.assert_allclose(pose_from_named(twisting, named).bone_rotations[0], about_y(40), atol=1e-6)


unit = st.floats(0, 1)


@given(st.tuples(unit, unit, unit, unit))
def test_a_curve_starts_at_nothing_ends_at_all_and_passes_through_its_points(
    points: tuple[float, float, float, float],
) -> None:
    curve = np.array(points)
    np.testing.assert_allclose(ease(curve, np.array([0.0, 1.0])), (0, 1), atol=2e-3)
    t = 0.3
    x, y = (3 * (1 - t) ** 2 * t * points[i] + 3 * (1 - t) * t**2 * points[i + 2] + t**3 for i in (0, 1))
    slope = abs(
        3 * (1 - t) ** 2 * points[0] + 6 * (1 - t) * t * (points[2] - points[0]) + 3 * t**2 * (1 - points[2])
    )
    np.testing.assert_allclose(ease(curve, np.array([x])), y, atol=1e-6 / max(slope, 1e-3))


@pytest.mark.local_models
def test_real_motions_move_the_character_they_were_made_for(shared_dir: Path) -> None:
    character = read_model(shared_dir / "models" / "gene_light" / "Gene_light.pmx")
    names = {motion_name(name) for name in character.bones.names}
    poses = []
    for path in sorted((shared_dir / "models" / "motions").glob("*.vmd")):
        motion = read_vmd(path)
        assert len(motion.bones.keys() & names) >= 0.9 * len(motion.bones), path.name
        poses.append(pose_from_motion(character, motion, np.linspace(0, motion.last_frame, 5)))
    columns = zip(*((p.morph_weights, p.bone_rotations, p.bone_translations) for p in poses), strict=True)
    posed = build_rig(character).pose(Pose(*(np.concatenate(column) for column in columns)))
    assert np.isfinite(posed.bone_palette).all()
    assert np.isfinite(posed.vertex_offsets).all()
    assert len(posed.moved_vertices) > 1_000
