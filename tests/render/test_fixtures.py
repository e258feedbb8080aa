"""Other programs' test models about alpha, outlines, material order, sphere maps, toon ramps and UVs.

Judged in three ways: against the formulas at every pixel (`PlainRenderer`), against pictures that another
program drew of the same files, and by single facts that each file was made to show.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as PillowImage

from mmdgen.formats import read_model
from mmdgen.formats.textures import load_texture
from mmdgen.images import Image
from mmdgen.model import Model
from mmdgen.pose import Pose
from mmdgen.render import Renderer
from mmdgen.rig import PosedModel, build_rig
from mmdgen.scene import Camera, Shading, View
from tests.render.plain_renderer import PlainRenderer

pytestmark = pytest.mark.local_models

GENERATED = "models/fixtures/yohawing__unity-mmd-loader/Fixtures/GeneratedPmx"
BASELINES = "models/fixtures/yohawing__three-mmd-loader/fixtures/visual-baselines/generated-pmx"
MATCAP = "models/fixtures/noname0310__babylon-mmd/model/matcap_sample.pmx"
SIZE_PX = 96

NAMES = [
    "alpha-blend-overlap",
    "diffuse-lit-box",
    "material-morph-alpha-opaque-depth",
    "material-order-body-outline-interleave",
    "outline-normal-silhouette",
    "png-hair-shadow-alpha-morph-blend",
    "sphere-texture-add",
    "sphere-texture-multiply",
    "texture-alpha-atlas-padding-ignored",
    "texture-alpha-used-uv-cutout",
    "texture-uv-orientation-plane",
    "tga-hair-shadow-overlay-alpha-blend",
    "tga-regular-hair-alpha-opaque",
    "toon-ramp-lit-box",
]
# Their colours are flat, so another camera sees the same ones.
FLAT = [name for name in NAMES if "sphere" not in name and "tga-regular" not in name]


@dataclass(frozen=True)
class Scene:
    """One fixture, and a camera around it."""

    model: Model
    textures: dict[int, Image]
    view: View

    def posed(self, weight: float = 0.0) -> PosedModel:
        """All morphs at a weight."""
        pose = Pose.rest(self.model, (1,))
        pose.morph_weights[:] = weight
        return build_rig(self.model).pose(pose)

    def picture(self, renderer: Renderer, posed: PosedModel | None = None, **view: object) -> Image:
        posed = posed or self.posed()
        seen = replace(self.view, **view)
        gpu_model = renderer.load(posed.rig, self.textures, shading=seen.shading)
        try:
            return renderer.render(gpu_model, posed, seen)[0]
        finally:
            gpu_model.release()

    def at(self, picture: Image, x: float, y: float) -> list[int]:
        """The pixel at a place of the model."""
        camera = self.view.camera
        scale = len(picture) / (camera.right - camera.left)
        return [int(v) for v in picture[int((camera.top - y) * scale), int((x - camera.left) * scale)]]


def scene(path: Path) -> Scene:
    model = read_model(path)
    low, high = model.vertices.positions.min(axis=0), model.vertices.positions.max(axis=0)
    (x, y, _), side = (low + high) / 2, 0.6 * float((high - low)[:2].max())
    camera = Camera(x - side, x + side, y - side, y + side, float(low[2]) - 9.0, float(high[2]) + 9.0)
    found = {row: load_texture(path.parent, name).pixels for row, name in enumerate(model.textures)}
    textures = {row: pixels for row, pixels in found.items() if pixels is not None}
    assert len(textures) == len(model.textures)
    view = View(camera, size_px=SIZE_PX, samples_per_axis=1, outline_px=2.0, shading=Shading.TOON)
    return Scene(model, textures, view)


def generated(shared_dir: Path, name: str) -> Scene:
    return scene(shared_dir / GENERATED / f"mmd-{name}.pmx")


def over_white(picture: Image) -> NDArray[np.float64]:
    """Toon pictures are premultiplied in gamma space."""
    return picture[..., :3] + (255.0 - picture[..., 3:])


@pytest.mark.parametrize("shading", list(Shading))
@pytest.mark.parametrize("name", NAMES)
def test_every_pixel_follows_the_formulas(
    shared_dir: Path, renderer: Renderer, name: str, shading: Shading
) -> None:
    fixture = generated(shared_dir, name)
    for weight in (0.0, 0.4):
        posed = fixture.posed(weight)
        plain = PlainRenderer(posed, fixture.textures, replace(fixture.view, shading=shading))
        expected = plain.draw().astype(int)
        got = fixture.picture(renderer, posed, shading=shading).astype(int)
        assert plain.is_sure.mean() > 0.9
        assert (got[..., 3] > 0).mean() > 0.2
        # A few pixels of soft texture alpha depend on how exactly the driver filters textures.
        off = np.abs(got - expected).max(axis=-1) > 1
        assert off[plain.is_sure].mean() <= 0.001


@pytest.mark.parametrize("name", FLAT)
def test_colours_are_those_that_another_program_draws(
    shared_dir: Path, renderer: Renderer, name: str
) -> None:
    """Each colour that fills 4 % of its picture, over white, is in ours too within two levels."""
    with PillowImage.open(shared_dir / BASELINES / f"mmd-{name}.png") as file:
        theirs = np.asarray(file.convert("RGB"))[::4, ::4]
    counts = Counter(map(tuple, theirs.reshape(-1, 3).tolist()))
    main = [color for color, count in counts.items() if count >= 0.04 * theirs[..., 0].size]
    ours = over_white(generated(shared_dir, name).picture(renderer))
    assert len(main) >= 2
    for color in main:
        assert (np.abs(ours - color).max(axis=-1) <= 2).mean() >= 0.005, color


def test_half_transparent_boxes_blend_in_file_order(shared_dir: Path, renderer: Renderer) -> None:
    """Red first, blue nearer and second; double-sided, so each box covers with back and front."""
    fixture = generated(shared_dir, "alpha-blend-overlap")
    picture = fixture.picture(renderer)
    red, both, blue = (fixture.at(picture, x, y) for x, y in ((-0.4, 0.5), (0.0, 0.5), (0.4, 1.05)))
    assert [red[3], blue[3]] == [round(255 * (1 - 0.45**2)), round(255 * (1 - 0.42**2))]
    assert both[3] > red[3]
    assert both[2] > both[0]


def test_material_morph_hides_a_material_and_its_outline(shared_dir: Path, renderer: Renderer) -> None:
    fixture = generated(shared_dir, "material-morph-alpha-opaque-depth")
    shown, hidden = fixture.picture(renderer), fixture.picture(renderer, fixture.posed(1.0))
    assert fixture.at(shown, -0.1, 0.6) == [152, 10, 8, 255]
    assert fixture.at(hidden, -0.1, 0.6)[2] > 225
    assert not any(fixture.at(hidden, -0.6, 0.6))
    without = fixture.picture(renderer, fixture.posed(1.0), outline_px=0.0)
    assert fixture.at(hidden, 0.145, 0.4) == fixture.at(without, 0.145, 0.4)


def test_outline_surrounds_a_shape_and_leaves_its_inside(shared_dir: Path, renderer: Renderer) -> None:
    fixture = generated(shared_dir, "diffuse-lit-box")
    with_outline, without = (fixture.picture(renderer, outline_px=width) for width in (2.0, 0.0))
    added = (with_outline[..., 3] > 0) & (without[..., 3] == 0)
    inside = without[..., 3] > 0
    assert added.mean() > 0.01
    assert (with_outline[added] == (0, 0, 0, 255)).all()
    assert (with_outline[inside] == without[inside]).all()


@pytest.mark.parametrize("outline_px", [2.0, 5.0])
def test_outline_of_a_sphere_is_as_thick_as_asked(
    shared_dir: Path, renderer: Renderer, outline_px: float
) -> None:
    """Pixels at 256, for an edge size of 1."""
    fixture = scene(shared_dir / MATCAP)
    areas = [
        fixture.picture(renderer, size_px=256, samples_per_axis=4, outline_px=width)[..., 3].sum() / 255
        for width in (0.0, outline_px)
    ]
    thickness = np.sqrt(areas[1] / np.pi) - np.sqrt(areas[0] / np.pi)
    assert thickness == pytest.approx(outline_px, abs=0.1)


def test_sphere_map_lies_on_a_sphere_as_in_its_file(shared_dir: Path, renderer: Renderer) -> None:
    """Seen from the front a sphere shows its sphere map undistorted, up at the top."""
    fixture = scene(shared_dir / MATCAP)
    camera = Camera(-5.0, 5.0, -5.0, 5.0, -9.0, 9.0)
    view = {"camera": camera, "outline_px": 0.0, "samples_per_axis": 4, "size_px": 150}
    picture = fixture.picture(renderer, **view)[..., :3].astype(float)
    expected = np.asarray(
        PillowImage.fromarray(fixture.textures[0]).resize((150, 150), PillowImage.Resampling.BOX)
    )[..., :3].astype(float)
    y, x = np.mgrid[0:150, 0:150] - 74.5
    disc = x**2 + y**2 < 70**2
    error = np.abs(picture - expected)[disc].mean()
    mirrored = min(np.abs(picture - other)[disc].mean() for other in (expected[::-1], expected[:, ::-1]))
    assert error < 8.0
    assert mirrored > 3 * error


def test_toon_ramp_has_its_three_steps(shared_dir: Path, renderer: Renderer) -> None:
    fixture = generated(shared_dir, "toon-ramp-lit-box")
    materials = fixture.model.materials
    base = np.clip(materials.diffuse[0, :3] * 154 / 255 + materials.ambient[0], 0, 1)
    ramp = fixture.textures[0][:, 0, :3].astype(float)
    picture = fixture.picture(renderer, outline_px=0.0)[..., :3]
    steps = np.unique(ramp, axis=0)
    assert len(steps) == 3
    for step in steps:  # the highlight adds to the lit one only
        assert (np.abs(picture - base * step).max(axis=-1) <= 4).mean() > 0.02, step


def test_texture_stands_upright_and_unmirrored(shared_dir: Path, renderer: Renderer) -> None:
    fixture = generated(shared_dir, "texture-uv-orientation-plane")
    picture = fixture.picture(renderer)
    height, width = fixture.textures[0].shape[:2]
    for right in (0, 1):
        for down in (0, 1):
            texel = fixture.textures[0][height * (1 + 2 * down) // 4, width * (1 + 2 * right) // 4]
            shown = fixture.at(picture, 0.3 * (right - 0.5), 0.58 - 0.5 * (down - 0.5))
            base = np.clip(1.0 * 154 / 255 + 0.35, 0, 1)
            assert np.abs(shown[:3] - texel[:3] * base).max() <= 1


def test_cutout_is_a_hole(shared_dir: Path, renderer: Renderer) -> None:
    fixture = generated(shared_dir, "texture-alpha-used-uv-cutout")
    for shading in Shading:
        picture = fixture.picture(renderer, outline_px=0.0, shading=shading)
        assert fixture.at(picture, 0.0, 0.6) == [0, 0, 0, 0]
        assert fixture.at(picture, -0.3, 0.3)[3] == 255


def test_transparent_padding_of_an_atlas_does_not_bleed(shared_dir: Path, renderer: Renderer) -> None:
    fixture = generated(shared_dir, "texture-alpha-atlas-padding-ignored")
    picture = fixture.picture(renderer, outline_px=0.0, samples_per_axis=4)
    assert set(picture[20:70, 20:70, 3].ravel().tolist()) == {255}


@pytest.mark.parametrize("name", ["png-hair-shadow-alpha-morph-blend", "tga-hair-shadow-overlay-alpha-blend"])
def test_shadow_with_soft_alpha_darkens_what_lies_behind(
    shared_dir: Path, renderer: Renderer, name: str
) -> None:
    fixture = generated(shared_dir, name)
    picture = fixture.picture(renderer)
    clear, shaded = fixture.at(picture, 0.3, 0.3), fixture.at(picture, -0.04, 0.64)
    assert clear[3] == shaded[3] == 255
    assert sum(shaded[:3]) < 0.8 * sum(clear[:3])
    if fixture.model.morphs.names:
        hidden = fixture.picture(renderer, fixture.posed(1.0))
        assert abs(sum(fixture.at(hidden, -0.04, 0.64)) - sum(clear)) <= 12
