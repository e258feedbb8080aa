"""Networks for other programs: plain state dicts under the published names, and ONNX files."""

from __future__ import annotations

import importlib.util
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mmdgen import __version__
from mmdgen.dataset.storage import make_folder, remove_quietly, write_whole
from mmdgen.errors import BackendError, DatasetError
from mmdgen.train.checkpoints import load_network
from mmdgen.train.data import TASKS
from mmdgen.train.networks import NetworkConfig, NetworkKind, network_config

PUBLISHED_FILES = {
    NetworkKind.FACE_MORPHER: "face_morpher.pt",
    NetworkKind.FACE_ROTATOR: "two_algo_face_rotator.pt",
    NetworkKind.COMBINER: "combiner.pt",
}
INPUT_NAMES = {
    NetworkKind.FACE_MORPHER: ("image", "pose"),
    NetworkKind.FACE_ROTATOR: ("image", "pose"),
    NetworkKind.COMBINER: ("pumarola", "zhou", "pose"),
}
ONNX_RESULT = "result"  # the picture that a network is for; in ONNX inputs and outputs share their names
ONNX_OPSET = 18  # GridSample is in it since 16; what runtimes of 2023 and later understand
ONNX_TOLERANCE = 2e-3  # a quarter of a level of an 8-bit picture, in network space
_CHECKED_BATCHES = (1, 3)  # the exporter sees a batch of 2
_COLOURS = "RGBA, (batch, 4, height, width) in [-1, 1]: linear light multiplied by alpha; background -1"


@dataclass(frozen=True, slots=True)
class OnnxExport:
    """One written file, and how far onnxruntime's outputs were from torch's at most."""

    path: Path
    largest_difference: float


def export_tha1(runs: Sequence[Path], out: Path) -> list[Path]:
    """Write networks of the preset `tha1` as the published demo reads them: plain state dicts.

    They are in torch's older file format, since the demo's environment has torch 1.4.

    Raises:
        DatasetError: a run is of another preset, or two are of one kind.
        StorageError: `out` cannot be written.
    """
    found = _load_all(runs)
    for run, (config, _) in zip(runs, found, strict=True):
        published = network_config(config.kind, "tha1")
        if config != published:
            raise DatasetError(
                f"{run}: is a {config}, which the published demo cannot load; it takes networks of the "
                f"preset tha1 (width {published.width}, {published.size_px} px)"
            )
    make_folder(out)
    paths = []
    for config, network in found:
        data = io.BytesIO()
        state = {name: value.float().contiguous() for name, value in network.state_dict().items()}
        torch.save(state, data, _use_new_zipfile_serialization=False)
        paths.append(out / PUBLISHED_FILES[config.kind])
        write_whole(paths[-1], data.getvalue())
    return paths


def export_onnx(runs: Sequence[Path], out: Path) -> list[OnnxExport]:
    """Write networks as ONNX files with a free batch axis, each checked with onnxruntime before it is kept.

    Raises:
        BackendError: a package is missing or too old, or onnxruntime disagrees with torch.
        DatasetError: a run cannot be read, or two are of one kind.
        StorageError: `out` cannot be written.
    """
    require_onnx()
    found = _load_all(runs)
    make_folder(out)
    return [_export_one(config, network, out) for config, network in found]


def require_onnx() -> None:
    """Raise BackendError if what ONNX export needs is not installed."""
    missing = [
        name for name in ("onnx", "onnxruntime", "onnxscript") if importlib.util.find_spec(name) is None
    ]
    if missing:
        raise BackendError(f'ONNX export needs {", ".join(missing)}: pip install "mmdgen[train,onnx]"')


