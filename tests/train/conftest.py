"""Small data sets of noise, and small networks that fit them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.dataset.conftest import SIZE_PX, dataset, write_dataset

if TYPE_CHECKING:
    from mmdgen.dataset.config import DatasetConfig
    from mmdgen.train.config import TrainConfig
    from mmdgen.train.loop import TrainOptions

__all__ = ["dataset", "write_dataset"]  # fixtures of the data set's tests: without a renderer


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Small networks are fastest on one thread, and tests share the machine."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def tiny_config() -> Callable[..., TrainConfig]:
    """The settings of a run that takes a second."""
    from mmdgen.train.config import TrainConfig
    from mmdgen.train.networks import NetworkConfig, NetworkKind

    def config(kind: str = "face-morpher", **changes: Any) -> TrainConfig:
        network = NetworkConfig(NetworkKind(kind), 2, SIZE_PX)
        settings: dict[str, Any] = {"network": network, "batch_size": 4, "learning_rate": 1e-3}
        return TrainConfig(**(settings | changes))

    return config


@pytest.fixture
def options(dataset: DatasetConfig, tmp_path: Path) -> Callable[..., TrainOptions]:
    """Options of a short run on the small data set."""
    from mmdgen.train.loop import TrainOptions

    def make(out: str = "run", **changes: Any) -> TrainOptions:
        settings: dict[str, Any] = {"images": 24, "checkpoint_every": 8, "device": "cpu"}
        return TrainOptions(data=dataset.out, out=tmp_path / out, **(settings | changes))

    return make
