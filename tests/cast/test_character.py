from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from mmdgen.annotate.auto import propose_annotation
from mmdgen.annotate.json_form import annotation_from_text
from mmdgen.annotate.schema import Half, Role
from mmdgen.cast import Character, make_character, write_character
from mmdgen.formats import model_id, read_model
from mmdgen.model import BoneFlag, MaterialFlag, MorphKind, SphereMode, VertexElements
from mmdgen.rig.skeleton import require_posable
from tests.cast.conftest import cached_character

STANDARD_BONES = [
    "全ての親",
    "センター",
    "上半身",
    "上半身2",
    "首",
    "頭",
    "両目",
    "左目",
    "右目",
    "左肩",
    "左腕",
    "左ひじ",
    "左手首",
    "右肩",
    "右腕",
    "右ひじ",
    "右手首",
]
STANDARD_MORPHS = [
    "まばたき", "笑い", "ウィンク", "ウィンク右", "ウィンク２", "ｳｨﾝｸ２右", "なごみ", "はぅ", "びっくり",
    "じと目", "瞳小", "あ", "い", "う", "え", "お", "▲", "ω", "真面目", "困る", "にこり", "怒り", "上", "下",
    "口角上げ", "口角下げ", "照れ", "喜び", "悲しみ",
    *(brow + side for brow in ("真面目", "困る", "にこり", "怒り", "上", "下") for side in "左右"),
]  # fmt: skip


def test_same_seed_gives_the_same_bytes() -> None:
    first, second = make_character(5), make_character(5)
    assert first.data == second.data
    assert all(np.array_equal(first.textures[name], second.textures[name]) for name in first.textures)


def test_written_files_read_back_without_a_warning(character: Character, tmp_path: Path) -> None:
    path = write_character(character, tmp_path / "one")
    model = read_model(path, strict=True)
    assert model.warnings == ()
    assert np.array_equal(model.vertices.positions, character.model.vertices.positions)
    assert all((path.parent / name).is_file() for name in model.textures)


def test_annotation_beside_the_file_knows_the_file(character: Character, tmp_path: Path) -> None:
    path = write_character(character, tmp_path)
    text = path.with_suffix(".annotation.json").read_text(encoding="utf-8")
    assert annotation_from_text(text).model_id == model_id(path.read_bytes())
    assert (
        json.loads(path.with_suffix(".traits.json").read_text(encoding="utf-8"))["seed"]
        == character.traits.seed
    )


def test_files_are_small(character: Character, tmp_path: Path) -> None:
    write_character(character, tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 3_000_000


def test_standard_bones_and_morphs_are_there(character: Character) -> None:
    assert not set(STANDARD_BONES) - set(character.model.bones.names)
    assert not set(STANDARD_MORPHS) - set(character.model.morphs.names)
    require_posable(character.model)


def test_eyes_follow_the_bone_of_both(character: Character) -> None:
    bones = character.model.bones
    for name in ("左目", "右目"):
        row = bones.names.index(name)
        assert BoneFlag.APPEND_ROTATION in BoneFlag(bones.flags[row])
        assert bones.append_parents[row] == bones.names.index("両目")


def test_morphs_are_of_three_kinds_and_none_is_empty(character: Character) -> None:
    morphs = character.model.morphs
    assert {MorphKind.VERTEX, MorphKind.GROUP, MorphKind.MATERIAL} <= {
        MorphKind(kind) for kind in morphs.kinds
    }
    assert morphs.kinds[morphs.names.index("照れ")] == MorphKind.MATERIAL
    for name, elements in zip(morphs.names, morphs.elements, strict=True):
        if isinstance(elements, VertexElements):
            assert len(elements.vertices) > 3, name


def test_surprised_eyes_have_small_irises(character: Character) -> None:
    morphs = character.model.morphs
    wide, small = (morphs.elements[morphs.names.index(name)] for name in ("びっくり", "瞳小"))
    assert isinstance(wide, VertexElements)
    assert isinstance(small, VertexElements)
    both = np.intersect1d(small.vertices, wide.vertices)
    assert len(both) > 0.9 * len(small.vertices)


def test_characters_have_about_ten_thousand_vertices() -> None:
    counts = np.array([len(cached_character(seed).model.vertices) for seed in range(12)])
    assert 9_000 < np.median(counts) < 11_000
    assert counts.min() > 7_500
    assert counts.max() < 12_500


def test_characters_have_all_kinds_of_materials() -> None:
    tables = [cached_character(seed).model for seed in range(8, 20)]
    outlined = np.concatenate([(m.materials.flags & MaterialFlag.EDGE) > 0 for m in tables])
    assert outlined.any()
    assert not outlined.all()
    assert any((m.materials.sphere_modes == SphereMode.ADD).any() for m in tables)
    assert any("fringe.png" in m.textures for m in tables), "hair that the brows show through"
    assert any("眼鏡レンズ" in m.materials.names for m in tables), "half-transparent glasses"
    assert any(name.startswith("左") and "髪" in name for m in tables for name in m.bones.names), "hair bones"


def test_no_skin_is_hidden_under_the_clothes(character: Character) -> None:
    model, unit = character.model, character.traits.face.unit
    skin = np.unique(model.faces[slice(*model.materials.face_ranges()[model.materials.names.index("肌")])])
    place = (model.vertices.positions[skin] - [0.0, character.annotation.head.bottom, 0.0]) / unit
    trunk = (np.abs(place[:, 0]) < 0.5) & (place[:, 1] < -1.6)
    assert not trunk.any()


def test_left_is_where_x_is_positive(character: Character) -> None:
    bones = character.model.bones
    assert bones.rest_positions[bones.names.index("左目"), 0] > 0
    wink = character.annotation.roles[Role.EYE_WINK_LEFT]
    elements = character.model.morphs.elements[wink.morph]
    assert isinstance(elements, VertexElements)
    assert character.model.vertices.positions[elements.vertices, 0].min() > 0


def test_triangles_face_the_way_their_normals_point(character: Character) -> None:
    model = character.model
    a, b, c = (model.vertices.positions[model.faces[:, k]].astype(np.float64) for k in range(3))
    outward = np.cross(b - a, c - a)
    skin = slice(*model.materials.face_ranges()[model.materials.names.index("顔")])
    agreement = np.einsum("ij,ij->i", outward[skin], model.vertices.normals[model.faces[skin, 0]])
    assert (agreement > 0).mean() > 0.98


def test_a_white_texel_stays_below_one_in_the_articles_light(character: Character) -> None:
    materials = character.model.materials
    brightest = 0.5 * materials.ambient + 0.5 * materials.diffuse[:, :3]
    assert brightest.max() <= 1.0


def test_the_annotator_finds_what_was_built(character: Character) -> None:
    truth = character.annotation
    proposed = propose_annotation(character.model, truth.model_id)
    unit = character.traits.face.unit
    assert abs(proposed.head.bottom - truth.head.bottom) < 0.05 * unit
    assert abs(proposed.head.top - truth.head.top) < 0.3 * unit
    left = proposed.roles[Role.EYE_WINK_LEFT]
    assert (left.name, left.half) == ("まばたき", Half.LEFT)
    assert proposed.roles[Role.MOUTH_AAA].name == "あ"
