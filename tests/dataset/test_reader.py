from __future__ import annotations

import pickle
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from mmdgen.dataset.config import DatasetConfig
from mmdgen.dataset.reader import SplitReader, decode_png, endless_order, epoch_order, read_picture
from mmdgen.dataset.sample import pixel_sha256
from mmdgen.dataset.shard import published_shards
from mmdgen.errors import DatasetError


def test_every_sample_can_be_had_by_number(dataset: DatasetConfig) -> None:
    reader = SplitReader(dataset.out, "train")
    rows = {
        row["key"]: row for _, shard_rows in published_shards(dataset.out / "train") for row in shard_rows
    }
    assert len(reader) == len(rows) == 20
    assert reader.parameter_names == ("head_x", "head_y", "neck_z", "left_eye", "right_eye", "mouth")
    for number in range(len(reader)):
        sample = reader[number]
        row = rows[sample.key]
        for name in ("rest", "expression", "posed"):
            assert pixel_sha256(getattr(sample, name)) == row["members"][f"{name}.png"]["pixel_sha256"]
        np.testing.assert_allclose(sample.pose, row["pose_vector"], atol=1e-7)


def test_a_reader_goes_through_pickle(dataset: DatasetConfig) -> None:
    reader = SplitReader(dataset.out, "test")
    again = pickle.loads(pickle.dumps(reader))
    np.testing.assert_array_equal(again[1].posed, reader[1].posed)


def test_beyond_the_end_is_an_index_error(dataset: DatasetConfig) -> None:
    reader = SplitReader(dataset.out, "test")
    assert reader[-1].key == reader[3].key
    with pytest.raises(IndexError):
        reader[4]


def test_an_epoch_is_a_permutation_of_its_own() -> None:
    orders = [epoch_order(100, 5, epoch).tolist() for epoch in range(3)]
    assert all(sorted(order) == list(range(100)) for order in orders)
    assert orders[0] != orders[1] != orders[2]
    assert orders[0] == epoch_order(100, 5, 0).tolist() != epoch_order(100, 6, 0).tolist()


def test_one_integer_resumes_the_order() -> None:
    whole = list(islice(endless_order(10, 0), 35))
    assert list(islice(endless_order(10, 0, start=17), 18)) == whole[17:]
    assert sorted(whole[:10]) == sorted(whole[10:20]) == list(range(10))


def test_processes_share_one_order() -> None:
    whole = list(islice(endless_order(10, 0), 40))
    parts = [list(islice(endless_order(10, 0, start=rank, step=4), 10)) for rank in range(4)]
    assert [parts[position % 4][position // 4] for position in range(40)] == whole


def test_a_split_that_is_not_there_is_said(dataset: DatasetConfig) -> None:
    for path in (dataset.out / "test").glob("*.jsonl"):
        path.unlink()
    with pytest.raises(DatasetError, match="holds no whole shard"):
        SplitReader(dataset.out, "test")


def test_a_damaged_shard_is_named_with_what_to_do(tmp_path: Path) -> None:
    shard = tmp_path / "train-000000.tar"
    shard.write_bytes(b"\x89PNG nothing")
    with pytest.raises(
        DatasetError, match=r"train-000000.tar: .*; delete it with its .jsonl and render again"
    ):
        read_picture(shard, {"offset": 0, "size": 12})


def test_what_is_no_picture_is_said() -> None:
    with pytest.raises(DatasetError, match="cannot be decoded"):
        decode_png(b"\x89PNG nothing")
