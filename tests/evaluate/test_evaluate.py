"""The command, on a rendered data set and networks with random weights."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

pytest.importorskip("torch")

from mmdgen.cli.main import cli
from mmdgen.dataset.reader import SplitReader
from mmdgen.images import linear_from_srgb
from tests.evaluate.conftest import write_run


def type_evaluate(*words: object) -> Result:
    return CliRunner().invoke(cli, ["evaluate", *map(str, words)])


@dataclass(frozen=True)
class Evaluated:
    """What one run of the command left."""

    printed: str
    folder: Path
    summary: dict[str, Any]

    def rows(self, task: str) -> dict[str, Any]:
        facts = next(one for one in self.summary["tasks"] if one["task"] == task)
        return {row["name"]: row for row in facts["rows"]}


@pytest.fixture(scope="module")
def evaluated(rendered: Path, runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    out = tmp_path_factory.mktemp("evaluated") / "out"
    result = type_evaluate(runs, "--data", rendered, "--out", out, "--batch-size", 4, "--device", "cpu")
    assert result.exit_code == 0, result.output
    return Evaluated(result.stdout, out, json.loads((out / "summary.json").read_text("utf-8")))


def test_rows_are_the_articles_configurations(evaluated: Evaluated) -> None:
    full = ["identity", "PU-L1", "ZH-L1", "PU-P", "ZH-P", "FU-P-L1"]
    assert list(evaluated.rows("expression")) == ["identity", "FM-L1"]
    assert list(evaluated.rows("rotation")) == full
    assert list(evaluated.rows("whole")) == full


@pytest.mark.parametrize(
    ("task", "source", "target"),
    [
        ("expression", "rest", "expression"),
        ("rotation", "expression", "posed"),
        ("whole", "rest", "posed"),
    ],
)
def test_the_identity_is_the_distance_of_stored_pictures(
    evaluated: Evaluated, rendered: Path, task: str, source: str, target: str
) -> None:
    def network_space(picture: np.ndarray) -> np.ndarray:
        values = picture / 255.0
        return np.concatenate([linear_from_srgb(values[..., :3]), values[..., 3:]], axis=-1) * 2 - 1

    reader = SplitReader(rendered, "test")
    differences = np.stack(
        [
            network_space(getattr(sample, source)) - network_space(getattr(sample, target))
            for sample in map(reader.__getitem__, range(len(reader)))
        ]
    )
    mse = (differences**2).mean(axis=(1, 2, 3))
    metrics = evaluated.rows(task)["identity"]["metrics"]
    assert metrics["mse"]["value"] == pytest.approx(mse.mean(), rel=1e-5)
    assert metrics["rmse"]["value"] == pytest.approx(np.sqrt(mse).mean(), rel=1e-5)
    assert metrics["l1"]["value"] == pytest.approx(np.abs(differences).mean(), rel=1e-5)


def test_every_picture_has_its_numbers(evaluated: Evaluated) -> None:
    lines = (evaluated.folder / "pictures.csv").read_text("utf-8").splitlines()
    assert len(lines) == 1 + 9 * (2 + 6 + 6)


def test_page_and_sheets_are_there(evaluated: Evaluated) -> None:
    sheets = {path.name for path in (evaluated.folder / "sheets").iterdir()}
    kinds = ("random", "worst")
    assert sheets == {f"{task}-{kind}.png" for task in ("expression", "rotation", "whole") for kind in kinds}
    assert "report.html" in evaluated.printed


def test_the_terminal_says_conventions_and_rows(evaluated: Evaluated) -> None:
    for words in ("9 samples of 3 characters", "linear light", "FU-P-L1 against ZH-P", "bootstrap"):
        assert words in evaluated.printed


def test_a_batch_size_changes_no_number(
    evaluated: Evaluated, rendered: Path, runs: Path, tmp_path: Path
) -> None:
    words = ["--data", rendered, "--out", tmp_path / "out", "--batch-size", 9, "--device", "cpu", "--json"]
    again = json.loads(type_evaluate(runs, *words).stdout)
    for one, other in zip(evaluated.summary["tasks"], again["tasks"], strict=True):
        for row, same in zip(one["rows"], other["rows"], strict=True):
            assert row["metrics"]["mse"]["value"] == pytest.approx(same["metrics"]["mse"]["value"], rel=1e-4)


def test_plain_state_dicts_are_evaluated_without_names_of_losses(rendered: Path, tmp_path: Path) -> None:
    """Published files are for 256 px; these small ones are told apart from ours by the size they claim."""
    import torch

    (tmp_path / "published").mkdir()
    state = write_run(tmp_path / "run", "face-morpher")
    torch.save(dict(state), tmp_path / "published/face_morpher.pt")
    result = type_evaluate(tmp_path / "published", "--data", rendered, "--device", "cpu")
    assert result.exit_code == 1
    assert "32 px" in result.stderr
    assert "256 px" in result.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--split", "validation"], "validation: holds no whole shard; render the split first"),
        (["--data", "nowhere"], "is no data set"),
    ],
)
def test_a_missing_split_or_data_set_is_said(
    rendered: Path, runs: Path, tmp_path: Path, words: list[str], sentence: str
) -> None:
    result = type_evaluate(runs, "--data", rendered, "--out", tmp_path / "out", "--device", "cpu", *words)
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1


def test_networks_of_another_size_are_refused(rendered: Path, tmp_path: Path) -> None:
    write_run(tmp_path / "run", "face-morpher", size_px=64)
    result = type_evaluate(tmp_path / "run", "--data", rendered, "--device", "cpu")
    assert result.exit_code == 1
    assert "has pictures of 32 px, this face-morpher is for 64 px" in result.stderr


def test_a_folder_without_networks_is_said(rendered: Path, tmp_path: Path) -> None:
    result = type_evaluate(tmp_path, "--data", rendered, "--device", "cpu")
    assert result.exit_code == 1
    assert "holds no network" in result.stderr


def test_a_missing_library_is_said(rendered: Path, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torchmetrics" else find(name)
    )
    result = type_evaluate(runs, "--data", rendered)
    assert result.exit_code == 1
    assert 'pip install "mmdgen[train]"' in result.stderr


def test_short_memory_is_one_sentence(
    rendered: Path, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    def fail(*inputs: object) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    monkeypatch.setattr("mmdgen.evaluate.predict.picture_metrics", fail)
    result = type_evaluate(runs, "--data", rendered, "--out", tmp_path / "out", "--device", "cpu")
    assert result.exit_code == 1
    assert "--batch-size 8" in result.stderr
    assert result.stderr.count("\n") == 1
