"""Which triangles need no blending."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmdgen.images import Image
from mmdgen.model import Model
from mmdgen.render.opacity import opaque_triangles
from tests.builders import MorphSpec, build_model, material, material_morph, uv_morph, vertex


def test_triangle_is_opaque_only_where_every_texel_around_it_is() -> None:
    texture = np.full((64, 64, 4), 255, np.uint8)
    texture[:, 48:, 3] = 254
    corners = [
        (0.2, 0.2),
        (0.3, 0.2),
        (0.3, 0.3),
        (0.7, 0.2),
        (0.745, 0.2),
        (0.745, 0.3),
        (1.2, -0.2),
        (1.3, -0.2),
        (1.2, -0.3),
    ]
    model = build_model(
        vertices=[vertex(uv=uv) for uv in corners], textures=["t.png"], materials=[material("髪", texture=0)]
    )
    assert opaque_triangles(model, {0: texture}).tolist() == [True, False, True]
    assert opaque_triangles(model, {}).all()
    assert not opaque_triangles(model, {}, np.zeros(3, np.bool_)).any()


def test_opaque_triangles_read_no_clear_texel_and_hardly_one_more_is_left_out() -> None:
    """Against bilinear reads at many points of random triangles, some across the borders of the texture."""
    rng = np.random.default_rng(7)
    texture = np.full((40, 56, 4), 255, np.uint8)
    texture[rng.random((40, 56)) < 0.01, 3] = 254
    uvs = rng.uniform(-1.2, 2.0, (800, 1, 2)) + rng.uniform(-0.08, 0.08, (800, 3, 2))
    opaque = opaque_triangles(textured(uvs), {0: texture})
    shares = rng.dirichlet(np.ones(3), 4000)
    clear = np.array([reads_clear_texel(shares @ corners, texture) for corners in uvs])
    assert not (opaque & clear).any()
    assert 300 < np.count_nonzero(~clear) < 700
    assert np.count_nonzero(opaque) > 0.85 * np.count_nonzero(~clear)


def textured(uvs: NDArray[np.float64]) -> Model:
    """Triangles of one textured material with these coordinates, (triangles, 3, 2)."""
    vertices = [vertex(uv=(float(u), float(v))) for u, v in uvs.reshape(-1, 2)]
    return build_model(vertices=vertices, textures=["t.png"], materials=[material("髪", texture=0)])


def reads_clear_texel(uvs: NDArray[np.float64], texture: Image) -> bool:
    """Whether bilinear reads at points, (points, 2), take one of the four texels around from a clear one."""
    height, width = texture.shape[:2]
    first = np.floor(uvs * (width, height) - 0.5).astype(int)
    columns, rows = (first[:, None] + np.array([(0, 0), (1, 0), (0, 1), (1, 1)])).transpose(2, 0, 1)
    return bool((texture[rows % height, columns % width, 3] < 255).any())


def test_a_morph_that_moves_texture_coordinates_concerns_only_the_triangles_that_it_moves() -> None:
    texture = np.full((64, 64, 4), 255, np.uint8)
    texture[0, 0, 3] = 0
    model = build_model(
        vertices=[vertex(uv=(u, 0.5)) for u in (0.4, 0.5, 0.45, 0.6, 0.7, 0.65)],
        textures=["t.png"],
        materials=[material("涙", texture=0)],
        morphs=[uv_morph("流", {4: (0.0, 0.1, 0.0, 0.0)})],
    )
    assert opaque_triangles(model, {0: texture}).tolist() == [True, False]


def test_see_through_material_and_sliding_texture_are_not_opaque() -> None:
    texture = np.full((8, 8, 4), 200, np.uint8)
    glass = build_model(materials=[material("硝子", diffuse=(1.0, 1.0, 1.0, 0.9))])
    fading = [build_model(materials=[material("霧")], morphs=[morph]) for morph in fades()]
    sliding = build_model(
        textures=["t.png"], materials=[material("涙", texture=0)], morphs=[uv_morph("流", {0: (1, 0, 0, 0)})]
    )
    assert not opaque_triangles(glass, {}).any()
    assert not opaque_triangles(sliding, {0: texture}).any()
    assert not any(opaque_triangles(model, {}).any() for model in fading)


def fades() -> list[MorphSpec]:
    """Morphs that change alpha, some of them upwards: a group may drive those by a weight below zero."""
    values = [(False, 0.5), (False, 1.5), (True, -0.5), (True, 0.5)]
    changes = [np.full(28, 0.0 if is_add else 1.0) for is_add, _ in values]
    for change, (_, alpha) in zip(changes, values, strict=True):
        change[3] = alpha
    return [
        material_morph("変", [(0, is_add, change)])
        for change, (is_add, _) in zip(changes, values, strict=True)
    ]
