"""Metrics against plain numpy in float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from mmdgen.evaluate.columns import METRIC_NAMES  # noqa: E402
from mmdgen.evaluate.metrics import picture_metrics, shown_picture  # noqa: E402
from mmdgen.images import linear_from_srgb, srgb_from_linear  # noqa: E402

SIZE_PX = 24


def pictures(seed: int, count: int = 3) -> np.ndarray:
    """Smooth noise in network space, (count, 4, size, size) float64, with background at the border."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(-1, 1, (count, 4, SIZE_PX // 4, SIZE_PX // 4))
    result = np.kron(coarse, np.ones((4, 4))) * 0.8 + rng.uniform(-0.2, 0.2, (count, 4, SIZE_PX, SIZE_PX))
    result[..., :3, :] = result[..., :3] = -1.0
    return result


def plain_ssim(one: np.ndarray, other: np.ndarray) -> float:
    """Wang et al. 2004 word by word: (4, size, size) in [0, 1]; windows over borders see them mirrored."""
    offsets = np.arange(-5, 6)
    window = np.exp(-(offsets**2) / (2 * 1.5**2))
    window = np.outer(window, window) / window.sum() ** 2
    c1, c2 = 0.01**2, 0.03**2
    values = []
    for first, second in zip(one, other, strict=True):
        x, y = (np.pad(channel, 5, mode="reflect") for channel in (first, second))
        for row in range(SIZE_PX):
            for column in range(SIZE_PX):
                place = np.s_[row : row + 11, column : column + 11]
                mean_x, mean_y = (window * x[place]).sum(), (window * y[place]).sum()
                var_x = (window * (x[place] - mean_x) ** 2).sum()
                var_y = (window * (y[place] - mean_y) ** 2).sum()
                covariance = (window * (x[place] - mean_x) * (y[place] - mean_y)).sum()
                values.append(
                    (2 * mean_x * mean_y + c1)
                    * (2 * covariance + c2)
                    / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))
                )
    return float(np.mean(values))


def plain_shown(picture: np.ndarray) -> np.ndarray:
    values = np.clip((picture + 1) / 2, 0, 1)
    return np.concatenate([srgb_from_linear(values[:3]), values[3:]])


def mse(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.mean((one - other) ** 2))


REFERENCES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "mse": mse,
    "rmse": lambda one, other: float(np.sqrt(mse(one, other))),
    "l1": lambda one, other: float(np.mean(np.abs(one - other))),
    "ssim": lambda one, other: plain_ssim((one + 1) / 2, (other + 1) / 2),
    "mse_srgb": lambda one, other: mse(plain_shown(one), plain_shown(other)),
    "rmse_srgb": lambda one, other: float(np.sqrt(mse(plain_shown(one), plain_shown(other)))),
    "ssim_srgb": lambda one, other: plain_ssim(plain_shown(one), plain_shown(other)),
}


def test_every_metric_has_a_reference() -> None:
    assert set(REFERENCES) == set(METRIC_NAMES)


@pytest.mark.parametrize("metric", METRIC_NAMES)
def test_metrics_are_those_of_plain_numpy(metric: str) -> None:
    predictions, truths = pictures(0) * 1.1, pictures(1)  # some of it outside [-1, 1]
    found = picture_metrics(torch.from_numpy(predictions).float(), torch.from_numpy(truths).float())
    expected = [REFERENCES[metric](one, other) for one, other in zip(predictions, truths, strict=True)]
    np.testing.assert_allclose(found[:, METRIC_NAMES.index(metric)].numpy(), expected, rtol=2e-4, atol=1e-6)


def test_equal_pictures_are_perfect() -> None:
    picture = torch.from_numpy(pictures(2)).float()
    found = dict(zip(METRIC_NAMES, picture_metrics(picture, picture.clone()).T.tolist(), strict=True))
    for metric, values in found.items():
        assert values == pytest.approx([1.0 if "ssim" in metric else 0.0] * 3, abs=1e-6), metric


def test_a_shown_picture_is_what_the_file_held() -> None:
    stored = np.random.default_rng(3).integers(0, 256, (8, 8, 4)) / 255.0
    linear = np.concatenate([linear_from_srgb(stored[..., :3]), stored[..., 3:]], axis=-1)
    network = torch.from_numpy(linear.transpose(2, 0, 1) * 2 - 1)
    np.testing.assert_allclose(shown_picture(network).numpy().transpose(1, 2, 0), stored, atol=1e-12)
