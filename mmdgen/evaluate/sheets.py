"""Pictures of what networks made, beside what they should have made. Values in, pictures out; no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from mmdgen.evaluate.scores import Task
from mmdgen.images import Image, on_checkerboard

MARGIN_PX = 10
GAP_PX = 4
TEXT_PX = 13
LINE_PX = 18
SMALLEST_TILE_PX, LARGEST_TILE_PX = 128, 256
_GROUND, _INK, _SOFT = (246, 245, 242), (35, 38, 45), (109, 113, 124)


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One sample under all configurations of a task.

    Attributes:
        key: of the sample.
        label: its pose, for a person.
        source: what went in.
        truth: what should have come out.
        predictions: what each row made of it; all pictures (size, size, 4) uint8 as in a data set's files.
        mse: of each row.
    """

    key: str
    label: str
    source: Image
    truth: Image
    predictions: Mapping[str, Image]
    mse: Mapping[str, float]

    def tiles(self, task: Task) -> list[tuple[str, Image]]:
        """The pictures in order, with what each is called."""
        return [(task.source, self.source), (f"{task.target} (truth)", self.truth), *self.predictions.items()]


def draw_sheet(cases: Sequence[Case], task: Task, title: str) -> NDArray[np.uint8]:
    """A row of pictures for each case: (height, width, 3) uint8, over a checkerboard.

    Args:
        cases: at least one.
        task: which says what goes in and should come out.
        title: written above.
    """
    font = ImageFont.load_default(TEXT_PX)
    names = [name for name, _ in cases[0].tiles(task)]
    labels = [f"{case.key}   {case.label}" for case in cases]
    tile = min(max(len(cases[0].truth), SMALLEST_TILE_PX), LARGEST_TILE_PX)
    row_height = tile + 2 * LINE_PX + GAP_PX
    longest = max(font.getlength(text) for text in [title, *labels])
    width = 2 * MARGIN_PX + max(len(names) * (tile + GAP_PX) - GAP_PX, math.ceil(longest))
    height = 2 * MARGIN_PX + 2 * LINE_PX + len(cases) * row_height
    sheet = PillowImage.new("RGB", (width, height), _GROUND)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN_PX, MARGIN_PX), title, fill=_INK, font=font)
    for column, name in enumerate(names):
        x = MARGIN_PX + column * (tile + GAP_PX)
        draw.text((x, MARGIN_PX + LINE_PX), name, fill=_SOFT, font=font)
    for number, case in enumerate(cases):
        y = MARGIN_PX + 2 * LINE_PX + number * row_height
        for column, (name, picture) in enumerate(case.tiles(task)):
            x = MARGIN_PX + column * (tile + GAP_PX)
            sheet.paste(_opaque(picture, tile), (x, y))
            if name in case.mse:
                draw.text((x, y + tile + 1), f"MSE {case.mse[name]:.4f}", fill=_INK, font=font)
        below = y + tile + LINE_PX
        draw.text((MARGIN_PX, below), labels[number], fill=_SOFT, font=font)
    return np.asarray(sheet)


def _opaque(picture: Image, size_px: int) -> PillowImage.Image:
    shown = PillowImage.fromarray(np.ascontiguousarray(on_checkerboard(picture)[..., :3]))
    if shown.width == size_px:
        return shown
    whole = size_px % shown.width == 0  # whole multiples stay sharp
    way = PillowImage.Resampling.NEAREST if whole else PillowImage.Resampling.BICUBIC
    return shown.resize((size_px, size_px), way)
