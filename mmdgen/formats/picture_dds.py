"""DDS files without compression, and names by which Pillow reads the compressed ones.

Source: Microsoft's "DDS Programming Guide". Only the first picture of a file is read: no mip levels, cube
faces or slices.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from mmdgen.formats.picture_limits import PictureError, check_size, filled
from mmdgen.formats.picture_masks import unpack_masked

_HEADER_BYTES = 128
_DX10_HEADER_BYTES = 148
_ALPHA_PIXELS, _ALPHA, _FOURCC, _RGB, _LUMINANCE = 0x1, 0x2, 0x4, 0x40, 0x20000

Masks = tuple[int, int, int, int]

_DXGI_MASKS: dict[int, tuple[int, Masks]] = {  # bits of a pixel, masks
    28: (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),  # R8G8B8A8_UNORM
    29: (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),  # R8G8B8A8_UNORM_SRGB
    61: (8, (0xFF, 0, 0, 0)),  # R8_UNORM
    65: (8, (0, 0, 0, 0xFF)),  # A8_UNORM
    85: (16, (0xF800, 0x07E0, 0x001F, 0)),  # B5G6R5_UNORM
    86: (16, (0x7C00, 0x03E0, 0x001F, 0x8000)),  # B5G5R5A1_UNORM
    87: (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)),  # B8G8R8A8_UNORM
    88: (32, (0xFF0000, 0xFF00, 0xFF, 0)),  # B8G8R8X8_UNORM
    91: (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)),  # B8G8R8A8_UNORM_SRGB
    93: (32, (0xFF0000, 0xFF00, 0xFF, 0)),  # B8G8R8X8_UNORM_SRGB
}
_DXGI_LINEAR_NAMES = {72: 71, 75: 74, 78: 77}  # sRGB variants of BC1 to BC3: the same bytes
_SAME_BLOCKS = {b"DXT2": b"DXT3", b"DXT4": b"DXT5"}


def accepts(data: bytes) -> bool:
    """Whether the file is a DDS without compression."""
    return data.startswith(b"DDS ") and _uncompressed(data) is not None


def decode(data: bytes) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """RGBA pixels, top row first, and what was mended."""
    found = _uncompressed(data)
    if found is None:
        raise PictureError("is no uncompressed DDS")
    bits, masks, pixels_at = found
    height, width = struct.unpack_from("<2I", data, 12)
    check_size(width, height, len(data))
    row_bytes = width * bits // 8
    body, remarks = filled(data[pixels_at:], row_bytes * height)
    return unpack_masked(body, height, row_bytes, width, bits, masks), remarks


def for_pillow(data: bytes) -> bytes:
    """The file under a name that Pillow knows.

    MMD: DXT2 and DXT4 are DXT3 and DXT5 whose colors were multiplied by alpha; Direct3D 9 draws them as they
    are stored, and so do we.
    """
    if not data.startswith(b"DDS ") or len(data) < _HEADER_BYTES:
        return data
    fourcc = data[84:88]
    if fourcc in _SAME_BLOCKS:
        return data[:84] + _SAME_BLOCKS[fourcc] + data[88:]
    if fourcc == b"DX10" and len(data) >= _DX10_HEADER_BYTES:
        (dxgi,) = struct.unpack_from("<I", data, _HEADER_BYTES)
        linear = _DXGI_LINEAR_NAMES.get(dxgi, dxgi)
        return data[:_HEADER_BYTES] + struct.pack("<I", linear) + data[_HEADER_BYTES + 4 :]
    return data


def _uncompressed(data: bytes) -> tuple[int, Masks, int] | None:
    """Bits of a pixel, channel masks, and where the pixels begin; None for a compressed file."""
    if len(data) < _HEADER_BYTES:
        return None
    flags, fourcc, bits, red, green, blue, alpha = struct.unpack_from("<I4s5I", data, 80)
    if flags & _FOURCC:
        if fourcc != b"DX10" or len(data) < _DX10_HEADER_BYTES:
            return None
        known = _DXGI_MASKS.get(struct.unpack_from("<I", data, _HEADER_BYTES)[0])
        return None if known is None else (*known, _DX10_HEADER_BYTES)
    if bits not in (8, 16, 24, 32):
        return None
    alpha = alpha if flags & (_ALPHA_PIXELS | _ALPHA) else 0
    if flags & _LUMINANCE:
        return bits, (red, red, red, alpha), _HEADER_BYTES
    if flags & _RGB:
        return bits, (red, green, blue, alpha), _HEADER_BYTES
    if flags & _ALPHA:
        return bits, (0, 0, 0, alpha or (1 << bits) - 1), _HEADER_BYTES
    return None
