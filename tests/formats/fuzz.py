"""Damaged model files by the thousand: nothing but FormatError may come of them, soon, and in little memory.

A mutation changes a good file: bytes, numbers at the places where the reader reads counts, pieces cut out,
doubled or taken from another file. `python -m tests.formats.fuzz --inputs 200000` runs it at length.

Memory is watched twice: every sixteenth input is traced to the byte, and where the system tells how much
memory the process ever had, no input may raise that by more than the allowance.
"""

from __future__ import annotations

import argparse
import struct
import sys
import time
import tracemalloc
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mmdgen.errors import FormatError
from mmdgen.formats import read_model_bytes, write_pmx
from mmdgen.formats.binary import BinaryReader
from mmdgen.model import Model
from tests.formats.files import PmdBone, PmdFile, everything_pmx

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

MAX_SECONDS = 1.0
TRACE_EVERY = 16
MAX_BYTES_PER_BYTE, MAX_EXTRA_BYTES = 4, 64 << 20
INTERESTING = (0, 1, 2, 3, 127, 128, 255, 256, 32767, 65535, 65536, 1 << 24, 2**31 - 1, -1, -2, -(2**31))
FLOATS = (0.0, -0.0, 1e38, -1e38, float("nan"), float("inf"), float("-inf"), 1e-45, 2.0)


@dataclass
class Seed:
    """A good file and where the reader reads counts and texts in it."""

    data: bytes
    places: list[int]


@dataclass
class Tally:
    """What came of the inputs."""

    inputs: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    read: int = 0
    read_with_warnings: int = 0
    slowest: float = 0.0
    growth: int = 0  # the most that one input raised the process's memory, bytes
    most_memory: int = 0  # bytes above MAX_BYTES_PER_BYTE times the size

    def __str__(self) -> str:
        refused = ", ".join(f"{section} {count:,}" for section, count in self.refused.most_common())
        return (
            f"{self.inputs:,} inputs: {self.read:,} read ({self.read_with_warnings:,} with warnings), "
            f"{sum(self.refused.values()):,} refused ({refused}); slowest {self.slowest:.3f} s, "
            f"at most 4 x size {self.most_memory / 2**20:+.1f} MiB allocated, "
            f"one input raised the process's memory by {self.growth / 2**20:.1f} MiB at most"
        )


def built_seeds() -> list[Seed]:
    """Seeds made from the test files."""
    pmd = PmdFile(
        bones=[PmdBone(b"a", kind=1), PmdBone(b"b", 0, kind=5, ik=0), PmdBone(b"c", 1, 0, 9, 50)],
        ik_chains=[(0, 1, [2])],
    )
    files = [everything_pmx(), everything_pmx(encoding="utf-8"), pmd.build(), pmd.build(without=["english"])]
    return [seed_of(data) for data in files]


def seed_of(data: bytes) -> Seed:
    """A seed of a good file."""
    places: list[int] = []
    i32, check_count = BinaryReader.i32, BinaryReader.check_count

    def record_i32(self: BinaryReader) -> int:
        places.append(self.offset)
        return i32(self)

    def record_count(self: BinaryReader, count: int, what: str, min_size: int, **limits: int | None) -> None:
        places.append(limits.get("offset") or self.offset)
        check_count(self, count, what, min_size, **limits)

    BinaryReader.i32 = record_i32  # type: ignore[method-assign]
    BinaryReader.check_count = record_count  # type: ignore[assignment]
    try:
        read_model_bytes(data, source="seed")
    finally:
        BinaryReader.i32, BinaryReader.check_count = i32, check_count  # type: ignore[method-assign]
    return Seed(data, sorted(set(places)))


