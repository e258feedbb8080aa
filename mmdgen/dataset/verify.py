"""Proves a data set: whole shards, true hashes, labels in range, no leaks, pixels that come out again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from mmdgen.catalog.looks import LEAK, WORDS, look_bits, near_rows
from mmdgen.dataset.config import Alpha
from mmdgen.dataset.keys import SampleKey, shuffled
from mmdgen.dataset.manifest import MANIFEST_FILE, read_manifest, read_plan
from mmdgen.dataset.places import Place
from mmdgen.dataset.reader import decode_png, read_picture
from mmdgen.dataset.sample import PICTURES, pixel_sha256
from mmdgen.dataset.shard import left_out_totals, published_shards, read_left_out, read_member
from mmdgen.errors import DatasetError
from mmdgen.scene import Framing

Row: TypeAlias = dict[str, Any]
RenderAgain: TypeAlias = Callable[[Sequence[Row]], Iterator[tuple[Row, Mapping[str, str]]]]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be."""

    where: str  # split, shard or sample
    problem: str

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}"


def verify_dataset(
    folder: Place,
    *,
    samples: int = 0,
    seed: int = 0,
    render_again: RenderAgain | None = None,
    on_progress: Callable[[int], None] = lambda done: None,
) -> list[Finding]:
    """Check a data set.

    Args:
        folder: the data set.
        samples: how many samples, drawn at random, are rendered again and compared by their pixels.
        seed: of that draw.
        render_again: given rows, yields each with the pixel hashes of its pictures by name.
        on_progress: is told how many samples were checked.

    Returns:
        What is wrong; empty where all is well.

    Raises:
        DatasetError: there is no data set, or a record cannot be read.
    """
    manifest = read_manifest(folder)
    findings: list[Finding] = []
    rows_by_split: dict[str, list[Row]] = {}
    for split, entry in manifest["splits"].items():
        rows = rows_by_split[split] = []
        for shard, shard_rows in published_shards(folder / split):
            findings += _check_shard(shard, shard_rows, entry, manifest)
            rows += shard_rows
            on_progress(sum(map(len, rows_by_split.values())))
        findings += _check_split(folder / split, split, rows)
    findings += _leaks(rows_by_split)
    if manifest["config"]["look_alikes"]:
        findings += _look_alikes(folder, rows_by_split, manifest["config"])
    if samples and render_again is not None:
        every = [row for rows in rows_by_split.values() for row in rows]
        chosen = shuffled(every, lambda row: str(row["key"]), seed)[:samples]
        for row, hashes in render_again(chosen):
            findings += _compare(row, hashes)
    return findings


def _check_shard(
    shard: Place, rows: Sequence[Row], entry: Mapping[str, Any], manifest: Mapping[str, Any]
) -> Iterator[Finding]:
    record = shard.with_suffix(".jsonl")
    listed = {item["name"]: item for item in entry["shards"]}.get(shard.name)
    if listed is None:
        yield Finding(shard.name, f"is not listed in {MANIFEST_FILE}; run mmdgen render again")
    elif listed["record_sha256"] != hashlib.sha256(record.read_bytes()).hexdigest():
        yield Finding(record.name, f"is not the record that {MANIFEST_FILE} lists")
    for row in rows:
        try:
            problem = _problem_of(shard, row, manifest)
        except (KeyError, TypeError, ValueError, AttributeError):
            problem = f"its row in {record.name} is damaged; delete both files and render again"
        if problem:
            yield Finding(f"{shard.name} {row['key']}", problem)


def _problem_of(shard: Place, row: Row, manifest: Mapping[str, Any]) -> str:
    """What is wrong with one sample, or ""."""
    for member, facts in row["members"].items():
        try:
            data = read_member(shard, facts)
        except DatasetError as error:
            return str(error)
        if hashlib.sha256(data).hexdigest() != facts["sha256"]:
            return (
                f"the bytes of {member} are not those that were written; "
                "delete the shard with its .jsonl and render again"
            )
        if member.endswith(".png") and pixel_sha256(decode_png(data)) != facts["pixel_sha256"]:
            return f"the pixels of {member} are not those that were drawn"
        if member == "json" and json.loads(data)["pose_vector"] != row["pose_vector"]:
            return "its label in the shard differs from the record"
    for parameter, value in zip(manifest["pose_space"]["parameters"], row["pose_vector"], strict=True):
        if not parameter["low"] <= value <= parameter["high"]:
            return f"{parameter['name']} = {value} is out of range"
    return ""


