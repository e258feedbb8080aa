"""One training example: three pictures, the label, and facts that tell whether the pictures are sound."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmdgen.dataset.keys import SampleKey
from mmdgen.images import Image, encode_png
from mmdgen.pose import PoseSpace, PoseVector
from mmdgen.scene import Light
from mmdgen.stopwatch import timed

PICTURES = ("rest", "expression", "posed")  # in the order of a shard's members


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """A picture as it goes to disk, and the hash of its pixels, which outlives the encoder."""

    png: bytes
    pixel_sha256: str  # of the (height, width, 4) uint8 RGBA values, top row first


@dataclass(frozen=True, slots=True)
class Sample:
    """What one key of a shard holds."""

    key: SampleKey
    group: str
    split: str
    seed: int
    space: PoseSpace
    vector: PoseVector  # (parameters,)
    light: Light
    rest: EncodedImage
    expression: EncodedImage
    posed: EncodedImage
    quality: Mapping[str, Any]
    broken_rules: tuple[str, ...] = ()  # why the sample does not belong into a shard
    maps: Mapping[str, bytes] = field(default_factory=dict)  # "posed.depth.npy" ..., in a shard's order

    def label(self) -> dict[str, Any]:
        """The content of KEY.json."""
        numbers = [float(number) for number in self.vector]
        return {
            "key": str(self.key),
            "model_id": self.key.model_id,
            "index": self.key.index,
            "group": self.group,
            "split": self.split,
            "seed": self.seed,
            "pose_space": self.space.name,
            "pose": dict(zip(self.space.names, numbers, strict=True)),
            "pose_vector": numbers,
            "light": {"ambient": self.light.ambient, "directional": self.light.directional},
        }


def encode_image(image: Image) -> EncodedImage:
    """Encode a picture and hash its pixels."""
    with timed("encode"):
        return EncodedImage(png=encode_png(image), pixel_sha256=pixel_sha256(image))


def pixel_sha256(image: Image) -> str:
    """SHA-256 of the RGBA bytes of a picture, row by row from the top."""
    return hashlib.sha256(np.ascontiguousarray(image).data).hexdigest()
