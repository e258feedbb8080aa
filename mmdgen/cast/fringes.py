"""Rows of strands, and the fringes and side locks made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
        "thickness": 0.12,
        "layer": 0.03,
        "drift": 0.0,
        "flare": 0.0,
        "bow": 0.0,
        "fullness": 0.55,
        "jitter": 0.04,
    }
    base.update(settings)
    for index, (azimuth, length) in enumerate(zip(azimuths, lengths, strict=True)):
        result.append(
            Lock(
                root=root_near_parting(hair, azimuth, draw),
                azimuth=azimuth + draw.between(-60.0, 60.0) * base["jitter"],
                length=max(length + draw.between(-1.0, 1.0) * base["jitter"], 0.03),
                drift=base["drift"] + draw.between(-3.0, 3.0),
                flare=base["flare"] + draw.between(-0.02, 0.02),
                bow=base["bow"],
                width=base["width"] * (1.0 + 4.0 * base["jitter"] * draw.between(-1.0, 1.0)),
                thickness=base["thickness"],
                layer=base["layer"] + 0.022 * (index % 2) + draw.between(0, 0.012),
                fullness=base["fullness"],
                stripe=int(draw.between(0, 4)),
            )
        )
    return result


def fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """The hair over the forehead."""
    return _FRINGES[hair.fringe](hair, draw)


def _spread(width: float, count: int) -> list[float]:
    return [float(a) for a in np.linspace(-width, width, count)]


def _full_fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """Straight over the brows, longer toward the sides."""
    spread = _spread(64.0, 10)
    lengths = [0.30 + 0.12 * abs(a) / 62 for a in spread]
    thin = row(hair, draw, _spread(40.0, 4), [0.36] * 4, width=0.16, layer=0.075, flare=-0.08, jitter=0.1)
    return row(hair, draw, spread, lengths, flare=-0.10, width=0.42, jitter=0.065) + thin


def _hime_fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """Cut in one line."""
    return row(
        hair, draw, _spread(60.0, 12), [0.28] * 12, flare=-0.08, fullness=0.88, width=0.34, jitter=0.02
    )


def _swept_fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """All to one side."""
    sign = 1.0 if hair.parting <= 0 else -1.0
    spread = _spread(64.0, 10)
    lengths = [0.20 + 0.32 * (sign * a + 64) / 128 for a in spread]
    return row(hair, draw, spread, lengths, drift=20.0 * sign, flare=-0.08, width=0.50, jitter=0.06, bow=0.02)


def _parted_fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """To both sides of the parting."""
    part = hair.parting * 30.0
    locks = []
    for a in _spread(68.0, 12):
        if abs(a - part) > 7:
            sign, far = (1.0 if a > part else -1.0), min(abs(a - part) / 60, 1.0)
            locks += row(
                hair, draw, [a], [0.24 + 0.32 * far], drift=16.0 * sign, flare=-0.06, width=0.42, jitter=0.06
            )
    return locks


def _curtain_fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """Open in the middle, falling in arcs to the cheeks."""
    part = hair.parting * 30.0
    locks = []
    for a in _spread(72.0, 13):
        if abs(a - part) > 13:
            sign, far = (1.0 if a > part else -1.0), min(abs(a - part) / 70, 1.0)
            locks += row(
                hair, draw, [a], [0.22 + 0.80 * far], drift=20.0 * sign, bow=0.09, width=0.42, jitter=0.06
            )
    return locks


def _wisps_fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """Light hair over the forehead with thin strands between the eyes."""
    spread = _spread(64.0, 11)
    main = row(
        hair, draw, spread, [0.14 + 0.30 * abs(a) / 62 for a in spread], flare=-0.08, width=0.36, jitter=0.06
    )
    thin = row(
        hair, draw, [-22.0, -3.0, 9.0, 26.0], [0.48, 0.62, 0.40, 0.50], width=0.17, layer=0.07, flare=-0.06,
        jitter=0.08,
    )  # fmt: skip
    return main + thin


def _spiky_fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """Broad points of two lengths."""
    jag = _spread(66.0, 9)
    lengths = [0.50 if i % 2 else 0.20 for i in range(9)]
    sign = 1.0 if hair.parting <= 0 else -1.0
    return row(
        hair, draw, jag, lengths, width=0.52, fullness=0.3, flare=0.03, thickness=0.16, jitter=0.09,
        drift=7.0 * sign,
    )  # fmt: skip


def _short_fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """High over the brows."""
    spread = _spread(62.0, 12)
    lengths = [0.08 + 0.22 * abs(a) / 60 for a in spread]
    return row(hair, draw, spread, lengths, fullness=0.45, flare=-0.03, width=0.36, jitter=0.05)


def _crossed_fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """One large lock over the middle, shorter hair around it."""
    spread = list(_spread(66.0, 11))
    sign = 1.0 if hair.parting <= 0 else -1.0
    lengths = [0.22 + 0.34 * abs(a) / 66 for a in spread]
    around = row(hair, draw, spread, lengths, drift=9.0 * sign, flare=-0.06, width=0.42, jitter=0.06)
    middle = row(
        hair, draw, [-6.0 * sign, 8.0 * sign], [0.66, 0.46], width=0.34, layer=0.08, drift=8.0 * sign,
        flare=-0.04, fullness=0.35,
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
    """The hair beside the face, in front of the ears."""
    length = RIM + hair.side_locks * (0.4 if hair.back in ("short", "spiky") else 1.0)
    length = max(length, 0.75)
    locks: list[Lock] = []
    for sign in (-1.0, 1.0):
        locks += row(hair, draw, [sign * 68.0], [length], width=0.40, layer=0.05, flare=-0.05, thickness=0.16)
        locks += row(hair, draw, [sign * 80.0], [length * 0.9], width=0.46, layer=0.03, thickness=0.18)
        locks += row(hair, draw, [sign * 94.0], [min(length, 1.2)], width=0.50, layer=0.02, thickness=0.18)
    return locks
