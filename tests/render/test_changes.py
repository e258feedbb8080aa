"""Expressions drawn in a part of the picture are the same pictures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmdgen.model import Model
from mmdgen.pose import Pose
from mmdgen.render import Renderer
from mmdgen.render.changes import find_change
from mmdgen.rig import PosedModel, build_rig
from mmdgen.scene import View
from tests.builders import about_y, bone, material, vertex_morph
from tests.render.scenes import DOUBLE_SIDED, EDGE, VIEW, plain, quads


def layered_face() -> Model:
    """Overlapping half-transparent and edged quads; a morph moves the middle one."""
    return quads(
        (-7.0, -7.0, 7.0, 7.0, 2.0),
        (-2.2, -2.2, 2.4, 2.1, 0.0),
        (-6.0, 0.3, 6.0, 5.5, -1.0),
        materials=[
            material("顔", flags=EDGE),
            material("目", diffuse=(1.0, 0.2, 0.2, 0.8), flags=EDGE | DOUBLE_SIDED),
            material("髪", diffuse=(0.2, 1.0, 0.2, 0.5)),
        ],
        bones=[bone("頭")],
        morphs=[vertex_morph("まばたき", dict.fromkeys(range(4, 8), (0.3, 0.8, -0.2)))],
    )


def poses_of(model: Model, weights: list[float]) -> PosedModel:
    pose = Pose.rest(model, (len(weights),))
    pose.morph_weights[:, 0] = weights
    return build_rig(model).pose(pose)


@pytest.mark.parametrize("outline_px", [0.0, 8.0])
def test_changed_part_equals_the_whole_picture_bit_for_bit(renderer: Renderer, outline_px: float) -> None:
    model = layered_face()
    view = replace(VIEW, outline_px=outline_px)
    gpu_model = renderer.load(build_rig(model), {})
    base = poses_of(model, [1.0])
    posed = poses_of(model, [0.0, 0.3, 0.77, 1.0])
    whole = renderer.render(gpu_model, posed, view)
    with renderer.redraw(gpu_model, base, poses_of(model, [0.0, 1.0]), view) as redraw:
        part, base_image = redraw.render(posed), redraw.base_image
    gpu_model.release()
    assert (part == whole).all()
    assert (part[3] == base_image).all()
    assert (part[0] != base_image).any()


def test_only_the_moved_part_is_drawn_again() -> None:
    model = layered_face()
    change = find_change(poses_of(model, [1.0]), poses_of(model, [0.0, 0.5]), VIEW)
    assert change is not None
    box = change.box
    assert 0 < box.left < box.right < 16
    assert 0 < box.top < box.bottom < 16
    assert change.triangles.tolist() == [True] * 6


def test_turned_head_needs_whole_pictures() -> None:
    model = layered_face()
    pose = Pose.rest(model, (1,))
    pose.bone_rotations[0, 0] = about_y(5)
    assert find_change(poses_of(model, [1.0]), build_rig(model).pose(pose), VIEW) is None


def test_nothing_moved_is_nothing_to_draw(renderer: Renderer) -> None:
    model = quads((-2.0, -2.0, 2.0, 2.0, 0.0))
    rig = build_rig(model)
    gpu_model = renderer.load(rig, {})
    rest = rig.pose(Pose.rest(model, (1,)))
    with renderer.redraw(gpu_model, rest, rest, VIEW) as redraw:
        again = redraw.render(rig.pose(Pose.rest(model, (3,))))
        assert (again == redraw.base_image).all()
    gpu_model.release()
    assert np.shape(again) == (3, 16, 16, 4)


@pytest.mark.parametrize("weight", [1.5, -0.5])
def test_expression_beyond_the_extremes_is_drawn_whole_and_right(renderer: Renderer, weight: float) -> None:
    model = layered_face()
    gpu_model = renderer.load(build_rig(model), {})
    beyond = poses_of(model, [weight])
    with renderer.redraw(gpu_model, poses_of(model, [1.0]), poses_of(model, [0.0, 1.0]), VIEW) as redraw:
        assert (redraw.render(beyond) == renderer.render(gpu_model, beyond, VIEW)).all()
    gpu_model.release()


def test_unmoved_triangles_that_are_hidden_are_not_drawn(renderer: Renderer) -> None:
    """A wall of 40 sheets behind an opaque face: only the face and the moved eye are needed."""
    walls = [(-7.0, -7.0, 7.0, 7.0, 3.0 + z) for z in range(40)]
    model = quads(
        *walls,
        (-7.0, -7.0, 7.0, 7.0, 2.0),
        (-2.0, -2.0, 2.0, 2.0, 0.0),
        bones=[bone("頭")],
        morphs=[vertex_morph("まばたき", dict.fromkeys(range(4 * 41, 4 * 42), (0.3, 0.8, -0.2)))],
    )
    gpu_model = renderer.load(build_rig(model), {})
    extremes, posed = poses_of(model, [0.0, 1.0]), poses_of(model, [0.4])
    with renderer.redraw(gpu_model, poses_of(model, [1.0]), extremes, VIEW) as redraw:
        assert (redraw.render(posed) == renderer.render(gpu_model, posed, VIEW)).all()
        assert sorted(redraw._surfaces.triangles.tolist()) == [80, 81, 82, 83]
    gpu_model.release()


def test_what_shines_through_a_blended_sheet_is_still_drawn(renderer: Renderer) -> None:
    """MMD: the sheet hides the opaque hair that is drawn behind it later, so the face behind both is seen."""
    model = quads(
        (-7.0, -7.0, 7.0, 7.0, 2.0),
        (-7.0, -7.0, 7.0, 7.0, -2.0),
        (-7.0, -7.0, 7.0, 7.0, 0.0),
        (-1.0, -1.0, 1.0, 1.0, -3.0),
        materials=[
            plain((0.9, 0.1, 0.1, 1.0)),
            plain((0.1, 0.9, 0.1, 0.5)),
            plain((0.1, 0.1, 0.9, 1.0)),
            plain((0.5, 0.5, 0.5, 1.0)),
        ],
        bones=[bone("頭")],
        morphs=[vertex_morph("まばたき", dict.fromkeys(range(12, 16), (0.5, 0.5, 0.0)))],
    )
    gpu_model = renderer.load(build_rig(model), {})
    extremes, posed = poses_of(model, [0.0, 1.0]), poses_of(model, [0.4])
    with renderer.redraw(gpu_model, poses_of(model, [1.0]), extremes, VIEW) as redraw:
        part = redraw.render(posed)
    assert (part == renderer.render(gpu_model, posed, VIEW)).all()
    assert part[0, 4, 4, 0] > part[0, 4, 4, 2]
    gpu_model.release()


def averted(left: float, bottom: float, right: float, top: float, z: float) -> tuple[float, ...]:
    """A rectangle that faces away: of a single-sided material only the outline's hull shows."""
    return right, bottom, left, top, z


