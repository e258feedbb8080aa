"""Textures at the size that the picture can show.

A texture far finer than the samples of the picture would have to be read through mipmaps. Software drivers
then choose a level at every read, and texels that nobody sees are loaded. So it is halved beforehand until a
texel is about as large as a sample, and has no mipmaps. What is looked up by direction instead, sphere maps
and toon ramps, is left as it is; so is everything where it is not known how finely it will be drawn.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from mmdgen.images import Image, srgb_from_linear
from mmdgen.model import Floats, Model, VertexElements
from mmdgen.render.crop import Reach
from mmdgen.render.opacity import sliding_vertices
from mmdgen.render.textures import linear_levels
from mmdgen.scene import Shading

_COARSE = 0.05  # of the surface that shows a texture: so much may get texels larger than a sample
_A_TEXEL = 2.0  # the areas are twice those of the triangles
_ENCODED = np.round(srgb_from_linear(np.arange(65536) / 65535.0) * 255.0).astype(np.uint8)


def fit_pictures(
    model: Model, pictures: Mapping[int, Image], reach: Reach, shading: Shading, limit: int
) -> dict[int, Image]:
    """The pictures by texture index, scaled down to what is needed.

    Args:
        model: whose textures they are.
        pictures: RGBA by index into `Model.textures`.
        reach: what will be drawn, and how finely; where that is not known nothing is halved.
        shading: colours are averaged in linear light, or in gamma space as toon shading keeps them.
        limit: largest side that the driver allows.
    """
    halvings = _halvings(model, pictures, reach)
    in_linear_light = shading is Shading.PHONG
    return {
        index: _within_limit(halved(picture, halvings.get(index, 0), in_linear_light=in_linear_light), limit)
        for index, picture in pictures.items()
    }


def halved(picture: Image, times: int, *, in_linear_light: bool = True) -> Image:
    """A picture at half its size, rounded down, several times over."""
    height, width = picture.shape[:2]
    times = min(times, min(height, width).bit_length() - 1)
    if not times:
        return picture
    if height % (1 << times) or width % (1 << times):
        return _resized(picture, width >> times, height >> times)
    levels = linear_levels(picture) if in_linear_light else picture.astype(np.uint16) * 257
    for _ in range(times):
        rows = _mean(levels[0::2], levels[1::2])
        levels = _mean(rows[:, 0::2], rows[:, 1::2], up=True)
    small = ((levels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if in_linear_light:
        small[..., :3] = _ENCODED[levels[..., :3]]
    return small


def _mean(one: NDArray[np.uint16], other: NDArray[np.uint16], *, up: bool = False) -> NDArray[np.uint16]:
    """Rounded down or up: in turn, so that nothing gets darker. A sum would need a 17th bit."""
    half = (one ^ other) >> 1
    return (one | other) - half if up else (one & other) + half


def _halvings(model: Model, pictures: Mapping[int, Image], reach: Reach) -> dict[int, int]:
    """How often each texture may be halved so that hardly any texel gets larger than a sample.

    What one vertex morph enlarges counts at its largest; what several do together is not looked for.
    """
    if reach.samples_per_unit is None:
        return {}
    table = model.materials
    shown = np.flatnonzero(reach.surfaces)
    texture = table.textures[table.of_triangles(len(model.faces))[shown]]
    by_direction = {*table.sphere_textures.tolist(), *table.toons[~table.shared_toons].tolist()}
    sliding = texture[sliding_vertices(model)[model.faces[shown]].any(axis=1)].tolist()  # or zooming
    result = {}
    for index in pictures.keys() - by_direction - set(sliding):
        triangles = shown[texture == index]
        texels = _texel_areas(model, triangles, pictures[index])
        for areas in (_areas, _largest_areas):  # the second takes longer, and only ever finds less
            density = _density(areas(model, triangles), texels) / reach.samples_per_unit
            result[index] = int(np.log2(max(density, 1.0)))
            if not result[index]:
                break
    return result


def _areas(model: Model, triangles: NDArray[np.intp]) -> Floats:
    """Twice the areas of triangles at rest, square units, (n,)."""
    return _areas_at(model.vertices.positions[model.faces[triangles]])


def _areas_at(corners: Floats) -> Floats:
    across, down = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return np.asarray(np.linalg.norm(np.cross(across, down), axis=1), np.float32)


def _largest_areas(model: Model, triangles: NDArray[np.intp]) -> Floats:
    """The same, at rest or under a vertex morph: some models keep other eyes tiny, to be grown by a morph."""
    largest = _areas(model, triangles)
    faces = model.faces[triangles]
    ways = np.zeros_like(model.vertices.positions)
    moves = np.zeros(len(ways), np.bool_)
    for elements in model.morphs.elements:
        if isinstance(elements, VertexElements):
            moves[elements.vertices], ways[elements.vertices] = True, elements.offsets
            rows = np.flatnonzero(moves[faces].any(axis=1))
            corners = model.vertices.positions[faces[rows]] + ways[faces[rows]]
            largest[rows] = np.maximum(largest[rows], _areas_at(corners))
            moves[elements.vertices], ways[elements.vertices] = False, 0.0
    return largest


def _texel_areas(model: Model, triangles: NDArray[np.intp], picture: Image) -> Floats:
    """Twice the areas of triangles on their texture, texels, (n,)."""
    uvs = model.vertices.uvs[model.faces[triangles]] * np.array(picture.shape[1::-1], np.float64)
    (u0, v0), (u1, v1) = (uvs[:, 1] - uvs[:, 0]).T, (uvs[:, 2] - uvs[:, 0]).T
    return np.asarray(np.abs(u0 * v1 - v0 * u1), np.float64)


def _density(areas: Floats, texels: Floats) -> float:
    """Texels a unit, on one axis, that all but `_COARSE` of a surface have at least; 0 for no surface.

    Triangles that show a single colour do not count.
    """
    counts = (areas > 0.0) & (texels >= _A_TEXEL) & np.isfinite(areas)
    densities, weights = np.sqrt(texels[counts] / areas[counts]), areas[counts].astype(np.float64)
    order = np.argsort(densities)
    reached = np.cumsum(weights[order])
    if not len(reached):
        return 0.0
    return float(densities[order][np.searchsorted(reached, _COARSE * reached[-1])])


def _within_limit(picture: Image, limit: int) -> Image:
    """The same picture, scaled down where the driver does not take its size."""
    height, width = picture.shape[:2]
    if max(height, width) <= limit:
        return picture
    scale = limit / max(height, width)
    return _resized(picture, max(1, int(width * scale)), max(1, int(height * scale)))


def _resized(picture: Image, width: int, height: int) -> Image:
    return np.asarray(PillowImage.fromarray(picture).resize((width, height), PillowImage.Resampling.BOX))
