"""The textures, sphere maps and toon ramps of a model's materials on the GPU, each picture once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

import moderngl
import numpy as np

from mmdgen.formats.toons import shared_toon
from mmdgen.images import Image
from mmdgen.model import NO_INDEX, Model
from mmdgen.render.textures import upload_picture, upload_ramp
from mmdgen.scene import Shading

TEXTURE_UNIT, SPHERE_UNIT, RAMP_UNIT = 0, 5, 6  # 1 to 4 hold the tables

_WHITE = np.full((1, 1, 4), 255, np.uint8)


class MaterialPictures:
    """What each material shows. A missing texture or ramp is white; a missing sphere map has no effect."""

    def __init__(
        self,
        context: moderngl.Context,
        model: Model,
        pictures: Mapping[int, Image],
        materials: Sequence[int],
        shading: Shading,
    ) -> None:
        self._model = model
        self._with_toon = shading is Shading.TOON
        decode = shading is Shading.PHONG
        table = model.materials
        self._textures: dict[int, moderngl.Texture] = {}
        self._ramps: dict[tuple[bool, int], moderngl.Texture] = {}
        self._white = upload_picture(context, _WHITE, decode=decode)
        self._white_ramp = upload_ramp(context, _WHITE)
        with ExitStack() as undo:
            undo.callback(self.release)
            for material in materials:
                wanted = [int(table.textures[material])]
                if self._with_toon:
                    wanted.append(int(table.sphere_textures[material]))
                    self._add_ramp(context, pictures, material)
                for index in wanted:
                    if index in pictures and index not in self._textures:
                        self._textures[index] = upload_picture(context, pictures[index], decode=decode)
            undo.pop_all()

    def _add_ramp(self, context: moderngl.Context, pictures: Mapping[int, Image], material: int) -> None:
        key = self._ramp_key(material)
        is_shared, index = key
        if key in self._ramps or index == NO_INDEX:
            return
        if is_shared:
            self._ramps[key] = upload_ramp(context, shared_toon(index))
        elif index in pictures:
            self._ramps[key] = upload_ramp(context, pictures[index])

    def _ramp_key(self, material: int) -> tuple[bool, int]:
        table = self._model.materials
        return bool(table.shared_toons[material]), int(table.toons[material])

    def bind(self, material: int) -> None:
        """Bind a material's texture, and for toon shading its sphere map and ramp, to their units."""
        units = (TEXTURE_UNIT, SPHERE_UNIT, RAMP_UNIT)
        for unit, texture in zip(units, self.bound(material), strict=False):
            texture.use(unit)

    def bound(self, material: int) -> tuple[moderngl.Texture, ...]:
        """What `bind` binds: the texture, and for toon shading sphere map and ramp."""
        table = self._model.materials
        texture = self._textures.get(int(table.textures[material]), self._white)
        if not self._with_toon:
            return (texture,)
        sphere = self._textures.get(int(table.sphere_textures[material]), self._white)
        return texture, sphere, self._ramps.get(self._ramp_key(material), self._white_ramp)

    def sphere_mode(self, material: int) -> int:
        """The material's `SphereMode`, off where its sphere map is missing."""
        index = int(self._model.materials.sphere_textures[material])
        return int(self._model.materials.sphere_modes[material]) if index in self._textures else 0

    def release(self) -> None:
        """Free the GL objects."""
        for texture in (self._white, self._white_ramp, *self._textures.values(), *self._ramps.values()):
            texture.release()
