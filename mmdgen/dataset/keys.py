"""What names a sample, and the only source of its randomness.

Everything random is a hash of a seed and a name: no generator is shared, so order, workers, shards and
restarts cannot change a picture, and a model that is added changes nothing about the others.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from mmdgen.errors import DatasetError

Item = TypeVar("Item")

_KEY = re.compile(r"([0-9a-f]{16})-(\d{6,})")


@dataclass(frozen=True, slots=True, order=True)
class SampleKey:
    """One sample: the model, and which of the model's samples. Written as `<model_id>-<index:06d>`."""

    model_id: str
    index: int

    def __str__(self) -> str:
        return f"{self.model_id}-{self.index:06d}"

    @staticmethod
    def parse(text: str) -> SampleKey:
        """The key that `text` names. Raises DatasetError."""
        match = _KEY.fullmatch(text)
        if match is None:
            raise DatasetError(f"'{text}' is no sample key: expected MODELID-NNNNNN")
        return SampleKey(match[1], int(match[2]))


def sample_rng(seed: int, key: SampleKey) -> np.random.Generator:
    """The only source of randomness for one sample: same seed and key, same numbers, anywhere."""
    return named_rng(seed, str(key))


def named_rng(seed: int, name: str) -> np.random.Generator:
    """The source of randomness for anything that has a name."""
    digest = hashlib.blake2b(name.encode("utf-8"), digest_size=16).digest()
    return np.random.Generator(
        np.random.PCG64(np.random.SeedSequence([seed, *np.frombuffer(digest, "<u4").tolist()]))
    )


def stable_unit(name: str) -> float:
    """A number in [0, 1) that depends on nothing but the name."""
    return int.from_bytes(hashlib.blake2b(name.encode("utf-8"), digest_size=8).digest(), "big") / 2.0**64


def shuffled(items: Iterable[Item], name: Callable[[Item], str], seed: int) -> list[Item]:
    """The items in an order that depends on the seed and their names only.

    Adding or removing an item leaves the others in the same order among themselves.
    """

    def rank(item: Item) -> bytes:
        return hashlib.blake2b(f"{seed}:{name(item)}".encode(), digest_size=16).digest()

    return sorted(items, key=rank)
