"""The three networks of THA1, one file each; `build_network` makes the one that a configuration names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmdgen.train.networks.config import NetworkConfig, NetworkKind, network_config

if TYPE_CHECKING:
    from torch import nn

__all__ = ["NetworkConfig", "NetworkKind", "build_network", "network_config"]


def build_network(config: NetworkConfig) -> nn.Module:
    """A freshly initialised network (from torch's global generator)."""
    from mmdgen.train.networks.combiner import Combiner
    from mmdgen.train.networks.face_morpher import FaceMorpher
    from mmdgen.train.networks.face_rotator import FaceRotator

    kinds: dict[NetworkKind, type[FaceMorpher] | type[FaceRotator] | type[Combiner]] = {
        NetworkKind.FACE_MORPHER: FaceMorpher,
        NetworkKind.FACE_ROTATOR: FaceRotator,
        NetworkKind.COMBINER: Combiner,
    }
    return kinds[config.kind](config.width)
