"""How far a picture is from the truth, picture by picture.

Everything is said of pictures in *network space*: (batch, 4, height, width) in [-1, 1], RGB in linear light
and multiplied by alpha, alpha as the fourth channel, background at -1. All four channels count alike, and so
do all pixels, the background too: nothing is masked.
"""

from __future__ import annotations

import torch
from torch import Tensor

SSIM_SIGMA = 1.5  # pixels; torchmetrics makes a window of 11 pixels of it


def picture_metrics(prediction: Tensor, truth: Tensor) -> Tensor:
    """All metrics of each picture, in the order of `columns.METRICS`.

    Args:
        prediction: (batch, 4, height, width), network space; what lies outside [-1, 1] counts as it is in
            linear light, and is cut off before encoding to sRGB, as it is when a picture is written.
        truth: (batch, 4, height, width), network space.

    Returns:
        (batch, metrics) float64, on the CPU.
    """
    prediction, truth = prediction.float(), truth.float()
    shown, shown_truth = shown_picture(prediction), shown_picture(truth)
    mse, mse_shown = mean_of_squares(prediction - truth), mean_of_squares(shown - shown_truth)
    columns = (
        mse,
        mse.sqrt(),
        _mean_of_pixels((prediction - truth).abs()),
        _ssim((prediction + 1) / 2, (truth + 1) / 2),
        mse_shown,
        mse_shown.sqrt(),
        _ssim(shown, shown_truth),
    )
    return torch.stack([column.cpu().double() for column in columns], dim=1)


def shown_picture(picture: Tensor) -> Tensor:
    """A picture as it is written to a file, but for rounding: sRGB-encoded RGB and alpha in [0, 1].

    Args:
        picture: (..., 4, height, width), network space.
    """
    values = ((picture + 1) / 2).clamp(0, 1)
    return torch.cat([_srgb_from_linear(values[..., :3, :, :]), values[..., 3:, :, :]], dim=-3)


def _srgb_from_linear(linear: Tensor) -> Tensor:
    """sRGB-encoded values from linear light in [0, 1] (IEC 61966-2-1)."""
    curved = 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, 12.92 * linear, curved)


def mean_of_squares(difference: Tensor) -> Tensor:
    """The MSE of each picture, from differences (batch, ...): (batch,) float64 on the CPU."""
    return _mean_of_pixels(difference.square())


def _mean_of_pixels(values: Tensor) -> Tensor:
    """(batch, ...) to (batch,). Rows first, then float64: one float32 sum of 262,144 values loses digits.

    On the CPU from there on, since not every device has float64.
    """
    return values.mean(dim=-1).cpu().double().flatten(1).mean(dim=1)


def _ssim(prediction: Tensor, truth: Tensor) -> Tensor:
    """Mean SSIM of each picture with values in [0, 1], over all channels: (batch,).

    Wang et al. 2004: gaussian window of 11 pixels and sigma 1.5, K1 = 0.01, K2 = 0.03; borders are reflected.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    similarities: Tensor = structural_similarity_index_measure(  # type: ignore[assignment]
        prediction, truth, sigma=SSIM_SIGMA, data_range=1.0, reduction="none"
    )
    return similarities
