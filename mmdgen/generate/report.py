"""One HTML page to look at a data set. It opens offline: pictures and charts are inside."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdgen.dataset.keys import shuffled
from mmdgen.dataset.manifest import read_manifest, table_path
from mmdgen.dataset.places import Place
from mmdgen.dataset.reader import read_picture
from mmdgen.dataset.sample import PICTURES
from mmdgen.dataset.shard import read_left_out
from mmdgen.dataset.storage import make_folder, read_rows, write_text
from mmdgen.errors import DatasetError
from mmdgen.generate.model_sections import MAX_FACES, licences, not_used, same_characters, terms_of_use
from mmdgen.pages.charts import histogram, rate_over_time
from mmdgen.pages.page import chips, find_box, page, picture, table, tags, tiles
from mmdgen.pose import Density, PoseParameter, Stage
from mmdgen.sampling.poses import density

RUNS_FILE = PurePosixPath("report/speed.json")
CONTACTS = 12  # triplets shown for each split
THUMBNAIL_PX = 96
MAX_REMARKS = 3
SHOWN_KEYS = 3

Models = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class SplitTable:
    """The columns of a split's Parquet table that the page needs."""

    name: str
    folder: Place
    columns: Mapping[str, Any]  # lists or arrays, one entry for each sample

    def __len__(self) -> int:
        return len(self.columns["key"])

    def picture(self, row: int, name: str) -> NDArray[np.uint8]:
        """Decode one picture of a sample."""
        place = {part: int(self.columns[f"{name}_{part}"][row]) for part in ("offset", "size")}
        return read_picture(self.folder / self.columns["shard"][row], place)


def write_report(folder: Place, out: Place | None = None) -> Place:
    """Write the page. Raises DatasetError for a folder that is no data set."""
    manifest = read_manifest(folder)
    tables = [
        _read_table(folder, split, manifest) for split in manifest["splits"] if _has_table(folder, split)
    ]
    path = out or folder / "report" / "index.html"
    make_folder(path.parent)
    write_text(path, _page(folder, manifest, tables))
    return path


def _has_table(folder: Place, split: str) -> bool:
    return table_path(folder, split).is_file()


def _read_table(folder: Place, split: str, manifest: Mapping[str, Any]) -> SplitTable:
    import pyarrow.parquet

    numbers = [row["name"] for row in manifest["pose_space"]["parameters"]]
    numbers += ["expression_changed_from_rest", "posed_changed_from_expression"]
    texts = ["key", "shard", "model_id", "group"]
    places = [f"{name}_{part}" for name in PICTURES for part in ("offset", "size")]
    path, wanted = table_path(folder, split), [*texts, *places, *numbers]
    try:
        table = pyarrow.parquet.read_table(pyarrow.BufferReader(path.read_bytes()), columns=wanted)
    except pyarrow.ArrowException as error:
        raise DatasetError(f"{path}: is damaged ({error}); run mmdgen render again") from error
    columns = {name: table[name].to_pylist() for name in texts}
    columns |= {name: table[name].to_numpy() for name in [*numbers, *places]}
    return SplitTable(split, folder / split, columns)


def _page(folder: Place, manifest: Mapping[str, Any], tables: list[SplitTable]) -> str:
    files = _files(folder)
    models = {row["model_id"]: row for row in files if row["is_usable"]}
    premultiplied = manifest["config"]["alpha"] == "premultiplied"
    body = [
        _summary(folder, manifest, tables, models),
        *(_split_section(table, manifest, premultiplied) for table in tables),
        _model_section(tables, models, manifest, premultiplied),
        '<h2 id="same">The same character</h2>',
        '<p class="note">Models of one shape, or that look alike at rest. They stand in one split.</p>',
        same_characters(files, folder / "looks"),
        _left_out(folder, manifest, models),
        '<h2 id="terms">Terms of use</h2>',
        f'<p class="note">{escape(manifest["terms"])}</p>',
        terms_of_use(row for row in files if row["model_id"] in _used(tables)),
    ]
    links = {table.name: table.name for table in tables}
    links |= {"models": "models", "same": "same character", "left-out": "left out", "terms": "terms of use"}
    return page(manifest["name"], links, body)


def _used(tables: Sequence[SplitTable]) -> set[str]:
    """The models that samples are of."""
    return {model_id for split in tables for model_id in split.columns["model_id"]}


