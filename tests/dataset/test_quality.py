"""What is measured of pictures, and which rules leave a sample out."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from mmdgen.dataset.quality import QualityRules, broken_rules, change_facts, head_square, picture_facts
from mmdgen.pose import THA1
from mmdgen.scene import Framing

ARTICLE = Framing()
RULES = QualityRules()
OFF = QualityRules(**{rule.name: None for rule in fields(QualityRules)})
CLEAR = THA1.vector(head_y=1.0, left_eye=1.0)  # a label whose effect must show


def bust(*, rows: slice = slice(60, 256), columns: slice = slice(60, 196)) -> np.ndarray:
    """A block where head and shoulders stand in the article's frame."""
    image = np.zeros((256, 256, 4), np.uint8)
    image[rows, columns] = (90, 80, 70, 255)
    return image


def facts(rest: np.ndarray, expression: np.ndarray, posed: np.ndarray) -> dict[str, dict[str, Any]]:
    return {
        "rest": picture_facts(rest, ARTICLE),
        "expression": picture_facts(expression, ARTICLE) | change_facts(expression, rest, ARTICLE, of="rest"),
        "posed": picture_facts(posed, ARTICLE) | change_facts(posed, expression, ARTICLE, of="expression"),
    }


def with_spot(image: np.ndarray, row: int, column: int, side: int = 20) -> np.ndarray:
    spotted = image.copy()
    spotted[row : row + side, column : column + side, :3] = 5
    return spotted


SOUND = bust()
EXPRESSION = with_spot(SOUND, 120, 100)
POSED = with_spot(EXPRESSION, 100, 70, 80)


def broken(
    rest: np.ndarray = SOUND,
    expression: np.ndarray = EXPRESSION,
    posed: np.ndarray = POSED,
    *,
    vector: np.ndarray = CLEAR,
    rules: QualityRules = RULES,
) -> tuple[str, ...]:
    return broken_rules(facts(rest, expression, posed), vector, THA1, ARTICLE, rules)


def test_a_sound_sample_breaks_no_rule() -> None:
    assert broken() == ()


def test_the_facts_of_a_picture_are_shares() -> None:
    image = bust(rows=slice(0, 256), columns=slice(64, 192))
    assert picture_facts(image, ARTICLE) == {
        "coverage": 0.5,
        "box": [64, 0, 192, 256],
        "cut": round(128 / (256 + 2 * 191), 6),
        "head": 1.0,
    }
    empty = picture_facts(np.zeros_like(image), ARTICLE)
    assert empty == {"coverage": 0.0, "box": [], "cut": 0.0, "head": 0.0}


def test_what_changes_outside_of_the_heads_square_is_stray() -> None:
    other = SOUND.copy()
    other[70:80, 70:80, 0] = 1
    other[220:230, 70:80, 0] = 1
    assert change_facts(other, SOUND, ARTICLE, of="rest") == {
        "changed_from_rest": round(200 / 65536, 6),
        "stray": 0.5,
    }
    assert change_facts(SOUND, SOUND, ARTICLE, of="rest") == {"changed_from_rest": 0.0, "stray": 0.0}


def test_the_heads_square_follows_the_framing_and_stays_on_the_canvas() -> None:
    assert head_square(Framing(512, 128.0, (256.0, 128.0))) == (slice(64, 192), slice(192, 320))
    assert head_square(Framing(64, 64.0, (0.0, 60.0))) == (slice(28, 64), slice(0, 32))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"posed": np.zeros_like(SOUND)}, "the posed picture is empty"),
        ({"posed": np.full_like(SOUND, 255)}, "the posed picture is covered all over"),
        ({"posed": bust(rows=slice(0, 190), columns=slice(0, 256))}, "the posed picture is clipped"),
        ({"posed": bust(rows=slice(150, 256))}, "the head is not in its box in the posed picture"),
        ({"expression": with_spot(SOUND, 220, 100)}, "the expression shows outside of the head's box"),
        ({"expression": SOUND}, "the expression has no visible effect"),
        ({"posed": EXPRESSION}, "the pose has no visible effect"),
    ],
)
def test_each_rule_names_what_is_wrong_and_can_be_turned_off(
    changes: dict[str, np.ndarray], sentence: str
) -> None:
    assert any(text.startswith(sentence) for text in broken(**changes))
    assert broken(**changes, rules=OFF) == ()


def test_a_label_near_rest_need_not_show() -> None:
    assert broken(SOUND, SOUND, SOUND, vector=THA1.vector(head_y=0.1, left_eye=0.4)) == ()
    assert broken(SOUND, SOUND, SOUND, vector=THA1.vector(mouth=0.0)) == (
        "the expression has no visible effect",
    )


def test_effects_are_measured_by_the_heads_size_not_by_the_picture() -> None:
    """A wide frame shows the same face smaller: the same pixels of the head are a smaller share of it."""
    wide = Framing(512, 128.0, (256.0, 128.0))
    quality = facts(SOUND, EXPRESSION, POSED)
    quality["expression"]["changed_from_rest"] = 0.00004
    assert "the expression has no visible effect" in broken_rules(quality, CLEAR, THA1, ARTICLE, RULES)
    assert broken_rules(quality, CLEAR, THA1, wide, RULES) == ()


def test_a_rule_with_another_limit_decides_otherwise() -> None:
    assert broken(rules=replace(RULES, max_coverage=0.1)) == tuple(
        f"the {picture} picture is covered all over" for picture in ("rest", "expression", "posed")
    )