def mutate(rng: np.random.Generator, seeds: Sequence[Seed]) -> bytes:
    """One damaged file."""
    seed = seeds[int(rng.integers(len(seeds)))]
    data = bytearray(seed.data)
    for _ in range(int(rng.geometric(0.5))):
        at = int(rng.integers(len(data))) if data else 0
        match int(rng.integers(9)):
            case 0 if data:
                data[at] = int(rng.integers(256))
            case 1 if data:
                data[at] ^= 1 << int(rng.integers(8))
            case 2:
                data[at : at + 4] = struct.pack("<i", INTERESTING[int(rng.integers(len(INTERESTING)))])
            case 3 if seed.places:
                place = seed.places[int(rng.integers(len(seed.places)))]
                value = INTERESTING[int(rng.integers(len(INTERESTING)))]
                data[place : place + 4] = struct.pack("<i", value)
            case 4:
                data[at : at + 4] = struct.pack("<f", FLOATS[int(rng.integers(len(FLOATS)))])
            case 5:
                del data[at:]
            case 6:
                del data[at : at + int(rng.integers(1, 64))]
            case 7:
                data[at:at] = data[at : at + int(rng.integers(1, 256))]
            case 8:
                other = seeds[int(rng.integers(len(seeds)))].data
                start = int(rng.integers(len(other)))
                data[at : at + 32] = other[start : start + int(rng.integers(1, 256))]
    return bytes(data)


def check(data: bytes, tally: Tally) -> None:
    """Read one damaged file; raises AssertionError where a promise is broken."""
    before, start = most_memory_ever(), time.process_time()
    outcome = _read(data)
    seconds = time.process_time() - start  # CPU time: the machine may be busy
    growth = most_memory_ever() - before
    tally.inputs += 1
    tally.slowest = max(tally.slowest, seconds)
    tally.growth = max(tally.growth, growth)
    if isinstance(outcome, FormatError):
        tally.refused[outcome.section] += 1
    else:
        tally.read += 1
        tally.read_with_warnings += bool(outcome.warnings)
    assert seconds < MAX_SECONDS, f"took {seconds:.2f} s"
    allowance = MAX_BYTES_PER_BYTE * len(data) + MAX_EXTRA_BYTES
    assert growth < allowance, f"raised the process's memory by {growth:,} bytes"


def check_memory(data: bytes, tally: Tally) -> None:
    """Read one damaged file under tracing, and write what was read: it must be whole enough for that."""
    tracemalloc.start()
    try:
        outcome = _read(data)
        allocated = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    tally.most_memory = max(tally.most_memory, allocated - MAX_BYTES_PER_BYTE * len(data))
    assert allocated < MAX_BYTES_PER_BYTE * len(data) + MAX_EXTRA_BYTES, f"allocated {allocated:,} bytes"
    if isinstance(outcome, Model):
        write_pmx(outcome)


def _read(data: bytes) -> Model | FormatError:
    try:
        return read_model_bytes(data, source="fuzz")
    except FormatError as error:
        return error


def most_memory_ever() -> int:
    """Bytes that this process had at its largest; 0 where the system does not tell."""
    if resource is None:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def fuzz(inputs: int, seed: int, seeds: Sequence[Seed], *, say: bool = False) -> Tally:
    """Read `inputs` damaged files; every numpy warning is an error too."""
    rng = np.random.default_rng(seed)
    tally = Tally()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(inputs):
            data = mutate(rng, seeds)
            try:
                check(data, tally)
                if number % TRACE_EVERY == 0:
                    check_memory(data, tally)
            except Exception:
                Path("fuzz-failure.bin").write_bytes(data)
                print(f"input {number} of seed {seed} is in fuzz-failure.bin", file=sys.stderr)
                raise
            if say and tally.inputs % 10_000 == 0:
                print(tally, flush=True)
    return tally


def main() -> None:
    """Fuzz at length, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("files", nargs="*", type=Path, help="more good files to start from, best small ones")
    options = parser.parse_args()
    seeds = built_seeds() + [seed_of(path.read_bytes()) for path in options.files]
    print(fuzz(options.inputs, options.seed, seeds, say=True))


if __name__ == "__main__":
    main()
