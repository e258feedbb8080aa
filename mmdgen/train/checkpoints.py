"""Checkpoints: a network with its configuration in one file, and all that a run needs to go on.

A run's folder holds its newest state in `checkpoint.pt`, replaced as a whole, so that it is there and intact
whenever the run is killed. The file is a dictionary of plain values and tensors
(`torch.load(path, weights_only=True)`):

    format          "mmdgen-checkpoint"
    format_version  1
    network         {"kind": "face-morpher" | "face-rotator" | "combiner", "width": int, "size_px": int}
    state           the network's state dict, names as in the published checkpoints, float32
    images_seen     int: training images that went into it
    training        what resuming needs (see `mmdgen.train.loop`); readers of networks ignore it

`load_network` reads such a file, a run's folder, or a plain state dict as the published demo ships it.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mmdgen.dataset.storage import write_whole
from mmdgen.errors import NetworkError
from mmdgen.train.networks import NetworkConfig, NetworkKind, build_network

CHECKPOINT_FILE = "checkpoint.pt"
FORMAT = "mmdgen-checkpoint"
FORMAT_VERSION = 1

# A parameter that only this kind has. Its first convolution tells the width.
_TELLTALE = {
    NetworkKind.FACE_MORPHER: ("color_change.0.weight", "main_body.module_list.0.0.weight"),
    NetworkKind.FACE_ROTATOR: ("zhou_grid_change.weight", "main_body.module_list.0.0.weight"),
    NetworkKind.COMBINER: ("combine_alpha_mask.0.weight", "main_body.downward_modules.0.0.weight"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """What a checkpoint file holds."""

    network: NetworkConfig
    state: Mapping[str, Tensor]
    images_seen: int = 0
    training: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LoadedNetwork:
    """A network ready to be used: in evaluation mode, float32, on the device that was asked for."""

    network: nn.Module
    config: NetworkConfig
    path: Path  # the file it came from
    images_seen: int | None  # training images that went into it; None for a plain state dict


def load_network(
    path: Path,
    *,
    kind: NetworkKind | str | None = None,
    size_px: int = 256,
    device: torch.device | str = "cpu",
) -> LoadedNetwork:
    """Load a network for use.

    Args:
        path: a run's folder, its `checkpoint.pt`, or a file with a plain state dict (a published `.pt`).
        kind: which network it must be; None takes any.
        size_px: side of the pictures that a plain state dict is for. Checkpoints tell it themselves.
        device: where to put it.

    Raises:
        NetworkError: there is no such file, it is no checkpoint, its parameters do not fit its kind, or it
            holds another kind of network than `kind`.
    """
    file = checkpoint_path(path)
    document = _load_document(file)
    if is_checkpoint(document):
        checkpoint = _checked(document, file)
        config, state, images_seen = checkpoint.network, checkpoint.state, checkpoint.images_seen
    else:
        config, state, images_seen = (
            config_of_state(document, source=str(file), size_px=size_px),
            document,
            None,
        )
    if kind is not None and config.kind != kind:
        raise NetworkError(f"{file}: holds a {config.kind}, not a {kind}; name the run or file of a {kind}")
    network = network_from_state(config, state, source=str(file))
    return LoadedNetwork(network.to(device).eval(), config, file, images_seen)


def network_from_state(config: NetworkConfig, state: Mapping[str, Tensor], *, source: str) -> nn.Module:
    """A network with given parameters. Raises NetworkError if names or shapes are others."""
    with torch.device("meta"):
        network = build_network(config)
    expected = {name: value.shape for name, value in network.state_dict().items()}
    for name in sorted(expected.keys() | state.keys()):
        if name not in state or name not in expected:
            raise NetworkError(
                f"{source}: parameter {name} {'is missing' if name in expected else 'is unknown'} "
                f"for a {config}; is it of another network or version?"
            )
        if state[name].shape != expected[name]:
            raise NetworkError(
                f"{source}: parameter {name} has shape {tuple(state[name].shape)}, "
                f"a {config} has {tuple(expected[name])} there"
            )
    # copies, so that training the network does not change the caller's tensors
    copies = {name: value.detach().clone().float() for name, value in state.items()}
    network.load_state_dict(copies, assign=True)
    for parameter in network.parameters():
        parameter.requires_grad_(True)
    return network


def config_of_state(state: Mapping[str, Tensor], *, source: str, size_px: int = 256) -> NetworkConfig:
    """The configuration of a plain state dict, told by its names and shapes. Raises NetworkError."""
    for kind, (telltale, first) in _TELLTALE.items():
        if telltale in state and first in state:
            return NetworkConfig(kind, width=state[first].shape[0], size_px=size_px)
    raise NetworkError(f"{source}: holds no network of THA1; name a run's folder or a published .pt file")


def checkpoint_path(path: Path) -> Path:
    """The checkpoint of a run's folder; a file stays itself."""
    return path / CHECKPOINT_FILE if path.is_dir() else path


def is_checkpoint(document: Mapping[str, Any]) -> bool:
    """Whether this is a run's checkpoint and not a plain state dict."""
    return document.get("format") == FORMAT


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a run's checkpoint, tensors on the CPU. Raises NetworkError."""
    file = checkpoint_path(path)
    document = _load_document(file)
    if not is_checkpoint(document):
        raise NetworkError(f"{file}: is no checkpoint of a training run")
    return _checked(document, file)


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint as a whole: the old one stays until the new one is on the disk.

    Raises:
        StorageError: the disk is full, or the folder may not be written to.
    """
    buffer = io.BytesIO()
    torch.save(
        {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "network": asdict(checkpoint.network) | {"kind": checkpoint.network.kind.value},
            "state": dict(checkpoint.state),
            "images_seen": checkpoint.images_seen,
            "training": checkpoint.training,
        },
        buffer,
    )
    write_whole(path, buffer.getvalue())


def _load_document(file: Path) -> Mapping[str, Any]:
    try:
        document = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise NetworkError(f"{file}: no such file; train a network first, or check the path") from None
    except (RuntimeError, ValueError, EOFError, KeyError, pickle.UnpicklingError) as error:
        # what torch says of it is for programmers
        raise NetworkError(
            f"{file}: is no checkpoint or is damaged; name another file, or train it again in another folder"
        ) from error
    if not isinstance(document, Mapping):
        raise NetworkError(f"{file}: holds no network; name a run's folder or a published .pt file")
    return document


def _checked(document: Mapping[str, Any], file: Path) -> Checkpoint:
    if document.get("format_version") != FORMAT_VERSION:
        raise NetworkError(
            f"{file}: is a checkpoint of format version {document.get('format_version')}, "
            f"this mmdgen reads {FORMAT_VERSION}; install the version that wrote it"
        )
    facts = document["network"]
    config = NetworkConfig(NetworkKind(facts["kind"]), facts["width"], facts["size_px"])
    return Checkpoint(config, document["state"], document["images_seen"], document["training"])
