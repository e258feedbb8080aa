"""Which split a source group of models belongs to.

A pattern of the configuration decides first; a group that no pattern names is placed by the hash of its
name, so that adding models or groups moves nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from mmdgen.dataset.config import Split, SplitRule
from mmdgen.dataset.keys import stable_unit
from mmdgen.errors import DatasetError

USUAL_SHARES = {Split.TRAIN: 0.90, Split.VALIDATION: 0.05, Split.TEST: 0.05}


def assign_split(group: str, rules: Sequence[SplitRule]) -> Split | None:
    """The split of a group, or None where no rule takes it.

    Raises:
        DatasetError: patterns of two splits name the group.
    """
    named = [rule.split for rule in rules if any(fnmatchcase(group, pattern) for pattern in rule.groups)]
    if len(named) > 1:
        raise DatasetError(
            f"the groups of [splits.{named[0].value}] and [splits.{named[1].value}] both take '{group}'; "
            "make the patterns exclusive"
        )
    return named[0] if named else _split_by_hash(group, rules)


def home_group(groups: Sequence[str], rules: Sequence[SplitRule], *, settled: bool = False) -> str:
    """The group that decides the split of models that show the same character.

    Groups that patterns hold out win, test before validation: what a person keeps for testing is not trained
    on because of a copy elsewhere. Otherwise the first group decides. Hashes hold nothing out here, or a
    character of many copies would nearly always have one that falls into the test split.

    Args:
        groups: the models' groups, the first model's first.
        rules: of the splits; without rules the first group decides.
        settled: whether each of the groups decided before. Then hashes count too: where two characters turn
            out to be one, it stays held out if either was.
    """
    held_out = (Split.TEST, Split.VALIDATION)

    def rank(group: str) -> int:
        split = assign_split(group, rules)
        if split is None and rules:
            return len(held_out) + 1  # no split takes it
        is_named = any(fnmatchcase(group, pattern) for rule in rules for pattern in rule.groups)
        return held_out.index(split) if split in held_out and (is_named or settled) else len(held_out)

    return min(groups, key=rank)


def _split_by_hash(group: str, rules: Sequence[SplitRule]) -> Split | None:
    shares = [(rule.split, _share(rule)) for rule in rules if _share(rule) > 0.0]
    position = stable_unit(f"split:{group}") * sum(share for _, share in shares)
    for split, share in shares:
        if position < share:
            return split
        position -= share
    return shares[-1][0] if shares else None  # the sum of the shares is rounded


def _share(rule: SplitRule) -> float:
    """A rule's part of the groups that no pattern names: none, if it names its own."""
    if rule.share is not None:
        return rule.share
    return 0.0 if rule.groups else USUAL_SHARES[rule.split]
