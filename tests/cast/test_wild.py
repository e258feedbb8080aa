from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmdgen.annotate.schema import Role
from mmdgen.cast import make_character
from mmdgen.cast.expressions import standard_expressions
from mmdgen.cast.wild import NAMING_FAMILIES, TAME, Wild, cut_name, draw_wild, renamed
from mmdgen.formats import read_model_bytes
from mmdgen.model import Skinning, VertexElements
from mmdgen.pose import Pose
from mmdgen.rig import build_rig, skin_vertices
from mmdgen.rig.skeleton import require_posable


def names_by_key(wild: Wild) -> dict[str, str]:
    return {expression.key: expression.name for expression in renamed(standard_expressions(), wild)}


def test_tidy_characters_do_not_stray() -> None:
    assert TAME.notes() == ()
    assert make_character(0).annotation.warnings == ()


def test_mirrored_family_calls_the_right_eye_by_the_left_eyes_name() -> None:
    assert names_by_key(Wild(naming="modern"))["blink_left"] == "ウィンク２"
    assert names_by_key(Wild(naming="mirrored"))["blink_right"] == "ウィンク２"
    assert names_by_key(Wild(naming="swapped"))["blink_left"] == "ウィンク"
    assert names_by_key(Wild(naming="mirrored and swapped"))["blink_right"] == "ウィンク"


def test_family_without_winks_has_no_one_eye_morph() -> None:
    keys = names_by_key(Wild(naming="no winks"))
    assert "blink" in keys
    assert not {"blink_left", "blink_right", "smile_left", "smile_right"} & set(keys)


def test_cut_names_lose_half_a_character() -> None:
    assert cut_name("あいうえおかきくけこさ") == "あいうえおかきくけこ"
    assert cut_name("aあいうえおかきくけこ") == "aあいうえおかきくけ"


def test_cut_characters_have_names_that_the_pmd_format_cut() -> None:
    names = names_by_key(Wild(cut_names=True))
    whole = {expression.key: expression.name for expression in standard_expressions()}
    assert names["brow_serious_left"] == "真面目左（左の眉毛だ"
    assert max(len(name.encode("cp932")) for name in names.values()) == 20
    assert names["blink"] == whole["blink"]


def test_half_width_family_writes_winks_in_half_width_kana() -> None:
    names = names_by_key(Wild(naming="half-width"))
    assert {names[key] for key in ("smile_left", "smile_right", "blink_left")} == {"ｳｨﾝｸ", "ｳｨﾝｸ右", "ｳｨﾝｸ２"}


def test_english_and_chinese_families_rename_the_eyes() -> None:
    assert names_by_key(Wild(naming="english"))["blink_left"] == "Blink_L"
    assert names_by_key(Wild(naming="chinese"))["blink_right"] == "右眨眼"


@pytest.mark.parametrize("seed", range(6))
def test_wild_characters_are_read_posed_and_known(seed: int) -> None:
    character = make_character(seed, wild=True)
    model = read_model_bytes(character.data, source="wild.pmx")
    assert model.warnings == ()
    require_posable(model)
    choice = character.annotation.roles[Role.EYE_WINK_BOTH]
    assert model.morphs.names[choice.morph] == choice.name
    elements = model.morphs.elements[choice.morph]
    assert isinstance(elements, VertexElements)
    head = character.annotation.head
    heights = model.vertices.positions[elements.vertices, 1]
    assert head.bottom < heights.min() < heights.max() < head.top
    assert character.annotation.warnings == draw_wild(seed).notes()


def test_every_family_and_every_stray_is_drawn() -> None:
    drawn = [draw_wild(seed) for seed in range(120)]
    assert {wild.naming for wild in drawn} == set(NAMING_FAMILIES)
    assert {wild.neck_bones for wild in drawn} == {0, 1, 2}
    for name in ("cut_names", "sdef_neck", "scale", "offset"):
        assert len({getattr(wild, name) for wild in drawn}) > 1


def test_sdef_neck_rests_where_it_was() -> None:
    seed = next(seed for seed in range(50) if draw_wild(seed).sdef_neck)
    model = make_character(seed, wild=True).model
    assert (model.vertices.skinning == Skinning.SDEF).sum() > 50
    positions, _ = skin_vertices(build_rig(model).pose(Pose.rest(model)))
    assert np.abs(positions - model.vertices.positions).max() < 1e-3 * draw_wild(seed).scale


def test_notes_name_what_strays() -> None:
    assert replace(TAME, scale=10.0).notes() == ("scale: 10.0",)
