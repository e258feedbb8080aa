"""The renderer once more, slow and plain, as a second route to the same picture.

numpy, float64, one sample a pixel, triangle after triangle in file order, straight from the formulas: no
redraw, no sorting, no mipmaps. For small models without bones in play.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from mmdgen.formats.toons import shared_toon
from mmdgen.images import Image, linear_from_srgb, srgb_from_linear
from mmdgen.model import NO_INDEX, MaterialFlag, Model, SphereMode
from mmdgen.render.materials import PosedMaterials, posed_materials
from mmdgen.rig import PosedModel
from mmdgen.scene import MMD_LIGHT_COLOR, MMD_TO_LIGHT, Shading, View

Array = NDArray[np.float64]
_LEAST_ALPHA = 0.5 / 255.0
_UNSURE = 1e-3  # of a triangle: closer to its edge, either side is right


class PlainRenderer:
    """Draws one posed model (batch of 1, vertex and material morphs only)."""

    def __init__(self, posed: PosedModel, textures: Mapping[int, Image], view: View) -> None:
        self._model: Model = posed.rig.model
        self._materials: PosedMaterials = posed_materials(posed, 0)
        self._textures = textures
        self._view = view
        self._positions = self._model.vertices.positions.astype(np.float64)
        self._positions[posed.moved_vertices] += posed.vertex_offsets[0]
        camera, size = view.camera, view.size_px
        step = (camera.right - camera.left) / size
        columns, rows = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5)
        self._x, self._y = camera.left + columns * step, camera.top - rows * step
        self._color = np.zeros((size, size, 4))  # premultiplied
        self._depth = np.full((size, size), camera.far)
        self.is_sure = np.ones((size, size), np.bool_)  # no edge of a triangle runs through the sample

    def draw(self) -> Image:
        """The picture, straight from the formulas."""
        flags = self._model.materials.flags
        shade = self._phong if self._view.shading is Shading.PHONG else self._toon
        for material in self._visible():
            both = bool(flags[material] & MaterialFlag.DOUBLE_SIDED)
            self._draw_material(material, self._positions, 1.0, both, shade)
        if self._view.outline_px > 0.0:
            for material in self._visible():
                if flags[material] & MaterialFlag.EDGE:
                    self._draw_material(material, self._hull(material), -1.0, False, self._edge)
        premultiplied = np.clip(self._color, 0.0, 1.0)
        if self._view.shading is Shading.PHONG:
            premultiplied[..., :3] = srgb_from_linear(premultiplied[..., :3])
            return np.floor(premultiplied * 255.0 + 0.05).astype(np.uint8)
        return np.round(premultiplied * 255.0).astype(np.uint8)

    def _visible(self) -> list[int]:
        return [row for row, alpha in enumerate(self._materials.diffuse[:, 3]) if alpha > 0.0]

    def _hull(self, material: int) -> Array:
        vertices = self._model.vertices
        reach = float(self._materials.edge_sizes[material]) * self._view.edge_units
        return self._positions + _unit(vertices.normals) * (reach * vertices.edge_scales)[:, None]

    def _draw_material(
        self,
        material: int,
        positions: Array,
        facing: float,
        both: bool,
        shade: Callable[[int, Array, Array], Array],
    ) -> None:
        first, end = self._model.materials.face_ranges()[material]
        vertices = self._model.vertices
        for corners in self._model.faces[first:end]:
            a, b, c = positions[corners]
            area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
            if area == 0.0 or (not both and area * facing > 0.0):  # clockwise is the front
                continue
            weights = self._weights(a, b, c, area)
            self.is_sure &= ~(np.abs(weights.min(axis=-1)) < _UNSURE)
            depth = weights @ np.array([a[2], b[2], c[2]])
            seen = (weights.min(axis=-1) >= 0.0) & (depth <= self._depth) & (depth >= self._view.camera.near)
            self.is_sure &= ~(np.abs(depth - self._depth) < 1e-6) | (weights.min(axis=-1) < 0.0)
            inside = weights[seen]
            color = shade(material, inside @ vertices.normals[corners], inside @ vertices.uvs[corners])
            shown = color[:, 3] > 1e-7
            # Whether so little alpha counts as none depends on how exactly the driver filters textures.
            self.is_sure[seen] &= (color[:, 3] == 0.0) | (color[:, 3] > _LEAST_ALPHA)
            rows, columns = (places[shown] for places in np.nonzero(seen))
            color = color[shown]
            under = self._color[rows, columns]
            over = np.concatenate([color[:, :3] * color[:, 3:], color[:, 3:]], axis=1)
            self._color[rows, columns] = over + under * (1.0 - color[:, 3:])
            self._depth[rows, columns] = depth[seen][shown]

    def _weights(self, a: Array, b: Array, c: Array, area: float) -> Array:
        """Barycentric coordinates of every pixel's centre, (rows, columns, 3)."""
        x, y = self._x, self._y
        second = ((x - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (y - a[1])) / area
        third = ((b[0] - a[0]) * (y - a[1]) - (x - a[0]) * (b[1] - a[1])) / area
        return np.stack([1.0 - second - third, second, third], axis=-1)

    def _phong(self, material: int, normals: Array, uvs: Array) -> Array:
        table, light = self._materials, self._view.light
        texel = self._texel(int(self._model.materials.textures[material]), uvs, linear=True)
        lambert = np.maximum(0.0, -_unit(normals)[:, 2:])
        lit = (
            table.ambient[material] * light.ambient
            + table.diffuse[material, :3] * light.directional * lambert
        )
        return np.concatenate(
            [np.clip(texel[:, :3] * lit, 0, 1), texel[:, 3:] * table.diffuse[material, 3]], 1
        )

    def _toon(self, material: int, normals: Array, uvs: Array) -> Array:
        table, file = self._materials, self._model.materials
        normals = _unit(normals)
        texel = self._texel(int(file.textures[material]), uvs)
        base = np.clip(table.diffuse[material, :3] * MMD_LIGHT_COLOR + table.ambient[material], 0.0, 1.0)
        color, alpha = base * texel[:, :3], texel[:, 3:] * table.diffuse[material, 3]
        sphere, mode = int(file.sphere_textures[material]), int(file.sphere_modes[material])
        if mode and sphere in self._textures:
            around = self._texel(sphere, normals[:, :2] * (0.5, -0.5) + 0.5)
            if mode == SphereMode.ADD:
                color = color + around[:, :3]
            else:
                color, alpha = color * around[:, :3], alpha * around[:, 3:]
        to_light = np.array(MMD_TO_LIGHT)
        shade = np.clip(0.5 - 0.5 * normals @ to_light, 0.0, 1.0)
        color = color * self._ramp(material, shade)
        power = float(table.specular_powers[material])
        if power > 0.0:
            half = np.add(to_light, (0.0, 0.0, -1.0))
            highlight = np.maximum(0.0, normals @ (half / np.linalg.norm(half))) ** power
            color = color + table.specular[material] * MMD_LIGHT_COLOR * highlight[:, None]
        return np.concatenate([np.clip(color, 0.0, 1.0), alpha], axis=1)

    def _edge(self, material: int, normals: Array, uvs: Array) -> Array:
        color = np.clip(self._materials.edge_colors[material].astype(np.float64), 0.0, 1.0)
        if self._view.shading is Shading.PHONG:
            color[:3] = linear_from_srgb(color[:3])
        return np.repeat(color[None], len(normals), axis=0)

    def _ramp(self, material: int, shade: Array) -> Array:
        file = self._model.materials
        toon = int(file.toons[material])
        if toon == NO_INDEX:
            return np.ones((len(shade), 3))
        picture = shared_toon(toon) if file.shared_toons[material] else self._textures[toon]
        at = np.stack([np.full_like(shade, 0.5), shade], axis=1)
        return _bilinear(picture / 255.0, at, repeat=False)[:, :3]

    def _texel(self, texture: int, uvs: Array, *, linear: bool = False) -> Array:
        if texture not in self._textures:
            return np.ones((len(uvs), 4))
        picture = self._textures[texture] / 255.0
        if linear:
            picture = np.concatenate([linear_from_srgb(picture[..., :3]), picture[..., 3:]], axis=2)
        return _bilinear(picture, uvs, repeat=True)


def _unit(vectors: NDArray[np.floating]) -> Array:
    sizes = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(np.divide(vectors, sizes, out=np.zeros(vectors.shape), where=sizes > 0), np.float64)


def _bilinear(picture: Array, uvs: Array, *, repeat: bool) -> Array:
    """What a picture shows at (n, 2) coordinates, v down from its top."""
    height, width = picture.shape[:2]
    at = uvs * (width, height) - 0.5
    low = np.floor(at).astype(int)
    part = (at - low)[:, None]
    result = np.zeros((len(uvs), picture.shape[2]))
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        x, y = low[:, 0] + dx, low[:, 1] + dy
        x, y = (x % width, y % height) if repeat else (x.clip(0, width - 1), y.clip(0, height - 1))
        share = (part[..., 0] if dx else 1 - part[..., 0]) * (part[..., 1] if dy else 1 - part[..., 1])
        result += picture[y, x] * share
    return result
