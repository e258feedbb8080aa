from __future__ import annotations

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdgen.rig.morph_weights import build_weight_flow, spread_weights
from tests.builders import MorphSpec, build_model, flip_morph, group_morph, vertex_morph


def spread(morphs: list[MorphSpec], weights: dict[int, float]) -> list[float]:
    model = build_model(morphs=morphs)
    sliders = np.zeros((1, len(morphs)), np.float32)
    for morph, weight in weights.items():
        sliders[0, morph] = weight
    return spread_weights(build_weight_flow(model.morphs), sliders)[0].tolist()


def leaf(name: str) -> MorphSpec:
    return vertex_morph(name, {0: (0, 1, 0)})


def test_a_group_hands_its_weight_times_ratio_to_its_children() -> None:
    morphs = [leaf("a"), leaf("b"), group_morph("g", {"a": 1.0, "b": 0.5})]
    assert spread(morphs, {2: 0.5})[:2] == [0.5, 0.25]


def test_groups_and_the_own_slider_add_up() -> None:
    morphs = [leaf("a"), group_morph("g", {"a": 0.5}), group_morph("h", {"a": 1.0})]
    assert spread(morphs, {0: 0.25, 1: 1.0, 2: 0.5})[0] == 1.25


def test_a_child_named_twice_moves_twice() -> None:
    morphs = [leaf("a"), group_morph("g", {0: 0.5, "a": 0.25})]
    assert spread(morphs, {1: 1.0})[0] == 0.75


def test_nested_groups_hand_down_whatever_their_order_in_the_file() -> None:
    morphs = [group_morph("g", {"h": 0.5}), leaf("a"), group_morph("h", {"a": 0.5})]
    assert spread(morphs, {0: 1.0})[1] == 0.25


def test_a_group_that_drives_itself_is_cut_and_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    morphs = [leaf("a"), group_morph("g", {"g": 1.0, "a": 0.5})]
    assert spread(morphs, {1: 1.0})[0] == 0.5
    assert "morph 1 (g) drives itself" in caplog.text


def test_groups_in_a_circle_end() -> None:
    morphs = [group_morph("g", {"h": 1.0, "a": 0.5}), group_morph("h", {"g": 1.0, "a": 0.25}), leaf("a")]
    assert spread(morphs, {0: 1.0})[2] == 0.75


def test_children_that_do_not_exist_are_left_out() -> None:
    assert spread([leaf("a"), group_morph("g", {7: 1.0, -1: 1.0, 0: 0.5})], {1: 1.0})[0] == 0.5


def test_equal_names_move_together() -> None:
    assert spread([leaf("あ"), leaf("い"), leaf("あ")], {2: 0.5}) == [0.5, 0.0, 0.5]


def test_setting_one_slider_of_equal_names_or_all_is_the_same() -> None:
    assert spread([leaf("あ"), leaf("あ")], {0: 0.5, 1: 0.5}) == [0.5, 0.5]


def test_morphs_without_a_name_move_alone() -> None:
    assert spread([leaf(""), leaf("")], {0: 0.5}) == [0.5, 0.0]


@pytest.mark.parametrize(
    ("weight", "chosen"),
    [(0.0, None), (0.2, None), (0.25, 0), (0.49, 0), (0.5, 1), (0.75, 2), (1.0, 2), (2.0, 2), (-1.0, None)],
)
def test_a_flip_morph_sets_the_child_that_its_weight_chooses(weight: float, chosen: int | None) -> None:
    morphs = [leaf("a"), leaf("b"), leaf("c"), flip_morph("f", {"a": 0.8, "b": 0.7, "c": 0.6})]
    expected = [0.0, 0.0, 0.0]
    if chosen is not None:
        expected[chosen] = (0.8, 0.7, 0.6)[chosen]
    np.testing.assert_allclose(spread(morphs, {3: weight})[:3], expected, atol=1e-7)


def test_a_flip_morph_overwrites_the_slider_of_its_child_and_groups_add_to_it() -> None:
    morphs = [leaf("a"), flip_morph("f", {"a": 1.0}), group_morph("g", {"a": 0.25})]
    assert spread(morphs, {0: 0.9, 1: 1.0, 2: 1.0})[0] == 1.25


def test_a_group_drives_a_flip_morph() -> None:
    morphs = [leaf("a"), flip_morph("f", {"a": 0.5}), group_morph("g", {"f": 1.0})]
    assert spread(morphs, {2: 1.0})[0] == 0.5


def test_a_flip_morph_without_children_does_nothing() -> None:
    assert spread([flip_morph("f", {}), leaf("a")], {0: 1.0})[1] == 0.0


def test_a_hundred_doubling_groups_end_at_once() -> None:
    morphs = [group_morph(f"g{i}", {i + 1: 0.5, f"g{i + 1}": 0.5}) for i in range(100)]
    assert spread([*morphs, leaf("g100")], {0: 1.0})[100] == 1.0


@given(
    st.lists(
        st.tuples(st.booleans(), st.lists(st.tuples(st.integers(-1, 6), st.floats(-2, 2)), max_size=4)),
        min_size=6,
        max_size=6,
    ),
    st.lists(st.floats(-1, 2), min_size=6, max_size=6),
)
@settings(deadline=None, max_examples=80)
def test_any_graph_of_groups_and_flips_ends(
    graph: list[tuple[bool, list[tuple[int, float]]]], sliders: list[float]
) -> None:
    morphs = [
        (flip_morph if is_flip else group_morph)(f"m{i}", dict(children))
        for i, (is_flip, children) in enumerate(graph)
    ]
    logging.disable(logging.WARNING)
    try:
        assert np.isfinite(spread(morphs, dict(enumerate(sliders)))).all()
    finally:
        logging.disable(logging.NOTSET)
