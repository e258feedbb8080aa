"""Which device computes, and which processes train together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed

from mmdgen.errors import BackendError, NetworkError


@dataclass(frozen=True, slots=True)
class Processes:
    """This process among those that train one network together."""

    device: torch.device
    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0


def choose_device(wanted: int | str | None) -> torch.device:
    """The CPU for "cpu", the GPU of a number, or the first GPU, or the CPU where there is none.

    Raises:
        BackendError: there is no such GPU.
    """
    count = torch.cuda.device_count()
    if wanted == "cpu" or (wanted is None and not count):
        return torch.device("cpu")
    number = int(wanted or 0)
    if number >= count:
        found = f"torch finds {count}" if count else "torch finds none"
        raise BackendError(
            f"there is no GPU number {number}: {found}; choose another --device or --device cpu"
        )
    return torch.device("cuda", number)


@contextmanager
def joined_processes(wanted: int | str | None) -> Iterator[Processes]:
    """The processes that `torchrun` started, or this one alone.

    Args:
        wanted: device, as in `choose_device`. With `torchrun` and no wish each process takes its own GPU.
    """
    if "WORLD_SIZE" not in os.environ:
        yield Processes(choose_device(wanted))
        return
    if wanted is None and torch.cuda.is_available():
        wanted = int(os.environ["LOCAL_RANK"])
    device = choose_device(wanted)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Processes(device, distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()


@contextmanager
def memory_errors_explained(
    batch_size: int, *, on_gpu: str = "--bf16 or a smaller --preset", elsewhere: str = "a smaller --preset"
) -> Iterator[None]:
    """Turn running out of memory into one sentence with what to change. Raises NetworkError.

    Args:
        batch_size: what half of is proposed.
        on_gpu: what else there is to try.
        elsewhere: the same without a GPU.
    """
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        raise NetworkError(
            f"the GPU has too little memory for batches of {batch_size} images; "
            f"try --batch-size {max(1, batch_size // 2)}, {on_gpu}"
        ) from error
    except RuntimeError as error:
        if "can't allocate memory" not in str(error):
            raise
        raise NetworkError(
            f"too little memory for batches of {batch_size} images; "
            f"try --batch-size {max(1, batch_size // 2)} or {elsewhere}"
        ) from error
