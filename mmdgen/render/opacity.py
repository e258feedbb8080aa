"""Which triangles are opaque to the last texel, so that they need no blending."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mmdgen.images import Image
from mmdgen.model import NO_INDEX, Bools, Floats, MaterialElements, Model, MorphKind, SphereMode
from mmdgen.render.textures import smallest_mipmap


def opaque_triangles(model: Model, textures: Mapping[int, Image], *, with_spheres: bool = False) -> Bools:
    """Triangles whose material and every texel that they may show have alpha 1, (triangles,).

    Judged by the texture's alpha in the box around a triangle's texture coordinates, with a margin for
    filtering and smaller mipmap levels. Triangles that repeat their texture, or whose texture coordinates a
    morph may move, count as not opaque where the texture has any transparency; so do all triangles of a
    material that a morph may fade. With `with_spheres` a sphere map that multiplies alpha counts too.
    """
    result = np.zeros(len(model.faces), np.bool_)
    can_slide = any(kind == MorphKind.UV for kind in model.morphs.kinds)
    can_fade = _fading_materials(model)
    clear_counts: dict[int, NDArray[np.int32] | None] = {}
    for material, (first, end) in enumerate(model.materials.face_ranges()):
        if model.materials.diffuse[material, 3] < 1.0 or can_fade[material]:
            continue
        if with_spheres and _sphere_is_clear(model, textures, material):
            continue
        index = int(model.materials.textures[material])
        if index not in clear_counts:
            clear_counts[index] = _clear_counts(textures.get(index))
        counts = clear_counts[index]
        if counts is None:
            result[first:end] = True
        elif not can_slide:
            result[first:end] = _covered(model.vertices.uvs[model.faces[first:end]], counts)
    return result


def _fading_materials(model: Model) -> Bools:
    """Materials whose alpha some material morph changes, (materials,).

    Upwards too: a group morph may drive it by a weight below zero.
    """
    fades = np.zeros(len(model.materials), np.bool_)
    for elements in model.morphs.elements:
        if isinstance(elements, MaterialElements):
            alpha = elements.values[:, 3]
            changes = np.where(elements.is_add, alpha != 0.0, alpha != 1.0)
            for material in elements.materials[changes]:
                fades[slice(None) if material == NO_INDEX else material] = True
    return fades


def _sphere_is_clear(model: Model, textures: Mapping[int, Image], material: int) -> bool:
    picture = textures.get(int(model.materials.sphere_textures[material]))
    mode = model.materials.sphere_modes[material]
    multiplies = mode in (SphereMode.MULTIPLY, SphereMode.SUB_TEXTURE)
    return picture is not None and multiplies and bool(picture[..., 3].min() < 255)


def _clear_counts(picture: Image | None) -> NDArray[np.int32] | None:
    """Summed-area table of texels that are not opaque, (height + 1, width + 1); None if there are none."""
    if picture is None or picture[..., 3].min() == 255:
        return None
    table = np.zeros((picture.shape[0] + 1, picture.shape[1] + 1), np.int32)
    np.cumsum(np.cumsum(picture[..., 3] < 255, axis=0, dtype=np.int32), axis=1, out=table[1:, 1:])
    return table


def _covered(uvs: Floats, clear_counts: NDArray[np.int32]) -> Bools:
    """Whether no clear texel lies in the box around each triangle's (triangles, 3, 2) coordinates."""
    height, width = clear_counts.shape[0] - 1, clear_counts.shape[1] - 1
    size = np.array([width, height], np.float64)
    # A bilinear read takes texels whose centres are up to one texel away, so it reaches one and a half texels
    # of the smallest mipmap, which are larger where its size was rounded down.
    smallest = np.maximum(size // 2 ** smallest_mipmap(width, height), 1)
    margin = 1.0 + 1.5 * size / smallest
    with np.errstate(invalid="ignore"):
        low = np.floor(uvs.min(axis=1) * size - margin)
        high = np.ceil(uvs.max(axis=1) * size + margin)
    inside = (low >= 0).all(axis=1) & (high <= size).all(axis=1)
    x0, y0 = np.where(inside[:, None], low, 0).astype(np.intp).T
    x1, y1 = np.where(inside[:, None], high, 0).astype(np.intp).T
    clear = clear_counts[y1, x1] - clear_counts[y0, x1] - clear_counts[y1, x0] + clear_counts[y0, x0]
    return np.asarray(inside & (clear == 0))