def example_inputs(config: NetworkConfig, batch: int, seed: int = 0) -> tuple[Tensor, ...]:
    """Noise that a network takes: its pictures in [-1, 1] and a pose."""
    generator = np.random.Generator(np.random.PCG64(seed))
    shape = (batch, 4, config.size_px, config.size_px)
    pictures = len(INPUT_NAMES[config.kind]) - 1
    arrays = [generator.uniform(-1, 1, shape) for _ in range(pictures)]
    arrays.append(generator.uniform(0, 1, (batch, 3)))
    return tuple(torch.from_numpy(array.astype(np.float32)) for array in arrays)


def _load_all(runs: Sequence[Path]) -> list[tuple[NetworkConfig, nn.Module]]:
    """The networks of some runs, ready for inference, at most one of each kind."""
    found: list[tuple[NetworkConfig, nn.Module]] = []
    sources: dict[NetworkKind, Path] = {}
    for run in runs:
        loaded = load_network(run)
        kind = loaded.config.kind
        if kind in sources:
            raise DatasetError(
                f"{sources[kind]} and {run} are both a {kind}; export one of each kind into a folder"
            )
        sources[kind] = run
        found.append((loaded.config, loaded.network.float().eval()))
    return found


def _export_one(config: NetworkConfig, network: nn.Module, out: Path) -> OnnxExport:
    import onnx

    program = _onnx_program(config, network)
    proto = program.model_proto
    facts = {
        "mmdgen_version": __version__,
        "network": str(config.kind),
        "width": str(config.width),
        "size_px": str(config.size_px),
        "pictures": _COLOURS,
        "pose": " ".join(TASKS[config.kind].parameters),
    }
    onnx.helper.set_model_props(proto, facts)
    path = out / f"{PUBLISHED_FILES[config.kind].removesuffix('.pt')}.onnx"
    write_whole(path, proto.SerializeToString())
    try:
        difference = max(_difference(config, network, path, batch) for batch in _CHECKED_BATCHES)
        if not difference <= ONNX_TOLERANCE:  # NaN too
            raise BackendError(
                f"{path}: onnxruntime's outputs differ from torch's by {difference:.2g}, more than "
                f"{ONNX_TOLERANCE:g}; try another version of torch or onnxruntime"
            )
    except BaseException:
        remove_quietly(path)
        raise
    return OnnxExport(path, difference)


def _onnx_program(config: NetworkConfig, network: nn.Module) -> Any:
    inputs = example_inputs(config, batch=2)
    with torch.inference_mode():
        fields = network(*inputs)._fields
    outputs = [ONNX_RESULT if name == "image" else name for name in fields]
    batch = torch.export.Dim("batch")
    with _quiet_exporter():
        try:
            return torch.onnx.export(
                network,
                inputs,
                None,
                dynamo=True,
                opset_version=ONNX_OPSET,
                input_names=INPUT_NAMES[config.kind],
                output_names=outputs,
                dynamic_shapes=tuple({0: batch} for _ in inputs),
                verbose=False,
            )
        except (TypeError, ImportError) as error:  # before 2.6 it took other arguments
            raise BackendError(
                f"ONNX export needs torch 2.6 or newer, this is {torch.__version__} ({error})"
            ) from error


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Keep back what torch says of its own insides: it tells a user nothing about the network."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)  # "torchvision is not installed. Skipping ..."
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)`", FutureWarning)
            warnings.filterwarnings("ignore", r"# The axis name: batch will not be used", UserWarning)
            yield
    finally:
        logger.setLevel(level)


def _difference(config: NetworkConfig, network: nn.Module, path: Path, batch: int) -> float:
    """The largest difference of any output between onnxruntime and torch on noise."""
    import onnxruntime  # type: ignore[import-untyped]

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    inputs = example_inputs(config, batch, seed=batch)
    feed = {name: value.numpy() for name, value in zip(INPUT_NAMES[config.kind], inputs, strict=True)}
    with torch.inference_mode():
        expected = [output.numpy() for output in network(*inputs)]
    outputs = session.run(None, feed)
    return max(float(np.abs(one - other).max()) for one, other in zip(outputs, expected, strict=True))
