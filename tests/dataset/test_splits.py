from __future__ import annotations

import pytest

from mmdgen.dataset.config import Split, SplitRule
from mmdgen.dataset.splits import assign_split
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
