"""TGA files of every kind: palette, true color and gray, packed or not, from any of the four corners.

Source: Truevision TGA specification 2.0. The files have no mark of their own at the beginning, so `accepts`
asks whether the header could be one; ask it last.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmdgen.formats.picture_limits import PictureError, check_size, filled

_HEADER = struct.Struct("<BBBHHBHHHHBB")
_PALETTE, _COLOR, _GRAY, _PACKED = 1, 2, 3, 8
_DEPTHS = {_PALETTE: (8, 16), _COLOR: (15, 16, 24, 32), _GRAY: (8, 16)}
_RIGHT_TO_LEFT, _TOP_TO_BOTTOM = 0x10, 0x20


@dataclass(frozen=True, slots=True)
class _Header:
    kind: int
    is_packed: bool
    palette_first: int
    palette_length: int
    palette_bits: int
    width: int
    height: int
    bits: int
    descriptor: int
    palette_at: int

    @property
    def alpha_bits(self) -> int:
        return self.descriptor & 0x0F


def accepts(data: bytes) -> bool:
    """Whether the first bytes can be a TGA header."""
    return _read_header(data) is not None


def decode(data: bytes) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """RGBA pixels, top row first, and what was mended."""
    header = _read_header(data)
    if header is None:
        raise PictureError("is no TGA")
    check_size(header.width, header.height, len(data))
    pixel_bytes = (header.bits + 7) // 8
    palette_bytes = header.palette_length * ((header.palette_bits + 7) // 8)
    body = data[header.palette_at + palette_bytes :]
    size = header.width * header.height * pixel_bytes
    if header.is_packed:
        body = _unpack_runs(body, pixel_bytes, size)
    body, remarks = filled(body, size)
    stored = np.frombuffer(body, np.uint8).reshape(header.height, header.width, pixel_bytes)
    pixels = _colors(header, stored, data)
    if not header.alpha_bits and not pixels[..., 3].any():
        pixels[..., 3] = 255  # a fourth byte that the header does not call alpha and nobody filled
    if not header.descriptor & _TOP_TO_BOTTOM:
        pixels = pixels[::-1]
    if header.descriptor & _RIGHT_TO_LEFT:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels), remarks


def _read_header(data: bytes) -> _Header | None:
    if len(data) < _HEADER.size:
        return None
    (
        id_length,
        has_palette,
        image_type,
        palette_first,
        palette_length,
        palette_bits,
        _,
        _,
        width,
        height,
        bits,
        descriptor,
    ) = _HEADER.unpack_from(data)
    kind = image_type & ~_PACKED
    plausible = (
        kind in _DEPTHS
        and bits in _DEPTHS[kind]
        and has_palette <= 1
        and (kind != _PALETTE or (has_palette == 1 and palette_bits in (15, 16, 24, 32)))
        and width > 0
        and height > 0
    )
    if not plausible:
        return None
    return _Header(
        kind=kind,
        is_packed=bool(image_type & _PACKED),
        palette_first=palette_first,
        palette_length=palette_length if has_palette else 0,
        palette_bits=palette_bits,
        width=width,
        height=height,
        bits=bits,
        descriptor=descriptor,
        palette_at=_HEADER.size + id_length,
    )


def _unpack_runs(data: bytes, pixel_bytes: int, size: int) -> bytes:
    """Undo run-length packing, up to `size` bytes or the end of the data."""
    parts: list[bytes] = []
    place = done = 0
    while done < size and place < len(data):
        packet = data[place]
        count = (packet & 0x7F) + 1
        if packet & 0x80:
            part = data[place + 1 : place + 1 + pixel_bytes] * count
            place += 1 + pixel_bytes
        else:
            part = data[place + 1 : place + 1 + count * pixel_bytes]
            place += 1 + count * pixel_bytes
        parts.append(part)
        done += len(part)
    return b"".join(parts)


def _colors(header: _Header, stored: NDArray[np.uint8], data: bytes) -> NDArray[np.uint8]:
    """RGBA from (height, width, bytes) stored pixels."""
    if header.kind == _PALETTE:
        entry_bytes = (header.palette_bits + 7) // 8
        raw = data[header.palette_at : header.palette_at + header.palette_length * entry_bytes]
        entries = np.frombuffer(raw[: len(raw) // entry_bytes * entry_bytes], np.uint8)
        palette = _true_colors(entries.reshape(-1, entry_bytes), header)
        if not len(palette):
            raise PictureError("has an empty palette")
        index = stored[..., 0].astype(np.int64)
        if stored.shape[2] == 2:
            index |= stored[..., 1].astype(np.int64) << 8
        return palette[np.clip(index - header.palette_first, 0, len(palette) - 1)]
    if header.kind == _GRAY:
        pixels = np.full((*stored.shape[:2], 4), 255, np.uint8)
        pixels[..., :3] = stored[..., :1]
        if stored.shape[2] == 2:
            pixels[..., 3] = stored[..., 1]
        return pixels
    return _true_colors(stored, header)


def _true_colors(stored: NDArray[np.uint8], header: _Header) -> NDArray[np.uint8]:
    """RGBA from (..., 2, 3 or 4) bytes: 5 bits each and one of alpha, BGR, or BGRA."""
    pixels = np.full((*stored.shape[:-1], 4), 255, np.uint8)
    if stored.shape[-1] == 2:
        words = stored[..., 0].astype(np.uint16) | stored[..., 1].astype(np.uint16) << 8
        for channel, shift in enumerate((10, 5, 0)):
            five = words >> shift & 0x1F
            pixels[..., channel] = (five * 255 + 15) // 31
        if header.alpha_bits:
            pixels[..., 3] = np.where(words & 0x8000, 255, 0)
        return pixels
    pixels[..., 0], pixels[..., 1], pixels[..., 2] = stored[..., 2], stored[..., 1], stored[..., 0]
    if stored.shape[-1] == 4:
        pixels[..., 3] = stored[..., 3]
    return pixels