def _check_split(folder: Place, split: str, rows: Sequence[Row]) -> Iterator[Finding]:
    """Everything that was planned is there once, or is listed as left out."""
    plan = read_plan(folder)
    planned = {str(key) for job in plan.jobs for part in job.parts for key in part.sample_keys()}
    seen: set[str] = set()
    for row in rows:
        if row["key"] in seen:
            yield Finding(row["key"], "stands twice in the split")
        if row["key"] not in planned:
            yield Finding(row["key"], "was not planned")
        if row["fingerprint"] != plan.fingerprint:
            yield Finding(row["key"], "was made by another plan")
        seen.add(row["key"])
    totals = left_out_totals(row for job in plan.jobs for row in read_left_out(folder, job.shard))
    left_out = sum(row["samples"] for row in totals)
    missing = len(planned) - len(seen & planned) - left_out
    if missing:
        yield Finding(split, f"{missing} planned samples are not there yet; run mmdgen render again")
    broken = sum(row["samples"] for row in totals if not row["by_rule"])
    if broken:
        yield Finding(split, f"{broken} samples were left out because their model broke; see the report")


def _leaks(rows_by_split: Mapping[str, Sequence[Row]]) -> Iterator[Finding]:
    """Models, source groups and rest pictures that stand in two splits."""
    properties: dict[str, Callable[[Row], str]] = {
        "model": lambda row: str(row["model_id"]),
        "group": lambda row: str(row["group"]),
        "rest picture": lambda row: str(row["members"]["rest.png"]["pixel_sha256"]),
    }
    for what, of in properties.items():
        home: dict[str, str] = {}
        for split, rows in rows_by_split.items():
            for value in sorted({of(row) for row in rows}):
                if home.setdefault(value, split) != split:
                    yield Finding(f"{what} {value}", f"stands in {home[value]} and in {split}")


def _look_alikes(
    folder: Place, rows_by_split: Mapping[str, Sequence[Row]], config: Mapping[str, Any]
) -> Iterator[Finding]:
    """Rest pictures of two models in two splits that are nearly the same, by the data set's own pixels.

    The limit is tighter than the one by which characters are joined before planning, so that what was just
    not joined there, under another light or size, is no leak here.
    """
    first = {
        str(row["model_id"]): (split, row) for split, rows in rows_by_split.items() for row in reversed(rows)
    }
    framing = Framing(config["size_px"], config["head_height_px"], tuple(config["head_center_px"]))
    premultiplied = config["alpha"] == Alpha.PREMULTIPLIED.value
    bits = np.zeros((len(first), WORDS), np.uint64)
    for number, (split, row) in enumerate(first.values()):
        try:
            picture = read_picture(folder / split / row["shard"], row["members"]["rest.png"])
        except DatasetError:  # told already, and like nothing else
            bits[number] = np.frombuffer(hashlib.sha512(str(row["key"]).encode()).digest(), np.uint64)
            continue
        bits[number] = look_bits(picture, premultiplied=premultiplied, framing=framing)
    models, splits = list(first), [split for split, _ in first.values()]
    for one, other in near_rows(bits, LEAK):
        if splits[one] != splits[other]:
            yield Finding(
                f"models {models[one]} and {models[other]}",
                f"look alike and stand in {splits[one]} and in {splits[other]}",
            )


def _compare(row: Row, hashes: Mapping[str, str]) -> Iterator[Finding]:
    for name in PICTURES:
        if hashes[name] != row["members"][f"{name}.png"]["pixel_sha256"]:
            key = SampleKey.parse(row["key"])
            yield Finding(str(key), f"the {name} picture comes out with other pixels when rendered again")
