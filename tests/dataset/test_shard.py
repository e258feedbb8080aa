from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mmdgen.dataset.config import DatasetConfig
from mmdgen.dataset.keys import SampleKey
from mmdgen.dataset.reader import decode_png
from mmdgen.dataset.sample import pixel_sha256
from mmdgen.dataset.shard import (
    ShardWriter,
    published_names,
    published_shards,
    read_left_out,
    read_member,
    read_record,
    remove_partials,
)
from mmdgen.errors import DatasetError
from tests.dataset.conftest import make_sample

KEY = SampleKey("0123456789abcdef", 3)


def write_one(folder: Path, *, commit: bool = True) -> Path:
    folder.mkdir(exist_ok=True)
    with ShardWriter(folder, "train-000000", "plan") as writer:
        writer.add(make_sample(KEY, "group", "train"))
        if commit:
            writer.commit()
    return folder / "train-000000.tar"


def test_a_shard_is_a_plain_tar_without_time_owner_or_host(tmp_path: Path) -> None:
    with tarfile.open(write_one(tmp_path)) as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == [
        f"{KEY}.rest.png",
        f"{KEY}.expression.png",
        f"{KEY}.posed.png",
        f"{KEY}.json",
    ]
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {(0, 0, 0, "", "", 0o644)}
    assert write_one(tmp_path).read_bytes()[257:263] == b"ustar\0"


def test_the_same_samples_give_the_same_bytes(tmp_path: Path) -> None:
    one, two = write_one(tmp_path / "one"), write_one(tmp_path / "two")
    assert one.read_bytes() == two.read_bytes()
    assert one.with_suffix(".jsonl").read_bytes() == two.with_suffix(".jsonl").read_bytes()


def test_a_group_may_have_any_name(tmp_path: Path) -> None:
    """Separators that some take for the end of a line are letters of a folder's name like any other."""
    name = '組\u2028\x85\x1c"\\'
    with ShardWriter(tmp_path, "train-000000", "plan") as writer:
        writer.add(make_sample(KEY, name, "train"))
        writer.commit()
    (row,) = read_record(tmp_path / "train-000000.jsonl")
    assert row["group"] == name


def test_the_record_finds_every_member(tmp_path: Path) -> None:
    shard = write_one(tmp_path)
    (row,) = read_record(shard.with_suffix(".jsonl"))
    with tarfile.open(shard) as tar:
        for name, facts in row["members"].items():
            file = tar.extractfile(f"{KEY}.{name}")
            assert file is not None
            data = file.read()
            assert read_member(shard, facts) == data
            assert hashlib.sha256(data).hexdigest() == facts["sha256"]
            if name.endswith(".png"):
                assert pixel_sha256(decode_png(data)) == facts["pixel_sha256"]
        assert json.loads(data) == {name: row[name] for name in json.loads(data)}


def test_without_commit_nothing_stays(tmp_path: Path) -> None:
    write_one(tmp_path, commit=False)
    assert list(tmp_path.iterdir()) == []
    assert published_names(tmp_path) == []


def test_a_tar_without_record_does_not_count(tmp_path: Path) -> None:
    shard = write_one(tmp_path)
    shard.with_suffix(".jsonl").unlink()
    assert published_names(tmp_path) == []
    assert list(published_shards(tmp_path)) == []


def test_two_writers_of_one_shard_do_not_disturb_each_other(tmp_path: Path) -> None:
    with ShardWriter(tmp_path, "train-000000", "plan") as first:
        first.add(make_sample(KEY, "group", "train"))
        whole = write_one(tmp_path).read_bytes()
        first.commit()
    assert (tmp_path / "train-000000.tar").read_bytes() == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train-000000.jsonl", "train-000000.tar"]


def test_partial_files_of_killed_runs_are_removed(tmp_path: Path) -> None:
    (tmp_path / "train-000000.tar.abc.partial").write_bytes(b"half")
    (tmp_path / "train-000001.tar.abc.partial").write_bytes(b"somebody else's")
    remove_partials(tmp_path, ["train-000000"])
    assert [path.name for path in tmp_path.iterdir()] == ["train-000001.tar.abc.partial"]


def test_what_is_left_out_is_written_beside_and_gone_when_all_is_there(tmp_path: Path) -> None:
    with ShardWriter(tmp_path, "train-000000", "plan") as writer:
        writer.leave_out("0" * 16, 5, "its texture bites")
        writer.commit()
    assert read_left_out(tmp_path, "train-000000") == [
        {
            "model_id": "0" * 16,
            "samples": 5,
            "reason": "its texture bites",
            "quarantined": False,
            "by_rule": False,
        }
    ]
    assert published_names(tmp_path) == ["train-000000"]
    write_one(tmp_path)
    assert read_left_out(tmp_path, "train-000000") == []


def test_a_shard_that_ends_early_says_so(tmp_path: Path) -> None:
    shard = write_one(tmp_path)
    (row,) = read_record(shard.with_suffix(".jsonl"))
    shard.write_bytes(shard.read_bytes()[:600])
    with pytest.raises(DatasetError, match="ends early"):
        read_member(shard, row["members"]["posed.png"])


def test_a_damaged_record_says_so(tmp_path: Path) -> None:
    record = write_one(tmp_path).with_suffix(".jsonl")
    record.write_text("{", encoding="utf-8")
    with pytest.raises(DatasetError, match="cannot be read as a shard record"):
        read_record(record)


def test_inside_a_shard_the_models_are_mixed(dataset: DatasetConfig) -> None:
    for _, rows in published_shards(dataset.out / "train"):
        models = [row["model_id"] for row in rows]
        if len(set(models)) > 1:
            assert models != sorted(models)


def test_long_names_fit_ustar(write_dataset: Callable[..., DatasetConfig]) -> None:
    assert len(f"{SampleKey('f' * 16, 10**9)}.expression.png") < 100
