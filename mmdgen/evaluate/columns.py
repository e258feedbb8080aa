"""The metrics of a table and what each one means. No torch: tables are made from numbers alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """One column of a table."""

    name: str
    title: str
    meaning: str
    higher_is_better: bool = False


METRICS = (
    Metric("mse", "MSE", "mean square of differences, linear light in [-1, 1]"),
    Metric("rmse", "RMSE", "the root of each picture's MSE, linear light in [-1, 1]"),
    Metric("l1", "L1", "mean absolute difference, linear light in [-1, 1]"),
    Metric("ssim", "SSIM", "structural similarity, linear light in [0, 1]", higher_is_better=True),
    Metric("mse_srgb", "MSE sRGB", "mean square of differences, sRGB in [0, 1]"),
    Metric("rmse_srgb", "RMSE sRGB", "the root of each picture's MSE, sRGB in [0, 1]"),
    Metric("ssim_srgb", "SSIM sRGB", "structural similarity, sRGB in [0, 1]", higher_is_better=True),
)
METRIC_NAMES = tuple(metric.name for metric in METRICS)

CONVENTION = (
    "Every number is a mean over pictures. Each picture counts with all pixels, background included, and all "
    "four channels: RGB multiplied by alpha in linear light, and alpha. SSIM: gaussian window of 11 pixels, "
    "sigma 1.5, data range 1. In brackets: 95 % intervals by bootstrap over characters."
)
