"""What one character looks like: every choice that its seed makes, and nothing of how it is built.

`draw_traits(seed)` is the only place that is random. Each group of traits has its own random stream, so that
a new choice in one leaves the others as they were.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar
from zlib import crc32

import numpy as np

Color: TypeAlias = tuple[float, float, float]  # sRGB, 0..1
T = TypeVar("T")

FRINGES = ("full", "swept", "parted", "hime", "wisps", "spiky", "curtain", "short", "crossed")
BACK_HAIRS = (
    "bob", "medium", "long", "short", "twin_tails", "ponytail", "braids", "curls", "spiky", "low_tails",
    "wavy", "side_tail", "buns",
)  # fmt: skip
OUTFITS = ("sailor", "blazer", "hoodie", "turtleneck", "kimono", "dress", "track", "shirt", "idol", "coat")
HEADGEAR = (
    "none", "ribbon", "cat_ears", "rabbit_ears", "fox_ears", "horns", "beret", "headband", "headphones",
    "flower", "witch_hat", "side_ribbon", "headset", "cap",
)  # fmt: skip

# Named for whoever reads a contact sheet; the numbers are drawn around these.
HAIR_COLORS: dict[str, Color] = {
    "black": (0.20, 0.19, 0.24), "dark brown": (0.36, 0.25, 0.22), "brown": (0.52, 0.36, 0.27),
    "chestnut": (0.62, 0.38, 0.27), "blonde": (0.95, 0.81, 0.53), "platinum": (0.95, 0.90, 0.79),
    "silver": (0.80, 0.83, 0.90), "white": (0.94, 0.94, 0.97), "pink": (0.97, 0.70, 0.77),
    "red": (0.78, 0.28, 0.28), "orange": (0.94, 0.58, 0.33), "mint": (0.60, 0.88, 0.78),
    "teal": (0.32, 0.72, 0.74), "sky": (0.60, 0.80, 0.95), "blue": (0.33, 0.45, 0.78),
    "navy": (0.26, 0.30, 0.50), "lavender": (0.77, 0.71, 0.92), "purple": (0.56, 0.42, 0.72),
    "green": (0.50, 0.70, 0.46), "ash": (0.62, 0.58, 0.56),
}  # fmt: skip
_HAIR_SHARES = (2.5, 2.5, 2.5, 1.5, 2, 1, 1.5, 1, 1.5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0.7, 1)
SKIN_COLORS: tuple[Color, ...] = (
    (1.0, 0.925, 0.875), (1.0, 0.91, 0.85), (0.99, 0.89, 0.82), (0.97, 0.85, 0.76), (0.90, 0.73, 0.61),
    (0.76, 0.57, 0.45), (0.60, 0.42, 0.33),
)  # fmt: skip
_SKIN_SHARES = (3, 4, 4, 3, 1.5, 1, 0.7)


class Draw:
    """A random stream that depends on the seed and a name, the same on every machine.

    Only raw uniform numbers are used: they are exact, where normal deviates go through the platform's
    mathematical library.
    """

    def __init__(self, seed: int, name: str) -> None:
        self._rng = np.random.Generator(np.random.PCG64([seed, crc32(name.encode("utf-8"))]))

    def between(self, low: float, high: float) -> float:
        """Uniform in [low, high)."""
        return low + (high - low) * float(self._rng.random())

    def bell(self, low: float, high: float) -> float:
        """Between low and high, most often near the middle (the mean of three)."""
        return low + (high - low) * sum(float(self._rng.random()) for _ in range(3)) / 3.0

    def chance(self, probability: float) -> bool:
        """True this often."""
        return float(self._rng.random()) < probability

    def pick(self, options: Sequence[T], weights: Sequence[float] | None = None) -> T:
        """One of several, by weight."""
        shares = np.ones(len(options)) if weights is None else np.asarray(weights, np.float64)
        place = float(self._rng.random()) * float(shares.sum())
        return options[min(int(np.searchsorted(np.cumsum(shares), place, side="right")), len(options) - 1)]


@dataclass(frozen=True, slots=True)
class FaceTraits:
    """The head without its features. Lengths are factors on the average face."""

    unit: float  # height of the eyes above the chin in MMD units (u)
    width: float
    jaw: float  # fullness of the lower face
    chin: float  # breadth of the chin
    nose: float
    skin: Color
    blush: float  # 0..1


@dataclass(frozen=True, slots=True)
class EyeTraits:
    """Eyes and brows. Lengths in head units."""

    spacing: float  # x of an eye's centre
    half_width: float
    rise: float  # upper lid above the centre
    drop: float  # lower lid below the centre
    roundness: float  # 0 almond .. 1 round
    tilt: float  # outer corner above the inner one
    iris_width: float
    iris_height: float
    left: Color
    right: Color
    pupil: str  # round, tall, ring
    lash: float  # thickness factor
    lash_color: Color
    brow_tilt: float
    brow_weight: float


@dataclass(frozen=True, slots=True)
class MouthTraits:
    """The mouth. Lengths in head units."""

    height: float  # above the chin
    half_width: float
    smile: float  # corners above the middle
    fang: bool


@dataclass(frozen=True, slots=True)
class HairTraits:
    """The hair."""

    fringe: str
    back: str
    color_name: str
    color: Color
    tip_color: Color
    parting: float  # x of the parting on the top of the head, -1..1
    length: float  # of the back hair, head units below the chin
    volume: float
    side_locks: float  # length of the locks beside the face below the chin; negative above it
    ahoge: int
    translucent: bool
    shape_seed: int  # for the small differences between strands


@dataclass(frozen=True, slots=True)
class BodyTraits:
    """The trunk, as factors on the average one."""

    shoulders: float
    bust: float


@dataclass(frozen=True, slots=True)
class OutfitTraits:
    """The clothes."""

    kind: str
    main: Color
    second: Color
    accent: Color
    pattern: str


@dataclass(frozen=True, slots=True)
class ExtraTraits:
    """What is worn on the head and face."""

    headgear: str
    color: Color
    glasses: str  # none, round, square, half


@dataclass(frozen=True, slots=True)
class Traits:
    """One character."""

    seed: int
    face: FaceTraits
    eyes: EyeTraits
    mouth: MouthTraits
    hair: HairTraits
    body: BodyTraits
    outfit: OutfitTraits
    extras: ExtraTraits


def shaded(color: Color, factor: float, *, toward: Color = (0.25, 0.12, 0.25)) -> Color:
    """A darker relative of a colour: anime shadows lean to a hue instead of to grey.

    Args:
        color: the lit colour.
        factor: 1 leaves it, 0 gives `toward`.
        toward: the shadow's own hue.
    """
    r, g, b = (c * (factor + (1.0 - factor) * (0.45 + 0.55 * t)) for c, t in zip(color, toward, strict=True))
    return (r, g, b)


def tinted(color: Color, other: Color, share: float) -> Color:
    """A mix of two colours."""
    r, g, b = ((1.0 - share) * a + share * c for a, c in zip(color, other, strict=True))
    return (r, g, b)


def _hsv(hue: float, saturation: float, value: float) -> Color:
    return colorsys.hsv_to_rgb(hue % 1.0, min(max(saturation, 0.0), 1.0), min(max(value, 0.0), 1.0))


def _near(draw: Draw, color: Color, amount: float) -> Color:
    """A colour close to the given one."""
    hue, saturation, value = colorsys.rgb_to_hsv(*color)
    return _hsv(
        hue + draw.between(-0.03, 0.03) * amount,
        saturation * draw.between(1 - 0.25 * amount, 1 + 0.25 * amount),
        value * draw.between(1 - 0.1 * amount, 1 + 0.06 * amount),
    )


def _draw_face(seed: int) -> FaceTraits:
    draw = Draw(seed, "face")
    return FaceTraits(
        unit=draw.bell(1.02, 1.18),
        width=draw.bell(0.96, 1.05),
        jaw=draw.bell(0.90, 1.10),
        chin=draw.bell(0.80, 1.20),
        nose=draw.bell(0.7, 1.15),
        skin=_near(draw, draw.pick(SKIN_COLORS, _SKIN_SHARES), 0.25),
        blush=draw.between(0.25, 1.0),
    )


def _eye_color(draw: Draw) -> Color:
    hue = draw.pick((0.0, 0.03, 0.08, 0.12, 0.25, 0.38, 0.47, 0.53, 0.58, 0.63, 0.72, 0.80, 0.92))
    return _hsv(hue + draw.between(-0.02, 0.02), draw.between(0.45, 0.85), draw.between(0.60, 0.92))


def _draw_eyes(seed: int, hair: HairTraits) -> EyeTraits:
    draw = Draw(seed, "eyes")
    left = _eye_color(draw)
    right = _eye_color(draw) if draw.chance(0.07) else left
    rise = draw.bell(0.20, 0.29)
    drop = draw.bell(0.18, 0.25)
    half_width = draw.bell(0.275, 0.335)
    return EyeTraits(
        spacing=draw.bell(0.49, 0.56),
        half_width=half_width,
        rise=rise,
        drop=drop,
        roundness=draw.between(0.0, 1.0),
        tilt=draw.bell(-0.09, 0.11),
        iris_width=half_width * draw.bell(0.66, 0.80),
        iris_height=(rise + drop) * draw.bell(0.52, 0.62),
        left=left,
        right=right,
        pupil=draw.pick(("round", "tall", "ring"), (3, 2, 1)),
        lash=draw.bell(0.8, 1.5),
        lash_color=tinted(shaded(hair.color, 0.2), (0.13, 0.08, 0.10), 0.65),
        brow_tilt=draw.bell(-0.12, 0.12),
        brow_weight=draw.bell(0.7, 1.4),
    )


def _draw_mouth(seed: int) -> MouthTraits:
    draw = Draw(seed, "mouth")
    return MouthTraits(
        height=draw.bell(0.27, 0.34),
        half_width=draw.bell(0.12, 0.18),
        smile=draw.bell(-0.005, 0.045),
        fang=draw.chance(0.15),
    )


def _draw_hair(seed: int) -> HairTraits:
    draw = Draw(seed, "hair")
    name = draw.pick(tuple(HAIR_COLORS), _HAIR_SHARES)
    color = _near(draw, HAIR_COLORS[name], 0.8)
    back = draw.pick(BACK_HAIRS, (1.3, 1.3, 1.6, 1, 1.3, 1, 0.8, 1, 0.8, 0.8, 1.2, 0.7, 0.6))
    tip = color
    if draw.chance(0.18):
        tip = tinted(color, HAIR_COLORS[draw.pick(tuple(HAIR_COLORS))], draw.between(0.4, 0.9))
    lengths = {
        "long": (2.0, 4.5),
        "medium": (0.5, 1.3),
        "twin_tails": (1.5, 4.5),
        "curls": (0.6, 2.5),
        "wavy": (1.0, 4.0),
    }
    return HairTraits(
        fringe=draw.pick(FRINGES),
        back=back,
        color_name=name,
        color=color,
        tip_color=tip,
        parting=draw.bell(-0.5, 0.5),
        length=draw.between(*lengths.get(back, (1.0, 2.8))),
        volume=draw.bell(0.9, 1.15),
        side_locks=draw.bell(-0.5, 1.3),
        ahoge=draw.pick((0, 1, 2), (5, 3, 1)),
        translucent=draw.chance(0.12),
        shape_seed=int(draw.between(0, 2**31)),
    )


def _draw_body(seed: int) -> BodyTraits:
    draw = Draw(seed, "body")
    return BodyTraits(shoulders=draw.bell(0.93, 1.10), bust=draw.bell(0.86, 1.12))


_CLOTH_MAIN: tuple[Color, ...] = (
    (0.95, 0.95, 0.96), (0.22, 0.25, 0.38), (0.20, 0.20, 0.24), (0.62, 0.20, 0.25), (0.33, 0.42, 0.60),
    (0.88, 0.83, 0.74), (0.52, 0.40, 0.34), (0.36, 0.48, 0.42), (0.93, 0.75, 0.79), (0.66, 0.62, 0.82),
    (0.92, 0.80, 0.46), (0.58, 0.77, 0.86),
)  # fmt: skip
_CLOTH_ACCENT: tuple[Color, ...] = (
    (0.85, 0.22, 0.28), (0.20, 0.35, 0.68), (0.95, 0.73, 0.25), (0.24, 0.60, 0.52), (0.93, 0.50, 0.62),
    (0.50, 0.32, 0.64), (0.96, 0.96, 0.97), (0.22, 0.20, 0.26),
)  # fmt: skip


def _draw_outfit(seed: int) -> OutfitTraits:
    draw = Draw(seed, "outfit")
    main = _near(draw, draw.pick(_CLOTH_MAIN), 1.0)
    second = _near(draw, draw.pick([c for c in _CLOTH_MAIN if abs(sum(c) - sum(main)) > 0.5]), 0.6)
    return OutfitTraits(
        kind=draw.pick(OUTFITS),
        main=main,
        second=second,
        accent=_near(draw, draw.pick(_CLOTH_ACCENT), 1.0),
        pattern=draw.pick(("plain", "stripes", "checks", "dots"), (4, 1, 1, 1)),
    )


def _draw_extras(seed: int) -> ExtraTraits:
    draw = Draw(seed, "extras")
    return ExtraTraits(
        headgear=draw.pick(HEADGEAR, (6, *(1 for _ in HEADGEAR[1:]))),
        color=_near(draw, draw.pick(_CLOTH_ACCENT), 1.0),
        glasses=draw.pick(("none", "round", "square", "half"), (12, 1, 1, 0.6)),
    )


def draw_traits(seed: int) -> Traits:
    """The traits of the character with this seed."""
    hair = _draw_hair(seed)
    return Traits(
        seed=seed,
        face=_draw_face(seed),
        eyes=_draw_eyes(seed, hair),
        mouth=_draw_mouth(seed),
        hair=hair,
        body=_draw_body(seed),
        outfit=_draw_outfit(seed),
        extras=_draw_extras(seed),
    )
