"""What a data set's folder holds, told in one file: `dataset.json`, and per split a Parquet table.

Both are built from the plans and the shards' records at the end of a run: they can be built again any time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from mmdgen import __version__
from mmdgen.dataset.config import DatasetConfig
from mmdgen.dataset.places import Place, in_parallel
from mmdgen.dataset.plan import Plan, plan_from_json
from mmdgen.dataset.shard import left_out_by_shard, left_out_totals, published_names, published_shards
from mmdgen.dataset.storage import WholeFile, make_folder, read_rows, storage_error, write_text
from mmdgen.errors import DatasetError
from mmdgen.pose import PoseSpace

FORMAT_VERSION = 1
MANIFEST_FILE = "dataset.json"
PLAN_FILE = "plan.json"


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """One whole shard. Its record holds the hashes of all its members, so the record's hash stands for it."""

    name: str
    samples: int
    bytes: int
    record_sha256: str


@dataclass(frozen=True, slots=True)
class SplitEntry:
    """One split: what was planned and what is there."""

    fingerprint: str
    planned: int
    samples: int
    models: int
    shards: tuple[ShardEntry, ...]
    left_out: tuple[dict[str, Any], ...]  # model_id, samples, reason, by_rule


@dataclass(frozen=True, slots=True)
class DatasetManifest:
    """What `dataset.json` says."""

    name: str
    config: Mapping[str, Any]
    pose_space: Mapping[str, Any]
    splits: Mapping[str, SplitEntry]
    not_used: tuple[dict[str, str], ...]  # file, group, problem
    drivers: tuple[str, ...]  # OpenGL renderers that drew it
    terms: str

    @property
    def sample_count(self) -> int:
        """Samples in whole shards of all splits."""
        return sum(entry.samples for entry in self.splits.values())


def build_manifest(config: DatasetConfig) -> DatasetManifest:
    """Look at a data set's folder. Splits without a plan are left out."""
    splits = {}
    for rule in config.splits:
        folder = config.out / rule.split.value
        if (folder / PLAN_FILE).is_file():
            splits[rule.split.value] = _split_entry(folder)
    files = _read_rows(config.out / "models.jsonl")
    return DatasetManifest(
        name=config.name,
        config=_portable_settings(config),
        pose_space=_space_facts(config.space),
        splits=splits,
        not_used=tuple(
            {"file": row["file"], "group": row["group"], "problem": row["problem"]}
            for row in files
            if not row["is_usable"]
        ),
        drivers=_drivers([config.out / split for split in splits]),
        terms=_terms(config),
    )


def write_manifest(config: DatasetConfig) -> DatasetManifest:
    """Build and write `dataset.json` and `manifest/<split>.parquet`. Raises StorageError."""
    manifest = build_manifest(config)
    write_text(config.out / MANIFEST_FILE, manifest_to_json(manifest))
    make_folder(config.out / "manifest")
    for split in manifest.splits:
        write_table(table_path(config.out, split), config.out / split)
    return manifest


def table_path(folder: Place, split: str) -> Place:
    """Where the Parquet table of a split is."""
    return folder / "manifest" / f"{split}.parquet"


def manifest_to_json(manifest: DatasetManifest) -> str:
    """The manifest as JSON text."""
    document = {
        "format": "mmdgen-dataset",
        "format_version": FORMAT_VERSION,
        "mmdgen_version": __version__,
        **asdict(manifest),
        "image": {
            "size_px": manifest.config["size_px"],
            "channels": "RGBA, 8 bit, PNG",
            "background": [0, 0, 0, 0],
            "colour": _COLOUR[manifest.config["alpha"]],
            "pixel_sha256": "SHA-256 of the RGBA bytes, row by row from the top",
        },
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def read_manifest(folder: Place) -> dict[str, Any]:
    """The document of a data set's `dataset.json`. Raises DatasetError."""
    path = folder / MANIFEST_FILE
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DatasetError(f"{folder}: is no data set (it has no {MANIFEST_FILE}); render it first") from None
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: cannot be read ({error})") from error
    if not isinstance(document, dict) or document.get("format") != "mmdgen-dataset":
        raise DatasetError(f"{path}: is not about a data set of mmdgen")
    gone = {entry.name for entry in fields(DatasetManifest)} - document.keys()
    if gone:
        raise DatasetError(f"{path}: does not say {', '.join(sorted(gone))}; run mmdgen render again")
    return document


def write_table(path: Place, split_folder: Place) -> None:
    """Write the Parquet table of a split: a flat row for each record row, a row group for each shard.

    A split without samples gets no table. Raises StorageError.
    """
    import pyarrow
    import pyarrow.parquet

    writer = None
    with WholeFile(path) as target:
        for _, rows in published_shards(split_folder):
            if not rows:
                continue
            flat = [_flat(row) for row in rows]
            try:
                writer = writer or pyarrow.parquet.ParquetWriter(target.file, _schema(flat[0]))
                writer.write_table(pyarrow.Table.from_pylist(flat, schema=writer.schema))
            except OSError as error:
                raise storage_error(path, error) from error
        if writer is not None:
            writer.close()
            target.publish()


def _schema(row: Mapping[str, Any]) -> Any:
    """The columns' types, from a row. Lists are of whole numbers (boxes)."""
    import pyarrow

    kinds = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64()}
    return pyarrow.schema(
        [(name, kinds.get(type(value), pyarrow.list_(pyarrow.int64()))) for name, value in row.items()]
    )


