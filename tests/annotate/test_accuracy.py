"""The proposals against characters whose true annotation is known."""

from __future__ import annotations

import pytest

from benchmarks.annotate_accuracy import judge
from benchmarks.annotate_troubles import TROUBLES, Case
from mmdgen.cast import make_character


def wrong_fields(seed: int, *, wild: bool) -> list[str]:
    character = make_character(seed, wild=wild)
    judged = judge(seed, Case(character.model, character.annotation))
    return [f"{entry.field}: {entry.note}" for entry in judged if not entry.is_right]


@pytest.mark.parametrize("wild", [False, True])
def test_a_characters_annotation_is_right(wild: bool) -> None:
    assert wrong_fields(7, wild=wild) == []  # wears a beret


def test_geometry_alone_finds_winks_and_mouth_and_says_that_it_is_unsure() -> None:
    character = make_character(3)
    case = TROUBLES["hidden names"](Case(character.model, character.annotation))
    judged = list(judge(3, case))
    roles = [entry for entry in judged if entry.field.startswith(("eye_wink", "mouth_aaa"))]
    assert [entry.field for entry in roles if not entry.is_right] == []
    assert max(entry.confidence for entry in roles) < 0.8


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 120))
def test_straying_characters_annotations_are_right(seed: int) -> None:
    assert wrong_fields(seed, wild=True) == []
