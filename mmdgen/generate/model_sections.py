"""What the report and the catalogue say of models: faces, the same character, what is not used, terms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from mmdgen.dataset.places import Place
from mmdgen.pages.page import inside, table, tags

MAX_FACES = 2000  # pictures of models in a page; beyond that it would grow too large
MAX_LISTED = 200  # files under one reason
MAX_KIN = 12  # models of one character side by side

Row = Mapping[str, Any]


def face(folder: Place, model_id: str) -> str:
    """The small picture of a model from a folder of looks; an empty place where there is none."""
    try:
        data = (folder / f"{model_id}.webp").read_bytes()
    except OSError:
        return '<span class="face"></span>'
    return f'<img class="face" loading="lazy" alt="" src="{inside(data)}">'


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


def licences(row: Row) -> list[str]:
    """The licences that a model's texts name."""
    return sorted({name for source in row.get("terms", ()) for name in source["licences"]})
