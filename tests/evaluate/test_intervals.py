"""Bootstrap over characters."""

from __future__ import annotations

import numpy as np
import pytest

from mmdgen.evaluate.intervals import Characters


def drawn(seed: int, characters: int, pictures: int) -> tuple[np.ndarray, np.ndarray]:
    """Names and values whose expectation is 1: characters differ by 0.5, pictures of one by 0.1."""
    rng = np.random.default_rng(seed)
    names = np.repeat([f"c{number}" for number in range(characters)], pictures)
    values = 1.0 + np.repeat(rng.normal(0, 0.5, characters), pictures) + rng.normal(0, 0.1, len(names))
    return names, values


def test_the_value_is_the_mean_over_pictures() -> None:
    names = np.array(["a", "a", "a", "b"])
    assert Characters(names).mean(np.array([1.0, 2.0, 3.0, 10.0])).value == 4.0


def test_the_same_seed_gives_the_same_interval() -> None:
    names, values = drawn(0, 12, 3)
    first, again = (Characters(names, seed=5).mean(values) for _ in range(2))
    assert first == again
    assert first != Characters(names, seed=6).mean(values)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    hits = 0
    for seed in range(300):
        names, values = drawn(seed, 40, 5)
        interval = Characters(names, resamples=500).mean(values)
        assert interval.low is not None
        assert interval.high is not None
        hits += interval.low <= 1.0 <= interval.high
    assert 0.90 <= hits / 300 <= 0.98  # percentile intervals of 40 characters are a little narrow


def test_many_pictures_of_few_characters_do_not_narrow_the_interval() -> None:
    """Drawing pictures one by one would make it fourteen times too narrow here."""
    names, values = drawn(1, 20, 200)
    spread = values.reshape(20, 200).mean(axis=1).std()
    interval = Characters(names, resamples=2000).mean(values)
    assert interval.low is not None
    assert interval.high is not None
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * spread / np.sqrt(20), rel=0.1)


def test_one_character_gives_no_interval() -> None:
    estimate = Characters(np.array(["a", "a"])).mean(np.array([1.0, 3.0]))
    assert (estimate.value, estimate.low, estimate.high) == (2.0, None, None)


def test_improvement_is_paired() -> None:
    """Half of every picture's error is half for sure, however much characters differ."""
    names, values = drawn(2, 10, 4)
    estimate = Characters(names).improvement(values / 2, values)
    assert estimate.value == pytest.approx(0.5)
    assert estimate.low == pytest.approx(0.5)
    assert estimate.high == pytest.approx(0.5)


def test_a_baseline_without_error_gives_no_number() -> None:
    zeros = np.zeros(4)
    assert np.isnan(Characters(np.array(list("aabb"))).improvement(zeros, zeros).value)
