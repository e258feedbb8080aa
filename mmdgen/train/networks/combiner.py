"""The combiner: takes the best of the rotator's two proposals and retouches it (THA1, appendix A.3)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from mmdgen.train.networks.blocks import (
    IMAGE_CHANNELS,
    POSE_VALUES,
    UNet,
    blend,
    change_head,
    mask_head,
    with_pose_planes,
)


class CombinerOutput(NamedTuple):
    """Each (B, 4, H, W)."""

    image: Tensor  # the posed image
    combined: Tensor  # before retouching
    combine_mask: Tensor  # 1 takes Pumarola's pixel, 0 Zhou's
    retouch_mask: Tensor  # 1 keeps the combined pixel
    retouch_change: Tensor


class Combiner(nn.Module):
    """The rotator's two proposals and [head_x, head_y, neck_z] → posed image."""

    def __init__(
        self,
        width: int = 64,  # channels at full resolution
    ) -> None:
        super().__init__()
        self.main_body = UNet(2 * IMAGE_CHANNELS + POSE_VALUES, width)
        self.combine_alpha_mask = mask_head(width)
        self.retouch_alpha_mask = mask_head(width)
        self.retouch_color_change = change_head(width)

    def forward(self, pumarola: Tensor, zhou: Tensor, pose: Tensor) -> CombinerOutput:
        """Combine.

        Args:
            pumarola: (B, 4, H, W) the repainted proposals in network colours.
            zhou: (B, 4, H, W) the moved proposals.
            pose: (B, 3) head_x, head_y, neck_z.
        """
        both = torch.cat([pumarola, zhou.to(pumarola.dtype)], dim=1)
        features = self.main_body(with_pose_planes(both, pose))  # (B, width, H, W)
        combine_mask = self.combine_alpha_mask(features)
        retouch_mask = self.retouch_alpha_mask(features)
        retouch_change = self.retouch_color_change(features)
        combined = blend(combine_mask, pumarola, zhou)
        final = blend(retouch_mask, combined, retouch_change)
        return CombinerOutput(final, combined, combine_mask, retouch_mask, retouch_change)
