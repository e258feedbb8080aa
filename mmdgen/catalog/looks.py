"""How a character looks at rest, as a short row of bits: nearly the same picture, nearly the same bits. Pure.

A picture becomes 16 x 16 greys; a bit says whether a grey is clearly brighter than its left, another whether
it is clearly brighter than its upper neighbour. Pictures are compared as they are: all show a face from the
front, its head at the same place, so nothing is turned or moved to fit.

Measured on 200 built-in characters (19,900 pairs of different ones, of one face and one maker, so nearer to
each other than characters of many makers) and on the real models at hand: see docs/explanation/scale.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from mmdgen.images import Image, linear_from_srgb, srgb_from_linear
from mmdgen.scene import Framing

LOOK_VERSION = 1  # raise it when the same picture would get other bits
SIDE = 16
WORDS = 8  # of 64 bits: 2 x 16 x 15 comparisons, filled up with zeros

SAME_CHARACTER = 12  # bits in which pictures of one character may differ; different ones: 17 and more
LEAK = 6  # bits in which pictures differ that stand in two splits only by mistake: surely one character

_CLEARLY = 0.004  # of white, sRGB: a whole step of 8 bits
_GROUND = 0.5  # grey behind the character
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # of linear light, ITU-R BT.709
_BLOCK = 256


@dataclass(frozen=True, slots=True)
class Look:
    """How a model looks."""

    model_id: str
    state: str  # hash of all that the picture depends on beside the model file
    bits: str  # hexadecimal, "" where the model could not be drawn


def look_bits(image: Image, *, premultiplied: bool, framing: Framing | None = None) -> NDArray[np.uint64]:
    """The bits of a picture, (WORDS,).

    Args:
        image: (size, size, 4) uint8 RGBA, the character at rest.
        premultiplied: whether colours are stored multiplied by alpha in linear light.
        framing: where the head stands; None: in the middle half, as in the article.
    """
    grey = _shrunk(_grey(image, premultiplied), framing or _article_framing(image))
    steps = np.concatenate([np.diff(grey, axis=1).ravel(), np.diff(grey, axis=0).ravel()])
    packed = np.packbits(steps > _CLEARLY)
    return np.pad(packed, (0, WORDS * 8 - len(packed))).view(np.uint64)


def near_pairs(looks: Sequence[Look], limit: int = SAME_CHARACTER) -> Iterator[tuple[int, int]]:
    """Numbers of looks that differ in at most `limit` bits, each pair once, the smaller number first."""
    drawn = [number for number, look in enumerate(looks) if look.bits]
    bits = np.frombuffer(bytes.fromhex("".join(looks[number].bits for number in drawn)), np.uint64)
    for first, second in near_rows(bits.reshape(-1, WORDS), limit):
        yield drawn[first], drawn[second]


def near_rows(bits: NDArray[np.uint64], limit: int) -> Iterator[tuple[int, int]]:
    """Numbers of rows (n, WORDS) that differ in at most `limit` bits, each pair once.

    Every row is compared with every later one, a block at a time: half a minute for 30,000 rows.
    """
    for start in range(0, len(bits), _BLOCK):
        block, rest = bits[start : start + _BLOCK], bits[start:]
        distances = np.zeros((len(block), len(rest)), np.uint16)
        for word in range(bits.shape[1]):
            distances += np.bitwise_count(block[:, word, None] ^ rest[None, :, word])
        rows, others = np.nonzero(distances <= limit)
        for row, other in zip(rows.tolist(), others.tolist(), strict=True):
            if row < other:
                yield start + row, start + other


def _grey(image: Image, premultiplied: bool) -> NDArray[np.float32]:
    """Linear luminance over a grey ground, (size, size)."""
    alpha = image[..., 3] / 255.0
    luminance = linear_from_srgb(image[..., :3] / 255.0) @ _LUMINANCE
    shown = luminance if premultiplied else luminance * alpha
    over: NDArray[np.float64] = shown + float(linear_from_srgb(_GROUND)) * (1.0 - alpha)
    return over.astype(np.float32)


def _shrunk(grey: NDArray[np.float32], framing: Framing) -> NDArray[np.float64]:
    """The square of twice the head's height around the head, as 16 x 16 sRGB greys."""
    margin = int(np.ceil(framing.head_height_px))
    column, row = (middle + margin for middle in framing.head_center_px)
    height = framing.head_height_px
    padded = np.pad(grey, margin, constant_values=np.float32(linear_from_srgb(_GROUND)))
    small = PillowImage.fromarray(padded).resize(
        (SIDE, SIDE),
        PillowImage.Resampling.BOX,
        box=(column - height, row - height, column + height, row + height),
    )
    return srgb_from_linear(np.asarray(small, np.float64))


def _article_framing(image: Image) -> Framing:
    size = image.shape[0]
    return Framing(size, size / 2, (size / 2, size / 2))
