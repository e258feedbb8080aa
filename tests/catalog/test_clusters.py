from __future__ import annotations

from mmdgen.catalog.clusters import Kin, find_clusters
from mmdgen.catalog.looks import WORDS, Look


def look(*set_bits: int) -> Look:
    """A look with these bits set; no two numbers stand in one byte."""
    data = bytearray(WORDS * 8)
    for bit in set_bits:
        data[bit] = 255
    return Look("", "", data.hex())


def test_models_of_one_shape_belong_together() -> None:
    kin = find_clusters({"b": "cube", "a": "cube", "c": "ball"}, {})
    assert kin == {name: Kin(("a", "b"), ("mesh",)) for name in "ab"}


def test_models_that_look_alike_belong_together() -> None:
    kin = find_clusters({"a": "1", "b": "2", "c": "3"}, {"a": look(1), "b": look(1, 2), "c": look(5, 6, 7)})
    assert kin == {name: Kin(("a", "b"), ("look",)) for name in "ab"}


def test_what_is_joined_to_the_same_third_is_joined() -> None:
    kin = find_clusters(
        {"a": "1", "b": "1", "c": "2", "d": "3"}, {"b": look(), "c": look(3), "d": look(3, 4)}
    )
    assert set(kin) == set("abcd")
    assert kin["a"] == kin["d"] == Kin(("a", "b", "c", "d"), ("look", "mesh"))


def test_lone_models_have_no_kin() -> None:
    assert find_clusters({"a": "1", "b": "2"}, {"a": look(1, 2)}) == {}
