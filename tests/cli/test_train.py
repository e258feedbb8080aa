"""`mmdgen train` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mmdgen.cli.main import cli
from mmdgen.dataset.config import DatasetConfig
from mmdgen.errors import BackendError
from mmdgen.train import extra
from mmdgen.train.config import LossKind, train_preset
from mmdgen.train.networks.config import NETWORK_SIZES, NetworkKind
from tests.dataset.conftest import dataset, write_dataset

__all__ = ["dataset", "write_dataset"]


def type_train(*words: object) -> Result:
    return CliRunner().invoke(cli, ["train", *map(str, words)])


@pytest.mark.parametrize("kind", NetworkKind)
def test_each_network_has_a_command_with_examples(kind: NetworkKind) -> None:
    text = type_train(kind.value, "--help").stdout
    assert f"mmdgen train {kind.value} --data dataset" in text


# The article's table of batches and lengths.
@pytest.mark.parametrize(
    ("kind", "loss", "batch", "images", "warm_up"),
    [
        ("face-morpher", "l1", 25, 3_000_000, 0),
        ("face-rotator", "l1", 25, 3_000_000, 0),
        ("face-rotator", "perceptual", 8, 3_250_000, 250_000),
        ("combiner", "l1", 20, 1_500_000, 0),
        ("combiner", "perceptual", 12, 1_500_000, 0),
    ],
)
def test_the_preset_tha1_is_the_article(kind: str, loss: str, batch: int, images: int, warm_up: int) -> None:
    preset = train_preset(kind, loss, "tha1")
    assert (preset.config.batch_size, preset.images) == (batch, images)
    assert preset.config.warm_up_images == warm_up
    assert (preset.config.learning_rate, preset.config.betas) == (1e-4, (0.5, 0.999))
    assert (preset.config.network.width, preset.config.network.size_px) == (64, 256)


@pytest.mark.parametrize("preset", NETWORK_SIZES)
@pytest.mark.parametrize("loss", LossKind)
def test_every_preset_can_be_trained(preset: str, loss: LossKind) -> None:
    for kind in (NetworkKind.FACE_ROTATOR, NetworkKind.COMBINER):
        settings = train_preset(kind, loss, preset)
        assert 0 <= settings.config.warm_up_images < settings.images


def test_without_torch_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extra.importlib.util, "find_spec", lambda name: None)
    result = type_train("face-morpher", "--data", "anywhere")
    assert result.exit_code == 1
    assert result.stderr == 'Error: training needs torch: pip install "mmdgen[train]"\n'
    with pytest.raises(BackendError):
        extra.require_torch()


def test_a_wrong_device_is_wrong_usage() -> None:
    result = type_train("face-morpher", "--device", "gpu")
    assert result.exit_code == 2
    assert "'gpu' is neither cpu nor the number of a GPU" in result.stderr


def test_a_dry_run_says_what_decides_the_run_and_writes_nothing(
    dataset: DatasetConfig, tmp_path: Path
) -> None:
    pytest.importorskip("torch", reason="needs the extra 'train': make setup-train")
    result = type_train(
        "face-rotator",
        "--data",
        dataset.out,
        "--out",
        tmp_path / "run",
        "--limit",
        50,
        "--seed",
        3,
        "--dry-run",
    )
    facts = json.loads(result.stdout)
    assert facts["images"] == 50
    assert facts["config"]["seed"] == 3
    assert facts["data"]["samples"] == 20
    assert not (tmp_path / "run").exists()


def test_pictures_of_another_size_are_one_sentence(dataset: DatasetConfig, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra 'train': make setup-train")
    result = type_train("face-morpher", "--data", dataset.out, "--out", tmp_path / "run", "--device", "cpu")
    assert result.exit_code == 1
    assert "has pictures of 16 px, this face-morpher is for 256 px; choose another --preset" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_no_data_set_is_one_sentence(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra 'train': make setup-train")
    result = type_train("combiner", "--data", tmp_path, "--out", tmp_path / "run", "--device", "cpu")
    assert result.exit_code == 1
    assert "is no data set" in result.stderr
