"""The catalogue as a page: every usable model's face, which are the same, what cannot be used and why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path

from mmdgen.dataset.places import Place
from mmdgen.dataset.storage import write_text
from mmdgen.generate.model_sections import (
    MAX_FACES,
    Row,
    face,
    licences,
    not_used,
    same_characters,
    terms_of_use,
)
from mmdgen.generate.surveyed import SurveyedModel, file_row
from mmdgen.pages.page import chips, find_box, page, tags, tiles

TITLE = "Model catalogue"


def write_catalog_page(path: Path, models: Sequence[SurveyedModel], looks: Place) -> Path:
    """Write the page beside the list. Raises StorageError."""
    rows = [json.loads(file_row(model)) for model in models]
    write_text(path, catalog_page(rows, looks))
    return path


def catalog_page(rows: Sequence[Row], looks: Place) -> str:
    """The page.

    Args:
        rows: of the catalogue's list.
        looks: the folder of the models' small pictures.
    """
    usable = [row for row in rows if row["is_usable"]]
    clusters = {tuple(row["same_character"]["members"]) for row in rows if row["same_character"]}
    doubtful = sum(bool(row["doubts"]) for row in usable)
    body = [
        f"<h1>{TITLE}</h1>",
        chips(f"{count:,} {kind}" for kind, count in Counter(row["format"] for row in usable).most_common()),
        tiles(
            {
                "usable models": f"{len(usable):,}",
                "model files": f"{len(rows):,}",
                "source groups": f"{len({row['group'] for row in usable}):,}",
                "characters with several models": f"{len(clusters):,}",
                "annotations to look at": f"{doubtful:,}",
            }
        ),
        '<h2 id="models">Usable models</h2>',
        find_box("find by name, group, licence …", ".wall figure"),
        f'<div class="wall">{"".join(_card(row, looks, number) for number, row in enumerate(usable))}</div>',
        '<h2 id="same">The same character</h2>',
        '<p class="note">These always stand in one split. <code>--keep best</code> uses one of each.</p>',
        same_characters(rows, looks),
        '<h2 id="left-out">Not used, and why</h2>',
        not_used(rows),
        '<h2 id="terms">Terms of use</h2>',
        '<p class="note">What the models’ comments and the texts beside them say. Read the whole of them '
        "before you publish pictures.</p>",
        terms_of_use(rows),
    ]
    links = {"models": "Models", "same": "Same character", "left-out": "Not used", "terms": "Terms of use"}
    return page(TITLE, links, body)


def _card(row: Row, looks: Place, number: int) -> str:
    picture = face(looks, row["model_id"]) if number < MAX_FACES else ""
    doubts = f"<br>look at {escape(', '.join(row['doubts']))}" if row["doubts"] else ""
    counts = row["counts"]
    return (
        f'<figure title="{escape(row["file"])}">{picture}<figcaption>'
        f"<b>{escape(row['name'] or row['file'])}</b>"
        f"<small>{escape(row['group'])}<br>{row['format']}, {counts['triangles']:,} triangles{doubts}</small>"
        f"<br>{tags(licences(row))}</figcaption></figure>"
    )
