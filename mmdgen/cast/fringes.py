"""Rows of strands, and the fringes and side locks made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from mmdgen.cast.draw import Draw
from mmdgen.cast.strands import CENTER, Lock
from mmdgen.cast.traits import HairTraits

RIM = float(CENTER[1])  # height of the dome's rim above the chin


def root_near_parting(hair: HairTraits, azimuth: float, draw: Draw) -> tuple[float, float]:
    """A strand's start near the parting line on the top of the head."""
    return (azimuth * 0.8 + hair.parting * 35.0, 5.0 + 8.0 * draw.between(0, 1))


def row(
    hair: HairTraits, draw: Draw, azimuths: Sequence[float], lengths: Sequence[float], **settings: float
) -> list[Lock]:
    """Strands side by side at azimuths, with small differences."""
    result = []
    base = {
        "width": 0.40,
        "thickness": 0.15,
        "layer": 0.03,
        "drift": 0.0,
        "flare": 0.0,
        "bow": 0.0,
        "fullness": 0.55,
        "jitter": 0.04,
        "sweep": 3.0,
    }
    base.update(settings)
    for index, (azimuth, length) in enumerate(zip(azimuths, lengths, strict=True)):
        result.append(
            Lock(
                root=root_near_parting(hair, azimuth, draw),
                azimuth=azimuth + draw.between(-60.0, 60.0) * base["jitter"],
                length=max(length + draw.between(-1.0, 1.0) * base["jitter"], 0.03),
                drift=base["drift"] + draw.between(-1.0, 1.0) * base["sweep"],
                flare=base["flare"] + draw.between(-0.02, 0.02),
                bow=base["bow"],
                width=base["width"] * (1.0 + 4.0 * base["jitter"] * draw.between(-1.0, 1.0)),
                thickness=base["thickness"],
                layer=base["layer"] + 0.035 * (index % 2) + draw.between(0, 0.012),
                fullness=base["fullness"],
                stripe=int(draw.between(0, 4)),
            )
        )
    return result


def fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """The hair over the forehead."""
    return [_clear_of_the_eyes(lock) for lock in _FRINGES[hair.fringe](hair, draw)]


def _clear_of_the_eyes(lock: Lock) -> Lock:
    """Tips over an eye end at its lashes; thin strands may cross it."""
    tip = abs(lock.azimuth + 0.8 * lock.drift)
    over_an_eye = 11.0 < tip < 42.0 and lock.width > 0.22
    return replace(lock, length=min(lock.length, 0.36)) if over_an_eye else lock


def _spread(width: float, count: int) -> list[float]:
    return [float(a) for a in np.linspace(-width, width, count)]


def _full_fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """Straight over the brows, longer toward the sides."""
    spread = _spread(66.0, 8)
    lengths = [0.30 + 0.20 * (abs(a) / 62) ** 2 for a in spread]
    thin = row(hair, draw, _spread(34.0, 3), [0.36] * 3, width=0.17, layer=0.085, flare=-0.08, jitter=0.1)
    return row(hair, draw, spread, lengths, flare=-0.10, width=0.52, jitter=0.06, sweep=6.0) + thin


def _hime_fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """Cut in one line."""
    return row(hair, draw, _spread(60.0, 9), [0.27] * 9, flare=-0.08, fullness=0.90, width=0.46, jitter=0.02)


def _swept_fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """All to one side."""
    sign = 1.0 if hair.parting <= 0 else -1.0
    spread = _spread(66.0, 8)
    lengths = [0.20 + 0.34 * (sign * a + 64) / 128 for a in spread]
    return row(hair, draw, spread, lengths, drift=24.0 * sign, flare=-0.08, width=0.58, jitter=0.06, bow=0.03)


def _parted_fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """To both sides of the parting."""
    part = hair.parting * 30.0
    locks = []
    for a in _spread(70.0, 9):
        if abs(a - part) > 6:
            sign, far = (1.0 if a > part else -1.0), min(abs(a - part) / 60, 1.0)
            locks += row(
                hair, draw, [a], [0.22 + 0.40 * far], drift=17.0 * sign, flare=-0.07, bow=0.02, width=0.50,
                jitter=0.06,
            )  # fmt: skip
    return locks


