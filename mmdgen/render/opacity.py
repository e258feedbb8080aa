"""Which triangles are opaque to the last texel, so that they need no blending."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mmdgen.images import Image
from mmdgen.model import (
    NO_INDEX,
    Bools,
    Floats,
    MaterialElements,
    Model,
    MorphKind,
    SphereMode,
    UvElements,
)

_OPAQUE = 0xFF000000
_ROWS_AT_ONCE = 500_000  # of texels: bounds the memory
_BLOCK = 8  # texels: as many bytes as a word has
_READ = 0.55  # texels: a bilinear read takes those whose nearest point is half a texel away; and rounding


def opaque_triangles(
    model: Model, textures: Mapping[int, Image], wanted: Bools | None = None, *, with_spheres: bool = False
) -> Bools:
    """Triangles whose material and every texel that they may show have alpha 1, (triangles,).

    Triangles whose texture coordinates a morph may move count as not opaque where the texture has any
    transparency; so do all triangles of a material that a morph may fade. With `with_spheres` a sphere map
    that multiplies alpha counts too. Where `wanted` is false nothing is looked at, and the answer is no.
    """
    is_solid = (model.materials.diffuse[:, 3] >= 1.0) & ~_fading_materials(model)
    if with_spheres:
        is_solid &= [not _sphere_is_clear(model, textures, row) for row in range(len(is_solid))]
    materials = model.materials.of_triangles(len(model.faces))
    result = np.asarray(materials != NO_INDEX)
    result[result] = is_solid[materials[result]]
    if wanted is not None:
        result &= wanted
    slides = sliding_vertices(model)
    for index, picture in textures.items():
        rows = np.flatnonzero(result)
        rows = rows[model.materials.textures[materials[rows]] == index]
        clear = _clear_texels(picture) if len(rows) else None
        if clear is not None:
            faces = model.faces[rows]
            result[rows] = _avoid(model.vertices.uvs[faces], clear) & ~slides[faces].any(axis=1)
    return result


def sliding_vertices(model: Model) -> Bools:
    """Vertices whose texture coordinates some morph moves, (vertices,)."""
    slides = np.zeros(len(model.vertices), np.bool_)
    for kind, elements in zip(model.morphs.kinds, model.morphs.elements, strict=True):
        if kind == MorphKind.UV and isinstance(elements, UvElements):
            slides[elements.vertices] = True
    return slides


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


def _clear_texels(picture: Image) -> NDArray[np.bool_] | None:
    """Texels that are not opaque, and those that repeat beyond the borders, (height + 2, width + 2).

    None if all are opaque.
    """
    texels = np.ascontiguousarray(picture).view("<u4")[..., 0]  # alpha is the highest byte
    return None if texels.min() >= _OPAQUE else np.pad(texels < _OPAQUE, 1, mode="wrap")


def _avoid(uvs: Floats, clear: NDArray[np.bool_]) -> Bools:
    """Whether bilinear reads within triangles, (n, 3, 2) texture coordinates, meet no clear texel, (n,).

    Triangles on which the texture begins anew count as meeting.
    """
    height, width = clear.shape
    with np.errstate(invalid="ignore", over="ignore"):
        start = np.floor(uvs.min(axis=1, keepdims=True))  # textures repeat
        corners = (uvs - start) * np.array([width - 2, height - 2], np.float32) + np.float32(1.0)
        low = np.floor(corners.min(axis=1) - _READ)
        high = np.floor(corners.max(axis=1) + _READ) + 1.0
        inside = (low >= 0.0).all(axis=1) & (high <= (width, height)).all(axis=1)
    result = np.zeros(len(uvs), np.bool_)
    rows = np.flatnonzero(inside)
    boxes = np.concatenate([low[rows], high[rows]], axis=1).astype(np.intp)
    result[rows] = far = _far_from(boxes, clear)
    near = rows[~far]
    result[near] = _rows_avoid(corners[near], boxes[~far], clear)
    return result


def _far_from(boxes: NDArray[np.intp], clear: NDArray[np.bool_]) -> Bools:
    """Whether boxes of texels (left, top, right, bottom) meet no block of texels with a clear one, (n,)."""
    height, width = (-(-side // _BLOCK) for side in clear.shape)
    padded = np.zeros((height * _BLOCK, width * _BLOCK), np.bool_)
    padded[: clear.shape[0], : clear.shape[1]] = clear
    lines = padded.view("<u8") != 0  # a block's row of eight
    counts = np.zeros((height + 1, width + 1), np.int32)
    blocks = lines.reshape(height, _BLOCK, width).any(axis=1)
    np.cumsum(np.cumsum(blocks, axis=0, dtype=np.int32), axis=1, out=counts[1:, 1:])
    left, top = (boxes[:, :2] // _BLOCK).T
    right, bottom = ((boxes[:, 2:] - 1) // _BLOCK + 1).T
    found = counts[bottom, right] - counts[top, right] - counts[bottom, left] + counts[top, left]
    return np.asarray(found == 0)


def _rows_avoid(corners: Floats, boxes: NDArray[np.intp], clear: NDArray[np.bool_]) -> Bools:
    """Whether triangles, (n, 3, 2) in texels, avoid clear texels, judged row by row of their boxes, (n,)."""
    counts = np.zeros((clear.shape[0], clear.shape[1] + 1), np.int32)
    np.cumsum(clear, axis=1, out=counts[:, 1:])
    result = np.zeros(len(boxes), np.bool_)
    shares = np.cumsum(boxes[:, 3] - boxes[:, 1]) // _ROWS_AT_ONCE
    for share in np.split(np.arange(len(boxes)), np.flatnonzero(np.diff(shares)) + 1):
        result[share] = _some_avoid(corners[share], boxes[share], counts)
    return result


def _some_avoid(corners: Floats, boxes: NDArray[np.intp], counts: NDArray[np.int32]) -> Bools:
    """The same by the running `counts` of clear texels in each row, (rows, columns + 1)."""
    heights = boxes[:, 3] - boxes[:, 1]
    owners = np.repeat(np.arange(len(boxes)), heights)
    rows = np.arange(len(owners)) + np.repeat(boxes[:, 1] - np.cumsum(heights) + heights, heights)
    left, right = _spans(corners, owners, rows)
    is_known = left <= right  # else lost to rounding
    first = np.where(is_known, left - _READ, 0.0).astype(np.intp)
    last = np.where(is_known, right + _READ, counts.shape[1] - 2).astype(np.intp)
    meets = counts[rows, last + 1] > counts[rows, first]
    return np.asarray(np.bincount(owners[meets], minlength=len(boxes)) == 0)


def _spans(corners: Floats, owners: NDArray[np.intp], rows: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Left and right end of triangles, (n, 3, 2) in texels, in the rows of texels around them.

    Args:
        corners: the triangles.
        owners: of each row, its triangle, (rows,).
        rows: their numbers; reads from within half a texel above and below take from a row too.
    """
    bottom, top = (rows.astype(np.float32) + np.float32(way) for way in (-_READ, 1.0 + _READ))
    left, right = np.full(len(rows), np.inf, np.float32), np.full(len(rows), -np.inf, np.float32)
    for here, there in ((0, 1), (1, 2), (2, 0)):
        x, y = corners[owners, here].T
        dx, dy = (corners[:, there] - corners[:, here])[owners].T
        with np.errstate(divide="ignore", invalid="ignore"):
            enters, leaves = (bottom - y) / dy, (top - y) / dy
        is_level = dy == 0.0
        start = np.where(is_level, 0.0, np.clip(np.minimum(enters, leaves), 0.0, 1.0))
        end = np.where(is_level, 1.0, np.clip(np.maximum(enters, leaves), 0.0, 1.0))
        meets = (np.maximum(y, y + dy) >= bottom) & (np.minimum(y, y + dy) <= top)
        for share in (start, end):
            at = x + share * dx
            left = np.where(meets, np.minimum(left, at), left)
            right = np.where(meets, np.maximum(right, at), right)
    return left, right
