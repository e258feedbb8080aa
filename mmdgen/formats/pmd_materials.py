"""The materials of a PMD file in the terms of PMX."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdgen.formats.binary import BinaryReader
from mmdgen.formats.physics_tables import Texts
from mmdgen.formats.pmd_text import field_texts
from mmdgen.formats.pmx_materials import SHARED_TOONS, settle_index_counts
from mmdgen.formats.repair import finite, warn_rows
from mmdgen.model import NO_INDEX, MaterialFlag, MaterialTable, SphereMode

_NO_SHADOW_ALPHA = 0.98
"""MMD: a material of exactly this opacity neither casts nor receives self-shadow."""
_SPHERE_MODES = {".sph": SphereMode.MULTIPLY, ".spa": SphereMode.ADD}


def convert_materials(
    reader: BinaryReader, rows: NDArray[Any], start: int, toon_names: Texts, *, face_index_count: int
) -> tuple[Texts, MaterialTable]:
    """The texture paths and the materials.

    Args:
        reader: collects the warnings.
        rows: (materials,) records of `pmd_layout.MATERIAL`.
        start: where the first material begins.
        toon_names: the file's ten toon names, or none for MMD's own.
        face_index_count: how many vertex indices the model has.
    """
    count = len(rows)
    offsets = start + np.arange(count, dtype=np.int64) * rows.dtype.itemsize
    paths: dict[str, int] = {}
    textures, spheres, modes = np.full((3, count), NO_INDEX, np.int32)
    modes[:] = SphereMode.OFF
    for row, text in enumerate(field_texts(reader, rows["texture"], offset=start)):
        texture, sphere, mode = _split_texture(text)
        modes[row] = mode
        if texture:
            textures[row] = paths.setdefault(texture, len(paths))
        if sphere:
            spheres[row] = paths.setdefault(sphere, len(paths))
    toons, shared = _toons(reader, rows["toon"].astype(np.int32), toon_names, paths, offsets)

    def mend(name: str, default: float = 0.0) -> NDArray[np.float32]:
        values = rows[name].copy()
        return finite(reader, values, name.replace("_", " "), offsets, section="material", default=default)

    diffuse = mend("diffuse", 1.0)
    black = np.zeros((count, 4), np.float32)
    black[:, 3] = 1.0
    table = MaterialTable(
        names=("",) * count,
        names_en=("",) * count,
        diffuse=diffuse,
        specular=mend("specular"),
        specular_powers=mend("specular_power"),
        ambient=mend("ambient"),
        flags=_flags(diffuse[:, 3], rows["edge"] != 0),
        edge_colors=black,
        edge_sizes=np.ones(count, np.float32),
        textures=textures,
        sphere_textures=spheres,
        sphere_modes=modes.astype(np.uint8),
        shared_toons=shared,
        toons=toons,
        memos=("",) * count,
        face_index_counts=settle_index_counts(
            reader, rows["index_count"].tolist(), face_index_count, offsets
        ),
    )
    return tuple(paths), table


def _split_texture(text: str) -> tuple[str, str, SphereMode]:
    """Texture, sphere map and its mode from "a.bmp", "a.bmp*b.sph", "b.sph*a.bmp" or "b.sph"."""
    texture = sphere = ""
    mode = SphereMode.OFF
    for part in text.split("*"):
        found = _SPHERE_MODES.get(part[-4:].lower())
        if found is not None:
            sphere, mode = part, found
        else:
            texture = texture or part
    return texture, sphere, mode


def _toons(
    reader: BinaryReader,
    indices: NDArray[np.int32],
    names: Texts,
    paths: dict[str, int],
    offsets: NDArray[np.int64],
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Toons and whether they are shared.

    MMD: the file's own list wins over the shared ones, even where it names "toon01.bmp": that is looked for
    beside the model first.
    """
    unknown = (indices < NO_INDEX) | (indices >= SHARED_TOONS)
    warn_rows(reader, unknown, "the toon is unknown", "took none", offsets, section="material")
    toons = np.where(unknown, NO_INDEX, indices).astype(np.int32)
    shared = np.asarray(toons != NO_INDEX)
    for row in np.flatnonzero(shared):
        name = names[toons[row]] if names else ""
        if name:
            toons[row] = paths.setdefault(name, len(paths))
            shared[row] = False
    return toons, shared


def _flags(alpha: NDArray[np.float32], has_edge: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """What a PMD says by opacity and its edge byte, as PMX flags."""
    shadow = np.abs(alpha - _NO_SHADOW_ALPHA) > 1e-6
    flags = np.where(alpha < 1.0, MaterialFlag.DOUBLE_SIDED, 0)
    flags |= np.where(shadow, MaterialFlag.CASTS_SHADOW | MaterialFlag.RECEIVES_SHADOW, 0)
    flags |= np.where(has_edge, MaterialFlag.EDGE | MaterialFlag.GROUND_SHADOW, 0)
    return flags.astype(np.uint8)
