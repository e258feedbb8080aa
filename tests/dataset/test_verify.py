from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from mmdgen.dataset.config import DatasetConfig, Split, SplitRule
from mmdgen.dataset.manifest import read_manifest, write_manifest
from mmdgen.dataset.plan import SourceModel, plan_dataset
from mmdgen.dataset.shard import published_shards
from mmdgen.dataset.verify import Row, verify_dataset
from tests.dataset.conftest import MODELS, write_split


def problems(config: DatasetConfig) -> list[str]:
    return [str(finding) for finding in verify_dataset(config.out)]


def test_a_fresh_data_set_is_sound(dataset: DatasetConfig) -> None:
    assert problems(dataset) == []


def test_a_flipped_byte_names_its_sample(dataset: DatasetConfig) -> None:
    shard, rows = next(published_shards(dataset.out / "train"))
    data = bytearray(shard.read_bytes())
    place = rows[2]["members"]["posed.png"]
    data[place["offset"] + place["size"] // 2] ^= 1
    shard.write_bytes(data)
    assert problems(dataset) == [
        f"{shard.name} {rows[2]['key']}: the bytes of posed.png are not those that were written; "
        "delete the shard with its .jsonl and render again"
    ]


def test_a_changed_record_is_found(dataset: DatasetConfig) -> None:
    shard, rows = next(published_shards(dataset.out / "train"))
    rows[0]["pose_vector"][0] = 1.5
    shard.with_suffix(".jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    found = problems(dataset)
    assert f"{shard.stem}.jsonl: is not the record that dataset.json lists" in found
    assert f"{shard.name} {rows[0]['key']}: its label in the shard differs from the record" in found


def test_a_missing_shard_is_found(dataset: DatasetConfig) -> None:
    shard, rows = next(published_shards(dataset.out / "train"))
    shard.unlink()
    write_manifest(dataset)
    assert problems(dataset) == [
        f"train: {len(rows)} planned samples are not there yet; run mmdgen render again"
    ]


def test_models_and_groups_in_two_splits_are_leaks(write_dataset: Callable[..., DatasetConfig]) -> None:
    config = write_dataset()
    leaking = [SourceModel(MODELS[0].model_id, "c", "said")]
    test = replace(config, splits=(*config.splits[:2], SplitRule(Split.TEST, 4, groups=("c*",))))
    for path in (config.out / "test").iterdir():
        path.unlink()
    write_split(test, plan_dataset(test, leaking, Split.TEST))
    write_manifest(test)
    found = problems(test)
    assert f"model {MODELS[0].model_id}: stands in train and in test" in found
    assert any(finding.startswith("rest picture") for finding in found)


def test_pixels_that_come_out_otherwise_are_found(dataset: DatasetConfig) -> None:
    def same(rows: Sequence[Row]) -> Iterator[tuple[Row, Mapping[str, str]]]:
        for row in rows:
            names = ("rest", "expression", "posed")
            yield row, {name: row["members"][f"{name}.png"]["pixel_sha256"] for name in names}

    def other(rows: Sequence[Row]) -> Iterator[tuple[Row, Mapping[str, str]]]:
        for row, hashes in same(rows):
            yield row, {**hashes, "posed": "0" * 64}

    assert verify_dataset(dataset.out, samples=5, render_again=same) == []
    found = verify_dataset(dataset.out, samples=5, render_again=other)
    assert len(found) == 5
    assert "the posed picture comes out with other pixels" in str(found[0])
    assert read_manifest(dataset.out)["splits"]["train"]["samples"] == 20
