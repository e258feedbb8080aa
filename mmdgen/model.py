"""What a model file says, as frozen tables of numpy arrays.

Rows stand in file order and numbers are the file's own: MMD axes (left-handed, +Y up, the character
faces -Z, the character's left is +X), MMD units of about 8 cm, UV origin at the top left. Nothing here
knows how a model is read, posed or drawn.

Vocabulary: an index of `NO_INDEX` means "none".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mmdgen.errors import ModelError

NO_INDEX = -1

Floats: TypeAlias = NDArray[np.float32]
Ints: TypeAlias = NDArray[np.int32]
Bytes: TypeAlias = NDArray[np.uint8]
Bools: TypeAlias = NDArray[np.bool_]


class Skinning(IntEnum):
    """How a vertex follows its bones (PMX weight types)."""

    BDEF1 = 0
    BDEF2 = 1
    BDEF4 = 2
    SDEF = 3
    QDEF = 4


class MaterialFlag(IntFlag):
    """Drawing flags of a material."""

    DOUBLE_SIDED = 0x01
    GROUND_SHADOW = 0x02
    CASTS_SHADOW = 0x04
    RECEIVES_SHADOW = 0x08
    EDGE = 0x10
    VERTEX_COLOR = 0x20
    POINTS = 0x40
    LINES = 0x80


class SphereMode(IntEnum):
    """How a sphere map is combined with the surface colour."""

    OFF = 0
    MULTIPLY = 1
    ADD = 2
    SUB_TEXTURE = 3


class BoneFlag(IntFlag):
    """Flags of a bone."""

    TAIL_IS_BONE = 0x0001
    ROTATABLE = 0x0002
    MOVABLE = 0x0004
    VISIBLE = 0x0008
    OPERABLE = 0x0010
    IK = 0x0020
    LOCAL_APPEND = 0x0080
    APPEND_ROTATION = 0x0100
    APPEND_TRANSLATION = 0x0200
    FIXED_AXIS = 0x0400
    LOCAL_AXES = 0x0800
    AFTER_PHYSICS = 0x1000
    EXTERNAL_PARENT = 0x2000


class Panel(IntEnum):
    """The panel in which the editor lists a morph; a hint, not a fact."""

    SYSTEM = 0
    BROW = 1
    EYE = 2
    MOUTH = 3
    OTHER = 4


class MorphKind(IntEnum):
    """What a morph moves (PMX morph types)."""

    GROUP = 0
    VERTEX = 1
    BONE = 2
    UV = 3
    UV1 = 4
    UV2 = 5
    UV3 = 6
    UV4 = 7
    MATERIAL = 8
    FLIP = 9
    IMPULSE = 10


@dataclass(frozen=True, slots=True)
class FormatWarning:
    """Something in a file that broke the rules and was survived."""

    section: str
    element: int | None
    offset: int
    problem: str
    remedy: str

    def __str__(self) -> str:
        place = self.section if self.element is None else f"{self.section} {self.element}"
        return f"{place}, byte {self.offset:#x}: {self.problem}; {self.remedy}"


@dataclass(frozen=True, slots=True, eq=False)
class VertexTable:
    """The vertices of a model.

    `bone_weights` holds the stored numbers: BDEF1 is (1, 0, 0, 0); BDEF2 and SDEF are (w, 1 - w, 0, 0);
    BDEF4 and QDEF are the four stored floats, whose sum need not be 1. `bone_indices` of unused slots are
    `NO_INDEX`. The three SDEF arrays have one row for each SDEF vertex, listed in `sdef_vertices`.
    """

    positions: Floats  # (vertices, 3)
    normals: Floats  # (vertices, 3), as stored: may be zero or not of unit length
    uvs: Floats  # (vertices, 2), origin top left
    additional_uvs: Floats  # (vertices, channels, 4), 0 to 4 channels
    skinning: Bytes  # (vertices,), Skinning
    bone_indices: Ints  # (vertices, 4)
    bone_weights: Floats  # (vertices, 4)
    sdef_vertices: Ints  # (sdef,), ascending
    sdef_c: Floats  # (sdef, 3)
    sdef_r0: Floats  # (sdef, 3)
    sdef_r1: Floats  # (sdef, 3)
    edge_scales: Floats  # (vertices,)

    def __post_init__(self) -> None:
        count = len(self.positions)
        _require_shapes(
            "vertex",
            {
                "positions": (self.positions, (count, 3)),
                "normals": (self.normals, (count, 3)),
                "uvs": (self.uvs, (count, 2)),
                "additional_uvs": (self.additional_uvs, (count, None, 4)),
                "skinning": (self.skinning, (count,)),
                "bone_indices": (self.bone_indices, (count, 4)),
                "bone_weights": (self.bone_weights, (count, 4)),
                "sdef_c": (self.sdef_c, (len(self.sdef_vertices), 3)),
                "sdef_r0": (self.sdef_r0, (len(self.sdef_vertices), 3)),
                "sdef_r1": (self.sdef_r1, (len(self.sdef_vertices), 3)),
                "edge_scales": (self.edge_scales, (count,)),
            },
        )

    def __len__(self) -> int:
        return len(self.positions)


@dataclass(frozen=True, slots=True, eq=False)
class MaterialTable:
    """The materials of a model. File order is drawing order."""

    names: tuple[str, ...]
    names_en: tuple[str, ...]
    diffuse: Floats  # (materials, 4), RGBA
    specular: Floats  # (materials, 3)
    specular_powers: Floats  # (materials,)
    ambient: Floats  # (materials, 3)
    flags: Bytes  # (materials,), MaterialFlag
    edge_colors: Floats  # (materials, 4), RGBA
    edge_sizes: Floats  # (materials,)
    textures: Ints  # (materials,), index into Model.textures
    sphere_textures: Ints  # (materials,), index into Model.textures
    sphere_modes: Bytes  # (materials,), SphereMode
    shared_toons: Bools  # (materials,), whether `toons` is a shared toon or a texture
    toons: Ints  # (materials,), 0..9 for toon01..toon10 where shared, else index into Model.textures
    memos: tuple[str, ...]
    face_index_counts: Ints  # (materials,), three for each triangle

    def __post_init__(self) -> None:
        count = len(self.names)
        _require_shapes(
            "material",
            {
                "names_en": (self.names_en, (count,)),
                "diffuse": (self.diffuse, (count, 4)),
                "specular": (self.specular, (count, 3)),
                "specular_powers": (self.specular_powers, (count,)),
                "ambient": (self.ambient, (count, 3)),
                "flags": (self.flags, (count,)),
                "edge_colors": (self.edge_colors, (count, 4)),
                "edge_sizes": (self.edge_sizes, (count,)),
                "textures": (self.textures, (count,)),
                "sphere_textures": (self.sphere_textures, (count,)),
                "sphere_modes": (self.sphere_modes, (count,)),
                "shared_toons": (self.shared_toons, (count,)),
                "toons": (self.toons, (count,)),
                "memos": (self.memos, (count,)),
                "face_index_counts": (self.face_index_counts, (count,)),
            },
        )

    def __len__(self) -> int:
        return len(self.names)

    def face_ranges(self) -> Ints:
        """First and one-past-last triangle of each material, (materials, 2)."""
        ends = np.cumsum(self.face_index_counts // 3, dtype=np.int32)
        return np.stack([ends - self.face_index_counts // 3, ends], axis=1)

    def of_triangles(self, count: int) -> Ints:
        """The material of each of a model's triangles, (count,); NO_INDEX where none draws it."""
        result = np.full(count, NO_INDEX, np.int32)
        owners = np.repeat(np.arange(len(self), dtype=np.int32), self.face_index_counts // 3)[:count]
        result[: len(owners)] = owners
        return result


@dataclass(frozen=True, slots=True, eq=False)
class IkChain:
    """One inverse-kinematics chain: the links turn so that `target` reaches `bone`."""

    bone: int
    target: int
    loop_count: int
    limit_angle: float  # radians per step
    links: Ints  # (links,), nearest the target first
    has_limits: Bools  # (links,)
    lower_limits: Floats  # (links, 3), radians
    upper_limits: Floats  # (links, 3), radians


@dataclass(frozen=True, slots=True, eq=False)
class BoneTable:
    """The bones of a model. A bone has a rest position and no rest rotation."""

    names: tuple[str, ...]
    names_en: tuple[str, ...]
    rest_positions: Floats  # (bones, 3), model space
    parents: Ints  # (bones,)
    deform_layers: Ints  # (bones,)
    flags: NDArray[np.uint16]  # (bones,), BoneFlag
    tails: Ints  # (bones,), bone that the tail points at
    tail_offsets: Floats  # (bones, 3), used where the tail is no bone
    append_parents: Ints  # (bones,), append source
    append_ratios: Floats  # (bones,)
    fixed_axes: Floats  # (bones, 3)
    local_x_axes: Floats  # (bones, 3), as stored
    local_z_axes: Floats  # (bones, 3), as stored
    external_keys: Ints  # (bones,)
    ik_chains: tuple[IkChain, ...]  # ascending by bone

    def __post_init__(self) -> None:
        count = len(self.names)
        _require_shapes(
            "bone",
            {
                "names_en": (self.names_en, (count,)),
                "rest_positions": (self.rest_positions, (count, 3)),
                "parents": (self.parents, (count,)),
                "deform_layers": (self.deform_layers, (count,)),
                "flags": (self.flags, (count,)),
                "tails": (self.tails, (count,)),
                "tail_offsets": (self.tail_offsets, (count, 3)),
                "append_parents": (self.append_parents, (count,)),
                "append_ratios": (self.append_ratios, (count,)),
                "fixed_axes": (self.fixed_axes, (count, 3)),
                "local_x_axes": (self.local_x_axes, (count, 3)),
                "local_z_axes": (self.local_z_axes, (count, 3)),
                "external_keys": (self.external_keys, (count,)),
            },
        )
        _require_indices("bone parent", self.parents, count)
        _require_indices("append source", self.append_parents, count)

    def __len__(self) -> int:
        return len(self.names)

    def has_flag(self, flag: BoneFlag) -> Bools:
        """Which bones carry a flag, (bones,)."""
        return np.asarray((self.flags & flag) != 0)


@dataclass(frozen=True, slots=True, eq=False)
class GroupElements:
    """Morphs that a group or flip morph drives, with their ratios."""

    morphs: Ints  # (n,)
    ratios: Floats  # (n,)


@dataclass(frozen=True, slots=True, eq=False)
class VertexElements:
    """Vertices that a vertex morph moves; a vertex named twice moves by the sum."""

    vertices: Ints  # (n,)
    offsets: Floats  # (n, 3)


@dataclass(frozen=True, slots=True, eq=False)
class BoneElements:
    """Bones that a bone morph moves."""

    bones: Ints  # (n,)
    translations: Floats  # (n, 3)
    rotations: Floats  # (n, 4), quaternions x y z w as stored


@dataclass(frozen=True, slots=True, eq=False)
class UvElements:
    """Texture coordinates that a UV morph moves."""

    vertices: Ints  # (n,)
    offsets: Floats  # (n, 4)


@dataclass(frozen=True, slots=True, eq=False)
class MaterialElements:
    """Material numbers that a material morph multiplies or adds.

    Columns of `values`: diffuse 4, specular 3, specular power 1, ambient 3, edge colour 4, edge size 1,
    texture 4, sphere 4, toon 4.
    """

    materials: Ints  # (n,), NO_INDEX for all materials
    is_add: Bools  # (n,), multiply where False
    values: Floats  # (n, 28)


@dataclass(frozen=True, slots=True, eq=False)
class ImpulseElements:
    """Pushes that an impulse morph gives to rigid bodies."""

    rigid_bodies: Ints  # (n,)
    is_local: Bools  # (n,)
    velocities: Floats  # (n, 3)
    torques: Floats  # (n, 3)


MorphElements: TypeAlias = (
    GroupElements | VertexElements | BoneElements | UvElements | MaterialElements | ImpulseElements
)


@dataclass(frozen=True, slots=True, eq=False)
class MorphTable:
    """The morphs of a model. Names may repeat: MMD moves equal names together."""

    names: tuple[str, ...]
    names_en: tuple[str, ...]
    panels: Bytes  # (morphs,), Panel
    kinds: Bytes  # (morphs,), MorphKind
    elements: tuple[MorphElements, ...]  # one for each morph, of the class that its kind says

    def __post_init__(self) -> None:
        count = len(self.names)
        _require_shapes(
            "morph",
            {
                "names_en": (self.names_en, (count,)),
                "panels": (self.panels, (count,)),
                "kinds": (self.kinds, (count,)),
                "elements": (self.elements, (count,)),
            },
        )

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True, eq=False)
class DisplayFrame:
    """One list of bones and morphs in the editor; kept for writing back, not used."""

    name: str
    name_en: str
    is_special: bool
    is_morph: Bools  # (n,), bone where False
    indices: Ints  # (n,)