def _summary(folder: Place, manifest: Mapping[str, Any], tables: list[SplitTable], models: Models) -> str:
    config, speeds, splits = manifest["config"], _speeds(folder), manifest["splits"]
    size = sum(shard["bytes"] for entry in splits.values() for shard in entry["shards"])
    samples = sum(entry["samples"] for entry in splits.values())
    left_out = sum(row["samples"] for entry in splits.values() for row in entry["left_out"])
    facts = [
        f"{config['size_px']} px",
        f"{config['samples_per_pixel']} samples per pixel",
        f"{config['shading']} shading",
        f"{config['alpha']} alpha",
        f"seed {config['seed']}",
        *manifest["drivers"],
        f"mmdgen {manifest['mmdgen_version']}",
    ]
    used = _used(tables)
    numbers = {
        "samples": f"{samples:,}",
        "different pictures": f"{2 * samples + len(used):,}",
        "models": f"{len(used):,}",
        "source groups": f"{len({models[name]['group'] for name in used if name in models}):,}",
        "on disk": f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.0f} MB",
        "samples left out": f"{left_out:,}",
    }
    rows = [
        [
            f'<a href="#{split}"><b>{split}</b></a>',
            f"{entry['samples']:,} of {entry['planned']:,}",
            f"{entry['models']:,}",
            f"{len(entry['shards']):,}",
            f"{sum(shard['bytes'] for shard in entry['shards']) / 1e6:,.0f} MB",
            str(speeds.get(split, {}).get("samples_per_second", "")),
            f"<code>{entry['fingerprint']}</code>",
        ]
        for split, entry in splits.items()
    ]
    heads = ["split", "samples#", "models#", "shards#", "size#", "samples/s#", "fingerprint"]
    title = f"<h1>{escape(manifest['name'])}</h1>"
    return "".join([title, chips(facts), tiles(numbers), table(heads, rows), _speed(tables)])


def _speed(tables: Sequence[SplitTable]) -> str:
    """The workers' speed over the time of the last run of each split."""
    figures = "".join(
        f"<figure>{chart}<figcaption><b>{split.name}</b> all workers together</figcaption></figure>"
        for split in tables
        if (chart := rate_over_time(_shard_times(split.folder)))
    )
    return f'<h3>Throughput over time</h3><div class="charts wide">{figures}</div>' if figures else ""


