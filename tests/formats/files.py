"""Model files built for tests: one PMX that has everything, and PMD files part by part."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmdgen.formats import pmd_layout, write_pmx
from mmdgen.formats.pmx_layout import JOINT_TAIL, RIGID_BODY_TAIL
from mmdgen.model import DisplayFrame, JointTable, Model, RigidBodyTable, Skinning, SoftBody
from tests.builders import (
    about_y,
    bone,
    bone_morph,
    build_model,
    flip_morph,
    group_morph,
    ik,
    impulse_morph,
    material,
    material_morph,
    uv_morph,
    vertex,
    vertex_morph,
)


def everything_model(*, encoding: str = "utf-16-le", channels: int = 2) -> Model:
    """A small PMX 2.1 model with every kind of row that the format has."""
    extra = [(0.25 * channel, 0.5, 0.75, 1.0) for channel in range(channels)]
    sdef = ((0.0, 1.0, 0.0), (0.0, 0.5, 0.0), (0.0, 1.5, 0.0))
    model = build_model(
        name="全部",
        textures=("tex\\体.png", "目.bmp", "toon.bmp"),
        bones=[
            bone("センター", name_en="center", movable=True, tail="首"),
            bone("首", parent="センター", position=(0, 1, 0), tail_offset=(0, 0.5, 0)),
            bone("頭", parent="首", position=(0, 2, 0), fixed_axis=(0, 1, 0), layer=1),
            bone("左目", parent="頭", append=("頭", -0.5), append_translation=True, local_append=True),
            bone("足", parent="センター", local_axes=((1, 0, 0), (0, 0, 1))),
            bone("ＩＫ", after_physics=True, ik=ik("足", ["首", ("頭", (-1.0, 0.0, 0.0), (0.5, 0.0, 0.0))])),
        ],
        vertices=[
            vertex((0, 0, 0), additional_uvs=extra, weights=[("センター", 1.0)]),
            vertex((1, 0, 0), additional_uvs=extra, weights=[("センター", 0.25), ("首", 0.75)]),
            vertex((0, 1, 0), additional_uvs=extra, weights=[(bone_, 0.25) for bone_ in range(4)]),
            vertex((1, 1, 0), additional_uvs=extra, weights=[("首", 0.5), ("頭", 0.5)], sdef=sdef),
            vertex(
                (0, 2, 0),
                additional_uvs=extra,
                weights=[(bone_, 0.25) for bone_ in range(4)],
                skinning=Skinning.QDEF,
            ),
            vertex((1, 2, 0), additional_uvs=extra, weights=[("頭", 1.0)]),
        ],
        faces=[(0, 2, 1), (1, 2, 3), (2, 4, 3), (3, 4, 5)],
        materials=[
            material("体", flags=0x1F, texture=0, sphere_texture=1, sphere_mode=2, toon=2, triangles=1),
            material("顔", shared_toon=True, toon=3, triangles=1),
            material("髪"),
        ],
        morphs=[
            vertex_morph("まばたき", {0: (0, -0.1, 0), 3: (0, 0.1, 0)}),
            group_morph("両方", {"まばたき": 0.5, "動き": 1.0}),
            bone_morph("動き", {"首": ((0, 0.1, 0), about_y(10.0).tolist())}),
            uv_morph("柄", {1: (0.5, 0.0, 0.0, 0.0)}),
            uv_morph("柄1", {2: (0.5, 0.25, 0.0, 1.0)}, channel=1),
            material_morph("色", [("顔", True, np.full(28, 0.5)), (-1, False, np.ones(28))]),
            flip_morph("切替", {"まばたき": 1.0, "色": 0.5}),
            impulse_morph("衝撃"),
            vertex_morph("----", {}),
        ],
    )
    return replace(
        model,
        version=2.1,
        encoding=encoding,
        name_en="everything",
        comment="利用規約\r\n自由",
        comment_en="terms",
        display_frames=(
            DisplayFrame("Root", "Root", True, np.array([False]), np.array([0], np.int32)),
            DisplayFrame("表情", "Exp", True, np.array([True, True]), np.array([0, 2], np.int32)),
            DisplayFrame("空", "", False, np.zeros(0, np.bool_), np.zeros(0, np.int32)),
        ),
        rigid_bodies=_rigid_bodies(("頭", "髪"), bones=(2, -1)),
        joints=_joints(("髪留め",), ((0, 1),)),
        soft_bodies=(_soft_body(),),
    )


def everything_pmx(*, encoding: str = "utf-16-le") -> bytes:
    """The file of `everything_model`."""
    return write_pmx(everything_model(encoding=encoding))


def _rigid_bodies(names: tuple[str, ...], bones: tuple[int, ...]) -> RigidBodyTable:
    count = len(names)
    vectors = np.arange(3 * count, dtype=np.float32).reshape(count, 3)
    numbers = np.arange(count, dtype=np.float32)
    small = np.ones(count, np.uint8)
    return RigidBodyTable(
        names=names,
        names_en=("",) * count,
        bones=np.array(bones, np.int32),
        groups=small,
        no_collision_masks=np.full(count, 0xFFFE, np.uint16),
        shapes=small,
        sizes=vectors,
        positions=vectors + 1,
        rotations=vectors + 2,
        masses=numbers,
        linear_dampings=numbers + 1,
        angular_dampings=numbers + 2,
        restitutions=numbers + 3,
        frictions=numbers + 4,
        modes=small,
    )


def _joints(names: tuple[str, ...], bodies: tuple[tuple[int, int], ...]) -> JointTable:
    vectors = np.arange(3 * len(names), dtype=np.float32).reshape(len(names), 3)
    return JointTable(
        names=names,
        names_en=("",) * len(names),
        kinds=np.zeros(len(names), np.uint8),
        rigid_bodies=np.array(bodies, np.int32),
        positions=vectors,
        rotations=vectors + 1,
        linear_lower=vectors + 2,
        linear_upper=vectors + 3,
        angular_lower=vectors + 4,
        angular_upper=vectors + 5,
        linear_springs=vectors + 6,
        angular_springs=vectors + 7,
    )


def _soft_body() -> SoftBody:
    return SoftBody(
        name="布",
        name_en="cloth",
        shape=0,
        material=1,
        group=3,
        no_collision_mask=0xFFF0,
        flags=5,
        b_link_distance=2,
        cluster_count=4,
        total_mass=1.5,
        margin=0.125,
        aero_model=1,
        config=np.arange(12, dtype=np.float32),
        cluster=np.arange(6, dtype=np.float32),
        iterations=np.array([1, 2, 3, 4], np.int32),
        material_factors=np.array([0.5, 0.25, 0.125], np.float32),
        anchor_rigid_bodies=np.array([1], np.int32),
        anchor_vertices=np.array([2], np.int32),
        anchor_is_near=np.array([True]),
        pins=np.array([0, 5], np.int32),
    )


@dataclass(frozen=True)
class PmdBone:
    """One bone of a PMD file."""

    name: bytes
    parent: int = -1
    tail: int = 0
    kind: int = 0
    ik: int = 0
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class PmdSkin:
    """One skin of a PMD file: elements are (index, offset)."""

    name: bytes
    category: int
    elements: Sequence[tuple[int, tuple[float, float, float]]]


BASE = PmdSkin(b"base", 0, [(2, (0.0, 1.0, 0.0)), (0, (0.0, 0.0, 0.0))])


@dataclass(frozen=True)
class PmdFile:
    """A PMD file by its parts; `parts` gives the bytes of each, `build` the file."""

    bones: Sequence[PmdBone] = (
        PmdBone("センター".encode("cp932"), kind=1, tail=1),
        PmdBone("頭".encode("cp932"), parent=0, position=(0.0, 2.0, 0.0)),
    )
    skins: Sequence[PmdSkin] = (BASE, PmdSkin("まばたき".encode("cp932"), 2, [(1, (0.0, -0.5, 0.0))]))
    ik_chains: Sequence[tuple[int, int, Sequence[int]]] = ()
    texture: bytes = b"a.bmp*b.sph"
    alpha: float = 1.0
    toon: int = 0
    material_edge: int = 1
    vertex_weight: int = 30
    vertex_edge_off: Sequence[int] = (0, 1, 0)
    english: bool = True
    toons: Sequence[bytes] = tuple(b"toon%02d.bmp" % number for number in range(1, 11))

    def parts(self) -> dict[str, bytes]:
        """The bytes of each part, in file order."""
        return {
            "header": b"Pmd" + struct.pack("<f20s256s", 1.0, "試験".encode("cp932"), b"comment"),
            "vertices": self._vertices(),
            "faces": struct.pack("<I3H", 3, 0, 1, 2),
            "materials": self._materials(),
            "bones": self._bones(),
            "ik": self._ik(),
            "skins": self._skins(),
            "skin list": struct.pack("<BH", 1, 1),
            "frames": struct.pack("<B50s", 1, "体".encode("cp932") + b"\n"),
            "frame bones": struct.pack("<IHB", 1, 1, 1),
            "english": self._english(),
            "toons": b"".join(name.ljust(100, b"\0") for name in self.toons),
            "rigid bodies": self._rigid_bodies(),
            "joints": self._joints(),
        }

    def build(self, *, without: Sequence[str] = ()) -> bytes:
        """The file, with some parts left out."""
        return b"".join(part for name, part in self.parts().items() if name not in without)

    def _vertices(self) -> bytes:
        rows = np.zeros(3, pmd_layout.VERTEX)
        rows["position"] = [(0, 0, 0), (1, 0, 0), (0, 1, 0)]
        rows["normal"] = (0, 0, -1)
        rows["bones"], rows["weight"], rows["edge_off"] = (0, 1), self.vertex_weight, self.vertex_edge_off
        return struct.pack("<I", 3) + rows.tobytes()

    def _materials(self) -> bytes:
        row = np.zeros(1, pmd_layout.MATERIAL)
        row["diffuse"], row["specular_power"], row["ambient"] = (1, 1, 1, self.alpha), 5.0, 0.5
        row["toon"], row["edge"], row["index_count"] = self.toon, self.material_edge, 3
        row["texture"] = np.void(self.texture.ljust(20, b"\0"))
        return struct.pack("<I", 1) + row.tobytes()

    def _bones(self) -> bytes:
        rows = [
            b.name.ljust(20, b"\0") + struct.pack("<hhBh3f", b.parent, b.tail, b.kind, b.ik, *b.position)
            for b in self.bones
        ]
        return struct.pack("<H", len(rows)) + b"".join(rows)

    def _ik(self) -> bytes:
        rows = [
            struct.pack("<HHBHf", bone_, target, len(links), 15, 0.5) + struct.pack(f"<{len(links)}H", *links)
            for bone_, target, links in self.ik_chains
        ]
        return struct.pack("<H", len(rows)) + b"".join(rows)

    def _skins(self) -> bytes:
        rows = [
            skin.name.ljust(20, b"\0")
            + struct.pack("<IB", len(skin.elements), skin.category)
            + b"".join(struct.pack("<I3f", index, *offset) for index, offset in skin.elements)
            for skin in self.skins
        ]
        return struct.pack("<H", len(rows)) + b"".join(rows)

    def _english(self) -> bytes:
        if not self.english:
            return b"\0"
        names = [b"bone%d" % row for row in range(len(self.bones))]
        names += [b"skin%d" % row for row in range(1, len(self.skins))]
        frames = struct.pack("<50s", b"body")
        return (
            struct.pack("<B20s256s", 1, b"test", b"terms")
            + b"".join(n.ljust(20, b"\0") for n in names)
            + frames
        )

    def _rigid_bodies(self) -> bytes:
        rows = np.zeros(2, pmd_layout.RIGID_BODY)
        rows["name"] = np.void(b"body".ljust(20, b"\0"))
        rows["bone"], rows["tail"]["position"] = (1, -1), (0.5, 0.0, 0.0)
        assert rows.dtype.itemsize == 22 + RIGID_BODY_TAIL.itemsize
        return struct.pack("<I", 2) + rows.tobytes()

    def _joints(self) -> bytes:
        rows = np.zeros(1, pmd_layout.JOINT)
        rows["name"] = np.void(b"joint".ljust(20, b"\0"))
        rows["rigid_bodies"] = (0, 1)
        assert rows.dtype.itemsize == 28 + JOINT_TAIL.itemsize
        return struct.pack("<I", 1) + rows.tobytes()
