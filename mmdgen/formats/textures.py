"""The pictures of a model: found, identified by their content, decoded and mended.

MMD: `.sph` and `.spa` are BMP or PNG files with another name, and a "png" may be a JPEG; only the content
tells. A picture that is missing or beyond repair leaves its material untextured, with a warning.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmdgen.formats.pictures import PictureError, decode_picture
from mmdgen.formats.texture_paths import find_texture
from mmdgen.formats.toons import shared_toon_of_name

MAX_FILE_BYTES = 1 << 29


@dataclass(frozen=True, slots=True, eq=False)
class Texture:
    """A picture of a model, or why there is none."""

    name: str  # as stored in the model
    path: Path | None  # the file found, None where there is none
    pixels: NDArray[np.uint8] | None  # (height, width, 4) RGBA, sRGB, straight alpha, top row first
    warnings: tuple[str, ...]


def load_texture(folder: Path, name: str) -> Texture:
    """Find and decode a texture that a model names.

    Args:
        folder: the model's folder; nothing outside is opened.
        name: the path as stored in the model.

    Returns:
        A texture whose `pixels` are None where the file is missing or cannot be decoded; never raises for
        what is on disk. Alpha is 255 where the file has none.
    """
    path, remark = find_texture(folder, name)
    remarks = [] if remark is None else [f"texture {remark}"]
    if path is None:
        shared = shared_toon_of_name(name)
        if shared is not None:
            return Texture(name, None, shared, ())
        return Texture(name, None, None, (f"{remarks[0]}; drawn untextured",))
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise PictureError(f"has over {MAX_FILE_BYTES:,} bytes")
        pixels, repairs = decode_picture(path.read_bytes())
    except OSError as error:
        problem = f"cannot be read: {error.strerror or error}"
    except PictureError as error:
        problem = str(error)
    else:
        return Texture(name, path, pixels, (*remarks, *(f"texture {name} {repair}" for repair in repairs)))
    return Texture(name, path, None, (*remarks, f"texture {name} {problem}; drawn untextured"))
