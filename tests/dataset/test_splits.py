from __future__ import annotations

import pytest

from mmdgen.dataset.config import Split, SplitRule
from mmdgen.dataset.splits import assign_split, home_group
from mmdgen.errors import DatasetError

BY_HASH = tuple(SplitRule(split, 1) for split in Split)


def test_a_pattern_decides_before_the_hash() -> None:
    rules = (
        SplitRule(Split.TRAIN, 1),
        SplitRule(Split.VALIDATION, 1, groups=("nijisanji*",)),
        SplitRule(Split.TEST, 1, groups=("vtuber-?",)),
    )
    assert assign_split("nijisanji/2018", rules) is Split.VALIDATION
    assert assign_split("vtuber-1", rules) is Split.TEST
    assert {assign_split(f"anime-{number}", rules) for number in range(100)} == {Split.TRAIN}


def test_without_patterns_groups_fall_90_5_5() -> None:
    splits = [assign_split(f"group-{number}", BY_HASH) for number in range(10_000)]
    assert splits.count(Split.TRAIN) == pytest.approx(9000, abs=100)
    assert splits.count(Split.VALIDATION) == pytest.approx(500, abs=70)
    assert splits.count(Split.TEST) == pytest.approx(500, abs=70)


def test_shares_can_be_said() -> None:
    rules = (SplitRule(Split.TRAIN, 1, share=0.5), SplitRule(Split.TEST, 1, share=0.5))
    splits = [assign_split(f"group-{number}", rules) for number in range(2000)]
    assert splits.count(Split.TRAIN) == pytest.approx(1000, abs=100)
    assert splits.count(Split.TEST) == 2000 - splits.count(Split.TRAIN)


def test_a_group_that_nothing_takes_is_in_no_split() -> None:
    assert assign_split("games", (SplitRule(Split.TRAIN, 1, groups=("anime",)),)) is None


def test_patterns_of_two_splits_on_one_group_are_an_error() -> None:
    rules = (SplitRule(Split.TRAIN, 1, groups=("a*",)), SplitRule(Split.TEST, 1, groups=("*b",)))
    with pytest.raises(DatasetError, match=r"\[splits.train\] and \[splits.test\] both take 'ab'"):
        assign_split("ab", rules)


NAMED = (
    SplitRule(Split.TRAIN, 1, groups=("a", "b")),
    SplitRule(Split.VALIDATION, 1, groups=("v",)),
    SplitRule(Split.TEST, 1, groups=("t",)),
)


def test_a_group_that_is_held_out_by_name_decides_for_all_that_show_a_character() -> None:
    assert home_group(["b", "a"], NAMED) == "b"  # the first model's
    assert home_group(["a", "v"], NAMED) == "v"
    assert home_group(["a", "v", "t", "x"], NAMED) == "t"
    assert home_group(["x", "a"], NAMED) == "a"  # no split takes x
    assert home_group(["x", "a"], ()) == "x"


def test_a_hash_holds_out_only_what_it_held_out_before() -> None:
    """Of many copies one nearly always falls into the test split; they must not all follow it there."""
    rules = (SplitRule(Split.TRAIN, 1), SplitRule(Split.TEST, 1))
    groups = [str(number) for number in range(200)]
    training = next(group for group in groups if assign_split(group, rules) is Split.TRAIN)
    test = next(group for group in groups if assign_split(group, rules) is Split.TEST)
    assert home_group([training, test], rules) == training
    assert home_group([training, test], rules, settled=True) == test


def test_adding_groups_moves_nobody() -> None:
    rules = (SplitRule(Split.TRAIN, 1), SplitRule(Split.TEST, 1))
    before = {name: assign_split(name, rules) for name in map(str, range(500))}
    assert set(before.values()) == {Split.TRAIN, Split.TEST}
    after = {name: assign_split(name, rules) for name in map(str, range(2000))}
    assert {name: after[name] for name in before} == before