def _split_section(table: SplitTable, manifest: Mapping[str, Any], premultiplied: bool) -> str:
    chosen = _varied(table)
    contacts = "".join(_contact(table, row, manifest, premultiplied) for row in chosen)
    return (
        f'<h2 id="{table.name}">{table.name}</h2><p class="note">{len(chosen)} of {len(table):,} samples, '
        f'drawn at random: rest, expression, posed.</p><div class="contacts">{contacts}</div>'
        f'<h3>Labels against their densities</h3><div class="charts">{_histograms(table, manifest)}</div>'
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
    pictures = "".join(picture(table.picture(row, name), premultiplied, name) for name in PICTURES)
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
    figures = []
    for parameter in map(_parameter, manifest["pose_space"]["parameters"]):
        values = np.asarray(table.columns[parameter.name], np.float64)
        caption = f"<b>{parameter.name}</b> {escape(parameter.meaning)}"
        if parameter.density is Density.CONSTANT:
            figures.append(f"<figure>always {parameter.low:g}<figcaption>{caption}</figcaption></figure>")
            continue
        line = density(parameter, np.linspace(parameter.low, parameter.high, 101))
        chart = histogram(values, parameter.low, parameter.high, line)
        figures.append(f"<figure>{chart}<figcaption>{caption}</figcaption></figure>")
    return "".join(figures)


def _parameter(facts: Mapping[str, Any]) -> PoseParameter:
    """A pose parameter as the data set's description has it: ranges and densities may have been set."""
    return PoseParameter(**{**facts, "density": Density(facts["density"]), "stage": Stage(facts["stage"])})


def _model_section(
    tables: list[SplitTable], models: Models, manifest: Mapping[str, Any], premultiplied: bool
) -> str:
    left_out = Counter[str]()
    for entry in manifest["splits"].values():
        for row in entry["left_out"]:
            left_out[row["model_id"]] += row["samples"]
    rows = [row for table in tables for row in _model_rows(table, models, left_out, premultiplied)]
    heads = ["", "model^", "group^", "split^", "samples#", "left out#", "triangles#"]
    heads += ["by expression#", "by turning#", "remarks"]
    return (
        '<h2 id="models">Models</h2><p class="note">The two shares say how much of a picture is changed '
        "by its expression and by turning the head, on average. Click a column to sort.</p>"
        f"{find_box('find a model, group, licence …', '.models tbody tr')}"
        f"{table(heads, rows, kind='models')}"
    )


def _model_rows(
    table: SplitTable, models: Models, left_out: Mapping[str, int], premultiplied: bool
) -> Iterator[list[str]]:
    ids, first, inverse, counts = np.unique(
        np.asarray(table.columns["model_id"]), return_index=True, return_inverse=True, return_counts=True
    )
    by_group = sorted(range(len(ids)), key=lambda number: table.columns["group"][first[number]])
    shares = {
        name: np.bincount(inverse, weights=table.columns[name]) / counts
        for name in ("expression_changed_from_rest", "posed_changed_from_expression")
    }
    for place, number in enumerate(by_group):
        model_id, row = str(ids[number]), int(first[number])
        facts = models.get(model_id, {})
        name, kind = (escape(str(facts.get(fact, ""))) for fact in ("name", "format"))
        kind = kind.replace(" ", "&nbsp;")
        yield [
            picture(table.picture(row, "rest"), premultiplied, "rest", THUMBNAIL_PX)
            if place < MAX_FACES
            else "",
            f"<b>{name}</b> <small>{kind}</small><br><code>{model_id}</code><br>{tags(licences(facts))}",
            escape(table.columns["group"][row]),
            table.name,
            f"{counts[number]:,}",
            f"{left_out.get(model_id, 0):,}",
            f"{facts.get('counts', {}).get('triangles', 0):,}",
            *(f"{100 * float(values[number]):.1f} %" for values in shares.values()),
            f"<small>{_remarks(facts)}</small>",
        ]


def _remarks(facts: Mapping[str, Any]) -> str:
    """What to look at in a model: doubtful annotations first, then warnings."""
    doubts = facts.get("doubts", {})
    remarks = [f"look at {name}: {', '.join(reasons)}" for name, reasons in doubts.items()]
    if facts.get("same_character"):
        others = [name for name in facts["same_character"]["members"] if name != facts["file"]]
        remarks.append(f"the same character as {', '.join(others)}")
    remarks += facts.get("warnings", [])
    more = [f"{len(remarks) - MAX_REMARKS} more"] if len(remarks) > MAX_REMARKS else []
    return escape("; ".join(remarks[:MAX_REMARKS] + more))


def _left_out(folder: Place, manifest: Mapping[str, Any], models: Models) -> str:
    """Samples that are not there, by reason, and files that gave nothing."""
    rows = []
    for split, entry in manifest["splits"].items():
        examples = _examples(folder / split, entry)
        for row in entry["left_out"]:
            name = models.get(row["model_id"], {}).get("name", "")
            keys = " ".join(examples.get((row["model_id"], row["reason"]), ()))
            rows.append(
                [
                    f"{row['samples']:,}",
                    split,
                    f"<b>{escape(name)}</b><br><code>{row['model_id']}</code>",
                    escape(row["reason"]),
                    "a rule of quality" if row["by_rule"] else "the model broke",
                    f"<code>{keys}</code>",
                ]
            )
    samples = (
        table(["samples#", "split^", "model^", "why^", "", "such as"], rows)
        if rows
        else '<p class="note">Every planned sample is there.</p>'
    )
    return (
        f'<h2 id="left-out">Left out</h2><h3>Samples</h3>{samples}'
        f"<h3>Model files that gave nothing</h3>{not_used(_files(folder))}"
    )


def _examples(folder: Place, entry: Mapping[str, Any]) -> dict[tuple[str, str], list[str]]:
    """The first keys that a rule left out, by model and reason."""
    found: dict[tuple[str, str], list[str]] = {}
    if not entry["left_out"]:
        return found
    for shard in entry["shards"]:
        for row in read_left_out(folder, PurePosixPath(shard["name"]).stem):
            keys = found.setdefault((row["model_id"], row["reason"]), [])
            if "key" in row and len(keys) < SHOWN_KEYS:
                keys.append(row["key"])
    return found


def _files(folder: Place) -> list[dict[str, Any]]:
    path = folder / "models.jsonl"
    return read_rows(path) if path.is_file() else []


def _speeds(folder: Place) -> dict[str, dict[str, float]]:
    try:
        speeds: dict[str, dict[str, float]] = json.loads((folder / RUNS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return speeds


def _shard_times(folder: Place) -> list[tuple[float, float, int]]:
    """When each shard's worker began and ended, seconds, and how many samples it made."""
    times = []
    for path in (folder / "progress").glob("*.json"):
        try:
            facts, end = json.loads(path.read_text(encoding="utf-8")), path.stat().st_mtime
            times.append((end - facts["seconds"], end, facts["done"]))
        except (OSError, ValueError, KeyError):
            continue  # being written right now
    return sorted(times)
