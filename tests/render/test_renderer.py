"""What a pixel must be, in numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmdgen.images import linear_from_srgb, srgb_from_linear
from mmdgen.pose import Pose
from mmdgen.render import Renderer
from mmdgen.rig import build_rig
from mmdgen.scene import Light, Shading
from tests.builders import material, material_morph, uv_morph, vertex_morph
from tests.render.scenes import DOUBLE_SIDED, EDGE, VIEW, draw, plain, quads

FULL = (-8.0, -8.0, 8.0, 8.0, 0.0)
WHITE = (1.0, 1.0, 1.0, 1.0)


@pytest.mark.parametrize(("ambient", "level"), [(0.5, 224), (0.8, 243), (0.3, 210)])
def test_white_front_facing_texel_has_the_level_of_the_articles_pictures(
    renderer: Renderer, ambient: float, level: int
) -> None:
    model = quads(FULL, materials=[material("白", diffuse=WHITE, ambient=(ambient,) * 3)])
    assert (draw(renderer, model) == (level, level, level, 255)).all()


def test_background_is_exactly_zero(renderer: Renderer) -> None:
    picture = draw(renderer, quads((-2.0, -2.0, 2.0, 2.0, 0.0)))
    assert not picture[:6].any()
    assert not picture[:, 10:].any()


def test_half_covered_pixel_is_cut_to_127_and_premultiplied(renderer: Renderer) -> None:
    picture = draw(renderer, quads((-8.0, -8.0, 0.5, 8.0, 0.0), materials=[plain(WHITE)]))
    level = int(srgb_from_linear(0.5) * 255)
    assert (picture[:, 8] == (level, level, level, 127)).all()


def test_straight_alpha_keeps_the_colour_of_a_half_covered_pixel(renderer: Renderer) -> None:
    view = replace(VIEW, premultiplied=False)
    picture = draw(renderer, quads((-8.0, -8.0, 0.5, 8.0, 0.0), materials=[plain(WHITE)]), view)
    assert (picture[:, 8] == (255, 255, 255, 127)).all()


@pytest.mark.parametrize(("samples_per_axis", "alphas"), [(1, {0, 255}), (2, {0, 63, 127, 191, 255})])
def test_fewer_samples_give_coarser_alpha(
    renderer: Renderer, samples_per_axis: int, alphas: set[int]
) -> None:
    model = quads((-7.3, -7.3, 7.7, 7.7, 0.0))
    picture = draw(renderer, model, replace(VIEW, samples_per_axis=samples_per_axis))
    assert set(picture[..., 3].ravel().tolist()) <= alphas


@pytest.mark.parametrize("nearer_first", [False, True])
def test_half_transparent_quads_follow_file_order(renderer: Renderer, nearer_first: bool) -> None:
    red, green = (0.8, 0.0, 0.0, 0.5), (0.0, 0.6, 0.0, 0.5)
    far, near = (*FULL[:4], 1.0), (*FULL[:4], -1.0)
    order = (near, far) if nearer_first else (far, near)
    picture = draw(renderer, quads(*order, materials=[plain(red), plain(green)]))
    if nearer_first:  # the farther one is drawn second and fails the depth test
        linear, alpha = np.array([0.4, 0.0, 0.0]), 0.5
    else:
        linear, alpha = np.array([0.2, 0.3, 0.0]), 0.75
    expected = [*np.floor(srgb_from_linear(linear) * 255 + 0.05), np.floor(alpha * 255)]
    assert (picture == np.array(expected, np.uint8)).all()


def test_back_face_is_hidden_unless_double_sided(renderer: Renderer) -> None:
    seen_from_behind = (8.0, -8.0, -8.0, 8.0, 0.0)  # left and right swapped: counter-clockwise
    assert not draw(renderer, quads(seen_from_behind)).any()
    both = draw(renderer, quads(seen_from_behind, materials=[material("両面", flags=DOUBLE_SIDED)]))
    assert (both == draw(renderer, quads(FULL))).all()


def test_texture_stands_the_right_way_up_and_is_decoded_to_linear_light(renderer: Renderer) -> None:
    texture = np.zeros((16, 16, 4), np.uint8)
    texture[..., 3] = 255
    texture[:8, :8] = (200, 10, 10, 255)  # top left
    texture[8:, 8:] = (10, 10, 200, 255)  # bottom right
    model = quads(FULL, textures=["t.png"], materials=[material("絵", ambient=(0.5, 0.5, 0.5), texture=0)])
    picture = draw(renderer, model, textures={0: texture})
    expected = np.floor(srgb_from_linear(linear_from_srgb(np.array([200, 10, 10]) / 255) * 0.75) * 255)
    assert (picture[2, 2, :3] == expected).all()
    assert picture[13, 13, 2] > picture[13, 13, 0]
    assert not picture[2, 13, :3].any()


def test_light_decides_ambient_and_directional_apart(renderer: Renderer) -> None:
    model = quads(FULL, materials=[material("白", diffuse=(0.5, 0.5, 0.5, 1.0), ambient=(0.25,) * 3)])
    picture = draw(renderer, model, replace(VIEW, light=Light(ambient=1.2, directional=0.8)))
    assert picture[0, 0, 0] == int(srgb_from_linear(0.25 * 1.2 + 0.5 * 0.8) * 255 + 0.05)


@pytest.mark.parametrize("normal", [(0.0, 0.0, 0.0), (np.nan,) * 3, (0.0, 0.0, 1.0)])
def test_zero_broken_and_averted_normals_get_the_ambient_light_alone(
    renderer: Renderer, normal: tuple[float, float, float]
) -> None:
    picture = draw(renderer, quads(FULL, normal=normal))
    assert (picture[..., 0] == int(srgb_from_linear(0.25) * 255 + 0.05)).all()


def test_invisible_material_hides_nothing(renderer: Renderer) -> None:
    near_and_far = quads(
        (*FULL[:4], -1.0), (*FULL[:4], 1.0), materials=[plain((1, 1, 1, 0.0)), plain((0.5, 0.5, 0.5, 1.0))]
    )
    assert (draw(renderer, near_and_far)[..., 3] == 255).all()


def test_transparent_texels_hide_nothing(renderer: Renderer) -> None:
    model = quads(
        (*FULL[:4], -1.0),
        (*FULL[:4], 1.0),
        textures=["clear.png"],
        materials=[material("透", texture=0), plain((0.5, 0.5, 0.5, 1.0))],
    )
    assert (draw(renderer, model, textures={0: np.zeros((2, 2, 4), np.uint8)})[..., 3] == 255).all()


def test_vertex_and_uv_morphs_move_what_is_drawn(renderer: Renderer) -> None:
    rise = vertex_morph("上", dict.fromkeys(range(4), (0.0, 4.0, 0.0)))
    shift = uv_morph("右", dict.fromkeys(range(4), (0.5, 0.0, 0.0, 0.0)))
    texture = np.full((8, 8, 4), 255, np.uint8)
    texture[:, 4:, 0] = 0
    model = quads(
        (-2.0, -2.0, 2.0, 2.0, 0.0),
        textures=["t.png"],
        materials=[material("絵", texture=0)],
        morphs=[rise, shift],
    )
    pose = Pose.rest(model, (1,))
    pose.morph_weights[0] = (0.5, 1.0)
    picture = draw(renderer, model, textures={0: texture}, pose=pose)
    assert picture[..., 3].any(axis=1).nonzero()[0].tolist() == [4, 5, 6, 7]
    assert picture[5, 7, 0] < picture[5, 8, 0]


@pytest.mark.parametrize("is_add", [False, True])
def test_surface_that_a_morph_fades_lets_the_one_before_it_shine_through(
    renderer: Renderer, is_add: bool
) -> None:
    change = np.zeros(28) if is_add else np.ones(28)
    change[3] = -0.5 if is_add else 0.5
    model = quads(
        (*FULL[:4], 1.0),
        (*FULL[:4], -1.0),
        materials=[plain((0.0, 0.6, 0.0, 1.0)), plain((0.8, 0.0, 0.0, 1.0))],
        morphs=[material_morph("薄く", [(1, is_add, change)])],
    )
    pose = Pose.rest(model, (1,))
    pose.morph_weights[0] = 1.0
    expected = np.floor(srgb_from_linear(np.array([0.4, 0.3, 0.0])) * 255 + 0.05)
    assert (draw(renderer, model, pose=pose) == [*expected, 255]).all()


@pytest.mark.parametrize("shading", Shading)
def test_picture_without_morphs_is_the_same_beside_a_pose_with_material_morphs(
    renderer: Renderer, shading: Shading
) -> None:
    change = np.ones(28)
    change[16:20] = 0.5  # of the texture
    model = quads(
        FULL,
        textures=["a.png"],
        materials=[material("肌", diffuse=(0.7, 0.6, 0.5, 0.8), texture=0)],
        morphs=[material_morph("暗く", [(0, False, change)])],
    )
    view = replace(VIEW, shading=shading)
    rig = build_rig(model)
    noise = np.random.default_rng(5).integers(0, 256, (8, 8, 4), dtype=np.uint8)
    loaded = renderer.load(rig, {0: noise}, shading=shading)
    pose = Pose.rest(model, (2,))
    pose.morph_weights[1, 0] = 1.0
    alone = renderer.render(loaded, rig.pose(Pose.rest(model, (1,))), view)[0]
    beside, changed = renderer.render(loaded, rig.pose(pose), view)
    loaded.release()
    np.testing.assert_array_equal(beside, alone)
    assert (changed != alone).any()


def test_outline_surrounds_the_surface_with_the_edge_colour(renderer: Renderer) -> None:
    spread = ((-0.7, 0.7), (0.7, 0.7), (0.7, -0.7), (-0.7, -0.7))  # normals that point outwards
    model = quads(
        (-3.0, -3.0, 3.0, 3.0, 0.0),
        materials=[material("縁", flags=EDGE, edge_color=(1.0, 0.0, 0.0, 1.0), edge_size=1.0)],
    )
    model.vertices.normals[:] = [(*direction, 0.1) for direction in spread]
    # An inverted hull has no front face: turn the quad's copy towards the viewer by a second, averted quad.
    hull = quads(
        (3.0, -3.0, -3.0, 3.0, 0.5),
        materials=[material("縁", flags=EDGE, edge_color=(1.0, 0.0, 0.0, 1.0), edge_size=1.0)],
    )
    hull.vertices.normals[:] = [(-x, y, 0.1) for x, y in spread]
    assert not draw(renderer, hull).any()
    picture = draw(renderer, hull, replace(VIEW, outline_px=16.0))
    assert picture[8, 8].tolist() == [255, 0, 0, 255]
    assert picture[..., 3].any(axis=0).sum() == 8  # 6 px wide, one px more on each side


def test_small_pictures_do_not_depend_on_the_batch(renderer: Renderer) -> None:
    from mmdgen.rig import build_rig

    model = quads((-2.3, -2.1, 2.2, 2.7, 0.0), morphs=[vertex_morph("右", {0: (3.0, 0.0, 0.0)})])
    rig = build_rig(model)
    gpu_model = renderer.load(rig, {})
    pose = Pose.rest(model, (100,))
    pose.morph_weights[:, 0] = np.linspace(0, 1, 100)
    together = renderer.render(gpu_model, rig.pose(pose), VIEW)
    for row in (0, 57, 99):
        alone = Pose.rest(model, (1,))
        alone.morph_weights[0, 0] = pose.morph_weights[row, 0]
        assert (renderer.render(gpu_model, rig.pose(alone), VIEW)[0] == together[row]).all()
    gpu_model.release()
