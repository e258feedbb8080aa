"""PMD files in the terms of PMX, on files built here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from mmdgen.errors import FormatError
from mmdgen.formats import read_model_bytes, read_pmd, read_pmx, write_pmx
from mmdgen.formats.textures import load_texture
from mmdgen.model import NO_INDEX, BoneFlag, MaterialFlag, Model, SphereMode, VertexElements
from tests.formats.compare import assert_same_tables
from tests.formats.files import BASE, PmdBone, PmdFile, PmdSkin


def read(file: PmdFile, *, without: Sequence[str] = ()) -> Model:
    return read_pmd(file.build(without=without))


def bones(*rows: PmdBone) -> Model:
    return read(PmdFile(bones=rows))


def test_whole_file_is_read_without_a_warning() -> None:
    model = read_pmd(PmdFile().build(), strict=True)
    assert (model.name, model.name_en) == ("試験", "test")
    assert (model.comment, model.comment_en) == ("comment", "terms")
    assert model.bones.names == ("センター", "頭")
    assert model.bones.names_en == ("bone0", "bone1")
    assert model.morphs.names_en == ("skin1",)
    assert model.display_frames[0].name == "体"
    assert model.display_frames[0].name_en == "body"
    assert model.display_frames[0].indices.tolist() == [1]
    assert model.faces.tolist() == [[0, 1, 2]]
    assert len(model.joints) == 1


def test_content_decides_which_reader_reads() -> None:
    data = PmdFile().build()
    assert read_model_bytes(data, source="model.pmx").format == "pmd"
    assert read_model_bytes(write_pmx(read_pmd(data)), source="model.pmd").format == "pmx"


def test_written_as_pmx_it_has_equal_tables() -> None:
    model = read(PmdFile(ik_chains=[(1, 0, [0])]))
    assert_same_tables(model, read_pmx(write_pmx(model)))


def test_weight_is_in_percent_and_edge_byte_means_no_edge() -> None:
    vertices = read(PmdFile(vertex_weight=30, vertex_edge_off=(0, 1, 0))).vertices
    np.testing.assert_allclose(vertices.bone_weights[0], [0.3, 0.7, 0, 0], atol=1e-7)
    assert vertices.edge_scales.tolist() == [1.0, 0.0, 1.0]


def test_skin_elements_count_in_the_base_skin() -> None:
    elements = read(PmdFile()).morphs.elements[0]
    assert isinstance(elements, VertexElements)
    assert elements.vertices.tolist() == [0]  # place 1 of the base list, which names vertices 2 and 0
    assert elements.offsets.tolist() == [[0.0, -0.5, 0.0]]


def test_second_base_skin_is_an_ordinary_morph() -> None:
    second = PmdSkin(b"0.75", 0, [(0, (0.0, 1.0, 0.0))])
    model = read(PmdFile(skins=(BASE, second)))
    assert model.morphs.names == ("0.75",)
    assert model.morphs.panels.tolist() == [0]
    assert model.morphs.elements[0].vertices.tolist() == [2]  # type: ignore[union-attr]


def test_skin_without_a_base_moves_vertices_and_is_told() -> None:
    model = read(PmdFile(skins=(PmdSkin(b"a", 3, [(2, (0.0, 1.0, 0.0))]),)))
    assert model.morphs.elements[0].vertices.tolist() == [2]  # type: ignore[union-attr]
    assert "no base" in str(model.warnings[0])


def test_skin_element_beyond_the_base_is_left_out() -> None:
    model = read(PmdFile(skins=(BASE, PmdSkin(b"a", 3, [(0, (1.0, 0.0, 0.0)), (9, (0.0, 0.0, 0.0))]))))
    assert model.morphs.elements[0].vertices.tolist() == [2]  # type: ignore[union-attr]
    assert "1 of its 2 elements" in str(model.warnings[0])


@pytest.mark.parametrize(
    ("texture", "names", "mode"),
    [
        (b"a.bmp", ("a.bmp",), SphereMode.OFF),
        (b"a.bmp*b.sph", ("a.bmp", "b.sph"), SphereMode.MULTIPLY),
        (b"b.SPA*a.bmp", ("a.bmp", "b.SPA"), SphereMode.ADD),
        (b"b.sph", ("", "b.sph"), SphereMode.MULTIPLY),
        (b"", ("",), SphereMode.OFF),
    ],
)
def test_texture_field_names_texture_and_sphere_map(
    texture: bytes, names: tuple[str, ...], mode: SphereMode
) -> None:
    model = read(PmdFile(texture=texture, toon=-1))
    materials = model.materials
    found = [
        "" if index == NO_INDEX else model.textures[index]
        for index in (materials.textures[0], materials.sphere_textures[0])
    ]
    assert found == [*names, ""][:2]
    assert materials.sphere_modes[0] == mode


def test_opacity_and_edge_byte_become_flags() -> None:
    def flags(**settings: float) -> MaterialFlag:
        return MaterialFlag(int(read(PmdFile(**settings)).materials.flags[0]))  # type: ignore[arg-type]

    shadow = MaterialFlag.CASTS_SHADOW | MaterialFlag.RECEIVES_SHADOW
    edge = MaterialFlag.EDGE | MaterialFlag.GROUND_SHADOW
    assert flags() == shadow | edge
    assert flags(material_edge=0) == shadow
    assert flags(material_edge=0, alpha=0.5) == shadow | MaterialFlag.DOUBLE_SIDED
    assert flags(material_edge=0, alpha=0.98) == MaterialFlag.DOUBLE_SIDED


def test_toon_is_the_files_own_name_where_it_has_a_list() -> None:
    own = read(PmdFile(toon=2, toons=[b"own.bmp"] * 10))
    assert own.textures[own.materials.toons[0]] == "own.bmp"
    standard = read(PmdFile(toon=2))
    assert not standard.materials.shared_toons[0]
    assert standard.textures[standard.materials.toons[0]] == "toon03.bmp"
    listless = read(PmdFile(toon=2), without=["toons", "rigid bodies", "joints"])
    assert listless.materials.shared_toons[0]
    assert listless.materials.toons[0] == 2
    assert read(PmdFile(toon=-1)).materials.toons[0] == NO_INDEX


def test_bone_kinds_become_flags_and_append_sources() -> None:
    model = bones(
        PmdBone(b"root", kind=1),
        PmdBone(b"turns as 0", parent=0, kind=5, ik=0, tail=3),
        PmdBone(b"twist", parent=0, kind=8, tail=3, position=(0, 0, 0)),
        PmdBone(b"end", parent=2, kind=7, position=(0, 2, 0)),
        PmdBone(b"follows", parent=0, kind=9, tail=2, ik=-25),
        PmdBone(b"unknown", parent=0, kind=200),
    ).bones
    assert model.has_flag(BoneFlag.MOVABLE).tolist() == [True] + [False] * 5
    assert model.has_flag(BoneFlag.VISIBLE).tolist() == [True, True, True, False, False, True]
    assert model.append_parents.tolist() == [-1, 0, -1, -1, 2, -1]
    assert model.append_ratios.tolist() == [0, 1, 0, 0, -0.25, 0]
    assert model.fixed_axes[2].tolist() == [0, 1, 0]
    assert model.deform_layers.tolist() == [0, 2, 0, 0, 2, 0]
    assert model.tails.tolist() == [-1, 3, 3, -1, 2, -1]


def test_no_bone_deforms_before_its_parent() -> None:
    layers = bones(
        PmdBone(b"root", kind=1),
        PmdBone(b"child", parent=2),
        PmdBone(b"append", parent=0, kind=5, ik=0),
    ).bones.deform_layers
    assert layers.tolist() == [0, 2, 2]


def test_knee_bends_one_way_only_and_the_limit_angle_is_stored_in_quarters() -> None:
    rows = [PmdBone(name.encode("cp932"), kind=1) for name in ("足ＩＫ", "足首", "左ひざ", "左足")]
    model = read(PmdFile(bones=rows, ik_chains=[(0, 1, [2, 3])]))
    (chain,) = model.bones.ik_chains
    assert model.bones.has_flag(BoneFlag.IK).tolist() == [True, False, False, False]
    assert chain.limit_angle == 2.0
    assert chain.has_limits.tolist() == [True, False]
    np.testing.assert_allclose(np.rad2deg(chain.lower_limits[0]), [-180, 0, 0], atol=1e-4)
    np.testing.assert_allclose(np.rad2deg(chain.upper_limits[0]), [-0.5, 0, 0], atol=1e-4)


def test_second_ik_chain_of_a_bone_gets_a_helper_bone() -> None:
    rows = [PmdBone(name, kind=1, position=(row, 0, 0)) for row, name in enumerate((b"ik", b"a", b"b"))]
    model = read(PmdFile(bones=rows, ik_chains=[(0, 1, [2]), (0, 2, [1])])).bones
    assert model.names == ("ik", "a", "b", "ik+")
    assert [chain.bone for chain in model.ik_chains] == [0, 3]
    assert model.parents[3] == 0
    assert model.rest_positions[3].tolist() == [0, 0, 0]


def test_ik_chain_of_a_missing_bone_is_ignored() -> None:
    model = read(PmdFile(ik_chains=[(77, 0, [1])]))
    assert model.bones.ik_chains == ()
    assert "bone 77, there are 2" in str(model.warnings[0])


def test_rigid_bodies_stand_in_model_space() -> None:
    bodies = read(PmdFile()).rigid_bodies
    # The first is at the head (0, 2, 0); the second has no bone and counts from the first bone (0, 0, 0).
    assert bodies.bones.tolist() == [1, NO_INDEX]
    assert bodies.positions.tolist() == [[0.5, 2.0, 0.0], [0.5, 0.0, 0.0]]


OPTIONAL = ["skin list", "frames", "frame bones", "english", "toons", "rigid bodies", "joints"]


@pytest.mark.parametrize("first_missing", range(3, len(OPTIONAL)))
def test_each_optional_part_may_be_missing(first_missing: int) -> None:
    model = read_pmd(PmdFile().build(without=OPTIONAL[first_missing:]), strict=True)
    assert len(model.morphs) == 1
    assert bool(model.name_en) == (first_missing > 3)
    assert bool(len(model.rigid_bodies)) == (first_missing > 5)


def test_file_that_says_it_has_no_english_names_has_none() -> None:
    model = read_pmd(PmdFile(english=False).build(), strict=True)
    assert model.name_en == ""
    assert model.bones.names_en == ("", "")
    assert len(model.joints) == 1


def test_every_cut_is_an_error_or_keeps_the_morphs() -> None:
    data = PmdFile().build()
    essential = sum(len(part) for name, part in PmdFile().parts().items() if name not in OPTIONAL)
    for cut in range(0, len(data), 3):
        if cut < essential:
            with pytest.raises(FormatError):
                read_pmd(data[:cut])
        else:
            assert len(read_pmd(data[:cut]).morphs) == 1


def test_name_cut_in_the_middle_of_a_letter_loses_that_half() -> None:
    name = "あいうえおかきくけこ".encode("cp932")[:19] + b"\x82"
    model = bones(PmdBone(b"a" + name[:18] + b"\x82"))
    assert model.bones.names == ("aあいうえおかきくけ",)
    assert "half a letter" in str(model.warnings[0])


def test_name_may_fill_its_field_and_garbage_may_follow_the_nul() -> None:
    full = "あいうえおかきくけこ"
    model = bones(PmdBone(full.encode("cp932")), PmdBone("髙①".encode("cp932") + b"\0\xfd\xfd\xfd"))
    assert model.bones.names == (full, "髙①")
    assert model.warnings == ()


def test_shared_toon_beside_the_model_wins_over_the_generated_one(tmp_path: Path) -> None:
    folder = tmp_path
    shared = load_texture(folder, "toon03.bmp")
    assert shared.pixels is not None
    assert shared.pixels[-1, 0].tolist() == [154, 154, 154, 255]
    (folder / "toon03.bmp").write_bytes(
        b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\1\0\0\0\1\0\0\0\1\0\x18\0" + bytes(24) + b"\1\2\3\0"
    )
    own = load_texture(folder, "toon03.bmp")
    assert own.pixels is not None
    assert own.pixels.tolist() == [[[3, 2, 1, 255]]]
