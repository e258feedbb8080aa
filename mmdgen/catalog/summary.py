"""Everything that a person wants to know of one model file before using it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from mmdgen.annotate.schema import Annotation
from mmdgen.catalog.examine import examine_model
from mmdgen.catalog.terms import TermsSource, find_terms
from mmdgen.formats import Texture, load_texture, read_model_bytes
from mmdgen.model import (
    NO_INDEX,
    BoneFlag,
    MaterialFlag,
    Model,
    MorphElements,
    MorphKind,
    Panel,
    Skinning,
    SphereMode,
)
from mmdgen.rig.skeleton import find_bone_roles


@dataclass(frozen=True, slots=True)
class TextureState:
    """A picture that the model names."""

    name: str  # as stored
    file: str | None  # path from the model's folder, None where nothing was found
    size: tuple[int, int] | None  # width and height, None where nothing was decoded
    has_alpha: bool
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MaterialState:
    """A material and the pictures on it; None where it has none."""

    name: str
    name_en: str
    triangles: int
    opacity: float
    flags: tuple[str, ...]
    texture: str | None
    sphere: str | None
    sphere_mode: str
    toon: str | None


@dataclass(frozen=True, slots=True)
class MorphState:
    """A morph and how much it moves."""

    name: str
    name_en: str
    kind: str
    elements: int


@dataclass(frozen=True, slots=True)
class BoneState:
    """A bone, its parent and what is special about it."""

    name: str
    name_en: str
    parent: int
    layer: int
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RoleState:
    """Which morph plays a role, and how sure that is."""

    morph: str
    half: str | None  # "left" or "right" where only that half of the morph is taken
    confidence: float


@dataclass(frozen=True, slots=True)
class Summary:
    """One model file."""

    file: str
    model_id: str
    format: str  # "pmx 2.0"
    encoding: str
    name: str
    name_en: str
    comment: str
    comment_en: str
    counts: dict[str, int]
    skinning: dict[str, int]  # vertices of each weight type
    size: tuple[float, float, float]  # width, height and depth of the rest pose, MMD units
    bone_roles: dict[str, str | None]  # part -> bone name
    bones: tuple[BoneState, ...]
    morphs: dict[str, tuple[MorphState, ...]]  # panel -> morphs
    materials: tuple[MaterialState, ...]
    textures: tuple[TextureState, ...]
    is_usable: bool
    problem: str  # why it is not usable as a character, "" where it is
    head: tuple[float, float] | None  # bottom and top, MMD units
    roles: dict[str, RoleState]
    remarks: tuple[str, ...]  # what was noticed on the way to using it
    warnings: tuple[str, ...]  # what was mended in the file
    terms: tuple[TermsSource, ...]

    def to_json(self) -> dict[str, Any]:
        """The summary as plain values for JSON."""
        return asdict(self)


def summarise_model(path: Path) -> Summary:
    """Read a model file, its textures and the texts beside it.

    Raises:
        FormatError: the file is no model, or is damaged beyond repair.
        OSError: it cannot be opened.
    """
    data = path.read_bytes()
    model = read_model_bytes(data, source=str(path))
    record = examine_model(data, source=path.name)
    textures = [load_texture(path.parent, name) for name in model.textures]
    annotation = record.annotation
    read_warnings = tuple(str(warning) for warning in model.warnings)
    return Summary(
        file=str(path),
        model_id=record.model_id,
        format=f"{model.format} {model.version:.1f}",
        encoding=model.encoding,
        name=model.name,
        name_en=model.name_en,
        comment=model.comment,
        comment_en=model.comment_en,
        counts=_counts(model),
        skinning=_skinning(model),
        size=_size(model),
        bone_roles=_bone_roles(model),
        bones=_bones(model),
        morphs=_morphs(model),
        materials=_materials(model),
        textures=tuple(_texture(texture, path.parent) for texture in textures),
        is_usable=record.is_usable,
        problem=record.problem,
        head=None if annotation is None else (annotation.head.bottom, annotation.head.top),
        roles={} if annotation is None else _roles(annotation),
        remarks=_remarks(record.warnings[len(read_warnings) :], annotation),
        warnings=read_warnings,
        terms=find_terms(model, path.parent),
    )


def _counts(model: Model) -> dict[str, int]:
    return {
        "vertices": len(model.vertices),
        "triangles": len(model.faces),
        "additional UVs": model.vertices.additional_uvs.shape[1],
        "textures": len(model.textures),
        "materials": len(model.materials),
        "bones": len(model.bones),
        "IK chains": len(model.bones.ik_chains),
        "morphs": len(model.morphs),
        "display frames": len(model.display_frames),
        "rigid bodies": len(model.rigid_bodies),
        "joints": len(model.joints),
        "soft bodies": len(model.soft_bodies),
    }


def _skinning(model: Model) -> dict[str, int]:
    counts = Counter(model.vertices.skinning.tolist())
    return {kind.name: counts[kind] for kind in Skinning if counts[kind]}


def _size(model: Model) -> tuple[float, float, float]:
    if not len(model.vertices):
        return 0.0, 0.0, 0.0
    width, height, depth = np.ptp(model.vertices.positions.astype(np.float64), axis=0).tolist()
    return width, height, depth


def _bone_roles(model: Model) -> dict[str, str | None]:
    roles = find_bone_roles(model)
    found = {field.name: getattr(roles, field.name) for field in fields(roles)}
    return {part: None if bone == NO_INDEX else model.bones.names[bone] for part, bone in found.items()}


def _bones(model: Model) -> tuple[BoneState, ...]:
    bones = model.bones
    return tuple(
        BoneState(
            name=bones.names[bone],
            name_en=bones.names_en[bone],
            parent=int(bones.parents[bone]),
            layer=int(bones.deform_layers[bone]),
            remarks=_bone_remarks(model, bone),
        )
        for bone in range(len(bones))
    )


def _bone_remarks(model: Model, bone: int) -> tuple[str, ...]:
    bones = model.bones
    flags = BoneFlag(int(bones.flags[bone]))
    remarks = []
    if flags & (BoneFlag.APPEND_ROTATION | BoneFlag.APPEND_TRANSLATION):
        source = int(bones.append_parents[bone])
        name = "no bone" if source == NO_INDEX else bones.names[source]
        what = [
            word
            for flag, word in (
                (BoneFlag.APPEND_ROTATION, "turns"),
                (BoneFlag.APPEND_TRANSLATION, "moves"),
            )
            if flags & flag
        ]
        remarks.append(f"{' and '.join(what)} {bones.append_ratios[bone]:g} x as {name}")
    words = {
        BoneFlag.IK: "IK",
        BoneFlag.LOCAL_APPEND: "local append",
        BoneFlag.FIXED_AXIS: "fixed axis",
        BoneFlag.AFTER_PHYSICS: "after physics",
        BoneFlag.EXTERNAL_PARENT: "external parent",
    }
    return (*remarks, *(word for flag, word in words.items() if flags & flag))


def _morphs(model: Model) -> dict[str, tuple[MorphState, ...]]:
    panels: dict[str, list[MorphState]] = {panel.name.lower(): [] for panel in Panel}
    table = model.morphs
    for row, elements in enumerate(table.elements):
        state = MorphState(
            name=table.names[row],
            name_en=table.names_en[row],
            kind=MorphKind(int(table.kinds[row])).name.lower(),
            elements=_element_count(elements),
        )
        panels[Panel(int(table.panels[row])).name.lower()].append(state)
    return {panel: tuple(states) for panel, states in panels.items() if states}


def _element_count(elements: MorphElements) -> int:
    first_column = getattr(elements, fields(elements)[0].name)
    return len(first_column)


def _materials(model: Model) -> tuple[MaterialState, ...]:
    table = model.materials

    def path(index: int) -> str | None:
        return None if index == NO_INDEX else model.textures[index]

    def state(row: int) -> MaterialState:
        toon, is_shared = int(table.toons[row]), bool(table.shared_toons[row])
        return MaterialState(
            name=table.names[row],
            name_en=table.names_en[row],
            triangles=int(table.face_index_counts[row]) // 3,
            opacity=float(table.diffuse[row, 3]),
            flags=tuple(flag.name.lower() for flag in MaterialFlag(int(table.flags[row])) if flag.name),
            texture=path(int(table.textures[row])),
            sphere=path(int(table.sphere_textures[row])),
            sphere_mode=SphereMode(int(table.sphere_modes[row])).name.lower(),
            toon=f"toon{toon + 1:02} (shared)" if is_shared else path(toon),
        )

    return tuple(state(row) for row in range(len(table)))


def _texture(texture: Texture, folder: Path) -> TextureState:
    pixels = texture.pixels
    return TextureState(
        name=texture.name,
        file=None if texture.path is None else _printable(texture.path.relative_to(folder)),
        size=None if pixels is None else (pixels.shape[1], pixels.shape[0]),
        has_alpha=pixels is not None and bool((pixels[..., 3] < 255).any()),
        warnings=texture.warnings,
    )


def _printable(path: Path) -> str:
    """The path with "?" for bytes of names that are no UTF-8."""
    return path.as_posix().encode("utf-8", "replace").decode()


def _roles(annotation: Annotation) -> dict[str, RoleState]:
    return {
        role.value: RoleState(
            choice.name, None if choice.half is None else choice.half.value, choice.provenance.confidence
        )
        for role, choice in annotation.roles.items()
        if not choice.is_absent
    }


def _remarks(notes: tuple[str, ...], annotation: Annotation | None) -> tuple[str, ...]:
    return notes if annotation is None else (*notes, *annotation.warnings)
