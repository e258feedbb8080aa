"""One HTML page to look at a data set. It opens offline: pictures and charts are inside."""

from __future__ import annotations

import base64
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from mmdgen.dataset.keys import shuffled
from mmdgen.dataset.manifest import read_manifest, table_path
from mmdgen.dataset.reader import read_picture
from mmdgen.dataset.sample import PICTURES
from mmdgen.dataset.storage import make_folder, read_rows, write_text
from mmdgen.generate.charts import bars, histogram
from mmdgen.images import on_checkerboard
from mmdgen.pose import POSE_SPACES
from mmdgen.sampling.poses import density

RUNS_FILE = Path("report/speed.json")
CONTACTS = 12  # triplets shown for each split
MAX_THUMBNAILS = 600  # models with a picture in the table; beyond that the page would grow too large
THUMBNAIL_PX = 96
MAX_REMARKS = 3
WEBP_QUALITY = 82


@dataclass(frozen=True, slots=True)
class SplitTable:
    """The columns of a split's Parquet table that the page needs."""

    name: str
    folder: Path
    columns: Mapping[str, Any]  # lists or arrays, one entry for each sample

    def __len__(self) -> int:
        return len(self.columns["key"])

    def picture(self, row: int, name: str) -> NDArray[np.uint8]:
        """Decode one picture of a sample."""
        place = {part: int(self.columns[f"{name}_{part}"][row]) for part in ("offset", "size")}
        return read_picture(self.folder / self.columns["shard"][row], place)


def write_report(folder: Path, out: Path | None = None) -> Path:
    """Write the page. Raises DatasetError for a folder that is no data set."""
    manifest = read_manifest(folder)
    tables = [
        _read_table(folder, split, manifest) for split in manifest["splits"] if _has_table(folder, split)
    ]
    path = out or folder / "report" / "index.html"
    make_folder(path.parent)
    write_text(path, _page(folder, manifest, tables))
    return path


def _has_table(folder: Path, split: str) -> bool:
    return table_path(folder, split).is_file()


def _read_table(folder: Path, split: str, manifest: Mapping[str, Any]) -> SplitTable:
    import pyarrow.parquet

    numbers = [row["name"] for row in manifest["pose_space"]["parameters"]]
    numbers += ["expression_changed_from_rest", "posed_changed_from_expression", "posed_coverage"]
    texts = ["key", "shard", "model_id", "group"]
    places = [f"{name}_{part}" for name in PICTURES for part in ("offset", "size")]
    table = pyarrow.parquet.read_table(
        table_path(folder, split), columns=[*texts, *places, *numbers, "posed_box"]
    )
    columns = {name: table[name].to_pylist() for name in [*texts, "posed_box"]}
    columns |= {name: table[name].to_numpy() for name in [*numbers, *places]}
    return SplitTable(split, folder / split, columns)


def _page(folder: Path, manifest: Mapping[str, Any], tables: list[SplitTable]) -> str:
    models = _models(folder)
    premultiplied = manifest["config"]["alpha"] == "premultiplied"
    parts = [
        _summary(folder, manifest, tables),
        *(_split_section(table, manifest, premultiplied) for table in tables),
        _model_table(tables, models, premultiplied),
        _left_out(manifest),
    ]
    template = files("mmdgen.generate").joinpath("report.html").read_text(encoding="utf-8")
    return template.replace("{{title}}", escape(manifest["name"])).replace("{{body}}", "\n".join(parts))


def _summary(folder: Path, manifest: Mapping[str, Any], tables: list[SplitTable]) -> str:
    config, speeds = manifest["config"], _speeds(folder)
    rows = "".join(
        f"<tr><th>{split}</th><td>{entry['samples']:,} of {entry['planned']:,}</td>"
        f"<td>{entry['models']:,}</td><td>{len(entry['shards']):,}</td>"
        f"<td>{sum(shard['bytes'] for shard in entry['shards']) / 1e6:,.0f} MB</td>"
        f"<td>{speeds.get(split, {}).get('samples_per_second', '-')}</td>"
        f"<td><code>{entry['fingerprint']}</code></td></tr>"
        for split, entry in manifest["splits"].items()
    )
    facts = [
        f"{config['size_px']} px",
        f"{config['samples_per_pixel']} samples per pixel",
        f"seed {config['seed']}",
        f"{config['alpha']} alpha",
        *manifest["drivers"],
        f"mmdgen {manifest['mmdgen_version']}",
    ]
    chips = "".join(f"<li>{escape(fact)}</li>" for fact in facts)
    shards = "".join(
        f"<figure>{bars(values, 'samples/s')}<figcaption>{table.name}: speed of each shard's worker"
        "</figcaption></figure>"
        for table in tables
        if len(values := _shard_speeds(table.folder)) > 1
    )
    return (
        f'<ul class="chips">{chips}</ul><table><thead><tr><th>split</th><th>samples</th><th>models</th>'
        "<th>shards</th><th>size</th><th>samples/s</th><th>fingerprint</th></tr></thead>"
        f'<tbody>{rows}</tbody></table><p class="note">{escape(manifest["terms"])}</p>'
        f'<div class="charts">{shards}</div>'
    )


