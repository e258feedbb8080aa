"""The folder as strangers open it."""

from __future__ import annotations

import gc
import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from mmdgen.dataset.config import DatasetConfig
from mmdgen.dataset.manifest import read_manifest, write_manifest
from mmdgen.dataset.sample import pixel_sha256
from mmdgen.dataset.shard import published_shards
from mmdgen.errors import DatasetError
from tests.dataset.conftest import MODELS

COUNTS = {"train": 20, "validation": 4, "test": 4}


def rows_of(dataset: DatasetConfig, split: str) -> dict[str, dict]:
    return {row["key"]: row for _, rows in published_shards(dataset.out / split) for row in rows}


def test_the_manifest_counts_and_hashes_what_is_there(dataset: DatasetConfig) -> None:
    manifest = read_manifest(dataset.out)
    assert {name: entry["samples"] for name, entry in manifest["splits"].items()} == COUNTS
    for name, entry in manifest["splits"].items():
        for shard in entry["shards"]:
            record = (dataset.out / name / shard["name"]).with_suffix(".jsonl")
            assert hashlib.sha256(record.read_bytes()).hexdigest() == shard["record_sha256"]
    assert [item["file"] for item in manifest["not_used"]] == ["broken.pmx"]
    assert manifest["pose_space"]["parameters"][0]["name"] == "head_x"
    assert len({model.model_id for model in MODELS}) == 6


def test_no_path_of_this_machine_is_in_the_folder(dataset: DatasetConfig) -> None:
    for path in dataset.out.rglob("*"):
        if path.is_file():
            assert str(dataset.out.parent).encode() not in path.read_bytes(), path


def test_the_table_holds_the_records(dataset: DatasetConfig) -> None:
    for split, count in COUNTS.items():
        table = pyarrow.parquet.read_table(dataset.out / "manifest" / f"{split}.parquet").to_pylist()
        rows = rows_of(dataset, split)
        assert len(table) == count
        for flat in table:
            row = rows[flat["key"]]
            assert flat["neck_z"] == row["pose"]["neck_z"]
            assert flat["posed_offset"] == row["members"]["posed.png"]["offset"]
            assert flat["posed_box"] == row["quality"]["posed"]["box"]


def test_the_manifest_can_be_built_again(dataset: DatasetConfig) -> None:
    before = (dataset.out / "dataset.json").read_bytes()
    write_manifest(dataset)
    assert (dataset.out / "dataset.json").read_bytes() == before


def test_a_folder_that_is_no_data_set_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"is no data set \(it has no dataset.json\)"):
        read_manifest(tmp_path)
    for text in ('{"format": "other"}', "[]"):
        (tmp_path / "dataset.json").write_text(text, encoding="utf-8")
        with pytest.raises(DatasetError, match="is not about a data set of mmdgen"):
            read_manifest(tmp_path)


def test_a_description_that_lacks_something_is_said(dataset: DatasetConfig) -> None:
    path = dataset.out / "dataset.json"
    path.write_text(path.read_text("utf-8").replace('"splits": {', '"slits": {'), encoding="utf-8")
    with pytest.raises(DatasetError, match=r"dataset\.json: does not say splits; run mmdgen render again"):
        read_manifest(dataset.out)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it leaves files open
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_webdataset_reads_the_shards_unchanged(dataset: DatasetConfig) -> None:
    webdataset = pytest.importorskip("webdataset")
    for split, count in COUNTS.items():
        shards = [str(path) for path in sorted((dataset.out / split).glob("*.tar"))]
        samples = list(webdataset.WebDataset(shards, shardshuffle=False).decode("rgba8"))
        rows = rows_of(dataset, split)
        assert len(samples) == count
        for sample in samples:
            row = rows[sample["__key__"]]
            for name in ("rest", "expression", "posed"):
                assert pixel_sha256(sample[f"{name}.png"]) == row["members"][f"{name}.png"]["pixel_sha256"]
            assert sample["json"]["pose_vector"] == row["pose_vector"]
        del samples
        gc.collect()


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))


@pytest.mark.usefixtures("offline")
@pytest.mark.filterwarnings("default")
def test_hugging_face_opens_the_folder_with_its_splits(dataset: DatasetConfig, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    opened = datasets.load_dataset(str(dataset.out), cache_dir=str(tmp_path / "cache"))
    assert {name: len(split) for name, split in opened.items()} == COUNTS
    for split in COUNTS:
        rows = rows_of(dataset, split)
        for sample in opened[split]:
            row = rows[sample["__key__"]]
            pixels = np.array(sample["posed.png"].convert("RGBA"))
            assert pixel_sha256(pixels) == row["members"]["posed.png"]["pixel_sha256"]
            assert sample["json"]["pose"] == row["pose"]


def test_pillow_opens_the_pictures(dataset: DatasetConfig) -> None:
    from PIL import Image

    shard, rows = next(published_shards(dataset.out / "test"))
    place = rows[0]["members"]["rest.png"]
    data = shard.read_bytes()[place["offset"] : place["offset"] + place["size"]]
    with Image.open(io.BytesIO(data)) as picture:
        assert (picture.mode, picture.size) == ("RGBA", (16, 16))


def test_the_croissant_file_names_tables_that_exist(dataset: DatasetConfig) -> None:
    document = json.loads((dataset.out / "croissant.json").read_text(encoding="utf-8"))
    for file in document["distribution"]:
        data = (dataset.out / file["contentUrl"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == file["sha256"]
    assert [record["name"] for record in document["recordSet"]] == list(COUNTS)


@pytest.mark.slow  # it imports pandas and its kin
@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The inplace keyword")  # pandas, of mlcroissant
def test_mlcroissant_gives_the_rows(dataset: DatasetConfig) -> None:
    mlcroissant = pytest.importorskip("mlcroissant")
    opened = mlcroissant.Dataset(jsonld=str(dataset.out / "croissant.json"))
    for split in COUNTS:
        rows = rows_of(dataset, split)
        records = list(opened.records(record_set=split))
        assert len(records) == len(rows)
        for record in records:
            row = rows[record[f"{split}/key"].decode()]
            assert record[f"{split}/shard"].decode() == row["shard"]
            assert record[f"{split}/head_y"] == pytest.approx(row["pose"]["head_y"])
