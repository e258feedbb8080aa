"""What PMX files say, what is mended in them and what is refused, on files built here."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mmdgen.errors import FormatError
from mmdgen.formats import read_pmx, write_pmx
from mmdgen.formats.binary import BinaryReader
from mmdgen.model import (
    NO_INDEX,
    BoneFlag,
    GroupElements,
    MaterialElements,
    Model,
    Skinning,
    VertexElements,
)
from tests.builders import bone, build_model, group_morph, material, vertex, vertex_morph
from tests.formats.compare import assert_same_tables
from tests.formats.files import everything_model, everything_pmx


def only_warning(model: Model) -> str:
    assert len(model.warnings) == 1, [str(warning) for warning in model.warnings]
    return str(model.warnings[0])


def put(data: bytes, offset: int, layout: str, *values: float) -> bytes:
    """`data` with other numbers at an offset."""
    size = struct.calcsize(layout)
    return data[:offset] + struct.pack(layout, *values) + data[offset + size :]


def section_starts(data: bytes, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Where each section of a file begins."""
    starts: dict[str, int] = {}
    begin = BinaryReader.begin

    def record(self: BinaryReader, section: str) -> None:
        starts.setdefault(section, self.offset)
        begin(self, section)

    with monkeypatch.context() as patch:
        patch.setattr(BinaryReader, "begin", record)
        read_pmx(data)
    return starts


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-8"])
@pytest.mark.parametrize("channels", [0, 2, 4])
def test_everything_is_read_back_as_it_was_written(encoding: str, channels: int) -> None:
    model = everything_model(encoding=encoding, channels=channels)
    again = read_pmx(write_pmx(model), strict=True)
    assert again.version == 2.1
    assert again.encoding == encoding
    assert_same_tables(model, again)


@pytest.mark.parametrize(("count", "size"), [(100, 1), (300, 2), (70_000, 4)])
def test_vertex_indices_take_the_bytes_they_need(count: int, size: int) -> None:
    model = build_model(
        vertices=[vertex((row, 0, 0)) for row in range(count)],
        faces=[(0, 1, count - 1)],
        morphs=[vertex_morph("端", {count - 1: (0, 1, 0)})],
    )
    data = write_pmx(model)
    assert data[11] == size
    again = read_pmx(data)
    assert again.faces.tolist() == [[0, 1, count - 1]]
    assert_same_tables(model, again)


def test_vertex_index_255_of_one_byte_is_a_vertex() -> None:
    model = build_model(vertices=[vertex((row, 0, 0)) for row in range(255)], faces=[(0, 1, 2)])
    data = bytearray(write_pmx(model))
    more = build_model(vertices=[vertex((row, 0, 0)) for row in range(256)], faces=[(0, 1, 255)])
    wide = write_pmx(more)
    assert wide[11] == 2
    # The same file with one-byte indices, which the format allows up to vertex 255.
    faces_at = wide.index(struct.pack("<i3H", 3, 0, 1, 255))
    narrow = wide[:11] + b"\1" + wide[12:faces_at] + struct.pack("<i3B", 3, 0, 1, 255) + wide[faces_at + 10 :]
    assert data[11] == 1
    assert read_pmx(narrow, strict=True).faces.tolist() == [[0, 1, 255]]


def test_weights_are_as_stored() -> None:
    vertices = everything_model().vertices
    again = read_pmx(everything_pmx()).vertices
    assert again.skinning.tolist() == [0, 1, 2, 3, 4, 0]
    np.testing.assert_array_equal(again.bone_weights, vertices.bone_weights)
    assert again.bone_indices[1].tolist() == [0, 1, NO_INDEX, NO_INDEX]
    assert again.sdef_vertices.tolist() == [3]


def test_old_pmx_is_refused_by_name() -> None:
    with pytest.raises(FormatError, match=r"PMX 1\.0.*PMXEditor"):
        read_pmx(b"Pmx " + everything_pmx()[4:])


@pytest.mark.parametrize("version", [2.0, 2.1, 2.0004])
def test_version_is_compared_with_tolerance(version: float) -> None:
    data = write_pmx(replace(everything_model(), soft_bodies=()))
    assert read_pmx(put(data, 4, "<f", version)).version in (2.0, 2.1)


