"""Uncompressed pixels whose channels are given by bit masks, as BMP and DDS have them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def unpack_masked(
    data: bytes, height: int, row_bytes: int, width: int, bits: int, masks: tuple[int, int, int, int]
) -> NDArray[np.uint8]:
    """Pixels of 8, 16, 24 or 32 bits as RGBA.

    Args:
        data: `height * row_bytes` bytes.
        height: number of rows.
        row_bytes: bytes from one row to the next.
        width: pixels in a row.
        bits: of a pixel.
        masks: which bits are red, green, blue and alpha; 0 for a channel that is not there.

    Returns:
        (height, width, 4), rows in file order; a missing color is 0, a missing alpha 255.
    """
    size = bits // 8
    rows = np.frombuffer(data, np.uint8).reshape(height, row_bytes)[:, : width * size]
    pixels = np.zeros((height, width, 4), np.uint8)
    bytewise = [mask.bit_length() // 8 - 1 if _is_byte(mask) else None for mask in masks]
    for channel, mask in enumerate(masks):
        place = bytewise[channel]
        if not mask:
            pixels[..., channel] = 255 if channel == 3 else 0
        elif place is not None and place < size:
            pixels[..., channel] = rows[:, place::size]
        else:
            pixels[..., channel] = _channel(rows.reshape(height, width, size), mask)
    return pixels


def _is_byte(mask: int) -> bool:
    return mask in (0xFF, 0xFF00, 0xFF0000, 0xFF000000)


def _channel(pixels: NDArray[np.uint8], mask: int) -> NDArray[np.uint8]:
    """One channel of (height, width, bytes) pixels, spread over 0..255."""
    words = np.zeros(pixels.shape[:2], np.uint32)
    for place in range(pixels.shape[2]):
        words |= pixels[..., place].astype(np.uint32) << np.uint32(8 * place)
    shift = (mask & -mask).bit_length() - 1
    top = mask >> shift
    values = (words & np.uint32(mask)) >> np.uint32(shift)
    return np.asarray((values.astype(np.uint64) * 255 + top // 2) // top, np.uint8)
