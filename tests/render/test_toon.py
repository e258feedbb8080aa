"""MMD's own look: the checks of its shading, in numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmdgen.errors import RenderError
from mmdgen.images import Image
from mmdgen.model import Model, SphereMode
from mmdgen.pose import Pose
from mmdgen.render import Renderer
from mmdgen.rig import build_rig
from mmdgen.scene import MMD_TO_LIGHT, Shading
from tests.builders import build_model, material, vertex
from tests.render.scenes import EDGE, VIEW, draw, quads

TOON = replace(VIEW, shading=Shading.TOON)
FULL = (-8.0, -8.0, 8.0, 8.0, 0.0)
TO_LIGHT = tuple(MMD_TO_LIGHT)
AWAY = tuple(-value for value in MMD_TO_LIGHT)
SKIN = (200, 150, 120, 255)
TOON_01 = {"toon": 0, "shared_toon": True}


def picture_of(color: tuple[int, int, int, int]) -> Image:
    return np.full((4, 4, 4), color, np.uint8)


def sheet(normal: tuple[float, ...] = TO_LIGHT, **settings: object) -> Model:
    """A textured sheet with the usual diffuse 1 and ambient 0.5; texture 0 colour, 1 sphere, 2 ramp."""
    return quads(
        FULL, normal=normal, textures=["a", "b", "c"], materials=[material("肌", texture=0, **settings)]
    )


def color(renderer: Renderer, model: Model, pictures: dict[int, Image]) -> list[int]:
    picture = draw(renderer, model, TOON, pictures)
    assert np.ptp(picture.reshape(-1, 4), axis=0).max() == 0
    return [int(value) for value in picture[0, 0]]


def test_lit_surface_shows_its_texel_exactly(renderer: Renderer) -> None:
    """Diffuse 1 x 0.604 + ambient 0.5 is above 1 and clamps."""
    for levels in ((200, 150, 120, 255), (1, 2, 3, 255), (255, 254, 253, 255)):
        assert color(renderer, sheet(), {0: picture_of(levels)}) == list(levels)


def test_surface_away_from_the_light_has_205_of_255_under_toon_01(renderer: Renderer) -> None:
    lit = color(renderer, sheet(**TOON_01), {0: picture_of(SKIN)})
    shade = color(renderer, sheet(AWAY, **TOON_01), {0: picture_of(SKIN)})
    assert lit == list(SKIN)
    assert shade == [*(round(value * 205 / 255) for value in SKIN[:3]), 255]


def test_a_models_own_ramp_is_clamped_not_repeated(renderer: Renderer) -> None:
    ramp = np.full((32, 32, 4), 255, np.uint8)
    ramp[16:, :, :3] = (100, 50, 25)
    assert color(renderer, sheet(AWAY, toon=2), {0: picture_of(SKIN), 2: ramp})[:3] == [78, 29, 12]
    assert color(renderer, sheet(toon=2), {0: picture_of(SKIN), 2: ramp})[:3] == list(SKIN[:3])


def test_sphere_map_that_adds_black_or_multiplies_white_changes_nothing(renderer: Renderer) -> None:
    for mode, level in ((SphereMode.ADD, 0), (SphereMode.MULTIPLY, 255)):
        model = sheet(sphere_texture=1, sphere_mode=int(mode))
        pictures = {0: picture_of(SKIN), 1: picture_of((level, level, level, 255))}
        assert color(renderer, model, pictures) == list(SKIN)


def test_sphere_map_adds_and_multiplies_after_the_texture(renderer: Renderer) -> None:
    pictures = {0: picture_of(SKIN), 1: picture_of((51, 102, 0, 255))}
    added = color(renderer, sheet(sphere_texture=1, sphere_mode=int(SphereMode.ADD)), pictures)
    assert added == [251, 252, 120, 255]
    multiplied = color(renderer, sheet(sphere_texture=1, sphere_mode=int(SphereMode.MULTIPLY)), pictures)
    assert multiplied == [40, 60, 0, 255]


def test_sphere_map_is_read_by_the_normal_with_up_at_the_top(renderer: Renderer) -> None:
    sphere = np.zeros((64, 64, 4), np.uint8)
    sphere[..., 3] = 255
    sphere[:32, :, 0] = 255  # top
    sphere[:, 32:, 1] = 255  # right
    up_right = sheet((0.5, 0.5, -0.7), sphere_texture=1, sphere_mode=int(SphereMode.MULTIPLY))
    down_left = sheet((-0.5, -0.5, -0.7), sphere_texture=1, sphere_mode=int(SphereMode.MULTIPLY))
    white = picture_of((255, 255, 255, 255))
    assert color(renderer, up_right, {0: white, 1: sphere})[:3] == [255, 255, 0]
    assert color(renderer, down_left, {0: white, 1: sphere})[:3] == [0, 0, 0]


def test_sub_texture_is_read_by_the_first_additional_uv(renderer: Renderer) -> None:
    corners = ((-8.0, 8.0), (8.0, 8.0), (8.0, -8.0), (-8.0, -8.0))
    model = build_model(
        vertices=[
            vertex((x, y, 0.0), normal=TO_LIGHT, uv=(0.5, 0.5), additional_uvs=[(0.75, 0.25, 0, 0)])
            for x, y in corners
        ],
        faces=[(0, 1, 2), (0, 2, 3)],
        textures=["a", "b"],
        materials=[material("肌", texture=0, sphere_texture=1, sphere_mode=int(SphereMode.SUB_TEXTURE))],
    )
    sub = np.zeros((4, 4, 4), np.uint8)
    sub[..., 3] = 255
    sub[:2, 2:, :3] = 255
    assert color(renderer, model, {0: picture_of(SKIN), 1: sub}) == list(SKIN)


def test_missing_pictures_have_no_effect(renderer: Renderer) -> None:
    model = sheet(sphere_texture=1, sphere_mode=int(SphereMode.MULTIPLY), toon=2)
    assert color(renderer, model, {}) == [255, 255, 255, 255]


@pytest.mark.parametrize(("power", "shines"), [(5.0, True), (0.0, False), (-3.0, False)])
def test_highlight_is_added_after_the_ramp_unless_its_power_is_not_above_zero(
    renderer: Renderer, power: float, shines: bool
) -> None:
    half = np.add(MMD_TO_LIGHT, (0.0, 0.0, -1.0))
    settings = {"specular": (0.3, 0.3, 0.3), "specular_power": power, **TOON_01}
    level = color(renderer, sheet(tuple(half), **settings), {0: picture_of((100, 100, 100, 255))})[0]
    assert level == (100 + round(0.3 * 154) if shines else 100)


def test_two_half_transparent_sheets_blend_in_gamma_space(renderer: Renderer) -> None:
    clear = {"diffuse": (1.0, 1.0, 1.0, 0.5), "ambient": (0.5, 0.5, 0.5)}
    model = quads(
        (*FULL[:4], 1.0),
        (*FULL[:4], -1.0),
        normal=TO_LIGHT,
        textures=["a", "b"],
        materials=[material("奥", texture=0, **clear), material("前", texture=1, **clear)],
    )
    pictures = {0: picture_of((200, 0, 0, 255)), 1: picture_of((0, 200, 0, 255))}
    assert color(renderer, model, pictures) == [50, 100, 0, 191]


def test_outline_colour_is_not_decoded(renderer: Renderer) -> None:
    hull = quads(
        (3.0, -3.0, -3.0, 3.0, 0.5),
        materials=[material("縁", flags=EDGE, edge_color=(0.5, 0.25, 1.0, 1.0), edge_size=1.0)],
    )
    assert draw(renderer, hull, replace(TOON, outline_px=16.0))[8, 8].tolist() == [128, 64, 255, 255]


def test_model_loaded_for_another_shading_is_refused(renderer: Renderer) -> None:
    model = sheet()
    rig = build_rig(model)
    gpu_model = renderer.load(rig, {})
    with pytest.raises(RenderError, match="loaded for phong shading"):
        renderer.render(gpu_model, rig.pose(_rest(model)), TOON)
    gpu_model.release()


def _rest(model: Model) -> Pose:
    return Pose.rest(model, (1,))
