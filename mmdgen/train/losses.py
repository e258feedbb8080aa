"""L1 and perceptual losses (THA1, section 9 and appendix).

The article writes sums over all elements of a picture of 4 × H × W values, and weights

    lambda_j = w · (4 · H · W) / (C_j · H_j · W_j)        w = 1/5 for the rotator, 1/25 for the combiner

for the feature maps j of C_j × H_j × W_j values. Divided by 4 · H · W that is the same with means throughout:

    mean |dI| + w · sum_j ( mean |dphi_j(rgb)| + mean |dphi_j(aaa)| )

which is what stands here: it does not depend on the size of the pictures. (Lambda on top of means would
divide twice.) phi are VGG16's relu1_2, relu2_2 and relu3_3; rgb is the colour, aaa alpha as three channels.
How pictures go into VGG16 is not stated; here [-1, 1] becomes [0, 1], and then ImageNet's mean and deviation
are taken out, colours staying linear.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from mmdgen.errors import NetworkError

# torchvision's vgg16().features up to relu3_3: channels of each 3 × 3 convolution, "M" halves the picture.
_VGG16_LAYERS = (64, 64, "M", 128, 128, "M", 256, 256, 256)
_FEATURE_INDICES = (3, 8, 15)  # relu1_2, relu2_2, relu3_3
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


def l1_loss(output: Tensor, target: Tensor) -> Tensor:
    """The mean absolute difference of pictures in network colours, a scalar."""
    return (output.float() - target.float()).abs().mean()


class Vgg16Features(nn.Module):
    """The first ten layers of VGG16, frozen: pictures → relu1_2, relu2_2, relu3_3."""

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential()
        channels = 3
        for layer in _VGG16_LAYERS:
            if isinstance(layer, str):
                self.features.append(nn.MaxPool2d(2))
                continue
            self.features.append(nn.Conv2d(channels, layer, 3, padding=1))
            self.features.append(nn.ReLU())
            channels = layer
        self.register_buffer("mean", torch.tensor(_IMAGENET_MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(_IMAGENET_DEVIATION)[:, None, None], persistent=False)
        self.requires_grad_(False)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Features of (B, 3, H, W) pictures in [-1, 1]: 64, 128 and 256 channels, each half the size."""
        x = ((pictures + 1) / 2 - self.mean) / self.deviation
        found = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in _FEATURE_INDICES:
                found.append(x)
        return found


class PerceptualLoss(nn.Module):
    """L1 plus the distance of VGG16's features, of colour and of alpha."""

    def __init__(
        self,
        features: Vgg16Features,
        weight: float,  # of the feature distances, when every norm is a mean: 1/5 or 1/25
    ) -> None:
        super().__init__()
        self.features = features
        self.weight = weight

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        """The loss of (B, 4, H, W) pictures in network colours, a scalar."""
        with torch.no_grad():
            wanted = self.features(_color_and_alpha(target))
        found = self.features(_color_and_alpha(output))
        # colour and alpha lie in one batch: the mean over both is half the sum of their means
        distances = [2 * l1_loss(ours, theirs) for ours, theirs in zip(found, wanted, strict=True)]
        return l1_loss(output, target) + self.weight * torch.stack(distances).sum()


def load_vgg16(path: Path | None) -> Vgg16Features:
    """VGG16 with the weights of a local file in torchvision's layout; nothing is downloaded.

    Raises:
        NetworkError: no file is named, it is missing, or it holds something else.
    """
    if path is None:
        raise NetworkError(
            "the perceptual loss needs VGG16's weights: get torchvision's file vgg16-397923af.pth "
            "(see docs/how-to/train-a-network.md) and name it with --vgg FILE"
        )
    vgg = Vgg16Features()
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise NetworkError(
            f"{path}: no such file; name torchvision's vgg16-397923af.pth with --vgg FILE"
        ) from None
    except (RuntimeError, ValueError, EOFError, KeyError, pickle.UnpicklingError) as error:
        raise NetworkError(f"{path}: is no file of weights or is damaged; get it again") from error
    wanted = vgg.state_dict()
    if not isinstance(state, Mapping) or any(
        name not in state or state[name].shape != value.shape for name, value in wanted.items()
    ):
        raise NetworkError(
            f"{path}: does not hold VGG16 in torchvision's layout (features.0.weight and so on); "
            "name torchvision's vgg16-397923af.pth with --vgg FILE"
        )
    vgg.load_state_dict({name: state[name] for name in wanted})
    return vgg.eval()


def _color_and_alpha(images: Tensor) -> Tensor:
    """(B, 4, H, W) → (2 B, 3, H, W): the colours, then alpha as three channels."""
    return torch.cat([images[:, :3], images[:, 3:].expand(-1, 3, -1, -1)])
