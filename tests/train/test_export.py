"""Exports: published names in torch's older format, and ONNX that onnxruntime agrees with."""

from __future__ import annotations

import importlib.util
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

import torch

from mmdgen.cli.main import cli
from mmdgen.train.checkpoints import Checkpoint, load_network, write_checkpoint
from mmdgen.train.export import INPUT_NAMES, ONNX_RESULT, PUBLISHED_FILES
from mmdgen.train.networks import NetworkConfig, NetworkKind, build_network, network_config

SIZE_PX = 16
NAMES_IN_FACTS = {
    NetworkKind.FACE_MORPHER: "face_morpher",
    NetworkKind.FACE_ROTATOR: "face_rotator",
    NetworkKind.COMBINER: "combiner",
}


def type_export(*words: object) -> Result:
    return CliRunner().invoke(cli, ["train", *map(str, words)])


def write_run(run: Path, config: NetworkConfig) -> Path:
    """A run's folder with a checkpoint of random weights."""
    run.mkdir(parents=True)
    torch.manual_seed(0)
    write_checkpoint(run / "checkpoint.pt", Checkpoint(config, build_network(config).state_dict(), 1, {}))
    return run


@pytest.mark.slow
@pytest.mark.parametrize("kind", NetworkKind)
def test_a_run_of_preset_tha1_becomes_a_published_file(
    kind: NetworkKind, shared_dir: Path, tmp_path: Path
) -> None:
    run = write_run(tmp_path / "run", network_config(kind, "tha1"))
    result = type_export("export-tha1", run, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    path = tmp_path / "out" / PUBLISHED_FILES[kind]
    assert result.stdout == f"{path}\n"
    assert not zipfile.is_zipfile(path)  # torch 1.4, which the published demo pins, reads no zip files

    exported = torch.load(path, weights_only=True)
    facts = json.loads((shared_dir / "networks/tha1_state_dicts.json").read_text("utf-8"))
    assert [[name, list(value.shape)] for name, value in exported.items()] == facts[NAMES_IN_FACTS[kind]]
    trained = load_network(run).network.state_dict()
    assert all(torch.equal(value, trained[name]) for name, value in exported.items())
    assert {value.dtype for value in exported.values()} == {torch.float32}
    assert load_network(path, kind=kind).config == network_config(kind, "tha1")


def test_another_preset_is_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", NetworkConfig(NetworkKind.COMBINER, 2, SIZE_PX))
    result = type_export("export-tha1", run, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert f"{run}: is a combiner (width 2, 16 px), which the published demo cannot load" in result.stderr
    assert not (tmp_path / "out").exists()


def test_two_networks_of_a_kind_are_refused(tmp_path: Path) -> None:
    config = NetworkConfig(NetworkKind.COMBINER, 2, SIZE_PX)
    runs = [write_run(tmp_path / name, config) for name in "ab"]
    result = type_export("export-onnx", *runs, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "are both a combiner" in result.stderr


def test_a_missing_onnx_package_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name.startswith("onnx") else find(name)
    )
    result = type_export("export-onnx", tmp_path, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert 'pip install "mmdgen[train,onnx]"' in result.stderr


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=[] if kind is NetworkKind.FACE_ROTATOR else pytest.mark.slow)
        for kind in NetworkKind
    ],
)
def test_onnxruntime_gives_torchs_outputs_for_any_batch(kind: NetworkKind, tmp_path: Path) -> None:
    import onnx
    import onnxruntime

    run = write_run(tmp_path / "run", NetworkConfig(kind, 2, SIZE_PX))
    result = type_export("export-onnx", run, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    path = (tmp_path / "out" / PUBLISHED_FILES[kind]).with_suffix(".onnx")
    assert result.stdout.startswith(f"{path}: differs from torch by ")
    onnx.checker.check_model(str(path), full_check=True)

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert tuple(one.name for one in session.get_inputs()) == INPUT_NAMES[kind]
    facts = session.get_modelmeta().custom_metadata_map
    assert facts["network"] == kind
    assert "linear light" in facts["pictures"]

    network = load_network(run).network
    smooth = np.linspace(-1, 1, SIZE_PX, dtype=np.float32)
    for batch in (1, 5):
        ramps = np.broadcast_to(smooth[:, None] * smooth, (batch, 4, SIZE_PX, SIZE_PX)).copy()
        pose = np.linspace(-1, 1, 3 * batch, dtype=np.float32).reshape(batch, 3)
        inputs = [*(ramps * share for share in (1.0, -0.5)[: len(INPUT_NAMES[kind]) - 1]), pose]
        inputs = [np.asarray(one, np.float32) for one in inputs]
        with torch.inference_mode():
            expected = network(*map(torch.from_numpy, inputs))
        found = session.run(None, dict(zip(INPUT_NAMES[kind], inputs, strict=True)))
        names = [one.name for one in session.get_outputs()]
        assert names == [ONNX_RESULT if name == "image" else name for name in expected._fields]
        for name, one, other in zip(names, found, expected, strict=True):
            np.testing.assert_allclose(one, other.numpy(), atol=1e-4, err_msg=name)


@pytest.mark.slow
def test_a_file_that_disagrees_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmdgen.train.export._difference", lambda *of: float("nan"))
    run = write_run(tmp_path / "run", NetworkConfig(NetworkKind.FACE_MORPHER, 2, SIZE_PX))
    result = type_export("export-onnx", run, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "differ from torch's by nan" in result.stderr
    assert not list((tmp_path / "out").iterdir())