BLINK = [vertex_morph("まばたき", dict.fromkeys(range(4), (0.5, 0.5, 0.0)))]


@pytest.mark.parametrize("edge_size", [0.0, -1.0])
def test_outline_without_size_hides_no_other_outline(renderer: Renderer, edge_size: float) -> None:
    model = quads(
        (-2.0, -2.0, 2.0, 2.0, 5.0),
        averted(-7.0, -7.0, 7.0, 7.0, 2.0),
        averted(-7.0, -7.0, 7.0, 7.0, 0.0),
        materials=[
            plain((0.5, 0.5, 0.5, 1.0)),
            plain((0.1, 0.1, 0.9, 1.0), flags=EDGE, edge_color=(1.0, 0.0, 0.0, 1.0)),
            plain((0.1, 0.9, 0.1, 1.0), flags=EDGE, edge_size=edge_size),
        ],
        bones=[bone("頭")],
        morphs=BLINK,
    )
    assert_redrawn_exactly(renderer, model, replace(VIEW, outline_px=8.0))


@pytest.mark.parametrize("edge_scale", [6.0, -6.0])
def test_outline_that_stands_far_out_of_what_moves_is_redrawn(renderer: Renderer, edge_scale: float) -> None:
    """Vertices may push their outline inwards too: an edge scale below zero."""
    model = quads(
        averted(-2.0, -2.0, 2.0, 2.0, 0.0),
        materials=[plain((0.5, 0.5, 0.5, 1.0), flags=EDGE, edge_color=(1.0, 0.0, 0.0, 1.0))],
        normal=(np.sign(edge_scale), 0.0, -0.1),
        bones=[bone("頭")],
        morphs=BLINK,
    )
    model.vertices.edge_scales[:] = edge_scale
    assert_redrawn_exactly(renderer, model, replace(VIEW, outline_px=16.0))


def assert_redrawn_exactly(renderer: Renderer, model: Model, view: View) -> None:
    gpu_model = renderer.load(build_rig(model), {})
    extremes, posed = poses_of(model, [0.0, 1.0]), poses_of(model, [0.0, 0.4, 1.0])
    with renderer.redraw(gpu_model, poses_of(model, [1.0]), extremes, view) as redraw:
        part = redraw.render(posed)
    whole = renderer.render(gpu_model, posed, view)
    gpu_model.release()
    assert whole.any()
    np.testing.assert_array_equal(part, whole)
