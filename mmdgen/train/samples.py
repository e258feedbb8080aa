"""Sheets of sample pictures: a row for each example, what went in, came out and should have come out."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from mmdgen.images import Image, on_checkerboard
from mmdgen.train.data import Batch, pictures_from_network
from mmdgen.train.steps import Inputs, Output, answers, parts

GAP_PX = 2
FULL_FLOW = 0.25  # offset, of a picture 2 wide, that is shown in full colour


def sample_sheet(batch: Batch, inputs: Inputs, output: Output) -> Image:
    """Columns: input | answers | truth | masks, change, flow.

    Args:
        batch: examples in network colours.
        inputs: what the network was given; all but the last, the pose, are pictures.
        output: what the network made of them.
    """
    columns = [batch.source] if len(inputs) == 2 else [batch.source, *inputs[:-1]]
    columns += [*answers(output).values(), batch.target]
    strips = [np.stack([on_checkerboard(image) for image in pictures_from_network(c)]) for c in columns]
    strips += [part_pictures(name, values) for name, values in parts(output).items()]
    return _grid(strips)


def part_pictures(name: str, values: Tensor) -> Image:
    """A mask, a change or a flow as opaque pictures, (B, H, W, 4)."""
    if name.startswith("flow"):
        return flow_pictures(values)
    if name.endswith("mask"):
        shares = values.detach().float().cpu().permute(0, 2, 3, 1).numpy()
        shown = np.full(shares.shape, 255, np.uint8)
        shown[..., :3] = np.round(shares[..., :3] * 255.0)
        return shown
    shown = pictures_from_network(values)
    shown[..., 3] = 255
    return shown


def flow_pictures(offsets: Tensor) -> Image:
    """Flow as colour: hue is the direction where a pixel comes from, white is no motion.

    Args:
        offsets: (B, H, W, 2), x then y, of pictures 2 wide.

    Returns:
        (B, H, W, 4), opaque
    """
    flow = offsets.detach().float().cpu().numpy()
    angle = np.arctan2(flow[..., 1], flow[..., 0])
    strength = np.clip(np.linalg.norm(flow, axis=-1) / FULL_FLOW, 0.0, 1.0)
    phases = np.array([0.0, 2.0, 4.0]) * np.pi / 3.0  # red, green, blue
    hue = 0.5 + 0.5 * np.cos(angle[..., None] - phases)
    shown = np.full((*flow.shape[:-1], 4), 255, np.uint8)
    shown[..., :3] = np.round(255.0 * (1.0 - strength[..., None] * (1.0 - hue)))
    return shown


def _grid(strips: list[Image]) -> Image:
    count, height, width = strips[0].shape[:3]
    sheet = np.full(
        (count * (height + GAP_PX) - GAP_PX, len(strips) * (width + GAP_PX) - GAP_PX, 4), 255, np.uint8
    )
    for column, strip in enumerate(strips):
        for row, picture in enumerate(strip):
            top, left = row * (height + GAP_PX), column * (width + GAP_PX)
            sheet[top : top + height, left : left + width] = picture
    return sheet
