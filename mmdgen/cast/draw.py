"""Drawing a character: the only place that is random.

Each group of traits has its own random stream, so that a new choice in one leaves the others as they were.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import TypeVar
from zlib import crc32

import numpy as np

from mmdgen.cast.colors import Color, hsv, shaded, tinted
from mmdgen.cast.traits import (
    BACK_HAIRS,
    FRINGES,
    HATS,
    HEADGEAR,
    MARKS,
    OUTFITS,
    SHINES,
    BodyTraits,
    ExtraTraits,
    EyeTraits,
    FaceTraits,
    HairTraits,
    MouthTraits,
    OutfitTraits,
    Persona,
    Traits,
)

T = TypeVar("T")

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


def _near(draw: Draw, color: Color, amount: float) -> Color:
    """A colour close to the given one."""
    hue, saturation, value = colorsys.rgb_to_hsv(*color)
    return hsv(
        hue + draw.between(-0.03, 0.03) * amount,
        saturation * draw.between(1 - 0.25 * amount, 1 + 0.25 * amount),
        value * draw.between(1 - 0.1 * amount, 1 + 0.06 * amount),
    )


# In the order of BACK_HAIRS, FRINGES, OUTFITS and HEADGEAR.
_BACK_SHARES = (1.3, 1.3, 1.6, 0.8, 1.3, 1, 0.8, 1, 0.6, 0.8, 1.2, 0.7, 0.6)
_MASCULINE_BACK_SHARES = (0.5, 0.4, 0.25, 4, 0, 0.4, 0, 0, 4, 0, 0, 0, 0)
_MASCULINE_FRINGE_SHARES = (0.5, 0, 1.5, 1.5, 0.3, 0.8, 2, 1.5, 1.5)
_MASCULINE_OUTFIT_SHARES = (0, 1.5, 1.5, 1, 1, 0, 1.2, 1.2, 0, 1.2)
_HEADGEAR_SHARES = (6, *(1 for _ in HEADGEAR[1:]))
_MASCULINE_HEADGEAR_SHARES = (8, 0, 0.5, 0, 0.6, 1, 0.5, 0.3, 1.2, 0, 0.3, 0, 1, 1.2, 0.8)
_HIGH_HAIR = ("buns", "twin_tails", "side_tail")


def _draw_persona(seed: int) -> Persona:
    draw = Draw(seed, "persona")
    return Persona(masculine=draw.chance(0.2), maturity=draw.bell(-1.0, 1.0))


def _draw_face(seed: int, persona: Persona) -> FaceTraits:
    draw = Draw(seed, "face")
    grown = persona.maturity
    return FaceTraits(
        unit=draw.bell(1.02, 1.18),
        width=draw.bell(0.95, 1.07) - 0.02 * grown,
        jaw=draw.bell(0.88, 1.12) + 0.04 * persona.masculine - 0.04 * grown,
        chin=draw.bell(0.75, 1.20) + 0.15 * persona.masculine,
        nose=draw.bell(0.7, 1.15) + 0.15 * grown + 0.15 * persona.masculine,
        skin=_near(draw, draw.pick(SKIN_COLORS, _SKIN_SHARES), 0.25),
        blush=draw.between(0.15, 0.85) * (0.4 if persona.masculine else 1.0),
        mark=draw.pick(MARKS, (10, 1.2, 1.0, 0.8)),
        mark_side=1 if draw.chance(0.5) else -1,
    )


def _eye_color(draw: Draw) -> Color:
    hue = draw.pick((0.0, 0.03, 0.08, 0.12, 0.25, 0.38, 0.47, 0.53, 0.58, 0.63, 0.72, 0.80, 0.92))
    return hsv(hue + draw.between(-0.02, 0.02), draw.between(0.45, 0.85), draw.between(0.60, 0.92))


def _draw_eyes(seed: int, persona: Persona, hair: HairTraits) -> EyeTraits:
    draw = Draw(seed, "eyes")
    left = _eye_color(draw)
    right = _eye_color(draw) if draw.chance(0.07) else left
    size = 1.0 - 0.10 * persona.maturity - 0.08 * persona.masculine
    rise = draw.bell(0.185, 0.275) * size * (0.88 if persona.masculine else 1.0)
    drop = draw.bell(0.175, 0.235) * size
    half_width = draw.bell(0.245, 0.305) * (0.5 + 0.5 * size)
    return EyeTraits(
        spacing=draw.bell(0.445, 0.515) - 0.015 * persona.maturity,
        half_width=half_width,
        rise=rise,
        drop=drop,
        roundness=draw.between(0.0, 1.0),
        tilt=draw.between(-0.06, 0.09),
        iris_width=half_width * draw.bell(0.66, 0.82),
        iris_height=(rise + drop) * draw.bell(0.50, 0.60),
        left=left,
        right=right,
        pupil=draw.pick(("round", "tall", "ring"), (3, 2, 1)),
        shine=draw.pick(SHINES, (4, 2, 1, 1.5)),
        flicks=0 if persona.masculine else draw.pick((0, 1, 2), (1, 1, 1.2)),
        lash=draw.bell(0.45, 0.85) if persona.masculine else draw.bell(0.8, 1.5),
        lash_color=tinted(shaded(hair.color, 0.2), (0.13, 0.08, 0.10), 0.65),
        brow_tilt=draw.bell(-0.12, 0.12),
        brow_weight=draw.bell(1.2, 1.9) if persona.masculine else draw.bell(0.7, 1.4),
    )


def _draw_mouth(seed: int, persona: Persona) -> MouthTraits:
    draw = Draw(seed, "mouth")
    return MouthTraits(
        height=draw.bell(0.27, 0.34) + 0.01 * persona.maturity,
        half_width=draw.bell(0.135, 0.195) + 0.015 * persona.maturity,
        smile=draw.bell(-0.012, 0.060),
        wave=draw.between(0.018, 0.03) if draw.chance(0.1) else 0.0,
        fang=draw.chance(0.15),
    )


def _draw_hair(seed: int, persona: Persona, headgear: str) -> HairTraits:
    draw = Draw(seed, "hair")
    name = draw.pick(tuple(HAIR_COLORS), _HAIR_SHARES)
    color = _near(draw, HAIR_COLORS[name], 0.8)
    shares = list(_MASCULINE_BACK_SHARES if persona.masculine else _BACK_SHARES)
    if headgear in HATS:
        shares = [
            0.0 if back in _HIGH_HAIR else share for back, share in zip(BACK_HAIRS, shares, strict=True)
        ]
    back = draw.pick(BACK_HAIRS, shares)
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
        fringe=draw.pick(FRINGES, _MASCULINE_FRINGE_SHARES if persona.masculine else None),
        back=back,
        color_name=name,
        color=color,
        tip_color=tip,
        parting=draw.bell(-0.5, 0.5),
        length=draw.between(*lengths.get(back, (1.0, 2.8))),
        volume=draw.bell(0.9, 1.15),
        side_locks=draw.bell(-0.7, 0.2) if persona.masculine else draw.bell(-0.5, 1.3),
        ahoge=0 if headgear in HATS else draw.pick((0, 1, 2), (5, 3, 1)),
        translucent=draw.chance(0.12),
        glossy=draw.chance(0.35),
        shape_seed=int(draw.between(0, 2**31)),
    )


def _draw_body(seed: int, persona: Persona) -> BodyTraits:
    draw = Draw(seed, "body")
    grown = persona.maturity
    if persona.masculine:
        return BodyTraits(
            shoulders=draw.bell(1.06, 1.20) + 0.06 * grown,
            bust=0.8,
            neck=draw.bell(1.06, 1.18) + 0.05 * grown,
        )
    return BodyTraits(
        shoulders=draw.bell(0.93, 1.06) + 0.05 * grown,
        bust=draw.bell(0.86, 1.10) + 0.08 * grown,
        neck=draw.bell(0.92, 1.02) + 0.04 * grown,
    )


_CLOTH_MAIN: tuple[Color, ...] = (
    (0.95, 0.95, 0.96), (0.22, 0.25, 0.38), (0.20, 0.20, 0.24), (0.62, 0.20, 0.25), (0.33, 0.42, 0.60),
    (0.88, 0.83, 0.74), (0.52, 0.40, 0.34), (0.36, 0.48, 0.42), (0.93, 0.75, 0.79), (0.66, 0.62, 0.82),
    (0.92, 0.80, 0.46), (0.58, 0.77, 0.86),
)  # fmt: skip
_CLOTH_ACCENT: tuple[Color, ...] = (
    (0.85, 0.22, 0.28), (0.20, 0.35, 0.68), (0.95, 0.73, 0.25), (0.24, 0.60, 0.52), (0.93, 0.50, 0.62),
    (0.50, 0.32, 0.64), (0.96, 0.96, 0.97), (0.22, 0.20, 0.26),
)  # fmt: skip


def _draw_outfit(seed: int, persona: Persona) -> OutfitTraits:
    draw = Draw(seed, "outfit")
    main = _near(draw, draw.pick(_CLOTH_MAIN), 1.0)
    second = _near(draw, draw.pick([c for c in _CLOTH_MAIN if abs(sum(c) - sum(main)) > 0.5]), 0.6)
    return OutfitTraits(
        kind=draw.pick(OUTFITS, _MASCULINE_OUTFIT_SHARES if persona.masculine else None),
        main=main,
        second=second,
        accent=_near(draw, draw.pick(_CLOTH_ACCENT), 1.0),
        pattern=draw.pick(("plain", "stripes", "checks", "dots"), (4, 1, 1, 1)),
    )


def _draw_extras(seed: int, persona: Persona) -> ExtraTraits:
    draw = Draw(seed, "extras")
    return ExtraTraits(
        headgear=draw.pick(HEADGEAR, _MASCULINE_HEADGEAR_SHARES if persona.masculine else _HEADGEAR_SHARES),
        color=_near(draw, draw.pick(_CLOTH_ACCENT), 1.0),
        glasses=draw.pick(("none", "round", "square", "half"), (12, 1, 1, 0.6)),
    )


def draw_traits(seed: int) -> Traits:
    """The traits of the character with this seed."""
    persona = _draw_persona(seed)
    extras = _draw_extras(seed, persona)
    hair = _draw_hair(seed, persona, extras.headgear)
    return Traits(
        seed=seed,
        persona=persona,
        face=_draw_face(seed, persona),
        eyes=_draw_eyes(seed, persona, hair),
        mouth=_draw_mouth(seed, persona),
        hair=hair,
        body=_draw_body(seed, persona),
        outfit=_draw_outfit(seed, persona),
        extras=extras,
    )
