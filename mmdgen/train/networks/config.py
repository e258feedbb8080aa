"""Which network, how wide, for which picture size. Knows no torch, so that a command can list the presets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mmdgen.errors import NetworkError

DOWN_STEPS = 3  # halvings from the picture to the bottleneck
SMALLEST_SIDE = 16  # instance norm needs more than one pixel at the bottleneck


class NetworkKind(StrEnum):
    """The three networks of THA1."""

    FACE_MORPHER = "face-morpher"
    FACE_ROTATOR = "face-rotator"
    COMBINER = "combiner"


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """All that decides a network's parameter names and shapes, and the pictures it is for."""

    kind: NetworkKind
    width: int = 64  # channels at full resolution; doubled at each halving
    size_px: int = 256  # side of its square pictures

    def __post_init__(self) -> None:
        if self.width < 1:
            raise NetworkError(f"a network of width {self.width} is impossible; the width is at least 1")
        step = 2**DOWN_STEPS
        if self.size_px < SMALLEST_SIDE or self.size_px % step:
            raise NetworkError(
                f"a network for pictures of {self.size_px} px is impossible; "
                f"the side must be a multiple of {step}, at least {SMALLEST_SIDE}"
            )

    def __str__(self) -> str:
        return f"{self.kind} (width {self.width}, {self.size_px} px)"


# (width, side of the pictures). `tha1` is the published networks' size.
NETWORK_SIZES = {"tha1": (64, 256), "small": (32, 128), "tiny": (8, 64)}


def network_config(kind: NetworkKind | str, preset: str = "tha1") -> NetworkConfig:
    """The network of a preset. Raises NetworkError for an unknown one."""
    if preset not in NETWORK_SIZES:
        raise NetworkError(f"no preset '{preset}'; known are {', '.join(NETWORK_SIZES)}")
    width, size_px = NETWORK_SIZES[preset]
    return NetworkConfig(NetworkKind(kind), width, size_px)