def _split_section(table: SplitTable, manifest: Mapping[str, Any], premultiplied: bool) -> str:
    chosen = _varied(table)
    contacts = "".join(_contact(table, row, manifest, premultiplied) for row in chosen)
    return (
        f'<h2 id="{table.name}">{table.name}</h2><p class="note">{len(chosen)} of {len(table):,} samples, '
        f'drawn at random: rest, expression, posed.</p><div class="contacts">{contacts}</div>'
        f'<h3>Labels against their densities</h3><div class="charts">{_histograms(table, manifest)}</div>'
        f"<h3>Pictures that a person should look at</h3>{_suspects(table, manifest)}"
    )


def _varied(table: SplitTable) -> list[int]:
    """Samples drawn at random, of as many models as there are."""
    order = shuffled(range(len(table)), lambda row: str(table.columns["key"][row]), 0)
    seen: Counter[str] = Counter()
    turn = {}
    for row in order:
        seen[table.columns["model_id"][row]] += 1
        turn[row] = seen[table.columns["model_id"][row]]
    return sorted(order, key=lambda row: turn[row])[:CONTACTS]


def _contact(table: SplitTable, row: int, manifest: Mapping[str, Any], premultiplied: bool) -> str:
    pictures = "".join(_image(table.picture(row, name), premultiplied, name) for name in PICTURES)
    label = " ".join(
        f"<span>{parameter['name']} <b>{table.columns[parameter['name']][row]:+.2f}</b></span>"
        for parameter in manifest["pose_space"]["parameters"]
    )
    key, group = escape(table.columns["key"][row]), escape(table.columns["group"][row])
    return (
        f'<figure class="contact"><div>{pictures}</div><figcaption><code>{key}</code> {group}'
        f"<br><small>{label}</small></figcaption></figure>"
    )


def _histograms(table: SplitTable, manifest: Mapping[str, Any]) -> str:
    space = POSE_SPACES[manifest["pose_space"]["name"]]
    figures = []
    for parameter in space.parameters:
        values = np.asarray(table.columns[parameter.name], np.float64)
        line = density(parameter, np.linspace(parameter.low, parameter.high, 101))
        chart = histogram(values, parameter.low, parameter.high, line)
        caption = f"<b>{parameter.name}</b> {escape(parameter.meaning)}"
        figures.append(f"<figure>{chart}<figcaption>{caption}</figcaption></figure>")
    return "".join(figures)


def _suspects(table: SplitTable, manifest: Mapping[str, Any]) -> str:
    """Counts of samples whose pictures look wrong by their recorded facts, with the first keys."""
    size = manifest["config"]["size_px"]
    moved = np.stack([np.abs(table.columns[name]) for name in ("head_x", "head_y", "neck_z")]).max(axis=0)
    top = np.array([box[1] if box else -1 for box in table.columns["posed_box"]])
    checks = {
        "posed picture empty": top < 0,
        "head turned, but the posed picture is the same": (moved > 0.05)
        & (table.columns["posed_changed_from_expression"] == 0),
        "nearly everything covered: the model may stand too near": table.columns["posed_coverage"] > 0.95,
        f"cut at the upper border of {size} px (hats, ears, long hair ornaments)": top == 0,
    }
    rows = "".join(
        f"<tr><td>{escape(what)}</td><td>{int(found.sum()):,}</td><td><code>"
        f"{' '.join(table.columns['key'][row] for row in np.flatnonzero(found)[:3])}</code></td></tr>"
        for what, found in checks.items()
    )
    return f"<table><tbody>{rows}</tbody></table>"


