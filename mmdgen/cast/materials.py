"""The materials of a character, in drawing order, with the lighting numbers that real models have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmdgen.cast.colors import Color
from mmdgen.model import NO_INDEX, MaterialFlag, MaterialTable, SphereMode


@dataclass(frozen=True, slots=True)
class Look:
    """One material."""

    key: str
    name: str
    name_en: str
    texture: str | None
    edge: float = 0.0  # 0: no outline
    edge_color: Color = (0.25, 0.16, 0.17)
    alpha: float = 1.0
    double_sided: bool = False
    diffuse: float = 1.0
    ambient: float = 0.6
    specular: float = 0.0
    sphere: str | None = None
    toon: int = 1  # shared toon, 1..10


def _flags(look: Look) -> int:
    flags = MaterialFlag.RECEIVES_SHADOW | MaterialFlag.CASTS_SHADOW | MaterialFlag.GROUND_SHADOW
    if look.edge > 0:
        flags |= MaterialFlag.EDGE
    if look.double_sided:
        flags |= MaterialFlag.DOUBLE_SIDED
    return int(flags)


def material_table(
    looks: Sequence[Look], textures: Sequence[str], face_counts: Sequence[int]
) -> MaterialTable:
    """The table of a model file.

    Args:
        looks: one for each material.
        textures: the model's texture names.
        face_counts: triangles of each material.
    """

    def find(name: str | None) -> int:
        return NO_INDEX if name is None else textures.index(name)

    count = len(looks)
    return MaterialTable(
        names=tuple(look.name for look in looks),
        names_en=tuple(look.name_en for look in looks),
        diffuse=np.array([(look.diffuse,) * 3 + (look.alpha,) for look in looks], np.float32),
        specular=np.array([(look.specular,) * 3 for look in looks], np.float32),
        specular_powers=np.array([30.0 if look.specular else 5.0 for look in looks], np.float32),
        ambient=np.array([(look.ambient,) * 3 for look in looks], np.float32),
        flags=np.array([_flags(look) for look in looks], np.uint8),
        edge_colors=np.array([(*look.edge_color, 1.0) for look in looks], np.float32),
        edge_sizes=np.array([look.edge for look in looks], np.float32),
        textures=np.array([find(look.texture) for look in looks], np.int32),
        sphere_textures=np.array([find(look.sphere) for look in looks], np.int32),
        sphere_modes=np.array(
            [SphereMode.ADD if look.sphere else SphereMode.OFF for look in looks], np.uint8
        ),
        shared_toons=np.ones(count, np.bool_),
        toons=np.array([look.toon - 1 for look in looks], np.int32),
        memos=("",) * count,
        face_index_counts=np.array([3 * n for n in face_counts], np.int32),
    )


def standard_looks(*, translucent_fringe: bool, glossy_hair: bool) -> list[Look]:
    """Every material that a character may have, in drawing order: what shows through comes first."""
    small, cloth, hair = "palette.png", "cloth.png", "hair.png"
    sphere = "gloss.png" if glossy_hair else None
    fringe = "fringe.png" if translucent_fringe else hair
    return [
        Look("skin", "肌", "skin", "skin.png", 0.6, ambient=0.7, toon=2),
        Look("face", "顔", "face", "face.png", 0.6, ambient=0.7, toon=2),
        Look("mouth_inside", "口内", "mouth", small, toon=2),
        Look("tongue", "舌", "tongue", small, toon=2),
        Look("teeth", "歯", "teeth", small, toon=2),
        Look("eye_white", "白目", "eye white", small, ambient=0.7, toon=2),
        Look("lid_inside", "まぶた", "eyelid", small, double_sided=True, toon=2),
        Look("iris", "瞳", "iris", "iris.png", ambient=0.7, toon=2),
        Look("highlight", "瞳ハイライト", "eye highlight", small, toon=2),
        Look("blush", "照れ", "blush", small, alpha=0.0),
        Look("lid_fold", "二重", "eyelid fold", small, double_sided=True, toon=2),
        Look("lash", "まつげ", "lashes", small, double_sided=True, toon=2),
        Look("brow", "眉", "brows", small, double_sided=True, toon=2),
        Look("under", "シャツ", "shirt", "under.png", 0.6, double_sided=True),
        Look("cloth", "服", "clothes", cloth, 0.7, double_sided=True),
        Look("collar", "襟", "collar", "trim.png", 0.6, double_sided=True),
        Look("tie", "リボン", "tie", "trim.png", 0.6, double_sided=True),
        Look("hair_back", "後髪", "back hair", hair, 0.8, double_sided=True, sphere=sphere),
        Look("hair_side", "横髪", "side hair", hair, 0.8, sphere=sphere),
        Look("extra", "飾り", "accessories", "extra.png", 0.7, double_sided=True),
        Look("hair_front", "前髪", "front hair", fringe, 0.8, sphere=sphere),
        Look("lens", "眼鏡レンズ", "lenses", "extra.png", alpha=0.08, double_sided=True),
    ]
