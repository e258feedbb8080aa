from __future__ import annotations

import pytest

from mmdgen.dataset.keys import SampleKey, shuffled, stable_unit
from mmdgen.errors import DatasetError


def test_a_key_reads_back() -> None:
    key = SampleKey("0123456789abcdef", 42)
    assert str(key) == "0123456789abcdef-000042"
    assert SampleKey.parse(str(key)) == key


def test_an_index_may_outgrow_six_digits() -> None:
    key = SampleKey("0123456789abcdef", 1_234_567)
    assert SampleKey.parse(str(key)) == key


@pytest.mark.parametrize("text", ["", "x-000001", "0123456789abcdef-1", "0123456789abcdef_000001"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(DatasetError, match="no sample key"):
        SampleKey.parse(text)


def test_a_shuffle_hangs_on_the_seed_and_moves_nobody_when_items_are_added() -> None:
    few = [f"model-{number}" for number in range(50)]
    many = few + [f"new-{number}" for number in range(50)]
    order = shuffled(few, str, 3)
    assert order != few
    assert sorted(order) == sorted(few)
    assert order == shuffled(reversed(few), str, 3)
    assert order != shuffled(few, str, 4)
    assert [item for item in shuffled(many, str, 3) if item in few] == order


def test_stable_unit_is_spread_evenly() -> None:
    values = [stable_unit(f"group-{number}") for number in range(10_000)]
    assert 0.0 <= min(values) < 0.001
    assert 0.999 < max(values) < 1.0
    assert abs(sum(values) / len(values) - 0.5) < 0.01