def _model_table(
    tables: list[SplitTable], models: Mapping[str, Mapping[str, Any]], premultiplied: bool
) -> str:
    rows = [row for table in tables for row in _model_rows(table, models, premultiplied)]
    return (
        '<h2 id="models">Models</h2><table class="models"><thead><tr><th></th><th>model</th><th>group</th>'
        "<th>split</th><th>samples</th><th>format</th><th>triangles</th><th>changed by expression</th>"
        f"<th>changed by turning</th><th>remarks</th></tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _model_rows(
    table: SplitTable, models: Mapping[str, Mapping[str, Any]], premultiplied: bool
) -> Iterator[str]:
    ids, first, inverse, counts = np.unique(
        np.asarray(table.columns["model_id"]), return_index=True, return_inverse=True, return_counts=True
    )
    by_group = sorted(range(len(ids)), key=lambda number: table.columns["group"][first[number]])
    for place, number in enumerate(by_group):
        model_id, row = ids[number], first[number]
        of_model = inverse == number
        facts = models.get(str(model_id), {})
        thumbnail = (
            _image(table.picture(int(row), "rest"), premultiplied, "rest", THUMBNAIL_PX)
            if place < MAX_THUMBNAILS
            else ""
        )
        expression, posed = (
            f"{100 * float(np.mean(table.columns[name][of_model])):.1f} %"
            for name in ("expression_changed_from_rest", "posed_changed_from_expression")
        )
        cells = [
            thumbnail,
            f"{escape(str(facts.get('name', '')))}<br><code>{model_id}</code>",
            escape(table.columns["group"][row]),
            table.name,
            f"{counts[number]:,}",
            escape(str(facts.get("format", ""))),
            f"{facts.get('counts', {}).get('triangles', 0):,}",
            expression,
            posed,
            f"<small>{_remarks(facts)}</small>",
        ]
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _remarks(facts: Mapping[str, Any]) -> str:
    """What to look at in a model: doubtful annotations first, then warnings."""
    doubts = facts.get("doubts", {})
    remarks = [f"look at {name}: {', '.join(reasons)}" for name, reasons in doubts.items()]
    if facts.get("twin_of"):
        remarks.append(f"same mesh as {facts['twin_of']}")
    remarks += facts.get("warnings", [])
    more = [f"{len(remarks) - MAX_REMARKS} more"] if len(remarks) > MAX_REMARKS else []
    return escape("; ".join(remarks[:MAX_REMARKS] + more))


def _left_out(manifest: Mapping[str, Any]) -> str:
    rows = [
        f"<tr><td>{escape(item['file'])}</td><td>not used</td><td>{escape(item['problem'])}</td></tr>"
        for item in manifest["not_used"]
    ]
    rows += [
        f"<tr><td><code>{row['model_id']}</code></td><td>{split}: {row['samples']:,} samples</td>"
        f"<td>{escape(row['reason'])}</td></tr>"
        for split, entry in manifest["splits"].items()
        for row in entry["left_out"]
    ]
    head = "<thead><tr><th>what</th><th></th><th>why</th></tr></thead>"
    table = f"<table>{head}<tbody>{''.join(rows)}</tbody></table>"
    return '<h2 id="left-out">Left out</h2>' + (table if rows else '<p class="note">Nothing.</p>')


def _image(
    picture: NDArray[np.uint8], premultiplied: bool, description: str, size_px: int | None = None
) -> str:
    """An <img> with the picture over a checkerboard inside."""
    opaque = on_checkerboard(picture, premultiplied=premultiplied)[..., :3]
    shown = PillowImage.fromarray(np.ascontiguousarray(opaque))
    if size_px is not None:
        shown = shown.resize((size_px, size_px), PillowImage.Resampling.LANCZOS)
    data = io.BytesIO()
    shown.save(data, "WEBP", quality=WEBP_QUALITY)
    source = base64.b64encode(data.getvalue()).decode("ascii")
    return f'<img alt="{description}" src="data:image/webp;base64,{source}">'


def _models(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / "models.jsonl"
    if not path.is_file():
        return {}
    return {row["model_id"]: row for row in read_rows(path) if row["is_usable"]}


def _speeds(folder: Path) -> dict[str, dict[str, float]]:
    try:
        speeds: dict[str, dict[str, float]] = json.loads((folder / RUNS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return speeds


def _shard_speeds(folder: Path) -> list[float]:
    """Samples each second of the workers that made each shard."""
    speeds = []
    for path in sorted((folder / "progress").glob("*.json")):
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
            speeds.append(facts["done"] / max(facts["seconds"], 1e-3))
        except (OSError, ValueError, KeyError):
            continue  # being written right now
    return speeds
