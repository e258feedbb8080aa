"""The whole page and its common pieces: numbers, tables, chips, pictures."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from mmdgen.images import on_checkerboard

WEBP_QUALITY = 82


def page(title: str, links: Mapping[str, str], body: Iterable[str]) -> str:
    """The whole page.

    Args:
        title: of the page.
        links: id of a section -> what the way there is called.
        body: its sections, HTML.
    """
    template = files("mmdgen.pages").joinpath("page.html").read_text(encoding="utf-8")
    ways = "".join(f'<a href="#{name}">{escape(text)}</a>' for name, text in links.items())
    filled = {"title": escape(title), "links": ways, "body": "\n".join(body)}
    for name, text in filled.items():
        template = template.replace("{{" + name + "}}", text)
    return template


def tiles(facts: Mapping[str, str]) -> str:
    """Large numbers: what -> how many."""
    cells = "".join(f"<div><b>{value}</b><span>{escape(what)}</span></div>" for what, value in facts.items())
    return f'<div class="tiles">{cells}</div>'


def chips(facts: Iterable[str]) -> str:
    """Short facts in a row."""
    return f'<ul class="chips">{"".join(f"<li>{escape(fact)}</li>" for fact in facts)}</ul>'


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, kind: str = "") -> str:
    """A table of cells that are HTML; a cell that begins with a digit stands right.

    A head of the form "name#" sorts its column by numbers when it is clicked, "name^" by text.
    """
    head = "".join(_head(name) for name in heads)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody>'
        "</table></div>"
    )


def find_box(hint: str, items: str) -> str:
    """A field that hides what does not hold the words typed into it.

    Args:
        hint: what stands in it while it is empty.
        items: CSS selector of what is searched.
    """
    return f'<input class="find" type="search" placeholder="{escape(hint)}" data-of="{items}">'


def tags(names: Iterable[str]) -> str:
    """Short words in frames."""
    return "".join(f'<span class="tag">{escape(name)}</span>' for name in names)


def picture(
    image: NDArray[np.uint8], premultiplied: bool, description: str, size_px: int | None = None
) -> str:
    """An <img> with a picture (height, width, 4) over a checkerboard inside."""
    opaque = on_checkerboard(image, premultiplied=premultiplied)[..., :3]
    shown = PillowImage.fromarray(np.ascontiguousarray(opaque))
    if size_px is not None:
        shown = shown.resize((size_px, size_px), PillowImage.Resampling.LANCZOS)
    data = io.BytesIO()
    shown.save(data, "WEBP", quality=WEBP_QUALITY)
    kind = ' class="face"' if size_px is not None else ""
    return f'<img{kind} loading="lazy" alt="{escape(description)}" src="{inside(data.getvalue())}">'


def inside(data: bytes) -> str:
    """The address of a WebP file that stands in the page itself."""
    return f"data:image/webp;base64,{base64.b64encode(data).decode('ascii')}"


def _head(name: str) -> str:
    if name.endswith("#"):
        return f'<th class="number" data-sort="number">{escape(name[:-1])}</th>'
    if name.endswith("^"):
        return f'<th data-sort="text">{escape(name[:-1])}</th>'
    return f"<th>{escape(name)}</th>"


def _cell(content: str) -> str:
    number = content.replace(",", "").split(" ")[0]
    if number.replace(".", "", 1).isdigit():
        return f'<td class="number" data-value="{number}">{content}</td>'
    return f"<td>{content}</td>"
