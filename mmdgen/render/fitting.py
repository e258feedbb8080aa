"""Textures at the size that the picture can show.

A texture far finer than the samples of the picture would have to be read through mipmaps. Software drivers
then choose a level at every read, and texels that nobody sees are loaded. So it is halved beforehand until a
texel is about as large as a sample; averages are taken in linear light.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from mmdgen.images import Image, srgb_from_linear
from mmdgen.model import NO_INDEX, Floats, Model
from mmdgen.render.crop import Reach
from mmdgen.render.textures import linear_levels

_FINEST = 0.25  # of a texture's surface may have more than that many texels lost to a halving
_ENCODED = np.round(srgb_from_linear(np.arange(65536) / 65535.0) * 255.0).astype(np.uint8)


def fit_pictures(model: Model, pictures: Mapping[int, Image], reach: Reach, limit: int) -> dict[int, Image]:
    """The pictures by texture index, scaled down to what is needed.

    Args:
        model: whose textures they are.
        pictures: RGBA by index into `Model.textures`.
        reach: what will be drawn, and how finely; where that is not known nothing is halved.
        limit: largest side that the driver allows.
    """
    halvings = _halvings(model, pictures, reach)
    return {
        index: _within_limit(halved(picture, halvings.get(index, 0)), limit)
        for index, picture in pictures.items()
    }


def halved(picture: Image, times: int) -> Image:
    """A picture at half its size, several times over while both sides are even."""
    height, width = picture.shape[:2]
    while times and (height % (1 << times) or width % (1 << times)):
        times -= 1
    if not times:
        return picture
    levels = linear_levels(picture)
    for _ in range(times):
        rows = _mean(levels[0::2], levels[1::2])
        levels = _mean(rows[:, 0::2], rows[:, 1::2])
    small = np.empty(levels.shape, np.uint8)
    small[..., :3] = _ENCODED[levels[..., :3]]
    small[..., 3] = levels[..., 3] // 257
    return small


def _mean(one: NDArray[np.uint16], other: NDArray[np.uint16]) -> NDArray[np.uint16]:
    return (one & other) + ((one ^ other) >> 1)  # rounded down; a sum would need a 17th bit


def _halvings(model: Model, pictures: Mapping[int, Image], reach: Reach) -> dict[int, int]:
    """How often each texture may be halved so that hardly any texel gets larger than a sample."""
    if reach.samples_per_unit is None:
        return {}
    surfaces: dict[int, list[tuple[Floats, Floats]]] = {}
    for material, (first, end) in enumerate(model.materials.face_ranges()):
        index = int(model.materials.textures[material])
        shown = first + np.flatnonzero(reach.surfaces[first:end])
        if index in pictures and len(shown):
            surfaces.setdefault(index, []).append(_areas(model, shown, pictures[index]))
    result = {}
    for index, parts in surfaces.items():
        area, texels = (np.concatenate(column) for column in zip(*parts, strict=True))
        density = _lower_quantile(np.sqrt(texels / area), area) / reach.samples_per_unit
        result[index] = int(np.log2(max(density, 1.0)))
    for index in model.materials.sphere_textures[model.materials.sphere_textures != NO_INDEX]:
        result.pop(int(index), None)  # its texels are looked up by direction
    return result


def _areas(model: Model, triangles: NDArray[np.intp], picture: Image) -> tuple[Floats, Floats]:
    """Area of triangles in space and on their texture, square units and texels, each (triangles,)."""
    corners = model.vertices.positions[model.faces[triangles]].astype(np.float64)
    across, down = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = np.linalg.norm(np.cross(across, down), axis=1)
    uvs = model.vertices.uvs[model.faces[triangles]] * np.array(picture.shape[1::-1], np.float64)
    (u0, v0), (u1, v1) = (uvs[:, 1] - uvs[:, 0]).T, (uvs[:, 2] - uvs[:, 0]).T
    texels = np.abs(u0 * v1 - v0 * u1)
    good = (area > 0.0) & np.isfinite(texels)
    return area[good], texels[good]


def _lower_quantile(values: Floats, weights: Floats) -> float:
    """The value that `_FINEST` of the weight lies below; 0 for none."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    if not len(reached):
        return 0.0
    return float(values[order][np.searchsorted(reached, _FINEST * reached[-1])])


def _within_limit(picture: Image, limit: int) -> Image:
    """The same picture, scaled down where the driver does not take its size."""
    height, width = picture.shape[:2]
    if max(height, width) <= limit:
        return picture
    scale = limit / max(height, width)
    size = (max(1, int(width * scale)), max(1, int(height * scale)))
    return np.asarray(PillowImage.fromarray(picture).resize(size, PillowImage.Resampling.BOX))
