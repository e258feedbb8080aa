"""What the three networks are built of (THA1, appendix A.1).

Every convolution is without bias, every norm is an instance norm with scale and shift. Parameter names are
those of the published checkpoints: a block is a `Sequential` of convolution (0) and norm (1).
Widths below are of the `tha1` preset, pictures (B, C, H, W).
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn

from mmdgen.train.networks.config import DOWN_STEPS

IMAGE_CHANNELS = 4  # RGBA
POSE_VALUES = 3  # each network is told three of the six pose parameters
RESIDUAL_BLOCKS = 6

Convolution = TypeVar("Convolution", nn.Conv2d, nn.ConvTranspose2d)


def conv7(inputs: int, outputs: int) -> nn.Conv2d:
    """7 × 7 convolution that keeps the size."""
    return _he(nn.Conv2d(inputs, outputs, kernel_size=7, padding=3, bias=False))


def conv3(channels: int) -> nn.Conv2d:
    """3 × 3 convolution that keeps size and channels."""
    return _he(nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False))


def conv7_block(inputs: int, outputs: int) -> nn.Sequential:
    """ReLU(IN(Conv7(x)))."""
    return _block(conv7(inputs, outputs), outputs)


def down_block(inputs: int, outputs: int) -> nn.Sequential:
    """ReLU(IN(Down(x))): half the size."""
    convolution = nn.Conv2d(inputs, outputs, kernel_size=4, stride=2, padding=1, bias=False)
    return _block(_he(convolution), outputs)


def up_block(inputs: int, outputs: int) -> nn.Sequential:
    """ReLU(IN(Up(x))): twice the size."""
    convolution = nn.ConvTranspose2d(inputs, outputs, kernel_size=4, stride=2, padding=1, bias=False)
    return _block(_he(convolution), outputs)


def change_head(inputs: int) -> nn.Sequential:
    """A new colour for each pixel, in [-1, 1]: tanh(Conv7(x))."""
    return nn.Sequential(conv7(inputs, IMAGE_CHANNELS), nn.Tanh())


def mask_head(inputs: int) -> nn.Sequential:
    """How much to keep of each channel of each pixel, in [0, 1]: sigmoid(Conv7(x))."""
    return nn.Sequential(conv7(inputs, IMAGE_CHANNELS), nn.Sigmoid())


class ResNetBlock(nn.Module):
    """x + IN(Conv3(ReLU(IN(Conv3(x))))), no ReLU after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = conv3(channels)
        self.norm1 = nn.InstanceNorm2d(channels, affine=True)
        self.conv2 = conv3(channels)
        self.norm2 = nn.InstanceNorm2d(channels, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        hidden = torch.relu(self.norm1(self.conv1(x)))
        return x + self.norm2(self.conv2(hidden))  # type: ignore[no-any-return]


class EncoderDecoder(nn.Module):
    """The main body of morpher and rotator: picture and pose → features at full resolution.

    Args:
        inputs: channels of what goes in, pose planes included.
        width: channels of what comes out.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        steps = _halvings(width)
        deepest = steps[-1][1]
        self.module_list = nn.ModuleList(
            [
                conv7_block(inputs, width),  # B0
                *(down_block(low, high) for low, high in steps),  # B1-B3
                *(ResNetBlock(deepest) for _ in range(RESIDUAL_BLOCKS)),  # C0-C5
                *(up_block(high, low) for low, high in reversed(steps)),  # D0-D2
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) → (B, width, H, W)."""
        for module in self.module_list:
            x = module(x)
        return x


class UNet(nn.Module):
    """The main body of the combiner: an encoder-decoder whose decoder sees the encoder's features too."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        steps = _halvings(width)
        deepest = steps[-1][1]
        self.downward_modules = nn.ModuleList(
            [conv7_block(inputs, width), *(down_block(low, high) for low, high in steps)]  # B0-B3
        )
        self.bottleneck_modules = nn.ModuleList([ResNetBlock(deepest) for _ in range(RESIDUAL_BLOCKS)])
        # from full resolution downwards, as published: D6, D4, D2, D0; all but D0 see a skip connection
        ups = [up_block(high if high == deepest else 2 * high, low) for low, high in steps]
        self.upsampling_modules = nn.ModuleList([conv7_block(2 * width, width), *ups])

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) → (B, width, H, W)."""
        # Encoder.
        skips = []
        for module in self.downward_modules:
            x = module(x)
            skips.append(x)
        skips.pop()  # the deepest goes on by itself

        # Bottleneck.
        for module in self.bottleneck_modules:
            x = module(x)

        # Decoder.
        *ups, last = reversed(self.upsampling_modules)
        for module in ups:
            x = torch.cat([module(x), skips.pop()], dim=1)
        return last(x)  # type: ignore[no-any-return]


def with_pose_planes(image: Tensor, pose: Tensor) -> Tensor:
    """The picture followed by a constant plane for each pose value.

    Args:
        image: (B, C, H, W).
        pose: (B, values).

    Returns:
        (B, C + values, H, W)
    """
    planes = pose[:, :, None, None].expand(-1, -1, image.shape[2], image.shape[3])
    return torch.cat([image, planes.to(image.dtype)], dim=1)


def blend(mask: Tensor, kept: Tensor, other: Tensor) -> Tensor:
    """Mask · kept + (1 - mask) · other."""
    return mask * kept + (1 - mask) * other


def _halvings(width: int) -> list[tuple[int, int]]:
    """Channels before and after each halving: (64, 128), (128, 256), (256, 512)."""
    return [(width * 2**step, width * 2 ** (step + 1)) for step in range(DOWN_STEPS)]


def _block(convolution: nn.Module, channels: int) -> nn.Sequential:
    return nn.Sequential(convolution, nn.InstanceNorm2d(channels, affine=True), nn.ReLU())


def _he(convolution: Convolution) -> Convolution:
    """He initialisation: normal, by fan-in."""
    nn.init.kaiming_normal_(convolution.weight)
    return convolution