@dataclass(frozen=True, slots=True, eq=False)
class RigidBodyTable:
    """The rigid bodies of the physics simulation; kept, not simulated."""

    names: tuple[str, ...]
    names_en: tuple[str, ...]
    bones: Ints  # (bodies,)
    groups: Bytes  # (bodies,)
    no_collision_masks: NDArray[np.uint16]  # (bodies,)
    shapes: Bytes  # (bodies,), 0 sphere, 1 box, 2 capsule
    sizes: Floats  # (bodies, 3)
    positions: Floats  # (bodies, 3)
    rotations: Floats  # (bodies, 3), Euler angles in radians
    masses: Floats  # (bodies,)
    linear_dampings: Floats  # (bodies,)
    angular_dampings: Floats  # (bodies,)
    restitutions: Floats  # (bodies,)
    frictions: Floats  # (bodies,)
    modes: Bytes  # (bodies,), 0 follows its bone, 1 physics, 2 physics at the bone

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True, eq=False)
class JointTable:
    """The physics constraints between rigid bodies; kept, not simulated."""

    names: tuple[str, ...]
    names_en: tuple[str, ...]
    kinds: Bytes  # (joints,)
    rigid_bodies: Ints  # (joints, 2)
    positions: Floats  # (joints, 3)
    rotations: Floats  # (joints, 3), radians
    linear_lower: Floats  # (joints, 3)
    linear_upper: Floats  # (joints, 3)
    angular_lower: Floats  # (joints, 3), radians
    angular_upper: Floats  # (joints, 3), radians
    linear_springs: Floats  # (joints, 3)
    angular_springs: Floats  # (joints, 3)

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True, eq=False)
class SoftBody:
    """One soft body (PMX 2.1); kept, not simulated."""

    name: str
    name_en: str
    shape: int  # 0 triangle mesh, 1 rope
    material: int
    group: int
    no_collision_mask: int
    flags: int  # 1 B-link, 2 cluster, 4 link crossing
    b_link_distance: int
    cluster_count: int
    total_mass: float
    margin: float
    aero_model: int
    config: Floats  # (12,), VCF DP DG LF PR VC DF MT CHR KHR SHR AHR
    cluster: Floats  # (6,)
    iterations: Ints  # (4,)
    material_factors: Floats  # (3,), LST AST VST
    anchor_rigid_bodies: Ints  # (anchors,)
    anchor_vertices: Ints  # (anchors,)
    anchor_is_near: Bools  # (anchors,)
    pins: Ints  # (pins,), vertices


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """One MMD model: everything that its file says, and what had to be mended to read it."""

    source: str  # file name or description, for messages
    format: str  # "pmx" or "pmd"
    version: float
    encoding: str  # Python codec of the file's texts: "utf-16-le", "utf-8" or "cp932"
    name: str
    name_en: str
    comment: str
    comment_en: str
    vertices: VertexTable
    faces: Ints  # (triangles, 3), clockwise seen from the front
    textures: tuple[str, ...]  # paths as stored
    materials: MaterialTable
    bones: BoneTable
    morphs: MorphTable
    display_frames: tuple[DisplayFrame, ...]
    rigid_bodies: RigidBodyTable
    joints: JointTable
    soft_bodies: tuple[SoftBody, ...] = ()
    warnings: tuple[FormatWarning, ...] = field(default=())

    def __post_init__(self) -> None:
        _require_shapes("face", {"faces": (self.faces, (None, 3))})
        if self.faces.size and not 0 <= int(self.faces.min()) <= int(self.faces.max()) < len(self.vertices):
            raise ModelError(
                f"{self.source}: a triangle names a vertex beyond the {len(self.vertices)} there"
            )
        _require_indices("vertex bone", self.vertices.bone_indices, len(self.bones))
        if int(self.materials.face_index_counts.sum(dtype=np.int64)) > self.faces.size:
            raise ModelError(f"{self.source}: its materials name more triangles than it has")


def _require_shapes(table: str, columns: dict[str, tuple[object, tuple[int | None, ...]]]) -> None:
    """Raise ModelError for a column whose shape is not the expected one (None = any)."""
    for name, (column, expected) in columns.items():
        shape = column.shape if isinstance(column, np.ndarray) else (len(column),)  # type: ignore[arg-type]
        fits = len(shape) == len(expected) and all(
            want is None or have == want for have, want in zip(shape, expected, strict=True)
        )
        if not fits:
            raise ModelError(f"{table} table: {name} has shape {shape}, expected {expected}")


def _require_indices(what: str, indices: Ints, count: int) -> None:
    """Raise ModelError unless every index is NO_INDEX or below `count`."""
    if indices.size and not NO_INDEX <= int(indices.min()) <= int(indices.max()) < count:
        raise ModelError(f"a {what} index is outside {NO_INDEX}..{count - 1}")