@pytest.mark.parametrize(
    ("offset", "value", "problem"),
    [
        (8, 7, "7 header settings"),
        (9, 2, "text encoding 2"),
        (10, 5, "5 additional UVs"),
        (11, 3, "vertex indices of 3 bytes"),
        (14, 0, "bone indices of 0 bytes"),
        (16, 8, "rigid body indices of 8 bytes"),
    ],
)
def test_header_setting_out_of_range_is_an_error_with_its_place(
    offset: int, value: int, problem: str
) -> None:
    with pytest.raises(FormatError, match=problem) as caught:
        read_pmx(put(everything_pmx(), offset, "<B", value))
    assert (caught.value.section, caught.value.offset) == ("header", offset)


def test_header_settings_beyond_eight_are_skipped() -> None:
    data = everything_pmx()
    longer = data[:8] + b"\x0a" + data[9:17] + b"??" + data[17:]
    model = read_pmx(longer)
    assert "skipped" in only_warning(model)
    assert_same_tables(model, read_pmx(data))


def test_qdef_in_a_file_of_version_2_0_is_read_as_qdef() -> None:
    model = replace(everything_model(), soft_bodies=(), version=2.0)
    data = write_pmx(model)
    assert struct.unpack_from("<f", data, 4) == (2.0,)
    assert read_pmx(data, strict=True).vertices.skinning[4] == Skinning.QDEF


def test_text_that_cannot_be_decoded_is_replaced() -> None:
    data = everything_pmx(encoding="utf-8").replace("全部".encode(), b"\xff\xfe\xfd\xfc\xfb\xfa")
    model = read_pmx(data)
    assert model.name == "\ufffd" * 6
    assert "UTF-8" in only_warning(model)
    with pytest.raises(FormatError, match="UTF-8"):
        read_pmx(data, strict=True)


def test_utf_16_text_of_odd_length_is_replaced() -> None:
    data = everything_pmx()
    name = "全部".encode("utf-16-le")
    at = data.index(name) - 4
    odd = data[:at] + struct.pack("<i", 3) + name[:3] + data[at + 8 :]
    model = read_pmx(odd)
    assert model.name == "全\ufffd"
    assert "UTF-16" in only_warning(model)


def test_nul_letters_at_the_end_of_a_text_are_dropped() -> None:
    model = read_pmx(write_pmx(replace(everything_model(), name="全部\0\0")))
    assert model.name == "全部"
    assert "NUL" in only_warning(model)


Breakage = tuple[str, Callable[[Model], Model], str, Callable[[Model], bool]]


def vertices_with(**columns: object) -> Callable[[Model], Model]:
    return lambda model: replace(model, vertices=replace(model.vertices, **columns))  # type: ignore[arg-type]


def materials_with(**columns: object) -> Callable[[Model], Model]:
    return lambda model: replace(model, materials=replace(model.materials, **columns))  # type: ignore[arg-type]


def bones_with(**columns: object) -> Callable[[Model], Model]:
    return lambda model: replace(model, bones=replace(model.bones, **columns))  # type: ignore[arg-type]


def changed(values: np.ndarray, place: object, value: object) -> np.ndarray:
    copy = values.copy()
    copy[place] = value
    return copy


BASE = build_model(
    bones=[bone("親"), bone("子", parent="親", position=(0, 1, 0)), bone("孫", parent="子")],
    materials=[material("一", triangles=1), material("二")],
    textures=("a.png",),
    morphs=[
        vertex_morph("動", {0: (0, 1, 0), 1: (1, 0, 0)}),
        group_morph("組", {"動": 1.0, "別": 1.0}),
        group_morph("別", {"動": 0.5}),
    ],
)
V, M, B = BASE.vertices, BASE.materials, BASE.bones
NAN = float("nan")

