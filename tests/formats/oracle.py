"""A model in the words of ../shared/models/oracle: what several independent readers say of a file."""

from __future__ import annotations

import hashlib
import posixpath

import numpy as np
from numpy.typing import ArrayLike

from mmdgen.formats.binary import BinaryReader
from mmdgen.formats.pmx import read_header
from mmdgen.formats.pmx_layout import BONES_OF_SKINNING, WEIGHTS_OF_SKINNING
from mmdgen.model import NO_INDEX, BoneFlag, GroupElements, Model, Skinning, VertexElements


def sha1(values: ArrayLike, dtype: str) -> str:
    return hashlib.sha1(np.ascontiguousarray(values, dtype).tobytes()).hexdigest()


def describe(model: Model, data: bytes) -> dict[str, object]:
    """Every field of an oracle's `consensus` that the model can tell."""
    vertices, bones, morphs, materials = model.vertices, model.bones, model.morphs, model.materials
    moved = [elements for elements in morphs.elements if isinstance(elements, VertexElements)]
    told: dict[str, object] = {
        "format": model.format,
        "version": round(model.version, 1),
        "name": model.name,
        "name_en": model.name_en,
        "encoding": {"cp932": "shift-jis"}.get(model.encoding, model.encoding),
        "add_uv": vertices.additional_uvs.shape[1],
        "n.vertices": len(vertices),
        "n.face_indices": model.faces.size,
        "n.textures": len(model.textures),
        "n.materials": len(materials),
        "n.bones": len(bones),
        "n.morphs": len(morphs),
        "n.frames": len(model.display_frames),
        "n.rigid_bodies": len(model.rigid_bodies),
        "n.joints": len(model.joints),
        "n.soft_bodies": len(model.soft_bodies),
        "n.iks": len(bones.ik_chains),
        "faces_sum": int(model.faces.sum(dtype=np.int64)),
        "faces_head": model.faces[:3].tolist(),
        "sum_pos": vertices.positions.sum(axis=0, dtype=np.float64).tolist(),
        "sum_nrm": vertices.normals.sum(axis=0, dtype=np.float64).tolist(),
        "sum_uv": vertices.uvs.sum(axis=0, dtype=np.float64).tolist(),
        "bbox": [vertices.positions.min(axis=0).tolist(), vertices.positions.max(axis=0).tolist()]
        if len(vertices)
        else None,
        "deform": {
            kind.name: int((vertices.skinning == kind).sum())
            for kind in Skinning
            if (vertices.skinning == kind).any()
        },
        "sha1.pos": sha1(vertices.positions, "<f4"),
        "sha1.nrm": sha1(vertices.normals, "<f4"),
        "sha1.uv": sha1(vertices.uvs, "<f4"),
        "sha1.faces": sha1(model.faces, "<u4"),
        "sha1.bone_pos": sha1(bones.rest_positions, "<f4"),
        "sha1.skin_bones": sha1(vertices.bone_indices[_used(vertices.skinning, BONES_OF_SKINNING)], "<i4"),
        "sha1.skin_weights": sha1(
            vertices.bone_weights[_used(vertices.skinning, WEIGHTS_OF_SKINNING)], "<f4"
        ),
        "sha1.vmorph_idx": sha1(np.concatenate([e.vertices for e in moved] or [[]]), "<u4"),
        "sha1.vmorph_off": sha1(np.concatenate([e.offsets for e in moved] or [np.zeros((0, 3))]), "<f4"),
        "bone.names": list(bones.names),
        "bone.en": list(bones.names_en),
        "bone.parents": bones.parents.tolist(),
        "bone.pos": bones.rest_positions.tolist(),
        "bone.layer": bones.deform_layers.tolist(),
        "bone.ik": bones.has_flag(BoneFlag.IK).tolist(),
        "bone.append": _appends(model),
        "morph.names": list(morphs.names),
        "morph.en": list(morphs.names_en),
        "morph.panel": morphs.panels.tolist(),
        "morph.type": morphs.kinds.tolist(),
        "morph.n": [_size(elements) for elements in morphs.elements],
        "morph_offset_sum": [
            round(float(np.abs(e.offsets.astype(np.float64)).sum()), 5)
            if isinstance(e, VertexElements)
            else None
            for e in morphs.elements
        ],
        "mat.name": list(materials.names),
        "mat.name_en": list(materials.names_en),
        "mat.tex": [_path(model, index) for index in materials.textures],
        "mat.sph": [_path(model, index) for index in materials.sphere_textures],
        "mat.sph_mode": materials.sphere_modes.tolist(),
        "mat.toon": [_toon(model, material) for material in range(len(materials))],
        "mat.n": materials.face_index_counts.tolist(),
        "mat.diffuse": materials.diffuse.tolist(),
        "mat.edge_size": materials.edge_sizes.tolist(),
        "textures": [as_oracle_path(texture) for texture in model.textures],
    }
    if model.format == "pmx":
        told["index_sizes"] = list(read_header(BinaryReader(data, "oracle"))[1].sizes)
    if len(vertices.sdef_vertices):
        told["first_sdef"] = {
            "i": int(vertices.sdef_vertices[0]),
            "c": vertices.sdef_c[0].tolist(),
            "r0": vertices.sdef_r0[0].tolist(),
            "r1": vertices.sdef_r1[0].tolist(),
        }
    for end, rows in (("v_head", slice(None, 5)), ("v_tail", slice(-5, None))):
        told[f"{end}.pos"] = vertices.positions[rows].tolist()
        told[f"{end}.nrm"] = vertices.normals[rows].tolist()
        told[f"{end}.uv"] = vertices.uvs[rows].tolist()
        told[f"{end}.type"] = [Skinning(kind).name for kind in vertices.skinning[rows].tolist()]
        told[f"{end}.w"] = [_influences(model, row) for row in range(len(vertices))[rows]]
    return told


