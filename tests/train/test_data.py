"""Pictures become network colours exactly, and batches come in one order whatever reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train': make setup-train")

from mmdgen.dataset.config import Alpha, DatasetConfig  # noqa: E402
from mmdgen.dataset.reader import SplitReader, endless_order  # noqa: E402
from mmdgen.errors import DatasetError  # noqa: E402
from mmdgen.train.data import (  # noqa: E402
    Batch,
    Examples,
    endless_batches,
    fixed_batches,
    network_colors,
    pictures_from_network,
    to_device,
)
from mmdgen.train.networks import NetworkConfig, NetworkKind  # noqa: E402
from tests.dataset.conftest import SIZE_PX  # noqa: E402

MORPHER = NetworkConfig(NetworkKind.FACE_MORPHER, 2, SIZE_PX)
ROTATOR = NetworkConfig(NetworkKind.FACE_ROTATOR, 2, SIZE_PX)


def test_network_colours_are_the_formula_of_the_article() -> None:
    picture = np.zeros((1, 1, 256, 4), np.uint8)
    picture[..., :] = np.arange(256)[:, None]
    colors = network_colors(torch.from_numpy(picture))[0, :, 0].numpy()
    encoded = np.arange(256) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    for channel in range(3):
        np.testing.assert_allclose(colors[channel], linear * 2 - 1, atol=1e-6)
    np.testing.assert_allclose(colors[3], encoded * 2 - 1, atol=1e-6)


def test_the_background_is_minus_one() -> None:
    assert (network_colors(torch.zeros(1, 2, 2, 4, dtype=torch.uint8)) == -1).all()


def test_every_picture_survives_the_way_there_and_back() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 4), np.uint8)
    np.testing.assert_array_equal(pictures_from_network(network_colors(torch.from_numpy(pictures))), pictures)


@pytest.mark.parametrize(
    ("network", "source", "target", "columns"),
    [(MORPHER, "rest", "expression", [3, 4, 5]), (ROTATOR, "expression", "posed", [0, 1, 2])],
)
def test_each_network_gets_its_pictures_and_its_half_of_the_pose(
    network: NetworkConfig, source: str, target: str, columns: list[int], dataset: DatasetConfig
) -> None:
    examples, reader = Examples(dataset.out, "train", network), SplitReader(dataset.out, "train")
    assert len(examples) == len(reader)
    for number in (0, 7):
        example = examples[number]
        np.testing.assert_array_equal(example.source, getattr(reader[number], source))
        np.testing.assert_array_equal(example.target, getattr(reader[number], target))
        np.testing.assert_array_equal(example.pose, reader[number].pose[columns])


def keys(batches: list[Batch]) -> list[bytes]:
    """What identifies the samples of batches, in order."""
    return [target.numpy().tobytes() for batch in batches for target in batch.target]


def test_the_order_is_the_readers_and_goes_on_at_any_position(dataset: DatasetConfig) -> None:
    examples = Examples(dataset.out, "train", ROTATOR)
    whole = keys([*islice(endless_batches(examples, 4, seed=3), 12)])
    numbers = islice(endless_order(len(examples), 3), 48)
    assert whole == [examples[number].target.numpy().tobytes() for number in numbers]
    assert keys([*islice(endless_batches(examples, 4, seed=3, start=28), 5)]) == whole[28:]


def test_processes_take_the_same_batches_between_them(dataset: DatasetConfig) -> None:
    examples = Examples(dataset.out, "train", ROTATOR)
    whole = [*islice(endless_batches(examples, 4, seed=0), 6)]
    parts = [[*islice(endless_batches(examples, 2, seed=0, rank=rank, processes=2), 6)] for rank in (0, 1)]
    for step, batch in enumerate(whole):
        assert sorted(keys([batch])) == sorted(keys([parts[0][step], parts[1][step]]))


def test_worker_processes_change_nothing(dataset: DatasetConfig) -> None:
    examples = Examples(dataset.out, "train", MORPHER)
    alone = keys([*islice(endless_batches(examples, 4, seed=1), 8)])
    assert keys([*islice(endless_batches(examples, 4, seed=1, workers=2), 8)]) == alone


def test_a_damaged_picture_is_one_sentence_from_a_worker_too(dataset: DatasetConfig) -> None:
    examples = Examples(dataset.out, "train", MORPHER)
    for shard in (dataset.out / "train").glob("*.tar"):
        shard.write_bytes(bytes(shard.stat().st_size))
    for workers in (0, 1):
        with pytest.raises(DatasetError) as raised:
            next(endless_batches(examples, 4, seed=1, workers=workers))
        assert str(raised.value).endswith("delete it with its .jsonl and render again")
        assert "\n" not in str(raised.value)


def test_a_batch_on_its_device_is_in_network_colours(dataset: DatasetConfig) -> None:
    examples = Examples(dataset.out, "validation", MORPHER)
    (batch,) = fixed_batches(examples, range(3), 8)
    moved = to_device(batch, torch.device("cpu"), torch.channels_last)
    assert moved.source.shape == (3, 4, SIZE_PX, SIZE_PX)
    assert moved.target.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_array_equal(pictures_from_network(moved.source), batch.source)


def test_a_data_set_of_another_size_is_refused(dataset: DatasetConfig) -> None:
    with pytest.raises(DatasetError, match=r"has pictures of 16 px, this face-morpher is for 64 px; choose"):
        Examples(dataset.out, "train", replace(MORPHER, size_px=64))


def test_a_data_set_of_another_pose_space_is_refused(dataset: DatasetConfig) -> None:
    manifest = dataset.out / "dataset.json"
    manifest.write_text(manifest.read_text("utf-8").replace('"name": "tha1"', '"name": "tha9"'), "utf-8")
    with pytest.raises(DatasetError, match=r"poses of the space 'tha9', the face-morpher learns 'tha1'"):
        Examples(dataset.out, "train", MORPHER)


def test_straight_alpha_is_refused(write_dataset: Callable[..., DatasetConfig]) -> None:
    straight = write_dataset("straight", alpha=Alpha.STRAIGHT)
    with pytest.raises(DatasetError, match='alpha = "premultiplied"'):
        Examples(straight.out, "train", MORPHER)


def test_what_is_no_data_set_is_said() -> None:
    from pathlib import Path

    with pytest.raises(DatasetError, match="is no data set"):
        Examples(Path("nowhere"), "train", MORPHER)
