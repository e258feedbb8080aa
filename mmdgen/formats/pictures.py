"""Pictures as MMD models bring them: any of a dozen file types, told apart by content.

Pillow decodes what it knows. BMP with alpha, TGA and DDS begin here: Pillow drops the alpha of the first,
reads only some of the second and lacks formats of the third.
"""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageFile, UnidentifiedImageError

from mmdgen.formats import picture_bmp, picture_dds, picture_tga
from mmdgen.formats.picture_limits import PictureError, check_size

__all__ = ["PictureError", "decode_picture", "is_picture"]

_PILLOW_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "DDS", "WEBP", "TIFF", "PPM")
_PILLOW_MAGICS = (b"\x89PNG", b"\xff\xd8\xff", b"BM", b"GIF8", b"DDS ", b"RIFF", b"II*\0", b"MM\0*")
_truncation_lock = threading.Lock()

Decoded = tuple[NDArray[np.uint8], tuple[str, ...]]


def decode_picture(data: bytes) -> Decoded:
    """Decode a picture file.

    Args:
        data: the whole file.

    Returns:
        (height, width, 4) RGBA, top row first, alpha 255 where the file has none; and what was mended, as
        phrases that follow the picture's name.

    Raises:
        PictureError: no picture of a known kind, too large, or damaged beyond repair.
    """
    if not data:
        raise PictureError("is empty")
    if picture_bmp.accepts(data):
        return picture_bmp.decode(data)
    if picture_dds.accepts(data):
        return picture_dds.decode(data)
    if not data.startswith(_PILLOW_MAGICS) and picture_tga.accepts(data):
        return picture_tga.decode(data)
    return _decode_with_pillow(picture_dds.for_pillow(data))


def is_picture(data: bytes) -> bool:
    """Whether a file's content is of a kind that `decode_picture` knows, by its first bytes; whole or not."""
    return (
        picture_bmp.accepts(data)
        or picture_dds.accepts(data)
        or data.startswith(_PILLOW_MAGICS)
        or picture_tga.accepts(data)
    )


def _decode_with_pillow(data: bytes) -> Decoded:
    """Decode, and once more with what is missing filled up if the file ends early or is damaged."""
    try:
        return _load(data), ()
    except PictureError:
        raise
    except Exception as first_error:  # Pillow's plugins raise whatever damaged bytes make them raise
        with _truncated_images_allowed():
            try:
                pixels = _load(data)
            except PictureError:
                raise
            except Exception:
                raise PictureError(f"cannot be decoded ({first_error})") from first_error
        return pixels, ("is damaged or ends too early: the rest is blank",)


def _load(data: bytes) -> NDArray[np.uint8]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about sizes, which are checked below, and about odd metadata
        try:
            picture = PillowImage.open(io.BytesIO(data), formats=_PILLOW_FORMATS)
        except PillowImage.DecompressionBombError as error:
            raise PictureError("claims far too many pixels: refused") from error
        except UnidentifiedImageError as error:
            raise PictureError("is no picture of a known kind") from error
        with picture:
            check_size(*picture.size, len(data))
            if picture.mode.startswith("I;16"):
                levels = np.asarray(picture, np.uint16)
                return _opaque(np.round(levels / 257.0).astype(np.uint8))
            return np.array(picture.convert("RGBA"), np.uint8)


def _opaque(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    pixels = np.full((*gray.shape, 4), 255, np.uint8)
    pixels[..., :3] = gray[..., None]
    return pixels


@contextmanager
def _truncated_images_allowed() -> Iterator[None]:
    """Let Pillow fill up what is missing. Its switch is global, so it is set for as short as possible."""
    with _truncation_lock:
        before = ImageFile.LOAD_TRUNCATED_IMAGES
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = before
