"""From shards to batches, and between pictures and network colours.

Network colours (THA1): colour decoded from sRGB to linear light, alpha as it is, all four channels scaled to
[-1, 1]; colours are multiplied by alpha, as stored. The background is (-1, -1, -1, -1).

Pictures stay uint8 until they are on the device, a quarter of the bytes; there a table of 256 entries
converts them. Decoding PNG is the costly part and happens in the loader's worker processes.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from mmdgen.dataset.manifest import read_manifest
from mmdgen.dataset.reader import SplitReader, endless_order
from mmdgen.errors import DatasetError
from mmdgen.images import linear_from_srgb, srgb_from_linear
from mmdgen.pose import THA1
from mmdgen.train.networks import NetworkConfig, NetworkKind


@dataclass(frozen=True, slots=True)
class Task:
    """What a network is shown, told and should answer."""

    source: str  # picture of a sample
    target: str
    parameters: tuple[str, ...]


_ROTATION = Task("expression", "posed", ("head_x", "head_y", "neck_z"))
TASKS = {
    NetworkKind.FACE_MORPHER: Task("rest", "expression", ("left_eye", "right_eye", "mouth")),
    NetworkKind.FACE_ROTATOR: _ROTATION,
    NetworkKind.COMBINER: _ROTATION,  # its inputs are what a rotator makes of these
}


class Batch(NamedTuple):
    """Training examples; pictures (B, H, W, 4) uint8 sRGB, or (B, 4, H, W) float32 network colours."""

    source: Tensor
    target: Tensor
    pose: Tensor  # (B, 3) float32


class Examples(Dataset[Batch]):
    """The samples of a split as a network of some kind needs them, by number, unbatched.

    Raises:
        DatasetError: the data set or split is missing, or its pictures are not what the network is for.
    """

    def __init__(self, folder: Path, split: str, network: NetworkConfig) -> None:
        check_dataset(folder, network)
        self.task = TASKS[network.kind]
        self._reader = SplitReader(folder, split)
        self._columns = [self._reader.parameter_names.index(name) for name in self.task.parameters]

    def __len__(self) -> int:
        return len(self._reader)

    def __getitem__(self, number: int) -> Batch:
        source, target = (
            torch.from_numpy(self._reader.picture(number, name))
            for name in (self.task.source, self.task.target)
        )
        return Batch(source, target, torch.from_numpy(self._reader.poses[number, self._columns]))


def check_dataset(folder: Path, network: NetworkConfig) -> None:
    """Raise DatasetError if a data set's pictures or poses are not what a network is for."""
    manifest = read_manifest(folder)
    space, settings = manifest["pose_space"]["name"], manifest["config"]
    if space != THA1.name:
        raise DatasetError(
            f"{folder}: has poses of the space '{space}', the {network.kind} learns '{THA1.name}'; "
            f'render a data set with pose_space = "{THA1.name}"'
        )
    if settings["size_px"] != network.size_px:
        raise DatasetError(
            f"{folder}: has pictures of {settings['size_px']} px, this {network.kind} is for "
            f"{network.size_px} px; choose another --preset or render with size_px = {network.size_px}"
        )
    if settings["alpha"] != "premultiplied":
        raise DatasetError(
            f"{folder}: has colours that are not multiplied by alpha; "
            'render a data set with alpha = "premultiplied"'
        )


class EndlessOrder(Sampler[int]):
    """Positions of the whole run that this process trains on, from `start` on, for ever."""

    def __init__(self, count: int, seed: int, start: int, rank: int, processes: int) -> None:
        self._count, self._seed, self._start, self._step = count, seed, start + rank, processes

    def __iter__(self) -> Iterator[int]:
        return endless_order(self._count, self._seed, self._start, step=self._step)


def endless_batches(
    examples: Examples,
    batch_size: int,
    *,
    seed: int,
    start: int = 0,
    rank: int = 0,
    processes: int = 1,
    workers: int = 0,
    pin_memory: bool = False,
) -> Iterator[Batch]:
    """Batches of uint8 pictures, pass after pass, for ever; the same for any number of workers.

    Args:
        examples: the split.
        batch_size: of this process.
        seed: of the order.
        start: how many samples of the whole run come before.
        rank: which of the processes this is; together they take the order's samples in turn.
        processes: that train together.
        workers: processes that read and decode for this one; 0 reads in this process.
        pin_memory: into memory that a GPU copies from while it computes.
    """
    loader: DataLoader[Any] = DataLoader(
        examples,
        batch_size,
        sampler=EndlessOrder(len(examples), seed, start, rank, processes),
        num_workers=workers,
        pin_memory=pin_memory,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_leave_interrupts_to_the_loop,
        generator=torch.Generator(),  # else it draws from the global one, which is the run's
    )
    batches = iter(loader)
    while True:
        try:
            batch = next(batches)
        except DatasetError as error:
            # a worker's error comes wrapped in its traceback; the sentence is its end
            raise DatasetError(str(error).strip().rpartition("DatasetError: ")[2]) from error
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            raise DatasetError(
                "a process that reads pictures died, most likely for want of memory: try fewer --workers"
            ) from error
        yield batch


def _leave_interrupts_to_the_loop(worker: int) -> None:
    """A terminal sends Ctrl-C to every process; the loop wants one more batch before it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def fixed_batches(examples: Examples, numbers: Sequence[int], batch_size: int) -> Iterator[Batch]:
    """The given samples in order, in batches of uint8 pictures; the last may be smaller."""
    for first in range(0, len(numbers), batch_size):
        parts = [examples[number] for number in numbers[first : first + batch_size]]
        yield Batch(*(torch.stack(tensors) for tensors in zip(*parts, strict=True)))


def to_device(batch: Batch, device: torch.device, memory_format: torch.memory_format) -> Batch:
    """The batch on a device, pictures in network colours."""
    moved = Batch(*(tensor.to(device, non_blocking=True) for tensor in batch))
    source, target = (
        network_colors(pictures).contiguous(memory_format=memory_format)
        for pictures in (moved.source, moved.target)
    )
    return Batch(source, target, moved.pose)


def network_colors(pictures: Tensor) -> Tensor:
    """Network colours of pictures.

    Args:
        pictures: (B, H, W, 4) uint8, sRGB, multiplied by alpha in linear light, on any device.

    Returns:
        (B, 4, H, W) float32 in [-1, 1]
    """
    table = _color_table(pictures.device)
    color = table[0][pictures[..., :3].int()]
    alpha = table[1][pictures[..., 3:].int()]
    return torch.cat([color, alpha], dim=-1).permute(0, 3, 1, 2)


def pictures_from_network(colors: Tensor) -> NDArray[np.uint8]:
    """Pictures of network colours, clipped and rounded to nearest.

    Args:
        colors: (B, 4, H, W) in network colours, on any device.

    Returns:
        (B, H, W, 4) uint8, sRGB, multiplied by alpha in linear light
    """
    values = (colors.detach().float().cpu().permute(0, 2, 3, 1).numpy() + 1.0) / 2.0
    values = np.clip(values, 0.0, 1.0)
    encoded = np.concatenate([srgb_from_linear(values[..., :3]), values[..., 3:]], axis=-1)
    return np.round(encoded * 255.0).astype(np.uint8)


@cache
def _color_table(device: torch.device) -> Tensor:
    """Network colour of each byte, (2, 256): of a colour channel and of alpha."""
    bytes_ = np.arange(256) / 255.0
    table = np.stack([linear_from_srgb(bytes_), bytes_]) * 2.0 - 1.0
    return torch.from_numpy(table.astype(np.float32)).to(device)
