"""Depth, normals and flow as numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mmdgen.model import Model
from mmdgen.pose import Pose
from mmdgen.render import Maps, Renderer
from mmdgen.rig import build_rig
from tests.builders import about_z, bone, material, vertex_morph
from tests.render.scenes import VIEW, quads


def maps_of(renderer: Renderer, model: Model, pose: Pose) -> Maps:
    rig = build_rig(model)
    gpu_model = renderer.load(rig, {})
    maps = renderer.render_maps(gpu_model, rig.pose(pose), replace(VIEW, size_px=32))
    gpu_model.release()
    return maps


def test_depth_and_normal_are_those_of_the_nearest_surface(renderer: Renderer) -> None:
    model = quads((-4.0, -4.0, 4.0, 4.0, 3.0), (0.0, -4.0, 4.0, 4.0, -2.0), normal=(0.6, 0.0, -0.8))
    maps = maps_of(renderer, model, Pose.rest(model, (2,)))
    assert maps.is_covered.shape == (1, 32, 32)
    assert not maps.is_covered[0, 16, 7]
    assert maps.is_covered[0, 16, 8]
    assert maps.depth[0, 16, 10] == 3.0
    assert maps.depth[0, 16, 20] == -2.0
    np.testing.assert_allclose(maps.normals[0, 16, 20], (0.6, 0.0, -0.8), atol=1e-6)
    assert not maps.flow.any()
    assert not maps.depth[~maps.is_covered].any()


def test_flow_leads_back_to_where_the_surface_was(renderer: Renderer) -> None:
    """Moved 2 units right and 1 up at 2 pixels a unit: 4 px to the left and 2 down leads back."""
    model = quads(
        (-2.0, -2.0, 2.0, 2.0, 0.0), morphs=[vertex_morph("動", dict.fromkeys(range(4), (2.0, 1.0, 0.0)))]
    )
    pose = Pose.rest(model, (3,))
    pose.morph_weights[1, 0], pose.morph_weights[2, 0] = 1.0, 0.5
    maps = maps_of(renderer, model, pose)
    np.testing.assert_allclose(maps.flow[0][maps.is_covered[0]], np.tile((-4.0, 2.0), (64, 1)), atol=1e-4)
    np.testing.assert_allclose(maps.flow[1][maps.is_covered[1]], np.tile((-2.0, 1.0), (64, 1)), atol=1e-4)


def test_base_picture_read_along_the_flow_is_the_posed_picture(renderer: Renderer) -> None:
    """A turned quad whose depth rises to the right: depth at p must be the base's depth at p + flow(p)."""
    model = quads((-5.0, -5.0, 5.0, 5.0, 0.0), bones=[bone("頭")])
    model.vertices.positions[1:3, 2] = 4.0
    pose = Pose.rest(model, (3,))
    pose.bone_rotations[2, 0] = about_z(20)
    maps = maps_of(renderer, model, pose)
    rows, columns = np.nonzero(maps.is_covered[1])
    at = np.stack([columns, rows], axis=1) + maps.flow[1][rows, columns]
    expected = ((at[:, 0] + 0.5) / 2 - 8.0 + 5.0) * 0.4
    np.testing.assert_allclose(maps.depth[1][rows, columns], expected, atol=1e-3)
    assert np.abs(maps.flow[1]).max() > 2.0


def test_clear_surfaces_do_not_count(renderer: Renderer) -> None:
    model = quads(
        (-4.0, -4.0, 4.0, 4.0, 0.0),
        (-4.0, -4.0, 4.0, 4.0, 1.0),
        materials=[material("硝子", diffuse=(1.0, 1.0, 1.0, 0.4)), material("壁")],
    )
    assert maps_of(renderer, model, Pose.rest(model, (2,))).depth.max() == 1.0
