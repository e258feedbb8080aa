"""Shards: plain USTAR tar files of samples, and the commit record that makes one count.

A shard's bytes depend on its samples only: file time 0, owner 0, members in a fixed order. It is written
aside and published whole; then its record `<shard>.jsonl` is written, one row for each sample. A record that
is there means a whole shard. What had to be left out stands in `<shard>.left_out.json`, there only then.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mmdgen.dataset.places import Place, in_parallel, read_range
from mmdgen.dataset.sample import PICTURES, Sample
from mmdgen.dataset.storage import WholeFile, read_rows, remove_quietly, storage_error, write_text
from mmdgen.errors import DatasetError

LEFT_OUT_SUFFIX = ".left_out.json"

_IN_EVERY_ROW = {"key", "shard", "fingerprint", "model_id", "group", "pose_vector", "members", "quality"}
_OF_EVERY_PICTURE = {"offset", "size", "sha256", "pixel_sha256"}
_BLOCK = 512  # tar pads headers and members to this
_END = bytes(2 * _BLOCK)  # two empty blocks end a tar file


class ShardWriter:
    """Writes one shard. Use as a context manager; without `commit` nothing of it stays.

    Args:
        folder: where shards of the split go; must exist.
        shard: name without suffix, "train-000012".
        fingerprint: of the plan; stands in every row of the record.
    """

    def __init__(self, folder: Place, shard: str, fingerprint: str) -> None:
        self.path = folder / f"{shard}.tar"
        self._record = folder / f"{shard}.jsonl"
        self._fingerprint = fingerprint
        self._left_out_path = folder / f"{shard}{LEFT_OUT_SUFFIX}"
        self._rows: list[dict[str, Any]] = []
        self._left_out: list[dict[str, Any]] = []
        self._offset = 0
        self._file = WholeFile(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.__exit__(kind, error, trace)

    def add(self, sample: Sample) -> None:
        """Append one sample. Raises StorageError."""
        label = json.dumps(sample.label(), ensure_ascii=False, sort_keys=True).encode("utf-8")
        pictures = {name: getattr(sample, name) for name in PICTURES}
        members = {
            f"{name}.png": self._append(f"{sample.key}.{name}.png", picture.png)
            | {"pixel_sha256": picture.pixel_sha256}
            for name, picture in pictures.items()
        }
        for name, data in sample.maps.items():
            members[name] = self._append(f"{sample.key}.{name}", data)
        members["json"] = self._append(f"{sample.key}.json", label)
        self._rows.append(
            {
                "key": str(sample.key),
                "shard": self.path.name,
                "fingerprint": self._fingerprint,
                **{name: value for name, value in sample.label().items() if name != "key"},
                "members": members,
                "quality": sample.quality,
            }
        )

    def leave_out(self, model_id: str, count: int, reason: str, *, quarantined: bool = False) -> None:
        """Note that planned samples of a model cannot be made, or (quarantined) were not tried."""
        self._left_out.append(
            {
                "model_id": model_id,
                "samples": count,
                "reason": reason,
                "quarantined": quarantined,
                "by_rule": False,
            }
        )

    def reject(self, sample: Sample) -> None:
        """Note that a sample breaks rules of quality, with all that was measured of it."""
        self._left_out.append(
            {
                "model_id": sample.key.model_id,
                "samples": 1,
                "reason": "; ".join(sample.broken_rules),
                "quarantined": False,
                "by_rule": True,
                "key": str(sample.key),
                "pose_vector": sample.label()["pose_vector"],
                "quality": sample.quality,
            }
        )

    def commit(self) -> None:
        """Make the shard visible: data first, record last. Raises StorageError."""
        self._file.write(_END)
        try:
            self._record.unlink(missing_ok=True)  # of an earlier making: a record vouches for the new bytes
        except OSError as error:
            raise storage_error(self._record, error) from error
        self._file.publish()
        if self._left_out:
            write_text(self._left_out_path, json.dumps(self._left_out, ensure_ascii=False, indent=1) + "\n")
        else:
            remove_quietly(self._left_out_path)
        write_text(self._record, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in self._rows))

    def _append(self, name: str, data: bytes) -> dict[str, Any]:
        header = tarfile.TarInfo(name)
        header.size = len(data)
        offset = self._offset + _BLOCK
        for part in (header.tobuf(tarfile.USTAR_FORMAT), data, bytes(-len(data) % _BLOCK)):
            self._file.write(part)
        self._offset = offset + len(data) + -len(data) % _BLOCK
        return {"offset": offset, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def read_record(path: Place) -> list[dict[str, Any]]:
    """The rows of a shard's record. Raises DatasetError."""
    try:
        rows = read_rows(path)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: cannot be read as a shard record ({error})") from error
    for number, row in enumerate(rows, 1):
        if not _is_row(row):
            raise DatasetError(
                f"{path}: line {number} is damaged; delete the file with its .tar and render again"
            )
    return rows


