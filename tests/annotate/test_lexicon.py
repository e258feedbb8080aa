from __future__ import annotations

import pytest

from mmdgen.annotate.lexicon import (
    name_hints,
    names_another_closing,
    names_hat,
    normalize,
    split_side,
    suggest,
)
from mmdgen.annotate.schema import MORPH_PARAMETERS, Feature, Role, Side
from tests.builders import build_model, vertex_morph


@pytest.mark.parametrize(
    ("spelling", "same"),
    [
        ("ｳｨﾝｸ２右", "ウィンク2右"),
        ("ウインク", "ウィンク"),
        ("ＢＬＩＮＫ", "blink"),
        (" ま ば\u3000たき\0", "まばたき"),
    ],
)
def test_spellings_fold_together(spelling: str, same: str) -> None:
    assert normalize(spelling) == normalize(same)


@pytest.mark.parametrize(
    ("name", "stem", "side"),
    [
        ("ウィンク右", "ウィンク", Side.RIGHT),
        ("ｳｨﾝｸ右２", "ウィンク2", Side.RIGHT),
        ("左眨眼", "眨眼", Side.LEFT),
        ("ジト目L", "ジト目", Side.LEFT),
        ("wink_R", "wink", Side.RIGHT),
        ("eyeBlinkLeft", "eyeblink", Side.LEFT),
        ("Eye_2_L(CloseA)", "eye_2(closea)", Side.LEFT),
        ("smile", "smile", Side.BOTH),
        ("右", "右", Side.BOTH),
    ],
)
def test_side_words_are_split_off(name: str, stem: str, side: Side) -> None:
    assert split_side(name) == (stem, side)


@pytest.mark.parametrize(
    ("name", "feature", "side"),
    [
        ("まばたき", Feature.EYE_WINK, Side.BOTH),
        ("Fcl_EYE_Joy_L", Feature.EYE_HAPPY_WINK, Side.LEFT),
        ("Eye_2_L(CloseA)[M_Face]", Feature.EYE_WINK, Side.LEFT),
        ("mouth_a_geo_C", Feature.MOUTH_AAA, Side.BOTH),
        ("困る左", Feature.EYEBROW_TROUBLED, Side.LEFT),
        ("ウィンク", None, Side.BOTH),  # a wink of a side and shape that the name does not tell
        ("謎の表情", None, Side.BOTH),
    ],
)
def test_names_suggest_features(name: str, feature: Feature | None, side: Side) -> None:
    hint = suggest(name)
    assert (hint.feature, hint.side) == (feature, side)


def test_english_names_speak_only_where_the_first_name_is_silent() -> None:
    model = build_model(
        morphs=[
            vertex_morph("まばたき", {0: (0, -1, 0)}, name_en="smile"),
            vertex_morph("m01", {0: (0, -1, 0)}, name_en="blink"),
        ]
    )
    first, second = name_hints(model.morphs)
    assert (first.feature, second.feature) == (Feature.EYE_WINK, Feature.EYE_WINK)
    assert second.rank > first.rank


def test_other_closed_eyes_and_hats_are_known() -> None:
    assert names_another_closing("なごみ２")
    assert not names_another_closing("まばたき")
    assert names_hat("帽子02")
    assert names_hat("Witch_hat")
    assert not names_hat("whatever")


def test_the_later_networks_have_37_morph_parameters() -> None:
    assert len(MORPH_PARAMETERS) == 37
    assert MORPH_PARAMETERS[12:14] == (Role.EYE_WINK_LEFT, Role.EYE_WINK_RIGHT)
    assert MORPH_PARAMETERS[24] is Role.IRIS_SMALL_LEFT
    assert MORPH_PARAMETERS[26] is Role.MOUTH_AAA
    assert MORPH_PARAMETERS[32] is Role.MOUTH_LOWERED_CORNER_LEFT
    assert MORPH_PARAMETERS[36] is Role.MOUTH_SMIRK