def _curtain_fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """Open in the middle, falling in arcs to the cheeks."""
    part = hair.parting * 30.0
    locks = []
    for a in _spread(74.0, 10):
        if abs(a - part) > 12:
            sign, far = (1.0 if a > part else -1.0), min(abs(a - part) / 70, 1.0)
            locks += row(
                hair, draw, [a], [0.20 + 0.75 * far], drift=24.0 * sign, bow=0.10, flare=-0.04, width=0.50,
                jitter=0.05,
            )  # fmt: skip
    return locks


def _wisps_fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """Light hair over the forehead with thin strands between the eyes."""
    spread = _spread(66.0, 9)
    main = row(
        hair, draw, spread, [0.16 + 0.32 * abs(a) / 62 for a in spread], flare=-0.08, width=0.44, jitter=0.07,
        sweep=8.0,
    )  # fmt: skip
    thin = row(
        hair, draw, [-17.0, -3.0, 8.0], [0.40, 0.62, 0.48], width=0.20, layer=0.08, flare=-0.06, jitter=0.08,
        sweep=5.0,
    )  # fmt: skip
    return main + thin


def _spiky_fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """Broad points of two lengths."""
    jag = _spread(68.0, 9)
    lengths = [0.58 if i % 2 == 0 else 0.24 for i in range(9)]
    sign = 1.0 if hair.parting <= 0 else -1.0
    return row(
        hair, draw, jag, lengths, width=0.56, fullness=0.42, flare=0.02, thickness=0.18, jitter=0.08,
        drift=8.0 * sign, sweep=6.0,
    )  # fmt: skip


def _short_fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """High over the brows."""
    spread = _spread(64.0, 9)
    lengths = [0.10 + 0.26 * abs(a) / 60 for a in spread]
    return row(hair, draw, spread, lengths, fullness=0.5, flare=-0.03, width=0.46, jitter=0.06, sweep=6.0)


def _crossed_fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """One large lock over the middle, shorter hair around it."""
    spread = _spread(68.0, 9)
    sign = 1.0 if hair.parting <= 0 else -1.0
    lengths = [0.22 + 0.36 * abs(a) / 66 for a in spread]
    around = row(hair, draw, spread, lengths, drift=10.0 * sign, flare=-0.06, width=0.50, jitter=0.06)
    middle = row(
        hair, draw, [-8.0 * sign, 3.0 * sign], [0.70, 0.50], width=0.36, layer=0.09, drift=6.0 * sign,
        flare=-0.05, fullness=0.5, thickness=0.16,
    )  # fmt: skip
    return around + middle


_FRINGES: dict[str, Callable[[HairTraits, Draw], list[Lock]]] = {
    "full": _full_fringe,
    "hime": _hime_fringe,
    "swept": _swept_fringe,
    "parted": _parted_fringe,
    "curtain": _curtain_fringe,
    "wisps": _wisps_fringe,
    "spiky": _spiky_fringe,
    "short": _short_fringe,
    "crossed": _crossed_fringe,
}


def side_locks(hair: HairTraits, draw: Draw) -> list[Lock]:
    """The hair beside the face, in front of the ears: rounded over the cheek, the tips turned in."""
    length = RIM + hair.side_locks * (0.4 if hair.back in ("short", "spiky") else 1.0)
    length = max(length, 0.75)
    locks: list[Lock] = []
    for sign in (-1.0, 1.0):
        locks += row(
            hair, draw, [sign * 67.0], [length], width=0.44, layer=0.05, flare=-0.16, bow=0.10,
            thickness=0.18, fullness=0.62, sweep=5.0,
        )  # fmt: skip
        locks += row(
            hair, draw, [sign * 81.0], [length * 0.82], width=0.50, layer=0.02, flare=-0.10, bow=0.10,
            thickness=0.18, fullness=0.6,
        )  # fmt: skip
        locks += row(
            hair, draw, [sign * 96.0], [min(length, 1.15)], width=0.54, layer=0.01, bow=0.06, flare=-0.08,
            thickness=0.18,
        )  # fmt: skip
    return locks
