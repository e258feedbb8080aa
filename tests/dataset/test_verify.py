from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from mmdgen.dataset.config import DatasetConfig, Split, SplitRule
from mmdgen.dataset.manifest import read_manifest, read_plan, write_manifest
from mmdgen.dataset.plan import SourceModel, plan_dataset
from mmdgen.dataset.shard import ShardWriter, published_shards, read_left_out
from mmdgen.dataset.verify import Row, verify_dataset
from mmdgen.errors import DatasetError
from tests.dataset import conftest
from tests.dataset.conftest import MODELS, make_sample, picture, write_split


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


@pytest.mark.parametrize("name", ["members", "key", "rest.png", "pixel_sha256", "offset", "fingerprint"])
def test_a_record_that_lacks_something_is_named(dataset: DatasetConfig, name: str) -> None:
    record = next(published_shards(dataset.out / "train"))[0].with_suffix(".jsonl")
    lines = record.read_text(encoding="utf-8").split("\n")
    lines[1] = lines[1].replace(f'"{name}"', f'"{name}x"')
    record.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(DatasetError, match=rf"{record.name}: line 2 is damaged; delete the file with"):
        problems(dataset)


def test_a_value_of_the_wrong_kind_in_a_record_is_found(dataset: DatasetConfig) -> None:
    shard, rows = next(published_shards(dataset.out / "train"))
    rows[0]["members"]["posed.png"]["size"] = "long"
    shard.with_suffix(".jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert (
        f"{shard.name} {rows[0]['key']}: its row in {shard.stem}.jsonl is damaged; "
        "delete both files and render again" in problems(dataset)
    )


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


def test_what_a_rule_left_out_is_no_finding(dataset: DatasetConfig) -> None:
    folder = dataset.out / "train"
    plan = read_plan(folder)
    (job, *_) = plan.jobs
    keys = [key for part in job.parts for key in part.sample_keys()]
    group = {model.model_id: model.group for model in plan.models}
    with ShardWriter(folder, job.shard, job.fingerprint) as writer:
        for number, key in enumerate(keys):
            sample = make_sample(key, group[key.model_id], "train")
            if number == 2:
                writer.reject(replace(sample, broken_rules=("the posed picture is empty",)))
            else:
                writer.add(sample)
        writer.commit()
    manifest = write_manifest(dataset)
    assert problems(dataset) == []
    assert manifest.splits["train"].left_out == (
        {
            "model_id": keys[2].model_id,
            "samples": 1,
            "reason": "the posed picture is empty",
            "by_rule": True,
        },
    )
    (row,) = read_left_out(folder, job.shard)
    assert row["key"] == str(keys[2])
    assert row["quality"]["posed"]["coverage"] == 0.5625


def test_models_that_look_alike_in_two_splits_are_a_leak(
    write_dataset: Callable[..., DatasetConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test model's rest picture is the first training model's, in one pixel a little darker."""

    def nearly_the_same(name: str) -> np.ndarray:
        image = picture(MODELS[0].model_id if name == MODELS[5].model_id else name)
        image[3, 3, 0] -= image[3, 3, 0] > 1 if name == MODELS[5].model_id else 0
        return image

    monkeypatch.setattr(conftest, "picture", nearly_the_same)
    config = write_dataset()
    expected = (
        f"models {MODELS[0].model_id} and {MODELS[5].model_id}: look alike and stand in train and in test"
    )
    assert problems(config) == [expected]
    write_manifest(replace(config, look_alikes=False))
    assert problems(config) == []
