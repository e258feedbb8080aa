"""The two-algorithm face rotator: turns the head of an expression image (THA1, appendix A.2).

Two pathways share a body. The first, after Pumarola et al. (2018), repaints: a change and a mask. The second,
after Zhou et al. (2016), moves pixels: an appearance flow says where each pixel comes from.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmdgen.train.networks.blocks import (
    IMAGE_CHANNELS,
    POSE_VALUES,
    EncoderDecoder,
    blend,
    change_head,
    conv7,
    mask_head,
    with_pose_planes,
)


class RotatorOutput(NamedTuple):
    """Pictures (B, 4, H, W), flows (B, H, W, 2)."""

    pumarola: Tensor  # the posed image, repainted
    zhou: Tensor  # the posed image, moved
    change: Tensor
    mask: Tensor  # 1 keeps the expression image
    flow_offset: Tensor  # added to where each pixel stands; x then y, a picture is 2 wide and high
    flow_grid: Tensor  # where each pixel comes from: -1 the first, +1 the last column or row


class FaceRotator(nn.Module):
    """Expression image and [head_x, head_y, neck_z] → two proposals of the posed image."""

    def __init__(
        self,
        width: int = 64,  # channels at full resolution
    ) -> None:
        super().__init__()
        self.main_body = EncoderDecoder(IMAGE_CHANNELS + POSE_VALUES, width)
        self.pumarola_color_change = change_head(width)
        self.pumarola_alpha_mask = mask_head(width)
        self.zhou_grid_change = conv7(width, 2)

    def forward(self, image: Tensor, pose: Tensor) -> RotatorOutput:
        """Rotate.

        Args:
            image: (B, 4, H, W) expression images in network colours.
            pose: (B, 3) head_x, head_y, neck_z.
        """
        features = self.main_body(with_pose_planes(image, pose))  # (B, width, H, W)

        # Pumarola.
        change = self.pumarola_color_change(features)
        mask = self.pumarola_alpha_mask(features)

        # Zhou, in float32: bfloat16 cannot tell neighbouring columns of a wide picture apart.
        offset = self.zhou_grid_change(features).permute(0, 2, 3, 1).float()
        grid = identity_grid(image) + offset
        moved = functional.grid_sample(
            image.float(), grid, mode="bilinear", padding_mode="border", align_corners=True
        )
        return RotatorOutput(blend(mask, image, change), moved, change, mask, offset, grid)


def identity_grid(image: Tensor) -> Tensor:
    """Where each pixel of (B, C, H, W) pictures stands, (1, H, W, 2): x then y, corners at -1 and +1."""
    height, width = image.shape[-2:]
    ys = torch.linspace(-1.0, 1.0, height, device=image.device)
    xs = torch.linspace(-1.0, 1.0, width, device=image.device)
    return torch.stack([xs.expand(height, width), ys[:, None].expand(height, width)], dim=-1)[None]
