"""What every picture decoder agrees on: its error, how large a picture may be, how short data are filled."""

from __future__ import annotations

from mmdgen.errors import MmdgenError

MAX_PIXELS = 1 << 26
"""8192 x 8192, the most that the graphics cards of MMD's time could hold."""
_TRUSTED_PIXELS = 1 << 22
_PIXELS_PER_BYTE = 9_000
"""Deflate packs at most 1032 bytes of eight one-bit pixels into a byte: no honest picture holds more."""


class PictureError(MmdgenError):
    """A picture file cannot be decoded. The message is a phrase that follows the picture's name."""


def check_size(width: int, height: int, file_bytes: int) -> None:
    """Raise PictureError for a size that no honest file of so many bytes can have."""
    if width <= 0 or height <= 0:
        raise PictureError(f"claims {width} x {height} pixels")
    pixels = width * height
    if pixels > MAX_PIXELS or (pixels > _TRUSTED_PIXELS and pixels > file_bytes * _PIXELS_PER_BYTE):
        raise PictureError(f"claims {width:,} x {height:,} pixels in {file_bytes:,} bytes: refused")


def filled(data: bytes, size: int) -> tuple[bytes, tuple[str, ...]]:
    """The first `size` bytes; zeros where the file ends before, and the remark about that."""
    if len(data) >= size:
        return data[:size], ()
    if not data:
        raise PictureError("ends before its pixels")
    return data.ljust(size, b"\0"), ("ends too early: the rest is black",)