SURVIVED: list[Breakage] = [
    (
        "position that is not finite becomes 0",
        vertices_with(positions=changed(V.positions, (1, 0), NAN)),
        r"vertex 1, .*position is not a finite number; took 0",
        lambda model: bool(model.vertices.positions[1, 0] == 0),
    ),
    (
        "normal that is not finite is computed from the triangles",
        vertices_with(normals=changed(V.normals, 2, np.inf)),
        "normal is not finite",
        lambda model: bool(np.allclose(model.vertices.normals[2], (0, 0, -1))),
    ),
    (
        "edge scale that is not finite becomes 1",
        vertices_with(edge_scales=changed(V.edge_scales, 0, NAN)),
        "edge scale is not a finite number; took 1",
        lambda model: bool(model.vertices.edge_scales[0] == 1),
    ),
    (
        "weight outside 0..1 is kept for skinning to clamp",
        vertices_with(
            skinning=changed(V.skinning, 0, 1),
            bone_indices=changed(V.bone_indices, 0, (0, 1, -1, -1)),
            bone_weights=changed(V.bone_weights, 0, (1.5, -0.5, 0, 0)),
        ),
        r"outside 0\.\.1; skinning clamps it",
        lambda model: model.vertices.bone_weights[0].tolist() == [1.5, -0.5, 0, 0],
    ),
    (
        "weight of no bone is told",
        vertices_with(bone_indices=changed(V.bone_indices, 0, NO_INDEX)),
        "weight to no bone; skinning leaves it out",
        lambda model: bool((model.vertices.bone_indices[0] == NO_INDEX).all()),
    ),
    (
        "materials that draw too few triangles leave the rest undrawn",
        materials_with(face_index_counts=np.array([3, 3], np.int32)),
        "draw 2 of 3 triangles; left the rest undrawn",
        lambda model: model.materials.face_index_counts.tolist() == [3, 3],
    ),
    (
        "texture that is not there becomes none",
        materials_with(textures=np.array([0, 7], np.int32)),
        "material 1, .*texture 7, there are 1; took none",
        lambda model: model.materials.textures.tolist() == [0, NO_INDEX],
    ),
    (
        "unknown sphere mode is off",
        materials_with(sphere_modes=np.array([255, 1], np.uint8)),
        "sphere mode is unknown; took off",
        lambda model: model.materials.sphere_modes.tolist() == [0, 1],
    ),
    (
        "unknown shared toon is none",
        materials_with(shared_toons=np.array([True, False]), toons=np.array([10, -1], np.int32)),
        "shared toon is unknown; took none",
        lambda model: model.materials.toons.tolist() == [-1, -1] and not model.materials.shared_toons.any(),
    ),
    (
        "append to no bone is ignored",
        bones_with(flags=changed(B.flags, 2, B.flags[2] | BoneFlag.APPEND_ROTATION)),
        "bone 2, .*appends to no bone; ignored that",
        lambda model: model.bones.append_parents.tolist() == [-1, -1, -1],
    ),
    (
        "bone that is its own parent becomes a root",
        bones_with(parents=np.array([0, 0, 1], np.int32)),
        "bone 0, .*its own ancestor; made it a root",
        lambda model: model.bones.parents.tolist() == [-1, 0, 1],
    ),
    (
        "circle of parents is cut once",
        bones_with(parents=np.array([2, 0, 1], np.int32)),
        "its own ancestor; made it a root",
        lambda model: sorted(model.bones.parents.tolist()).count(-1) == 1,
    ),
    (
        "element of a morph that names a missing vertex is left out",
        lambda model: replace(
            model,
            morphs=replace(
                model.morphs,
                elements=(
                    VertexElements(np.array([0, 99], np.int32), np.ones((2, 3), np.float32)),
                    *model.morphs.elements[1:],
                ),
            ),
        ),
        r"morph 0, .*1 of its 2 elements name what is not there \(99\); left them out",
        lambda model: model.morphs.elements[0].vertices.tolist() == [0],  # type: ignore[union-attr]
    ),
    (
        "group morphs that drive each other are cut apart",
        lambda model: replace(
            model,
            morphs=replace(
                model.morphs,
                elements=(
                    *model.morphs.elements[:2],
                    GroupElements(np.array([0, 1], np.int32), np.ones(2, np.float32)),
                ),
            ),
        ),
        "drives itself; cut the circle",
        lambda model: [e.morphs.tolist() for e in model.morphs.elements[1:]] == [[0, 2], [0]],  # type: ignore[union-attr]
    ),
]


@pytest.mark.parametrize(
    ("breakage", "warning", "mended"),
    [pytest.param(breakage, warning, mended, id=name) for name, breakage, warning, mended in SURVIVED],
)
def test_damage_is_survived(
    breakage: Callable[[Model], Model], warning: str, mended: Callable[[Model], bool]
) -> None:
    data = write_pmx(breakage(BASE))
    model = read_pmx(data)
    assert len(model.warnings) == 1
    assert model.warnings[0].section in {"vertex", "face", "material", "bone", "morph"}
    assert re.search(warning, str(model.warnings[0]))
    assert mended(model)
    with pytest.raises(FormatError):
        read_pmx(data, strict=True)


def test_parent_after_its_child_is_legal() -> None:
    model = build_model(bones=[bone("子", parent=1), bone("親")])
    assert read_pmx(write_pmx(model), strict=True).bones.parents.tolist() == [1, NO_INDEX]


def test_parent_that_is_not_there_is_none() -> None:
    data = write_pmx(BASE)
    at = data.index(np.array([0, 1, 0], "<f4").tobytes() + struct.pack("<b", 0)) + 12
    model = read_pmx(put(data, at, "<b", 9))
    assert model.bones.parents.tolist() == [NO_INDEX, NO_INDEX, 1]
    assert "bone 1, " in only_warning(model)
    assert "parent bone 9, there are 3; made it a root" in only_warning(model)