def read_plan(folder: Place) -> Plan:
    """The frozen plan of a split's folder. Raises DatasetError."""
    path = folder / PLAN_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}); render the split first") from error
    return plan_from_json(text, source=str(path))


_COLOUR = {
    "premultiplied": "multiplied by alpha in linear light, then sRGB-encoded",
    "straight": "sRGB-encoded, not multiplied by alpha",
}


def _split_entry(folder: Place) -> SplitEntry:
    plan = read_plan(folder)
    there = set(published_names(folder))
    published = [job.shard for job in plan.jobs if job.shard in there]
    shards = tuple(in_parallel(lambda shard: _shard_entry(folder, shard), published))
    return SplitEntry(
        fingerprint=plan.fingerprint,
        planned=plan.sample_count,
        samples=sum(entry.samples for entry in shards),
        models=len(plan.models),
        shards=shards,
        left_out=tuple(
            left_out_totals(row for rows in left_out_by_shard(folder, published).values() for row in rows)
        ),
    )


def _shard_entry(folder: Place, shard: str) -> ShardEntry:
    path = folder / f"{shard}.tar"
    record = path.with_suffix(".jsonl").read_bytes()
    return ShardEntry(
        name=path.name,
        samples=record.count(b"\n"),
        bytes=path.stat().st_size,
        record_sha256=hashlib.sha256(record).hexdigest(),
    )


def _portable_settings(config: DatasetConfig) -> dict[str, Any]:
    """The configuration without this machine's paths."""
    return {
        "seed": config.seed,
        "size_px": config.size_px,
        "samples_per_pixel": config.samples_per_pixel,
        "shard_size": config.shard_size,
        "alpha": config.alpha.value,
        "outline_px": config.outline_px,
        "shading": config.shading.value,
        "head_height_px": config.framing.head_height_px,
        "head_center_px": list(config.framing.head_center_px),
        "maps": [kind.value for kind in config.maps],
        "light": asdict(config.light),
        "quality": asdict(config.quality),
        "max_missing_texture": config.max_missing_texture,
        "look_alikes": config.look_alikes,
        "keep": config.keep.value,
        "builtin": config.builtin,
        "splits": [asdict(rule) | {"split": rule.split.value} for rule in config.splits],
    }


def _space_facts(space: PoseSpace) -> dict[str, Any]:
    return {
        "name": space.name,
        "parameters": [
            asdict(parameter) | {"density": parameter.density.value, "stage": parameter.stage.value}
            for parameter in space.parameters
        ],
    }


def _drivers(folders: Sequence[Place]) -> tuple[str, ...]:
    found = set()
    for folder in folders:
        for path in (folder / "progress").glob("*.json"):
            try:
                found.add(json.loads(path.read_text(encoding="utf-8"))["driver"])
            except (OSError, ValueError, KeyError):
                continue  # half written, or of another version: a fact less, not an error
    return tuple(sorted(filter(None, found)))


def _terms(config: DatasetConfig) -> str:
    own = "The built-in characters in characters/ and their pictures may be used freely."
    others = "Pictures of other people's models fall under the terms of use of those models; read them first."
    return " ".join([own] * bool(config.builtin) + [others] * bool(config.folders))


def _read_rows(path: Place) -> list[dict[str, Any]]:
    try:
        return read_rows(path)
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: cannot be read ({error}); delete it and render again") from error


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    flat = {name: row[name] for name in ("key", "split", "shard", "model_id", "index", "group", "seed")}
    flat |= row["pose"] | {f"light_{name}": value for name, value in row["light"].items()}
    for member, facts in row["members"].items():
        stem = member.removesuffix(".png")
        flat |= {f"{stem}_{name}": value for name, value in facts.items()}
    for picture, facts in row["quality"].items():
        flat |= {f"{picture}_{name}": value for name, value in facts.items()}
    return flat
