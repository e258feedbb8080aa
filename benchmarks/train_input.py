"""Whether reading keeps up with training: PNG decoders, the reader's examples, the networks' steps.

Prints CPU milliseconds, which a busy machine changes little, and how many examples a second one core reads
and trains on. `--data` takes a data set of your own; without it one of
built-in characters is rendered into a temporary folder.

Needs the extra `train`. On a GPU (`--device 0`) the step is timed by the clock, after a synchronisation.
"""

from __future__ import annotations

import argparse
import json
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from isal import isal_zlib

from mmdgen.dataset.config import DatasetConfig, Split, SplitRule
from mmdgen.dataset.manifest import read_manifest
from mmdgen.dataset.reader import SplitReader, decode_png
from mmdgen.dataset.shard import published_shards, read_member
from mmdgen.generate.finish import finish_dataset
from mmdgen.generate.runner import plan_split, prepare_models, run_plan
from mmdgen.images import Image
from mmdgen.train.data import Examples, endless_batches, to_device
from mmdgen.train.devices import choose_device
from mmdgen.train.losses import l1_loss
from mmdgen.train.networks import NetworkConfig, NetworkKind, build_network, network_config
from mmdgen.train.steps import answers


def cpu_ms(work: Callable[[], object], rounds: int = 5, repeat: int = 20) -> float:
    """Median CPU milliseconds of one call."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(repeat):
            work()
        times.append(1e3 * (time.process_time() - start) / repeat)
    return statistics.median(times)


def render_small(folder: Path, size_px: int) -> Path:
    """A data set of built-in characters."""
    rule = SplitRule(Split.TRAIN, 48, share=1.0)
    config = DatasetConfig("benchmark", folder / "dataset", (rule,), size_px=size_px, builtin=4)
    config = replace(config, samples_per_pixel=4)
    models = prepare_models(config, workers=1)
    finish_dataset(config, [run_plan(plan_split(config, models, Split.TRAIN), config, models, workers=1)])
    return config.out


def png_files(folder: Path, count: int = 20) -> list[bytes]:
    """Some pictures of a data set, still encoded."""
    files = []
    for shard, rows in published_shards(folder / "train"):
        for row in rows:
            files += [read_member(shard, row["members"][f"{name}.png"]) for name in ("rest", "posed")]
            if len(files) >= count:
                return files[:count]
    return files


def decode_up_filtered(data: bytes) -> Image:
    """The pixels of an 8-bit RGBA file with one IDAT chunk and Up-filtered rows, as mmdgen writes them.

    Undoing Up is a running sum down the columns, modulo 256. Not in the package: it is half again as fast as
    Pillow, which two worker processes make up for, and reads nothing but our own files.
    """
    position, packed = 8, b""
    while position < len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        body = data[position + 8 : position + 8 + size]
        if kind == b"IHDR":
            width, height = struct.unpack_from(">II", body)
        elif kind == b"IDAT":
            packed = body
        position += 12 + size
    rows = np.frombuffer(isal_zlib.decompress(packed), np.uint8).reshape(height, 1 + 4 * width)
    return np.add.accumulate(rows[:, 1:], axis=0, dtype=np.uint8).reshape(height, width, 4)


def decoders(files: list[bytes]) -> dict[str, float]:
    """CPU ms of a picture with each decoder. They must agree."""
    for data in files:
        np.testing.assert_array_equal(decode_png(data), decode_up_filtered(data))
    kinds = {"Pillow": decode_png, "ISA-L and numpy": decode_up_filtered}
    return {
        name: cpu_ms(lambda decode=decode: [decode(data) for data in files], repeat=2) / len(files)
        for name, decode in kinds.items()
    }


def step_ms(network: NetworkConfig, folder: Path, batch_size: int, device: torch.device) -> float:
    """Milliseconds of one image in a training step: CPU time, on a GPU time by the clock."""
    examples = Examples(folder, "train", network)
    batch = to_device(next(endless_batches(examples, batch_size, seed=0)), device, torch.channels_last)
    trained = build_network(network).to(device=device, memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(trained.parameters(), 1e-4)
    clock = time.perf_counter if device.type == "cuda" else time.process_time

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            images = answers(trained(batch.source, batch.pose)).values()
            loss = torch.stack([l1_loss(image, batch.target) for image in images]).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    times = []
    for _ in range(5):
        start = clock()
        step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(1e3 * (clock() - start) / batch_size)
    return statistics.median(times[1:])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="a data set with a train split")
    parser.add_argument("--size", type=int, default=256, help="pixels, without --data")
    parser.add_argument("--preset", default="tha1", help="of the networks whose step is timed")
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--device", default="cpu", help="number of a GPU, or cpu")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    device = choose_device(options.device)
    with tempfile.TemporaryDirectory() as folder:
        data = options.data or render_small(Path(folder), options.size)
        size_px = read_manifest(data)["config"]["size_px"]
        network = replace(network_config(NetworkKind.FACE_ROTATOR, options.preset), size_px=size_px)
        decoding = decoders(png_files(data))
        reader = Examples(data, "train", network)
        reading = cpu_ms(lambda: [reader[number] for number in range(16)], repeat=1) / 16
        training = step_ms(network, data, options.batch_size, device)
        count = len(SplitReader(data, "train"))
    facts = {
        "size_px": size_px,
        "samples": count,
        "decode_ms": decoding,
        "read_ms": reading,
        "train_ms": training,
        "read_per_second": 1e3 / reading,
        "train_per_second": 1e3 / training,
        "workers_needed": reading / training,
    }
    if options.json:
        json.dump(facts, sys.stdout, indent=1)
        return
    for name, spent in decoding.items():
        print(f"decode a picture of {size_px} px, {name:18} {spent:8.2f} ms")
    print(f"read a training example, one core      {reading:8.2f} ms {1e3 / reading:8.0f} a second")
    print(f"train on it ({network}), {device} {training:8.2f} ms {1e3 / training:8.1f} a second")
    print(f"worker processes that keep up          {reading / training:8.3f}")


if __name__ == "__main__":
    main()
