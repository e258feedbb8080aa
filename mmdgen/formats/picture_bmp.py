"""BMP files of 16 and 32 bits, whose alpha counts.

MMD: Direct3D takes the fourth byte of a 32-bit BMP as alpha, though most writers leave it 0. It is kept only
where some pixel has more than 0.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from mmdgen.formats.picture_limits import PictureError, check_size, filled
from mmdgen.formats.picture_masks import unpack_masked

_HEADER = struct.Struct("<2sIHHIIiiHHI")
_MASKS_AT = 54
_RGB, _BITFIELDS, _ALPHA_BITFIELDS = 0, 3, 6
_DEFAULT_MASKS = {
    16: (0x7C00, 0x03E0, 0x001F, 0),
    32: (0xFF0000, 0xFF00, 0xFF, 0xFF000000),
}


def accepts(data: bytes) -> bool:
    """Whether the file is a BMP with bit masks or 32 bits; Pillow reads the others."""
    if not data.startswith(b"BM") or len(data) < _HEADER.size + 4:
        return False
    header_size, bits, compression = struct.unpack_from("<I10xHI", data, 14)
    return (
        header_size >= 40 and bits in _DEFAULT_MASKS and compression in (_RGB, _BITFIELDS, _ALPHA_BITFIELDS)
    )


def decode(data: bytes) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """RGBA pixels, top row first, and what was mended."""
    _, _, _, _, pixels_at, header_size, width, height, _, bits, compression = _HEADER.unpack_from(data)
    check_size(width, abs(height), len(data))
    masks = _DEFAULT_MASKS[bits]
    if compression != _RGB:
        masks = _read_masks(data, header_size, compression)
    row_bytes = (width * bits // 8 + 3) // 4 * 4
    body, remarks = filled(data[pixels_at:], row_bytes * abs(height))
    pixels = unpack_masked(body, abs(height), row_bytes, width, bits, masks)
    if height > 0:
        pixels = pixels[::-1]
    if not pixels[..., 3].any():
        pixels[..., 3] = 255
    return np.ascontiguousarray(pixels), remarks


def _read_masks(data: bytes, header_size: int, compression: int) -> tuple[int, int, int, int]:
    if len(data) < _MASKS_AT + 16:
        raise PictureError("ends within its header")
    red, green, blue, alpha = struct.unpack_from("<4I", data, _MASKS_AT)
    has_alpha = header_size >= 56 or compression == _ALPHA_BITFIELDS
    return red, green, blue, alpha if has_alpha else 0