def _used(skinning: np.ndarray, slots: dict[Skinning, int]) -> np.ndarray:
    """Which of the four slots of each vertex are stored, (vertices, 4)."""
    return np.arange(4) < np.array([slots[kind] for kind in Skinning])[skinning][:, None]


def _influences(model: Model, row: int) -> list[list[float]]:
    size = BONES_OF_SKINNING[Skinning(int(model.vertices.skinning[row]))]
    bones = model.vertices.bone_indices[row, :size].tolist()
    weights = model.vertices.bone_weights[row, :size].tolist()
    return [[bone, weight] for bone, weight in zip(bones, weights, strict=True)]


def _appends(model: Model) -> list[object]:
    bones = model.bones
    has_append = bones.has_flag(BoneFlag.APPEND_ROTATION) | bones.has_flag(BoneFlag.APPEND_TRANSLATION)
    return [
        [int(parent), float(ratio)] if has else None
        for has, parent, ratio in zip(has_append, bones.append_parents, bones.append_ratios, strict=True)
    ]


def _path(model: Model, index: int) -> str:
    return "" if index == NO_INDEX else as_oracle_path(model.textures[index])


def _toon(model: Model, material: int) -> int | str:
    """PMX: shared toon or path. PMD: the place in the toon list, whose names all files here leave alone."""
    toon, is_shared = int(model.materials.toons[material]), bool(model.materials.shared_toons[material])
    path = "" if is_shared else _path(model, toon)
    if model.format == "pmx":
        return f"shared:{toon}" if is_shared else path
    return int(path.removeprefix("toon").removesuffix(".bmp")) - 1 if path else toon


def _size(elements: object) -> int:
    indices = elements.morphs if isinstance(elements, GroupElements) else None
    for name in ("vertices", "bones", "materials", "rigid_bodies"):
        indices = getattr(elements, name, indices)
    assert indices is not None
    return len(indices)


def as_oracle_path(path: str) -> str:
    """The oracle's spelling of a path: slashes, no "./"."""
    return posixpath.normpath(path.replace("\\", "/")) if path else ""
