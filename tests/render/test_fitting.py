"""Textures at the size that the picture can show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mmdgen.model import Model
from mmdgen.render import Renderer
from mmdgen.render.crop import everything
from mmdgen.render.fitting import fit_pictures, halved
from mmdgen.rig import build_rig
from mmdgen.scene import Shading
from tests.builders import MorphSpec, build_model, material, uv_morph, vertex, vertex_morph


def square(side: float, uv_side: float = 1.0, morphs: Sequence[MorphSpec] = (), **settings: object) -> Model:
    """A square of one material, `side` units wide, that shows so much of its texture on each axis."""
    corners = ((0, 0), (1, 0), (1, 1), (0, 1))
    return build_model(
        vertices=[vertex((side * x, side * y, 0.0), uv=(uv_side * x, uv_side * y)) for x, y in corners],
        faces=[(0, 1, 2), (0, 2, 3)],
        textures=["t.png"],
        materials=[material("床", texture=0, **settings)],
        morphs=morphs,
    )


def fitted_size(model: Model, samples_per_unit: float | None, limit: int = 4096) -> tuple[int, ...]:
    reach = replace(everything(model), samples_per_unit=samples_per_unit)
    picture = np.full((256, 512, 4), 255, np.uint8)
    return fit_pictures(model, {0: picture}, reach, Shading.PHONG, limit)[0].shape[:2]


def test_texture_is_halved_until_a_texel_is_as_large_as_a_sample() -> None:
    """512 x 256 texels on a square of one unit: 362 on a side of a square of the same number."""
    assert fitted_size(square(1.0), None) == (256, 512)
    assert fitted_size(square(1.0), 200.0) == (256, 512)
    assert fitted_size(square(1.0), 180.0) == (128, 256)
    assert fitted_size(square(1.0), 90.0) == (64, 128)
    assert fitted_size(square(4.0), 90.0) == (256, 512)
    assert fitted_size(square(1.0, uv_side=0.25), 90.0) == (256, 512)


def test_texture_beyond_the_limit_is_scaled_down() -> None:
    assert fitted_size(square(1.0), None, limit=100) == (50, 100)


def test_what_is_not_drawn_does_not_count_and_a_texture_without_area_stays() -> None:
    model = square(0.0)
    assert fitted_size(model, 1.0) == (256, 512)
    reach = replace(everything(square(1.0)), surfaces=np.zeros(2, np.bool_), samples_per_unit=1.0)
    picture = np.full((8, 8, 4), 255, np.uint8)
    assert fit_pictures(square(1.0), {0: picture}, reach, Shading.PHONG, 4096)[0].shape == (8, 8, 4)


def test_a_small_part_that_needs_its_texels_keeps_them() -> None:
    """A tenth of the surface, an eye perhaps, shows its texels eight times larger than the rest."""
    fine = square(1.0)
    assert fitted_size(joined(fine, square(0.35, uv_side=0.35 / 8.0)), 40.0) == (256, 512)
    assert fitted_size(fine, 40.0) == (32, 64)


def joined(one: Model, other: Model) -> Model:
    """Two squares of one material."""
    return build_model(
        vertices=[
            vertex(tuple(position), uv=tuple(uv))
            for table in (one.vertices, other.vertices)
            for position, uv in zip(table.positions, table.uvs, strict=True)
        ],
        faces=[tuple(face) for face in np.concatenate([one.faces, other.faces + len(one.vertices)])],
        textures=["t.png"],
        materials=[material("顔", texture=0)],
    )


def test_neither_a_sliver_nor_a_single_colour_keeps_a_texture_large() -> None:
    """A hundredth of the surface with coarse texels, and a whole square that shows one texel."""
    fine = square(1.0)
    assert fitted_size(joined(fine, square(0.1, uv_side=0.1 / 8.0)), 40.0) == (32, 64)
    assert fitted_size(joined(fine, square(1.0, uv_side=1e-4)), 40.0) == (32, 64)


def test_what_a_morph_enlarges_keeps_its_texels() -> None:
    """Other eyes that models keep as a dot inside the head."""
    dot = square(0.01)
    assert fitted_size(dot, 400.0) == (4, 8)
    grown = square(
        0.01,
        morphs=[vertex_morph("ぐるぐる目", {1: (1.0, 0.0, 0.0), 2: (1.0, 1.0, 0.0), 3: (0.0, 1.0, 0.0)})],
    )
    assert fitted_size(grown, 400.0) == (256, 512)


def test_what_is_looked_up_by_direction_or_may_slide_is_left_alone() -> None:
    zoom = uv_morph("寄", {0: (0.5, 0.5, 0.0, 0.0)})
    assert fitted_size(square(1.0, morphs=[zoom]), 40.0) == (256, 512)
    for use in ({"sphere_texture": 0, "sphere_mode": 1}, {"toon": 0}):
        assert fitted_size(square(1.0, **use), 40.0) == (256, 512)
    shared = square(1.0, toon=0, shared_toon=True)  # a number among MMD's own, not this texture's
    assert fitted_size(shared, 40.0) == (32, 64)


def test_huge_texture_coordinates_do_no_harm() -> None:
    assert fitted_size(square(1.0, uv_side=3e38), 40.0) == (1, 2)


def test_triangles_of_no_material_do_no_harm() -> None:
    model = square(1.0)
    counts = np.array([3], np.int32)
    model = replace(model, materials=replace(model.materials, face_index_counts=counts))
    assert fitted_size(model, 40.0) == (32, 64)


def test_opacity_is_judged_on_the_halved_texture(renderer: Renderer) -> None:
    """A clear column that a triangle's reads just miss goes into a halved one that they meet."""
    texture = np.full((64, 64, 4), 255, np.uint8)
    texture[:, 20, 3] = 0
    corners = [(22.2 / 64, 0.2), (0.9, 0.2), (0.9, 0.8)]
    model = build_model(
        vertices=[vertex((u, v, 0.0), uv=(u, v)) for u, v in corners],
        textures=["t.png"],
        materials=[material("窓", texture=0)],
    )
    for samples_per_unit, opaque in ((None, True), (30.0, False)):
        reach = replace(everything(model), samples_per_unit=samples_per_unit)
        loaded = renderer.load(build_rig(model), {0: texture}, reach)
        assert loaded.geometry.in_opaque_run.tolist() == [opaque]
        loaded.release()


def test_halving_averages_light_or_levels_and_rounds_sizes_down() -> None:
    picture = np.zeros((2, 6, 4), np.uint8)
    picture[:, ::2] = 255
    assert halved(picture, 1)[0, 0].tolist() == [188, 188, 188, 128]  # half the light of white
    assert halved(picture, 1, in_linear_light=False)[0, 0].tolist() == [128] * 4  # as toon shading has it
    assert halved(picture, 5).shape == (1, 3, 4)
    assert halved(np.zeros((15, 31, 4), np.uint8), 2).shape == (3, 7, 4)
    alphas = np.zeros((2, 2, 4), np.uint8)
    alphas[..., 3] = [[101, 100], [102, 101]]
    assert halved(alphas, 1)[0, 0, 3] == 101
    plain = np.full((4, 4, 4), 77, np.uint8)
    assert (halved(plain, 2) == 77).all()
