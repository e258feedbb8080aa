"""The face morpher: closes the eyes and the mouth of a rest image (THA1, appendix A.1)."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from mmdgen.train.networks.blocks import (
    IMAGE_CHANNELS,
    POSE_VALUES,
    EncoderDecoder,
    blend,
    change_head,
    mask_head,
    with_pose_planes,
)


class MorpherOutput(NamedTuple):
    """Each (B, 4, H, W)."""

    image: Tensor  # the expression image, in network colours
    mask: Tensor  # 1 keeps the rest image
    change: Tensor


class FaceMorpher(nn.Module):
    """Rest image and [left_eye, right_eye, mouth] → expression image."""

    def __init__(
        self,
        width: int = 64,  # channels at full resolution
    ) -> None:
        super().__init__()
        self.main_body = EncoderDecoder(IMAGE_CHANNELS + POSE_VALUES, width)
        self.color_change = change_head(width)
        self.alpha_mask = mask_head(width)

    def forward(self, image: Tensor, pose: Tensor) -> MorpherOutput:
        """Morph.

        Args:
            image: (B, 4, H, W) rest images in network colours.
            pose: (B, 3) left_eye, right_eye, mouth.
        """
        features = self.main_body(with_pose_planes(image, pose))  # (B, width, H, W)
        change = self.color_change(features)
        mask = self.alpha_mask(features)
        return MorpherOutput(blend(mask, image, change), mask, change)
