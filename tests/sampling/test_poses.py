"""Labels: the distributions of THA1 section 3, and that they hang on the key alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmdgen.dataset.keys import SampleKey, sample_rng
from mmdgen.errors import DatasetError
from mmdgen.pose import THA1, Density, PoseSpace
from mmdgen.sampling.poses import density, quantile, sample_pose_vector, uniforms, v_shaped_magnitude

DRAWS = 20_000


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    keys = (SampleKey("0123456789abcdef", index) for index in range(DRAWS))
    return np.stack([sample_pose_vector(THA1, sample_rng(7, key)) for key in keys])


def test_inverse_of_the_v_shaped_cdf_has_the_published_check_values() -> None:
    values = v_shaped_magnitude([0.0, 0.25, 0.5, 0.75, 1.0])
    np.testing.assert_allclose(values, [0.0, 0.420585, 0.657611, 0.842761, 1.0], atol=5e-7)


def test_quantile_is_the_inverse_of_the_integrated_density() -> None:
    for parameter in THA1.parameters:
        grid = np.linspace(parameter.low, parameter.high, 200_001)
        values = density(parameter, grid)
        steps = np.diff(grid) * (values[1:] + values[:-1]) / 2
        cumulative = np.concatenate([[0.0], np.cumsum(steps)])
        assert cumulative[-1] == pytest.approx(1.0, abs=1e-6)
        chances = np.linspace(0.01, 0.99, 50)
        np.testing.assert_allclose(
            quantile(parameter, chances), np.interp(chances, cumulative, grid), atol=1e-4
        )


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-0.5, 0.25)])
def test_one_sided_draws_are_the_positive_half_of_the_v(low: float, high: float) -> None:
    parameter = replace(THA1.parameters[0], low=low, high=high, density=Density.ONE_SIDED)
    ends = density(parameter, [low, high]) * (high - low)
    np.testing.assert_allclose(ends, [0.3, 1.7])
    chances = np.linspace(0, 1, 11)
    values = quantile(parameter, chances)
    unit = (values - low) / (high - low)
    np.testing.assert_allclose(0.3 * unit + 0.7 * unit**2, chances, atol=1e-12)


def test_a_constant_is_always_drawn() -> None:
    parameter = replace(THA1.parameters[0], low=0.25, high=0.25, density=Density.CONSTANT)
    assert set(quantile(parameter, np.linspace(0, 1, 5))) == {0.25}
    assert np.isinf(density(parameter, 0.25))


@pytest.mark.parametrize(("low", "high", "kind"), [(1, 0, "uniform"), (0, 0, "uniform"), (0, 1, "constant")])
def test_a_range_that_does_not_fit_its_density_is_refused(low: float, high: float, kind: str) -> None:
    with pytest.raises(DatasetError, match="pose parameter head_x"):
        replace(THA1.parameters[0], low=low, high=high, density=Density(kind))


def test_another_density_of_one_parameter_leaves_the_others_alone() -> None:
    key = SampleKey("0123456789abcdef", 3)
    usual = sample_pose_vector(THA1, sample_rng(0, key))
    fixed = replace(THA1.parameters[0], low=0.5, high=0.5, density=Density.CONSTANT)
    changed = sample_pose_vector(PoseSpace("x", (fixed, *THA1.parameters[1:])), sample_rng(0, key))
    assert changed[0] == 0.5
    np.testing.assert_array_equal(changed[1:], usual[1:])


def test_head_parameters_have_the_moments_of_the_v_shape(labels: np.ndarray) -> None:
    for column, parameter in enumerate(THA1.parameters):
        if parameter.density is not Density.V_SHAPED:
            continue
        values = labels[:, column]
        assert np.mean(np.abs(values)) == pytest.approx(37 / 60, abs=0.01)
        assert np.mean(values**2) == pytest.approx(0.45, abs=0.01)
        assert np.mean(np.abs(values) > 0.5) == pytest.approx(0.675, abs=0.015)
        assert np.mean(values) == pytest.approx(0.0, abs=0.02)


def test_eyes_and_mouth_are_uniform(labels: np.ndarray) -> None:
    for name in ("left_eye", "right_eye", "mouth"):
        counts, _ = np.histogram(labels[:, THA1.index(name)], bins=10, range=(0, 1))
        assert np.abs(counts / DRAWS - 0.1).max() < 0.01


def test_parameters_are_independent(labels: np.ndarray) -> None:
    correlations = np.corrcoef(labels.T)
    assert np.abs(correlations - np.eye(len(THA1.parameters))).max() < 0.03


def test_labels_stay_in_range(labels: np.ndarray) -> None:
    assert (labels >= [parameter.low for parameter in THA1.parameters]).all()
    assert (labels <= [parameter.high for parameter in THA1.parameters]).all()


def test_a_label_hangs_on_seed_model_and_index() -> None:
    key = SampleKey("0123456789abcdef", 5)
    again = sample_pose_vector(THA1, sample_rng(1, key))
    np.testing.assert_array_equal(again, sample_pose_vector(THA1, sample_rng(1, key)))
    others = [
        (2, key),
        (1, SampleKey("0123456789abcdef", 6)),
        (1, SampleKey("0123456789abcdee", 5)),
    ]
    for seed, other in others:
        assert (sample_pose_vector(THA1, sample_rng(seed, other)) != again).all()


def test_the_numbers_are_the_same_for_ever() -> None:
    """Written down once: another numpy, another machine must give these."""
    vector = sample_pose_vector(THA1, sample_rng(0, SampleKey("0123456789abcdef", 0)))
    assert vector.tolist() == FIRST_LABEL


def test_uniforms_use_53_bits_and_stay_below_one() -> None:
    class Ones:
        class bit_generator:  # noqa: N801
            @staticmethod
            def random_raw(count: int) -> np.ndarray:
                return np.full(count, 2**64 - 1, np.uint64)

    assert uniforms(Ones(), 3).tolist() == [1 - 2.0**-53] * 3  # type: ignore[arg-type]


FIRST_LABEL = [0.786533, -0.513187, -0.501914, 0.649339, 0.674934, 0.667195]
