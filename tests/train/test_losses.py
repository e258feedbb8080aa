"""The losses are the article's, in its own form, computed by plain float64 loops over numpy arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="needs the extra 'train': make setup-train")

from mmdgen.errors import NetworkError  # noqa: E402
from mmdgen.train.config import PERCEPTUAL_WEIGHTS  # noqa: E402
from mmdgen.train.losses import PerceptualLoss, Vgg16Features, l1_loss, load_vgg16  # noqa: E402

Array = NDArray[np.float64]
SIZE = 16
CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14)  # in torchvision's features; relu1_2, 2_2, 3_3 follow 2, 7, 14
POOL_BEFORE = (5, 10)


def random_vgg(seed: int = 0) -> Vgg16Features:
    """VGG16's first layers with He-initialised weights and small biases."""
    generator = torch.Generator().manual_seed(seed)
    vgg = Vgg16Features()
    for name, value in vgg.named_parameters():
        scale = 0.1 if name.endswith("bias") else (2 / value[0].numel()) ** 0.5
        value.copy_(torch.randn(value.shape, generator=generator) * scale)
    return vgg


def plain_convolution(x: Array, weight: Array, bias: Array) -> Array:
    """3 × 3, padded by 1: (C, H, W) → (D, H, W)."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))  # (C, H, W, 3, 3)
    return np.einsum("chwij,dcij->dhw", windows, weight, optimize=True) + bias[:, None, None]


def plain_features(picture: Array, vgg: Vgg16Features) -> list[Array]:
    """relu1_2, relu2_2, relu3_3 of a (3, H, W) picture in [-1, 1]."""
    state = {name: value.double().numpy() for name, value in vgg.state_dict().items()}
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    x = ((picture + 1) / 2 - mean[:, None, None]) / deviation[:, None, None]
    found = []
    for index in CONVOLUTIONS:
        if index in POOL_BEFORE:
            channels, height, width = x.shape
            x = x.reshape(channels, height // 2, 2, width // 2, 2).max(axis=(2, 4))
        x = plain_convolution(x, state[f"features.{index}.weight"], state[f"features.{index}.bias"])
        x = np.maximum(x, 0)
        if index in (2, 7, 14):
            found.append(x)
    return found


def article_loss(target: Array, output: Array, vgg: Vgg16Features, weight: float) -> float:
    """Section 9's L^P of one picture: sums, and lambda_j = weight · 4HW / (C_j H_j W_j)."""
    loss = np.abs(target - output).sum()
    elements = 4 * target.shape[1] * target.shape[2]
    for part in (slice(0, 3), [3, 3, 3]):  # rgb, aaa
        pairs = zip(plain_features(target[part], vgg), plain_features(output[part], vgg), strict=True)
        for ours, theirs in pairs:
            loss += weight * elements / ours.size * np.abs(ours - theirs).sum()
    return float(loss)


@pytest.mark.parametrize("weight", PERCEPTUAL_WEIGHTS.values())
def test_means_with_one_fifth_are_sums_over_lambda(weight: float) -> None:
    generator = np.random.default_rng(3)
    targets, outputs = generator.uniform(-1, 1, (2, 2, 4, SIZE, SIZE))
    vgg = random_vgg()
    mean_form = PerceptualLoss(vgg, weight)(torch.tensor(outputs).float(), torch.tensor(targets).float())
    sum_form = np.mean(
        [article_loss(target, output, vgg, weight) for target, output in zip(targets, outputs, strict=True)]
    )
    assert float(mean_form) == pytest.approx(sum_form / (4 * SIZE * SIZE), rel=1e-5)


def test_the_articles_lambdas_at_256() -> None:
    """Values of the article's appendix; what the test above multiplies by."""
    shapes = [(64, 256, 256), (128, 128, 128), (256, 64, 64)]
    lambdas = [1 / 5 * 4 * 256 * 256 / np.prod(shape) for shape in shapes]
    np.testing.assert_allclose(lambdas, [0.0125, 0.025, 0.05])


def test_features_are_relu1_2_relu2_2_relu3_3() -> None:
    shapes = [tuple(feature.shape) for feature in random_vgg()(torch.zeros(1, 3, 32, 32))]
    assert shapes == [(1, 64, 32, 32), (1, 128, 16, 16), (1, 256, 8, 8)]


def test_l1_is_the_mean_over_all_four_channels() -> None:
    target = torch.zeros(2, 4, 3, 3)
    output = target.clone()
    output[:, 3] = 1.0
    assert float(l1_loss(output, target)) == pytest.approx(0.25)


def test_alpha_counts_in_the_perceptual_part() -> None:
    target = torch.zeros(1, 4, SIZE, SIZE)
    output = target.clone()
    output[:, 3, 4:8, 4:8] = 0.5
    assert float(PerceptualLoss(random_vgg(), 1.0)(output, target)) > 2 * float(l1_loss(output, target))


def test_gradients_reach_the_output_alone_and_are_finite() -> None:
    loss = PerceptualLoss(random_vgg(), 0.2)
    output = torch.rand(2, 4, SIZE, SIZE, requires_grad=True)
    loss(output, torch.rand(2, 4, SIZE, SIZE)).backward()
    assert output.grad is not None
    assert torch.isfinite(output.grad).all()
    assert (output.grad != 0).any()
    assert all(parameter.grad is None for parameter in loss.parameters())


def test_weights_come_from_a_file_in_torchvisions_layout(tmp_path: Path) -> None:
    vgg = random_vgg(5)
    state = {**vgg.state_dict(), "features.17.weight": torch.zeros(1), "classifier.6.bias": torch.zeros(1)}
    torch.save(state, tmp_path / "vgg16.pth")
    loaded = load_vgg16(tmp_path / "vgg16.pth")
    assert next(iter(vgg.state_dict())) == "features.0.weight"
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, state[name])


def test_without_weights_the_message_says_which_file_to_get() -> None:
    with pytest.raises(NetworkError, match=r"vgg16-397923af\.pth .* --vgg FILE"):
        load_vgg16(None)


def test_a_missing_file_of_weights_is_named(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match=r"nowhere\.pth: no such file"):
        load_vgg16(tmp_path / "nowhere.pth")


@pytest.mark.parametrize("content", ["garbage", "other"])
def test_a_file_of_something_else_is_said(content: str, tmp_path: Path) -> None:
    file = tmp_path / "vgg16.pth"
    if content == "garbage":
        file.write_bytes(b"<html>")
    else:
        torch.save({"features.0.weight": torch.zeros(3)}, file)
    with pytest.raises(NetworkError, match=r"vgg16\.pth: "):
        load_vgg16(file)
