"""The ten shared toon ramps that models name without bringing them.

Rebuilt from measured rows of MMD's toon01.bmp to toon10.bmp, which are not shipped. 32 x 32 pixels, every
row of one colour; the top row is lit, the bottom row is in shadow.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

_SIZE = 32
_HALF = _SIZE // 2
_WHITE = (255, 255, 255)
_SHADOWS = {
    1: (205, 205, 205),
    2: (245, 225, 225),
    3: (154, 154, 154),
    4: (248, 239, 235),
}
_SHARED_NAME = re.compile(r"(?:.*/)?toon(0\d|10)\.bmp", re.IGNORECASE)


def shared_toon(index: int) -> NDArray[np.uint8]:
    """The picture of a shared toon.

    Args:
        index: 0 for toon01 to 9 for toon10; -1 for "none", which is white.

    Returns:
        (32, 32, 4) uint8 RGBA, sRGB, top row first.
    """
    number = index + 1
    if not 0 <= number <= 10:
        raise ValueError(f"there is no shared toon {index}, only 0 to 9")
    rows = np.full((_SIZE, 3), 255.0)
    if number in _SHADOWS:
        rows[_HALF:] = _SHADOWS[number]
    elif number == 5:
        rows[19:] = np.linspace(_WHITE, (254, 231, 222), _SIZE - 19)
    elif number == 6:
        rows[:_HALF] = (255, 237, 97)
        rows[8:12] = (255, 246, 176)
        rows[_HALF:] = np.linspace((255, 237, 97), (195, 172, 3), _HALF + 1)[1:]
    image = np.full((_SIZE, _SIZE, 4), 255, np.uint8)
    image[..., :3] = np.round(rows)[:, None]
    return image


def shared_toon_of_name(name: str) -> NDArray[np.uint8] | None:
    """The shared toon that a file name like "toon03.bmp" means, None for other names."""
    match = _SHARED_NAME.fullmatch(name.replace("\\", "/"))
    return None if match is None else shared_toon(int(match[1]) - 1)