def test_material_morph_of_minus_1_means_all_materials() -> None:
    elements = read_pmx(everything_pmx()).morphs.elements[5]
    assert isinstance(elements, MaterialElements)
    assert elements.materials.tolist() == [1, NO_INDEX]


def test_face_that_names_a_missing_vertex_loses_its_area() -> None:
    data = write_pmx(BASE)
    at = data.index(struct.pack("<i9B", 9, *range(9))) + 4
    model = read_pmx(put(data, at + 4, "<B", 200))
    assert model.faces.tolist() == [[0, 1, 2], [0, 0, 0], [6, 7, 8]]
    assert "face 1" in only_warning(model)


def test_bone_that_is_not_there_becomes_none_in_vertices() -> None:
    data = write_pmx(BASE)
    weight_at = data.index(V.positions[0].astype("<f4").tobytes()) + 33
    model = read_pmx(put(data, weight_at, "<b", 100))
    assert model.vertices.bone_indices[0, 0] == NO_INDEX
    assert [warning.element for warning in model.warnings] == [0, 0]
    assert "bone 100, there are 3" in str(model.warnings[0])


def test_shared_toon_byte_of_2_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    data = everything_pmx()
    names = (struct.pack("<i", 2) + "体".encode("utf-16-le")) * 2
    block_at = data.index(names, section_starts(data, monkeypatch)["material"]) + len(names)
    flag_at = block_at + 68  # after 16 floats, flags, edge size, two texture indices and the sphere mode
    assert data[flag_at - 1 : flag_at + 1] == b"\2\0"
    with pytest.raises(FormatError, match="shared toon byte is 2") as caught:
        read_pmx(put(data, flag_at, "<B", 2))
    assert (caught.value.section, caught.value.element, caught.value.offset) == ("material", 0, flag_at)


def test_unknown_morph_type_is_an_error() -> None:
    data = everything_pmx()
    name = "まばたき".encode("utf-16-le")
    at = data.index(name) + len(name) + 4 + 1
    with pytest.raises(FormatError, match="morph type 11 is unknown") as caught:
        read_pmx(put(data, at, "<B", 11))
    assert (caught.value.section, caught.value.element, caught.value.offset) == ("morph", 0, at)


@pytest.mark.parametrize("section", ["vertex", "face", "texture", "material", "bone", "morph"])
@pytest.mark.parametrize("count", [-1, 2**31 - 1, 70_000])
def test_absurd_count_is_refused_before_anything_is_allocated(
    section: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = everything_pmx()
    at = section_starts(data, monkeypatch)[section]
    with pytest.raises(FormatError, match=f"claims {count:,}") as caught:
        read_pmx(put(data, at, "<i", count))
    assert (caught.value.section, caught.value.offset) == (section, at)


def test_cut_after_the_morphs_keeps_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    data = everything_pmx()
    starts = section_starts(data, monkeypatch)
    for section in ("display frame", "rigid body", "joint", "soft body"):
        for cut in (starts[section], starts[section] + 6):
            model = read_pmx(data[:cut])
            assert len(model.morphs) == 9
            # A file of version 2.1 without any soft body section is common and whole.
            assert len(model.warnings) == (0 if cut == starts["soft body"] else 1)


def test_cut_before_the_end_of_the_morphs_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    data = everything_pmx()
    for cut in range(0, section_starts(data, monkeypatch)["display frame"], 2):
        with pytest.raises(FormatError):
            read_pmx(data[:cut])


def test_cut_inside_the_last_joint_is_filled_with_zeros(monkeypatch: pytest.MonkeyPatch) -> None:
    data = everything_pmx()
    end = section_starts(data, monkeypatch)["soft body"]
    model = read_pmx(data[: end - 12])
    assert "inside the last joint; took zeros" in only_warning(model)
    assert model.joints.angular_springs.tolist() == [[0, 0, 0]]
    assert model.joints.linear_springs.tolist() == [[6, 7, 8]]


def test_bytes_after_the_model_are_ignored() -> None:
    model = read_pmx(everything_pmx() + b"0123")
    assert "4 bytes follow the model; ignored them" in only_warning(model)


def test_a_million_faults_are_one_warning() -> None:
    broken = replace(V, positions=np.full_like(V.positions, np.nan))
    model = read_pmx(write_pmx(replace(BASE, vertices=broken)))
    assert "(and 8 more)" in only_warning(model)
