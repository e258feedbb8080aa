"""One HTML page with everything inside: style, pictures and charts."""

from __future__ import annotations

import base64
import io
from html import escape
from importlib.resources import files

import numpy as np
from PIL import Image as PillowImage

from mmdgen.images import Image, on_checkerboard

WEBP_QUALITY = 82


def make_page(title: str, body: str) -> str:
    """The HTML of a page. `title` is text, `body` is HTML."""
    template = files("mmdgen.evaluate").joinpath("page.html").read_text(encoding="utf-8")
    return template.replace("{{title}}", escape(title)).replace("{{body}}", body)


def picture_tag(picture: Image, premultiplied: bool, description: str, size_px: int | None = None) -> str:
    """An <img> with the picture over a checkerboard inside.

    Args:
        picture: (height, width, 4).
        premultiplied: whether its colours are multiplied by alpha.
        description: for those who cannot see it.
        size_px: width and height to shrink it to.
    """
    opaque = on_checkerboard(picture, premultiplied=premultiplied)[..., :3]
    shown = PillowImage.fromarray(np.ascontiguousarray(opaque))
    if size_px is not None:
        shown = shown.resize((size_px, size_px), PillowImage.Resampling.LANCZOS)
    data = io.BytesIO()
    shown.save(data, "WEBP", quality=WEBP_QUALITY)
    source = base64.b64encode(data.getvalue()).decode("ascii")
    return f'<img alt="{escape(description)}" src="data:image/webp;base64,{source}">'