def _is_row(row: Any) -> bool:
    """Whether a row has all that is asked of one."""
    try:
        pictures = [row["members"][f"{name}.png"] for name in PICTURES]
        return row.keys() >= _IN_EVERY_ROW and all(facts.keys() >= _OF_EVERY_PICTURE for facts in pictures)
    except (KeyError, TypeError, AttributeError):
        return False


def read_left_out(folder: Place, shard: str) -> list[dict[str, Any]]:
    """What a shard had to leave out: rows of model_id, samples, reason, quarantined, by_rule.

    A row by a rule of quality is about one sample and has its key, pose_vector and quality too.
    """
    path = folder / f"{shard}{LEFT_OUT_SUFFIX}"
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: cannot be read ({error})") from error
    return rows


def left_out_totals(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of `read_left_out` counted up: one for each model and reason, in order of appearance."""
    totals: dict[tuple[str, str, bool], int] = {}
    for row in rows:
        place = (row["model_id"], row["reason"], row["by_rule"])
        totals[place] = totals.get(place, 0) + row["samples"]
    return [
        {"model_id": model_id, "samples": samples, "reason": reason, "by_rule": by_rule}
        for (model_id, reason, by_rule), samples in totals.items()
    ]


def read_member(shard: Place, member: Mapping[str, Any]) -> bytes:
    """One file of a shard, found by its record. Raises DatasetError."""
    try:
        data = read_range(shard, member["offset"], member["size"])
    except OSError as error:
        raise DatasetError(f"{shard}: cannot be read: {error.strerror}") from error
    if len(data) != member["size"]:
        raise DatasetError(f"{shard}: ends early; delete it with its .jsonl and render again")
    return data


def published_names(folder: Place) -> list[str]:
    """Names, without suffix, of the shards of a split that are whole, in order. Raises DatasetError."""
    try:
        there = {path.name for path in folder.iterdir()}
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DatasetError(f"{folder}: cannot be read: {(error.strerror or str(error)).lower()}") from error
    records = sorted(name for name in there if name.endswith(".jsonl"))
    shards = (record.removesuffix(".jsonl") for record in records)
    return [shard for shard in shards if f"{shard}.tar" in there]


def published_shards(folder: Place) -> Iterator[tuple[Place, list[dict[str, Any]]]]:
    """The shards of a split that are whole, with their rows, in order."""
    for shard in published_names(folder):
        yield folder / f"{shard}.tar", read_record(folder / f"{shard}.jsonl")


def left_out_by_shard(folder: Place, shards: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """What each of these shards had to leave out; see `read_left_out`."""
    return dict(zip(shards, in_parallel(lambda shard: read_left_out(folder, shard), shards), strict=True))


def remove_partials(folder: Place, shards: Sequence[str]) -> None:
    """Remove what killed runs left of these shards. Nobody else may be writing them.

    In object storage nothing is left: what was not published never had a name.
    """
    if not isinstance(folder, Path):
        return
    names = set(shards)
    for partial in folder.glob("*.partial"):
        if partial.name.split(".")[0] in names:
            remove_quietly(partial)
