"""Textures at the size that the picture can show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mmdgen.model import Model
from mmdgen.render.crop import everything
from mmdgen.render.fitting import fit_pictures, halved
from tests.builders import MorphSpec, build_model, material, vertex, vertex_morph


def square(side: float, uv_side: float = 1.0, morphs: Sequence[MorphSpec] = ()) -> Model:
    """A square of one material, `side` units wide, that shows so much of its texture on each axis."""
    corners = ((0, 0), (1, 0), (1, 1), (0, 1))
    return build_model(
        vertices=[vertex((side * x, side * y, 0.0), uv=(uv_side * x, uv_side * y)) for x, y in corners],
        faces=[(0, 1, 2), (0, 2, 3)],
        textures=["t.png"],
        materials=[material("床", texture=0)],
        morphs=morphs,
    )


def fitted_size(model: Model, samples_per_unit: float | None, limit: int = 4096) -> tuple[int, ...]:
    reach = replace(everything(model), samples_per_unit=samples_per_unit)
    picture = np.full((256, 512, 4), 255, np.uint8)
    return fit_pictures(model, {0: picture}, reach, limit)[0].shape[:2]


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
    assert fit_pictures(square(1.0), {0: picture}, reach, 4096)[0].shape == (8, 8, 4)


def test_a_small_part_that_needs_its_texels_keeps_them() -> None:
    """A tenth of the surface, an eye perhaps, shows its texels eight times larger than the rest."""
    fine, eye = square(1.0), square(0.35, uv_side=0.35 / 8.0)
    vertices = fine.vertices, eye.vertices
    model = build_model(
        vertices=[
            vertex(tuple(position), uv=tuple(uv))
            for table in vertices
            for position, uv in zip(table.positions, table.uvs, strict=True)
        ],
        faces=[tuple(face) for face in np.concatenate([fine.faces, eye.faces + 4])],
        textures=["t.png"],
        materials=[material("顔", texture=0)],
    )
    assert fitted_size(model, 40.0) == (256, 512)
    assert fitted_size(fine, 40.0) == (32, 64)


def test_what_a_morph_enlarges_keeps_its_texels() -> None:
    """Other eyes that models keep as a dot inside the head."""
    dot = square(0.01)
    assert fitted_size(dot, 400.0) == (4, 8)
    grown = square(
        0.01,
        morphs=[vertex_morph("ぐるぐる目", {1: (1.0, 0.0, 0.0), 2: (1.0, 1.0, 0.0), 3: (0.0, 1.0, 0.0)})],
    )
    assert fitted_size(grown, 400.0) == (256, 512)


def test_halving_averages_light_and_keeps_odd_sizes() -> None:
    picture = np.zeros((2, 6, 4), np.uint8)
    picture[:, ::2] = 255
    assert halved(picture, 1)[0, 0].tolist() == [188, 188, 188, 127]  # half the light of white
    assert halved(picture, 2).shape == (1, 3, 4)
    plain = np.full((4, 4, 4), 77, np.uint8)
    assert (halved(plain, 2) == 77).all()
