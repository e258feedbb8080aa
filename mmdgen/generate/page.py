"""Pieces of the pages to look at: one HTML file each, which opens offline, with everything inside."""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from mmdgen.dataset.places import Place
from mmdgen.images import on_checkerboard

WEBP_QUALITY = 82
MAX_FACES = 2000  # pictures of models in a page; beyond that it would grow too large
MAX_LISTED = 200  # files under one reason
MAX_KIN = 12  # models of one character side by side

Row = Mapping[str, Any]


def page(title: str, links: Mapping[str, str], body: Iterable[str]) -> str:
    """The whole page.

    Args:
        title: of the page.
        links: id of a section -> what the way there is called.
        body: its sections, HTML.
    """
    template = files("mmdgen.generate").joinpath("page.html").read_text(encoding="utf-8")
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
    return f'<img{kind} loading="lazy" alt="{escape(description)}" src="{_inside(data.getvalue())}">'


def face(folder: Place, model_id: str) -> str:
    """The small picture of a model from a folder of looks; an empty place where there is none."""
    try:
        data = (folder / f"{model_id}.webp").read_bytes()
    except OSError:
        return '<span class="face"></span>'
    return f'<img class="face" loading="lazy" alt="" src="{_inside(data)}">'


def same_characters(rows: Sequence[Row], looks: Place) -> str:
    """The models that show the same character, side by side."""
    clusters: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row["same_character"]:
            clusters.setdefault(tuple(row["same_character"]["members"]), []).append(row)
    if not clusters:
        return '<p class="note">None: no two usable models have one shape or look alike.</p>'
    cards = "".join(_cluster(members, looks) for _, members in sorted(clusters.items()))
    return f'<div class="kins">{cards}</div>'


def _cluster(members: Sequence[Row], looks: Place) -> str:
    joined = {"mesh": "one shape", "look": "look alike"}
    why = " and ".join(joined[reason] for reason in members[0]["same_character"]["by"])
    figures = "".join(
        f'<figure class="{"kept" if row["is_usable"] else "spare"}">{face(looks, row["model_id"])}'
        f"<b>{escape(row['name'] or row['file'])}</b><br><small>{escape(row['file'])}"
        f"{'' if row['is_usable'] else '<br>not used'}</small></figure>"
        for row in members[:MAX_KIN]
    )
    more = f"{len(members) - MAX_KIN:,} more; " if len(members) > MAX_KIN else ""
    group = escape(members[0]["group"])
    note = f"<small>{more}{why}; all in group <b>{group}</b></small>"
    return f'<section class="kin"><div>{figures}</div>{note}</section>'


def not_used(rows: Iterable[Row]) -> str:
    """Files that give nothing, under their reasons."""
    reasons: dict[str, list[Row]] = {}
    for row in rows:
        if not row["is_usable"]:
            reasons.setdefault(_kind_of(row["problem"]), []).append(row)
    if not reasons:
        return '<p class="note">Nothing.</p>'
    in_order = sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0]))
    return table(
        ["files#", "why^", ""], [[f"{len(found):,}", escape(why), _files(found)] for why, found in in_order]
    )


def _kind_of(problem: str) -> str:
    """A reason without what is particular to one file, so that equal ones stand together."""
    for opening in ("has the same content as", "shows the same character as"):
        if problem.startswith(opening):
            return f"{opening} another file"
    if ", byte 0x" in problem:
        return "the file is damaged, cut short, or no model"
    if "of its picture would be white" in problem:
        return "texture files are missing: it would be drawn white for the greater part"
    return problem


def _files(rows: Sequence[Row]) -> str:
    if len(rows) == 1:
        return f"{escape(rows[0]['file'])}{_detail(rows[0])}"
    items = "".join(f"<li>{escape(row['file'])}{_detail(row)}</li>" for row in rows[:MAX_LISTED])
    more = f"<li>and {len(rows) - MAX_LISTED:,} more</li>" if len(rows) > MAX_LISTED else ""
    return f"<details><summary>{escape(rows[0]['file'])} …</summary><ul>{items}{more}</ul></details>"


def _detail(row: Row) -> str:
    problem = row["problem"]
    return "" if problem == _kind_of(problem) else f"<br><small>{escape(problem)}</small>"


def terms_of_use(rows: Iterable[Row]) -> str:
    """What was found of terms, models with the same together."""
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row["is_usable"]:
            found.setdefault(tuple(licences(row)), []).append(row)
    lines = []
    for names, of_names in sorted(found.items(), key=lambda item: (not item[0], item[0])):
        said = Counter(
            f"{source['source']}: {line}"
            for row in of_names
            for source in row["terms"]
            for line in source["lines"]
        )
        quotes = "".join(f"<li>{escape(line)}</li>" for line, _ in said.most_common(12))
        quoted = (
            f"<details><summary>what their texts say</summary><ul>{quotes}</ul></details>" if quotes else ""
        )
        lines.append(
            [f"{len(of_names):,}", tags(names) or "no known licence named", _files_of(of_names), quoted]
        )
    return table(["models#", "licence", "which", "terms"], lines)


def _files_of(rows: Sequence[Row]) -> str:
    shown = ", ".join(escape(row["name"] or row["file"]) for row in rows[:4])
    return shown + (f" and {len(rows) - 4:,} more" if len(rows) > 4 else "")


def tags(names: Iterable[str]) -> str:
    """Short words in frames."""
    return "".join(f'<span class="tag">{escape(name)}</span>' for name in names)


def licences(row: Row) -> list[str]:
    """The licences that a model's texts name."""
    return sorted({name for source in row.get("terms", ()) for name in source["licences"]})


def _inside(data: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(data).decode('ascii')}"
