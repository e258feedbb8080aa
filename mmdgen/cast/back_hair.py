"""The hair behind the ears: hanging, tied, braided, rolled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mmdgen.cast.curves import Array, normalized, smoothstep
from mmdgen.cast.drape import draped
from mmdgen.cast.draw import Draw
from mmdgen.cast.fringes import RIM, root_near_parting, row
from mmdgen.cast.mesh import Part, facing, grid_triangles, plump, rigid
from mmdgen.cast.strands import ACROSS, COLUMNS, HairDome, Lock, free_part, lock_part
from mmdgen.cast.traits import HairTraits

_AROUND = [float(a) for a in np.linspace(102.0, 258.0, 13)]

Style = Callable[[HairDome, HairTraits, Draw], list[Part]]


def back_hair(dome: HairDome, hair: HairTraits, draw: Draw) -> list[Part]:
    """The hair behind the ears."""
    return _STYLES[hair.back](dome, hair, draw)


def _laid(dome: HairDome, locks: list[Lock]) -> list[Part]:
    return [draped(lock_part(dome, lock, "hair_back"), ACROSS) for lock in locks]


def _curtain(dome: HairDome, bottom: float) -> Part:
    """A dark sheet inside loose hair: what is seen of it past the neck."""
    across, down = 13, 6
    azimuth = np.linspace(100.0, 260.0, across)
    y = np.linspace(1.3, bottom, down)
    rim = dome.at(dome.direction(azimuth, 90.0), -0.10) * np.array([1.0, 0.0, 1.0])
    places = rim[None] + np.array([0.0, 1.0, 0.0]) * y[:, None, None]
    folded = COLUMNS - np.where(np.arange(across) % 2, 0.97, 0.03)
    u = np.broadcast_to(folded, (down, across)) / COLUMNS
    v = np.broadcast_to(np.linspace(0.45, 0.9, down)[:, None], (down, across))
    part = Part(
        "hair_back", places.reshape(-1, 3), grid_triangles(down, across), np.stack([u, v], -1).reshape(-1, 2),
        rigid("head", down * across),
    )  # fmt: skip
    return draped(facing(part, (0.0, 0.0, -1.0)), across)


def _bob(dome: HairDome, hair: HairTraits, draw: Draw) -> list[Part]:
    """To the jaw, turned in."""
    low = RIM + 0.02 + 0.1 * draw.between(-1, 1)
    outer = row(
        hair, draw, _AROUND, [low] * 13, width=0.54, thickness=0.22, flare=-0.20, bow=0.16, fullness=0.8
    )
    inner = row(hair, draw, _AROUND[::2], [low + 0.1] * 7, width=0.5, layer=-0.10, flare=-0.1, bow=0.06)
    return _laid(dome, outer + inner)


def _medium(dome: HairDome, hair: HairTraits, draw: Draw) -> list[Part]:
    """To the shoulders, the tips turned out or in."""
    low, flare = RIM + hair.length, draw.pick((0.32, 0.16, -0.14))
    outer = row(
        hair,
        draw,
        _AROUND,
        [low] * 13,
        width=0.54,
        thickness=0.2,
        flare=flare,
        bow=0.07,
        fullness=0.6,
        jitter=0.07,
    )
    inner = row(hair, draw, _AROUND[::2], [low + 0.15] * 7, width=0.5, layer=-0.10, flare=0.05, jitter=0.1)
    return _laid(dome, outer + inner)


def _long(dome: HairDome, hair: HairTraits, draw: Draw) -> list[Part]:
    """Down the back, straight."""
    low = RIM + hair.length
    outer = row(
        hair,
        draw,
        _AROUND,
        [low] * 13,
        width=0.62,
        thickness=0.22,
        flare=0.30,
        bow=0.06,
        fullness=0.7,
        jitter=0.09,
    )
    return [*_laid(dome, outer), _curtain(dome, RIM - 0.9 * low)]


def _corkscrews(
    hair: HairTraits, draw: Draw, azimuths: list[float], length: float, radius: float, turns: float
) -> list[Lock]:
    return [
        Lock(
            root=root_near_parting(hair, azimuth, draw),
            azimuth=azimuth,
            length=length * draw.between(0.86, 1.05),
            width=0.42,
            thickness=0.26,
            flare=0.15,
            curl=(radius, turns),
            segments=17,
            stripe=int(draw.between(0, 4)),
            fullness=0.8,
        )
        for azimuth in azimuths
    ]


def _curls(dome: HairDome, hair: HairTraits, draw: Draw) -> list[Part]:
    """Loose curls."""
    locks = _corkscrews(hair, draw, _AROUND, RIM + hair.length, 0.13, 1.4 + 0.5 * hair.length)
    return [*_laid(dome, locks), _curtain(dome, -0.6 * hair.length)]


def _wavy(dome: HairDome, hair: HairTraits, draw: Draw) -> list[Part]:
    """Long hair in soft waves."""
    locks = _corkscrews(hair, draw, _AROUND, RIM + hair.length, 0.075, 1.0 + 0.45 * hair.length)
    return [*_laid(dome, locks), _curtain(dome, -0.7 * hair.length)]


def _short(dome: HairDome, hair: HairTraits, draw: Draw) -> list[Part]:
    """Cut at the nape."""
    return _laid(
        dome, row(hair, draw, _AROUND, [RIM - 0.32] * 13, width=0.5, thickness=0.2, flare=-0.34, jitter=0.06)
    )


def _spiky(dome: HairDome, hair: HairTraits, draw: Draw) -> list[Part]:
    """Points standing off in two layers."""
    lower = row(
        hair,
        draw,
        _AROUND,
        [RIM - 0.30] * 13,
        width=0.5,
        thickness=0.2,
        flare=0.28,
        fullness=0.45,
        jitter=0.1,
    )
    around = [float(a) for a in np.linspace(78.0, 282.0, 13)]
    upper = row(
        hair,
        draw,
        around,
        [0.52] * 13,
        width=0.5,
        thickness=0.2,
        flare=0.44,
        layer=0.08,
        fullness=0.3,
        jitter=0.13,
    )
    return _laid(dome, lower + upper)


def _gathered(dome: HairDome, hair: HairTraits, draw: Draw) -> list[Part]:
    """Hair pulled close to the head, for what is tied."""
    return _laid(
        dome,
        row(hair, draw, _AROUND, [RIM - 0.25] * 13, width=0.52, thickness=0.16, flare=-0.36, fullness=0.7),
    )


def _twin_tails(dome: HairDome, hair: HairTraits, draw: Draw) -> list[Part]:
    tails = [
        part
        for side in (-1, 1)
        for part in _tail(
            draw, (side * 1.02, 2.15, 0.30), (side * 0.55, 0.25, 0.15), hair.length + 2.0, side * 0.35
        )
    ]
    return _gathered(dome, hair, draw) + tails


def _low_tails(dome: HairDome, hair: HairTraits, draw: Draw) -> list[Part]:
    tails = [
        part
        for side in (-1, 1)
        for part in _tail(
            draw,
            (side * 0.80, 0.62, 0.35),
            (side * 0.28, 0.0, -0.1),
            hair.length + 0.4,
            side * 0.05,
            front=-0.55,
        )
    ]
    return _gathered(dome, hair, draw) + tails


def _ponytail(dome: HairDome, hair: HairTraits, draw: Draw) -> list[Part]:
    return _gathered(dome, hair, draw) + _tail(
        draw, (0.0, 2.05, 1.05), (0.0, 0.45, 0.5), hair.length + 1.6, 0.0
    )


def _side_tail(dome: HairDome, hair: HairTraits, draw: Draw) -> list[Part]:
    side = 1.0 if hair.parting <= 0 else -1.0
    tail = _tail(draw, (side * 0.98, 2.10, 0.35), (side * 0.50, 0.30, 0.1), hair.length + 1.5, side * 0.2)
    return _gathered(dome, hair, draw) + tail


def _braids(dome: HairDome, hair: HairTraits, draw: Draw) -> list[Part]:
    braids = [
        part for side in (-1, 1) for part in _braid((side * 0.84, 0.60, 0.25), side, 1.4 + 0.5 * hair.length)
    ]
    return _gathered(dome, hair, draw) + braids


def _buns(dome: HairDome, hair: HairTraits, draw: Draw) -> list[Part]:
    """Two balls of hair high on the head."""
    parts = _gathered(dome, hair, draw)
    circle = np.arange(16) * (2 * np.pi / 16)
    outline = 0.34 * np.stack([np.cos(circle), np.sin(circle)], axis=1)
    for side in (1.0, -1.0):
        out = normalized(np.array([side * 0.75, 0.70, 0.25]))
        right = normalized(np.cross([0.0, 1.0, 0.0], out))
        center = np.array([side * 0.86, 2.52, 0.32])
        ball = plump(
            "hair_back", "head", center, right, normalized(np.cross(out, right)), outline, 0.33, _BALL
        )
        u = (0.5 + 0.45 * np.cos(ball.uvs[:, 0] * 12 * np.pi)) / COLUMNS
        uvs = np.stack([u, 0.15 + 0.5 * ball.uvs[:, 1]], axis=1)
        parts.append(Part(ball.material, ball.positions, ball.triangles, uvs, ball.weights))
    return parts


_BALL = ((0.02, 1.0), (0.5, 0.87), (0.87, 0.5), (1.0, 0.0), (0.87, -0.5), (0.5, -0.87), (0.02, -1.0))


def _tail(
    draw: Draw,
    tie: tuple[float, float, float],
    rise: tuple[float, float, float],
    length: float,
    lean: float,
    front: float = 0.0,
) -> list[Part]:
    """A bundle of strands from a hair tie: up and out first, then down.

    Args:
        draw: for the differences between strands.
        tie: where the hair is tied.
        rise: how far it swings out before it falls.
        length: of the falling part.
        lean: sideways drift of the tip.
        front: forward drift of the tip.
    """
    start, lift = np.array(tie), np.array(rise)
    parts = []
    for k in range(7):
        angle = 2 * np.pi * k / 6
        ring = np.array([np.cos(angle), 0.0, np.sin(angle)])
        wide = 0.24 * ring * (k > 0)
        reach = length * draw.between(0.78, 1.06)
        sway = 0.12 * draw.between(-1.0, 1.0) * ring
        line = np.array([
            start + 0.05 * ring,
            start + lift * np.array([0.50, 0.95, 0.50]) + 0.55 * wide,
            start + lift * np.array([0.92, 0.70, 0.92])
            + np.array([lean * 0.3, -0.10 * reach, front * 0.2]) + 1.1 * wide,
            start + lift + np.array([lean, -0.65 * reach, front * 0.7]) + 1.35 * wide + sway,
            start + lift * 0.9 + np.array([lean * 1.3, -reach, front]) + 0.6 * wide + 2 * sway,
        ])  # fmt: skip
        away = normalized(ring + 1e-3)
        strand = free_part(
            "hair_back", line, away, width=0.52, thickness=0.26, fullness=0.6, stripe=k, segments=11
        )
        parts.append(draped(strand, ACROSS))
    return parts


def _braid(tie: tuple[float, float, float], side: int, length: float) -> list[Part]:
    """Two rows of short strands, crossing."""
    parts = []
    forward = (0.0, 0.0, -1.0)
    count = max(int(length / 0.24), 4)
    for k in range(count):
        y, z = tie[1] - k * 0.23, tie[2] - 0.62 * float(smoothstep(0.0, 5.0, k))
        x, sign, size = tie[0] + side * (0.05 + 0.01 * k), (1.0 if k % 2 else -1.0), 1.0 - 0.35 * k / count
        line = np.array([
            (x + sign * 0.10 * size, y + 0.10, z), (x + sign * 0.13 * size, y - 0.06, z - 0.05),
            (x, y - 0.24, z - 0.06), (x - sign * 0.06, y - 0.36, z),
        ])  # fmt: skip
        parts.append(_plait(line, forward, 0.30 * size, 0.26 * size, k))
    y = tie[1] - count * 0.23
    for k in (-1, 0, 1):
        line = np.array([(x, y + 0.1, z), (x + 0.06 * k, y - 0.15, z - 0.02), (x + 0.10 * k, y - 0.4, z)])
        parts.append(_plait(line, forward, 0.16, 0.12, k + 1))
    return parts


def _plait(
    line: Array, forward: tuple[float, float, float], width: float, thickness: float, stripe: int
) -> Part:
    part = free_part(
        "hair_back", line, forward, width=width, thickness=thickness, stripe=stripe, segments=6, root=0.5
    )
    return draped(part, ACROSS)


_STYLES: dict[str, Style] = {
    "bob": _bob,
    "medium": _medium,
    "long": _long,
    "wavy": _wavy,
    "curls": _curls,
    "short": _short,
    "spiky": _spiky,
    "twin_tails": _twin_tails,
    "low_tails": _low_tails,
    "ponytail": _ponytail,
    "side_tail": _side_tail,
    "braids": _braids,
    "buns": _buns,
}
