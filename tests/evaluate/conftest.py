"""A rendered data set of tiny characters, and networks with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from mmdgen.cli.main import cli
from tests.generate.conftest import tiny_toml, write_tiny_dataset

if TYPE_CHECKING:
    from collections.abc import Mapping

SIZE_PX = 32


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Small networks are fastest on one thread, and tests share the machine."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set with 9 test samples of 3 characters."""
    folder = tmp_path_factory.mktemp("rendered")
    write_tiny_dataset(folder, count=3)
    (folder / "mmdgen.toml").write_text(tiny_toml("test", samples=9), encoding="utf-8")
    words = ["render", "--config", str(folder / "mmdgen.toml"), "--workers", "1"]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 0, result.output
    return folder / "out"


def write_run(
    run: Path,
    kind: str,
    *,
    seed: int = 0,
    width: int = 2,
    size_px: int = SIZE_PX,
    loss: str = "l1",
    rotator: Mapping[str, str] | None = None,
) -> Any:
    """A run's folder whose network was never trained; the network's state dict."""
    import torch

    from mmdgen.train.checkpoints import Checkpoint, write_checkpoint
    from mmdgen.train.networks import NetworkConfig, NetworkKind, build_network
    from mmdgen.train.run_folder import write_facts

    torch.manual_seed(seed)
    config = NetworkConfig(NetworkKind(kind), width, size_px)
    state = build_network(config).state_dict()
    write_facts(run, {"config": {"loss": loss}, "rotator": dict(rotator or {})})
    write_checkpoint(run / "checkpoint.pt", Checkpoint(config, state, 1000, {}))
    return state


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs of a morpher, an L1 and a perceptual rotator, and a combiner of the latter."""
    from mmdgen.train.loop import state_sha256

    folder = tmp_path_factory.mktemp("runs")
    write_run(folder / "face-morpher", "face-morpher")
    write_run(folder / "face-rotator", "face-rotator", seed=1)
    perceptual = write_run(folder / "face-rotator-p", "face-rotator", seed=2, loss="perceptual")
    write_run(folder / "combiner", "combiner", seed=3, rotator={"sha256": state_sha256(perceptual)})
    return folder
