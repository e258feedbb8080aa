"""Reads a split like a list: any sample by its number, straight out of the shards.

The order of a pass over the data is a permutation that depends on (seed, epoch) only. Where a training run
stands is one integer, the count of samples taken so far; it means the same for any number of workers and
processes. `torch.utils.data.DataLoader` takes a `SplitReader` as it is; torch is not imported.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdgen.dataset.manifest import read_manifest
from mmdgen.dataset.places import Place
from mmdgen.dataset.sample import PICTURES
from mmdgen.dataset.shard import published_shards, read_member
from mmdgen.errors import DatasetError
from mmdgen.images import Image


@dataclass(frozen=True, slots=True, eq=False)
class ReadSample:
    """One sample as a network wants it."""

    key: str
    rest: Image  # (size, size, 4) uint8, sRGB
    expression: Image
    posed: Image
    pose: NDArray[np.float32]  # (parameters,), in the pose space's order


class SplitReader:
    """The samples of one split, by number.

    Args:
        folder: the data set; of a URL, what `parse_place` makes of it.
        split: "train", "validation" or "test".

    Raises:
        DatasetError: there is no such data set or split.
    """

    def __init__(self, folder: Place, split: str) -> None:
        self.parameter_names: tuple[str, ...] = tuple(
            row["name"] for row in read_manifest(folder)["pose_space"]["parameters"]
        )
        keys: list[str] = []
        places: list[list[list[int]]] = []
        poses: list[list[float]] = []
        homes: list[int] = []
        self._shards: list[Place] = []
        for number, (shard, rows) in enumerate(published_shards(folder / split)):
            self._shards.append(shard)
            for row in rows:
                keys.append(row["key"])
                homes.append(number)
                poses.append(row["pose_vector"])
                places.append(
                    [
                        [row["members"][f"{name}.png"]["offset"], row["members"][f"{name}.png"]["size"]]
                        for name in PICTURES
                    ]
                )
        if not keys:
            raise DatasetError(f"{folder / split}: holds no whole shard; render the split first")
        self.keys = np.array(keys)
        self.poses = np.array(poses, np.float32)  # (samples, parameters)
        self._homes = np.array(homes, np.int32)
        self._places = np.array(places, np.int64)  # (samples, pictures, offset and size)

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, number: int) -> ReadSample:
        """Read and decode one sample. Raises IndexError beyond the end, DatasetError for a damaged shard."""
        rest, expression, posed = (self.picture(number, name) for name in PICTURES)
        return ReadSample(str(self.keys[number]), rest, expression, posed, self.poses[number])

    def picture(self, number: int, name: str) -> Image:
        """Read and decode one picture of a sample: "rest", "expression" or "posed". Raises as indexing does.

        A network learns from two of the three; decoding is what reading costs.
        """
        if not -len(self) <= number < len(self):
            raise IndexError(f"sample {number} of {len(self)}")
        offset, size = self._places[number, PICTURES.index(name)]
        shard = self._shards[self._homes[number]]
        return read_picture(shard, {"offset": int(offset), "size": int(size)})


def epoch_order(count: int, seed: int, epoch: int) -> NDArray[np.intp]:
    """The permutation of `count` numbers for one pass, (count,). Raw counter output, the same for ever."""
    generator = np.random.Philox(key=np.array([seed, epoch], np.uint64))
    return np.argsort(generator.random_raw(count), kind="stable")


def endless_order(count: int, seed: int, start: int = 0, *, step: int = 1) -> Iterator[int]:
    """Sample numbers, pass after pass, from position `start`.

    Args:
        count: samples of the split.
        seed: of the order.
        start: how many samples of the whole run come before: the one integer to store for resuming.
        step: take every `step`-th position; process r of n starts at `start + r` with step n.
    """
    epoch, order = -1, np.zeros(0, np.intp)
    position = start
    while True:
        if position // count != epoch:
            epoch = position // count
            order = epoch_order(count, seed, epoch)
        yield int(order[position % count])
        position += step


def read_picture(shard: Place, member: Mapping[str, Any]) -> Image:
    """The RGBA pixels of a picture in a shard, found by its record. Raises DatasetError."""
    data = read_member(shard, member)
    try:
        return decode_png(data)
    except DatasetError as error:
        raise DatasetError(f"{shard}: {error}; delete it with its .jsonl and render again") from error


def decode_png(data: bytes) -> Image:
    """The RGBA pixels of a PNG file, (height, width, 4) uint8. Raises DatasetError."""
    from PIL import Image as PillowImage

    try:
        with PillowImage.open(io.BytesIO(data)) as picture:
            return np.array(picture.convert("RGBA"), np.uint8)
    except (OSError, SyntaxError, ValueError) as error:
        raise DatasetError(f"a picture of the data set cannot be decoded ({error})") from error
