"""The smallest models that show a fact: `build_model(bones=[bone("頭")], morphs=[vertex_morph(...)])`.

Wherever one row refers to another it gives a name (the first of that name is meant) or an index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmdgen.model import (
    NO_INDEX,
    BoneElements,
    BoneFlag,
    BoneTable,
    GroupElements,
    IkChain,
    ImpulseElements,
    JointTable,
    MaterialElements,
    MaterialTable,
    Model,
    MorphElements,
    MorphKind,
    MorphTable,
    Panel,
    RigidBodyTable,
    Skinning,
    UvElements,
    VertexElements,
    VertexTable,
)
from mmdgen.pose import Pose

Vector: TypeAlias = Sequence[float]
Name: TypeAlias = str | int  # a name, or an index in file order

ZERO = (0.0, 0.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class IkSpec:
    """An IK chain of a bone; a link is a name, or (name, lower limits, upper limits) in radians."""

    target: Name
    links: Sequence[Name | tuple[Name, Vector, Vector]]
    loop_count: int = 40
    limit_angle: float = 2.0


@dataclass(frozen=True, kw_only=True)
class BoneSpec:
    """One row of the bone table; made by `bone`."""

    name: str
    name_en: str = ""
    position: Vector = ZERO
    parent: Name = NO_INDEX
    layer: int = 0
    append: tuple[Name, float] | None = None
    append_rotation: bool = True
    append_translation: bool = False
    local_append: bool = False
    tail: Name = NO_INDEX
    tail_offset: Vector = ZERO
    fixed_axis: Vector | None = None
    local_axes: tuple[Vector, Vector] | None = None
    after_physics: bool = False
    movable: bool = False
    ik: IkSpec | None = None


def bone(name: str, **settings: object) -> BoneSpec:
    """A bone; `settings` are the fields of `BoneSpec`."""
    return BoneSpec(name=name, **settings)  # type: ignore[arg-type]


def ik(target: Name, links: Sequence[Name | tuple[Name, Vector, Vector]], **settings: object) -> IkSpec:
    """An IK chain for `bone(..., ik=...)`: `links` nearest the target first."""
    return IkSpec(target=target, links=links, **settings)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class VertexSpec:
    """One vertex; `weights` gives up to four (bone, weight), `sdef` is (C, R0, R1)."""

    position: Vector = ZERO
    normal: Vector = (0.0, 0.0, -1.0)
    uv: Vector = (0.0, 0.0)
    additional_uvs: Sequence[Vector] = ()
    weights: Sequence[tuple[Name, float]] = ((0, 1.0),)
    skinning: Skinning | None = None  # None: BDEF1, 2 or 4 by the number of weights
    sdef: tuple[Vector, Vector, Vector] | None = None


def vertex(position: Vector = ZERO, **settings: object) -> VertexSpec:
    """A vertex; `settings` are the fields of `VertexSpec`."""
    return VertexSpec(position=position, **settings)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class MaterialSpec:
    """One material; without `triangles` it takes all that the ones before it left."""

    name: str
    diffuse: Vector = (1.0, 1.0, 1.0, 1.0)
    specular: Vector = ZERO
    specular_power: float = 5.0
    ambient: Vector = (0.5, 0.5, 0.5)
    flags: int = 0
    edge_color: Vector = (0.0, 0.0, 0.0, 1.0)
    edge_size: float = 1.0
    texture: int = NO_INDEX
    sphere_texture: int = NO_INDEX
    sphere_mode: int = 0
    toon: int = NO_INDEX
    shared_toon: bool = False
    triangles: int | None = None


def material(name: str, **settings: object) -> MaterialSpec:
    """A material; `settings` are the fields of `MaterialSpec`."""
    return MaterialSpec(name=name, **settings)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class MorphSpec:
    """One morph; `content` holds one tuple for each element, references still by name."""

    name: str
    kind: MorphKind
    content: Sequence[Sequence[object]]
    name_en: str = ""
    panel: Panel = Panel.OTHER


def vertex_morph(name: str, offsets: Mapping[int, Vector], **settings: object) -> MorphSpec:
    """A morph that moves vertices by index."""
    return _morph(name, MorphKind.VERTEX, list(offsets.items()), settings)


def group_morph(name: str, ratios: Mapping[Name, float], **settings: object) -> MorphSpec:
    """A morph that drives other morphs."""
    return _morph(name, MorphKind.GROUP, list(ratios.items()), settings)


def flip_morph(name: str, ratios: Mapping[Name, float], **settings: object) -> MorphSpec:
    """A morph that chooses one of other morphs."""
    return _morph(name, MorphKind.FLIP, list(ratios.items()), settings)


def bone_morph(
    name: str,
    bones: Mapping[Name, tuple[Vector, Vector]],
    **settings: object,
) -> MorphSpec:
    """A morph that moves bones by (translation, quaternion x y z w)."""
    return _morph(name, MorphKind.BONE, [(key, *motion) for key, motion in bones.items()], settings)


def uv_morph(
    name: str,
    offsets: Mapping[int, Vector],
    *,
    channel: int = 0,
    **settings: object,
) -> MorphSpec:
    """A morph that moves texture coordinates by four numbers; channel 0 is the first, 1 to 4 additional."""
    return _morph(name, MorphKind(MorphKind.UV + channel), list(offsets.items()), settings)


def material_morph(
    name: str,
    changes: Sequence[tuple[Name, bool, ArrayLike]],
    **settings: object,
) -> MorphSpec:
    """A morph that changes materials by (material or -1, is_add, 28 values)."""
    return _morph(name, MorphKind.MATERIAL, changes, settings)


def impulse_morph(name: str, **settings: object) -> MorphSpec:
    """A morph that pushes rigid body 0."""
    return _morph(name, MorphKind.IMPULSE, [(0, False, (1.0, 0.0, 0.0), ZERO)], settings)


def _morph(
    name: str, kind: MorphKind, content: Sequence[Sequence[object]], settings: Mapping[str, object]
) -> MorphSpec:
    return MorphSpec(name=name, kind=kind, content=content, **settings)  # type: ignore[arg-type]


def build_model(
    *,
    bones: Sequence[BoneSpec] = (BoneSpec(name="センター"),),
    vertices: Sequence[VertexSpec] | None = None,
    faces: ArrayLike | None = None,
    morphs: Sequence[MorphSpec] = (),
    materials: Sequence[MaterialSpec] = (MaterialSpec(name="材質"),),
    textures: Sequence[str] = (),
    name: str = "試験",
    source: str = "test.pmx",
) -> Model:
    """A whole model. Without `vertices` it has one triangle for each bone, around it and rigid to it."""
    if vertices is None:
        vertices = [
            _corner(spec.position, row, corner) for row, spec in enumerate(bones) for corner in range(3)
        ]
    if faces is None:
        faces = np.arange(len(vertices) // 3 * 3).reshape(-1, 3)
    triangles = np.asarray(faces, np.int32).reshape(-1, 3)
    bone_names = [spec.name for spec in bones]
    return Model(
        source=source,
        format="pmx",
        version=2.1,
        encoding="utf-16-le",
        name=name,
        name_en="test",
        comment="",
        comment_en="",
        vertices=_vertex_table(vertices, bone_names),
        faces=triangles,
        textures=tuple(textures),
        materials=_material_table(materials, len(triangles)),
        bones=_bone_table(bones),
        morphs=_morph_table(morphs, bone_names, [spec.name for spec in materials]),
        display_frames=(),
        rigid_bodies=_no_rigid_bodies(),
        joints=_no_joints(),
    )


def build_pose(
    model: Model,
    *,
    rotations: Mapping[Name, ArrayLike] | None = None,
    translations: Mapping[Name, Vector] | None = None,
    weights: Mapping[Name, float] | None = None,
) -> Pose:
    """One pose of a model, bones and morphs by name or index."""
    pose = Pose.rest(model)
    for name, rotation in (rotations or {}).items():
        pose.bone_rotations[_index(name, model.bones.names)] = rotation
    for name, translation in (translations or {}).items():
        pose.bone_translations[_index(name, model.bones.names)] = translation
    for name, weight in (weights or {}).items():
        pose.morph_weights[_index(name, model.morphs.names)] = weight
    return pose


def about(axis: Vector, degrees: float) -> NDArray[np.float64]:
    """The quaternion x y z w that turns about an axis."""
    direction = np.asarray(axis, np.float64) / np.linalg.norm(axis)
    half = np.radians(degrees) / 2
    return np.append(direction * np.sin(half), np.cos(half))


def about_x(degrees: float) -> NDArray[np.float64]:
    """The quaternion that turns about +X."""
    return about((1, 0, 0), degrees)


def about_y(degrees: float) -> NDArray[np.float64]:
    """The quaternion that turns about +Y."""
    return about((0, 1, 0), degrees)


def about_z(degrees: float) -> NDArray[np.float64]:
    """The quaternion that turns about +Z."""
    return about((0, 0, 1), degrees)


def _corner(center: Vector, row: int, corner: int) -> VertexSpec:
    offset = ((0.0, 0.1, 0.0), (0.1, -0.1, 0.0), (-0.1, -0.1, 0.0))[corner]
    return VertexSpec(position=np.add(center, offset), weights=((row, 1.0),))  # type: ignore[arg-type]


def _index(name: object, names: Sequence[str]) -> int:
    return names.index(name) if isinstance(name, str) else int(name)  # type: ignore[call-overload, no-any-return]


def _floats(rows: Sequence[object], *shape: int) -> NDArray[np.float32]:
    return np.array(rows, np.float32).reshape(len(rows), *shape)


def _vertex_table(specs: Sequence[VertexSpec], bone_names: Sequence[str]) -> VertexTable:
    kinds = [_skinning(spec) for spec in specs]
    indices = np.full((len(specs), 4), NO_INDEX, np.int32)
    weights = np.zeros((len(specs), 4), np.float32)
    for row, spec in enumerate(specs):
        for slot, (name, weight) in enumerate(spec.weights):
            indices[row, slot] = _index(name, bone_names)
            weights[row, slot] = weight
    curved = [(row, spec.sdef) for row, spec in enumerate(specs) if kinds[row] == Skinning.SDEF]
    centers = _floats([values or (ZERO, ZERO, ZERO) for _, values in curved], 3, 3)
    channels = len(specs[0].additional_uvs) if specs else 0
    return VertexTable(
        positions=_floats([spec.position for spec in specs], 3),
        normals=_floats([spec.normal for spec in specs], 3),
        uvs=_floats([spec.uv for spec in specs], 2),
        additional_uvs=_floats([spec.additional_uvs for spec in specs], channels, 4),
        skinning=np.array(kinds, np.uint8),
        bone_indices=indices,
        bone_weights=weights,
        sdef_vertices=np.array([row for row, _ in curved], np.int32),
        sdef_c=centers[:, 0],
        sdef_r0=centers[:, 1],
        sdef_r1=centers[:, 2],
        edge_scales=np.ones(len(specs), np.float32),
    )


def _skinning(spec: VertexSpec) -> Skinning:
    if spec.skinning is not None:
        return spec.skinning
    if spec.sdef is not None:
        return Skinning.SDEF
    return (Skinning.BDEF1, Skinning.BDEF1, Skinning.BDEF2, Skinning.BDEF4, Skinning.BDEF4)[len(spec.weights)]


def _material_table(specs: Sequence[MaterialSpec], triangle_count: int) -> MaterialTable:
    counts: list[int] = []
    for spec in specs:
        counts.append(triangle_count - sum(counts) if spec.triangles is None else spec.triangles)
    names = tuple(spec.name for spec in specs)
    return MaterialTable(
        names=names,
        names_en=names,
        diffuse=_floats([spec.diffuse for spec in specs], 4),
        specular=_floats([spec.specular for spec in specs], 3),
        specular_powers=_floats([spec.specular_power for spec in specs]),
        ambient=_floats([spec.ambient for spec in specs], 3),
        flags=np.array([spec.flags for spec in specs], np.uint8),
        edge_colors=_floats([spec.edge_color for spec in specs], 4),
        edge_sizes=_floats([spec.edge_size for spec in specs]),
        textures=np.array([spec.texture for spec in specs], np.int32),
        sphere_textures=np.array([spec.sphere_texture for spec in specs], np.int32),
        sphere_modes=np.array([spec.sphere_mode for spec in specs], np.uint8),
        shared_toons=np.array([spec.shared_toon for spec in specs], np.bool_),
        toons=np.array([spec.toon for spec in specs], np.int32),
        memos=("",) * len(specs),
        face_index_counts=np.array(counts, np.int32) * 3,
    )


def _bone_flags(spec: BoneSpec) -> BoneFlag:
    chosen = {
        BoneFlag.TAIL_IS_BONE: spec.tail != NO_INDEX,
        BoneFlag.MOVABLE: spec.movable,
        BoneFlag.IK: spec.ik is not None,
        BoneFlag.LOCAL_APPEND: spec.local_append,
        BoneFlag.APPEND_ROTATION: spec.append is not None and spec.append_rotation,
        BoneFlag.APPEND_TRANSLATION: spec.append is not None and spec.append_translation,
        BoneFlag.FIXED_AXIS: spec.fixed_axis is not None,
        BoneFlag.LOCAL_AXES: spec.local_axes is not None,
        BoneFlag.AFTER_PHYSICS: spec.after_physics,
    }
    flags = BoneFlag.ROTATABLE | BoneFlag.VISIBLE | BoneFlag.OPERABLE
    for flag, is_set in chosen.items():
        flags |= flag if is_set else BoneFlag(0)
    return flags


def _bone_table(specs: Sequence[BoneSpec]) -> BoneTable:
    names = [spec.name for spec in specs]
    appends = [spec.append or (NO_INDEX, 0.0) for spec in specs]
    axes = [spec.local_axes or (ZERO, ZERO) for spec in specs]
    return BoneTable(
        names=tuple(names),
        names_en=tuple(spec.name_en for spec in specs),
        rest_positions=_floats([spec.position for spec in specs], 3),
        parents=np.array([_index(spec.parent, names) for spec in specs], np.int32),
        deform_layers=np.array([spec.layer for spec in specs], np.int32),
        flags=np.array([_bone_flags(spec) for spec in specs], np.uint16),
        tails=np.array([_index(spec.tail, names) for spec in specs], np.int32),
        tail_offsets=_floats([spec.tail_offset for spec in specs], 3),
        append_parents=np.array([_index(source, names) for source, _ in appends], np.int32),
        append_ratios=_floats([ratio for _, ratio in appends]),
        fixed_axes=_floats([spec.fixed_axis or ZERO for spec in specs], 3),
        local_x_axes=_floats([x for x, _ in axes], 3),
        local_z_axes=_floats([z for _, z in axes], 3),
        external_keys=np.zeros(len(specs), np.int32),
        ik_chains=tuple(_ik_chain(row, spec.ik, names) for row, spec in enumerate(specs) if spec.ik),
    )


def _ik_chain(row: int, spec: IkSpec, names: Sequence[str]) -> IkChain:
    links = [link if isinstance(link, tuple) else (link, None, None) for link in spec.links]
    return IkChain(
        bone=row,
        target=_index(spec.target, names),
        loop_count=spec.loop_count,
        limit_angle=spec.limit_angle,
        links=np.array([_index(name, names) for name, _, _ in links], np.int32),
        has_limits=np.array([lower is not None for _, lower, _ in links], np.bool_),
        lower_limits=_floats([lower or ZERO for _, lower, _ in links], 3),
        upper_limits=_floats([upper or ZERO for _, _, upper in links], 3),
    )


def _morph_table(
    specs: Sequence[MorphSpec], bone_names: Sequence[str], material_names: Sequence[str]
) -> MorphTable:
    names = [spec.name for spec in specs]
    return MorphTable(
        names=tuple(names),
        names_en=tuple(spec.name_en for spec in specs),
        panels=np.array([spec.panel for spec in specs], np.uint8),
        kinds=np.array([spec.kind for spec in specs], np.uint8),
        elements=tuple(_elements(spec, names, bone_names, material_names) for spec in specs),
    )


def _elements(
    spec: MorphSpec, names: Sequence[str], bone_names: Sequence[str], material_names: Sequence[str]
) -> MorphElements:
    columns = [
        [row[column] for row in spec.content] for column in range(len(spec.content[0]) if spec.content else 4)
    ]

    def indices(known: Sequence[str] = ()) -> NDArray[np.int32]:
        return np.array([_index(name, known) for name in columns[0]], np.int32)

    if spec.kind in (MorphKind.GROUP, MorphKind.FLIP):
        return GroupElements(morphs=indices(names), ratios=_floats(columns[1]))
    if spec.kind == MorphKind.VERTEX:
        return VertexElements(vertices=indices(), offsets=_floats(columns[1], 3))
    if spec.kind == MorphKind.BONE:
        return BoneElements(
            bones=indices(bone_names), translations=_floats(columns[1], 3), rotations=_floats(columns[2], 4)
        )
    if spec.kind == MorphKind.MATERIAL:
        return MaterialElements(
            materials=indices(material_names),
            is_add=np.array(columns[1], np.bool_),
            values=_floats(columns[2], 28),
        )
    if spec.kind == MorphKind.IMPULSE:
        return ImpulseElements(
            rigid_bodies=indices(),
            is_local=np.array(columns[1], np.bool_),
            velocities=_floats(columns[2], 3),
            torques=_floats(columns[3], 3),
        )
    return UvElements(vertices=indices(), offsets=_floats(columns[1], 4))


def _no_rigid_bodies() -> RigidBodyTable:
    none, vectors = np.zeros(0, np.float32), np.zeros((0, 3), np.float32)
    return RigidBodyTable(
        names=(),
        names_en=(),
        bones=np.zeros(0, np.int32),
        groups=np.zeros(0, np.uint8),
        no_collision_masks=np.zeros(0, np.uint16),
        shapes=np.zeros(0, np.uint8),
        sizes=vectors,
        positions=vectors,
        rotations=vectors,
        masses=none,
        linear_dampings=none,
        angular_dampings=none,
        restitutions=none,
        frictions=none,
        modes=np.zeros(0, np.uint8),
    )


def _no_joints() -> JointTable:
    vectors = np.zeros((0, 3), np.float32)
    return JointTable(
        names=(),
        names_en=(),
        kinds=np.zeros(0, np.uint8),
        rigid_bodies=np.zeros((0, 2), np.int32),
        positions=vectors,
        rotations=vectors,
        linear_lower=vectors,
        linear_upper=vectors,
        angular_lower=vectors,
        angular_upper=vectors,
        linear_springs=vectors,
        angular_springs=vectors,
    )
