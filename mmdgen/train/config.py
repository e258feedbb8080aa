"""What decides a training run, with the article's settings as presets. Knows no torch.

Batch sizes and lengths of `tha1` are the article's (an epoch is its 500,000 training samples):

    network       loss           batch   epochs
    face morpher  L1             25      6
    face rotator  L1             25      6
    face rotator  perceptual     8       0.5 with L1 alone, then 6
    combiner      L1             20      3
    combiner      perceptual     12      3
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from mmdgen.errors import NetworkError
from mmdgen.train.networks.config import NetworkConfig, NetworkKind, network_config


class LossKind(StrEnum):
    """What is made small."""

    L1 = "l1"
    PERCEPTUAL = "perceptual"  # L1 and the distance of VGG16's features


@dataclass(frozen=True, slots=True)
class Schedule:
    """How much a network sees."""

    batch_size: int
    images: int  # training images in all
    warm_up_images: int = 0  # of these, how many with L1 alone before the perceptual part joins in


ARTICLE_EPOCH = 500_000

_ARTICLE = {
    (NetworkKind.FACE_MORPHER, LossKind.L1): Schedule(25, 6 * ARTICLE_EPOCH),
    (NetworkKind.FACE_ROTATOR, LossKind.L1): Schedule(25, 6 * ARTICLE_EPOCH),
    # from random weights the perceptual loss was unstable, hence half an epoch of L1
    (NetworkKind.FACE_ROTATOR, LossKind.PERCEPTUAL): Schedule(
        8, 6 * ARTICLE_EPOCH + ARTICLE_EPOCH // 2, ARTICLE_EPOCH // 2
    ),
    (NetworkKind.COMBINER, LossKind.L1): Schedule(20, 3 * ARTICLE_EPOCH),
    (NetworkKind.COMBINER, LossKind.PERCEPTUAL): Schedule(12, 3 * ARTICLE_EPOCH),
}

# The weight of the perceptual part when every norm is a mean (see mmdgen.train.losses).
PERCEPTUAL_WEIGHTS = {NetworkKind.FACE_ROTATOR: 1 / 5, NetworkKind.COMBINER: 1 / 25}


@dataclass(frozen=True, slots=True)
class MaskWarmUp:
    """Lets a network learn to paint before its masks learn to keep the input.

    A face morpher's masks find within some hundred steps that keeping everything is nearly right; then almost
    no gradient is left for the change. A hundred thousand steps, as in the article, get over that; short runs
    hold the masks at one half first, and let them move slowly then.
    """

    images: int  # how long the masks stand at one half
    learning_rate_share: float  # of the masks afterwards


LEARNING_RATES = {"tha1": 1e-4, "small": 2e-4, "tiny": 2e-3}  # narrow networks bear and need larger steps
_TINY_MORPHER: dict[str, Any] = {
    "learning_rate": 3e-3,
    "betas": (0.5, 0.99),
    "mask_warm_up": MaskWarmUp(images=1600, learning_rate_share=0.05),
}
_LENGTH_SHARE = {"tha1": 1.0, "small": 0.1, "tiny": 0.01}  # of the article's number of images
_LARGEST_BATCH = {"tha1": 25, "small": 16, "tiny": 4}  # few images are better spent on many steps

CHECKPOINTS_PER_RUN = 50


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """All that decides the weights that come out, together with the data set.

    The length is not part of it: nothing depends on where a run ends, so that it can always go on.
    """

    network: NetworkConfig
    loss: LossKind = LossKind.L1
    batch_size: int = 25
    warm_up_images: int = 0
    learning_rate: float = 1e-4
    betas: tuple[float, float] = (0.5, 0.999)
    seed: int = 0
    mask_warm_up: MaskWarmUp | None = None
    still_flow: bool = False  # the flow begins at no motion; random ones mostly point outside, and learn late
    bf16: bool = False  # mixed precision: bfloat16 inside the networks, float32 weights

    def __post_init__(self) -> None:
        if self.loss is LossKind.PERCEPTUAL and self.network.kind not in PERCEPTUAL_WEIGHTS:
            raise NetworkError(
                f"a {self.network.kind} has no perceptual loss in the article; train it with --loss l1"
            )
        if self.batch_size < 1:
            raise NetworkError(f"a batch of {self.batch_size} images is impossible")

    def facts(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self) | {"betas": list(self.betas)}


@dataclass(frozen=True, slots=True)
class Preset:
    """A configuration and how long it is meant to run."""

    config: TrainConfig
    images: int


def train_preset(kind: NetworkKind | str, loss: LossKind | str, preset: str) -> Preset:
    """The settings of a preset: `tha1` as in the article, `small` and `tiny` for smaller machines.

    Raises:
        NetworkError: there is no such preset, or the article trains no such network with this loss.
    """
    network = network_config(kind, preset)
    loss = LossKind(loss)
    schedule = _ARTICLE.get((network.kind, loss), _ARTICLE[NetworkKind.FACE_MORPHER, LossKind.L1])
    config = TrainConfig(
        network=network,
        loss=loss,
        batch_size=min(schedule.batch_size, _LARGEST_BATCH[preset]),
        warm_up_images=round(schedule.warm_up_images * _LENGTH_SHARE[preset]),
        learning_rate=LEARNING_RATES[preset],
    )
    if (network.kind, preset) == (NetworkKind.FACE_ROTATOR, "tiny"):
        config = replace(config, still_flow=True)
    if (network.kind, preset) == (NetworkKind.FACE_MORPHER, "tiny"):
        config = replace(config, **_TINY_MORPHER)
    return Preset(config, round(schedule.images * _LENGTH_SHARE[preset]))
