"""Hairstyles: fringes, locks beside the face, and back hair, each a list of strands."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mmdgen.cast.curves import Array, smoothstep
from mmdgen.cast.mesh import Part, grid_triangles, rigid
from mmdgen.cast.strands import CENTER, EQUATOR_V, HairDome, Lock, free_part, lock_part
from mmdgen.cast.traits import Draw, HairTraits

RIM = float(CENTER[1])  # height of the dome's rim above the chin


def hair_parts(hair: HairTraits, face_width: float) -> list[Part]:
    """All hair of one character."""
    dome = HairDome.over(face_width, hair.volume)
    draw = Draw(hair.shape_seed, "strands")
    parts = [scalp(dome, hair)]
    parts += [lock_part(dome, lock, "hair_front") for lock in fringe(hair, draw)]
    parts += [lock_part(dome, lock, "hair_side") for lock in side_locks(hair, draw)]
    parts += back_hair(dome, hair, draw)
    parts += ahoge(dome, hair, draw)
    return parts


def scalp(dome: HairDome, hair: HairTraits) -> Part:
    """Hair close to the skull, so that no skin shows between strands."""
    azimuths = np.arange(48) * 7.5
    folded = np.abs((azimuths + 180.0) % 360.0 - 180.0)
    lowest = 70.0 + 32.0 * smoothstep(50.0, 85.0, folded) + 14.0 * smoothstep(100.0, 135.0, folded)
    away = (azimuths - 30.0 * hair.parting + 180.0) % 360.0 - 180.0
    lowest = lowest - 16.0 * np.exp(-((away / 13.0) ** 2))  # the hairline is pointed at the parting
    share = np.linspace(0.0, 1.0, 15)[:, None]
    polar = np.maximum(share * lowest, 0.05)
    unit = dome.direction(np.broadcast_to(azimuths, polar.shape), polar)
    below = np.maximum(polar - 90.0, 0.0)
    level = dome.direction(np.broadcast_to(azimuths, polar.shape), np.minimum(polar, 90.0))
    unit = np.where((below > 0)[..., None], level, unit)
    positions = CENTER + unit * dome.radii * 0.965
    positions[..., 1] -= below / 40.0 * 1.25
    shrink = 1.0 - 0.22 * (below / 40.0) ** 2
    positions[..., 0] *= shrink
    u = np.broadcast_to(0.02 + 0.16 * np.abs(((azimuths / 30.0) % 2) - 1), polar.shape)
    uvs = np.stack([u, EQUATOR_V * np.minimum(polar, 125.0) / 90.0], axis=-1)
    part = Part(
        "hair_back",
        positions.reshape(-1, 3),
        grid_triangles(15, 48, wrap=True),
        uvs.reshape(-1, 2),
        rigid("head", polar.size),
    )
    a, b, c = (part.positions[part.triangles[:, k]] for k in range(3))
    out = float(np.einsum("ij,ij->", np.cross(b - a, c - a), a - CENTER)) >= 0
    return (
        part if out else Part(part.material, part.positions, part.triangles[:, ::-1], part.uvs, part.weights)
    )


def _root(hair: HairTraits, azimuth: float, draw: Draw) -> tuple[float, float]:
    """A strand's start near the parting line on the top of the head."""
    return (azimuth * 0.8 + hair.parting * 35.0, 5.0 + 8.0 * draw.between(0, 1))


def _row(
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
                root=_root(hair, azimuth, draw),
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
    thin = _row(hair, draw, _spread(40.0, 4), [0.36] * 4, width=0.16, layer=0.075, flare=-0.08, jitter=0.1)
    return _row(hair, draw, spread, lengths, flare=-0.10, width=0.42, jitter=0.065) + thin


def _hime_fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """Cut in one line."""
    return _row(
        hair, draw, _spread(60.0, 12), [0.28] * 12, flare=-0.08, fullness=0.88, width=0.34, jitter=0.02
    )


def _swept_fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """All to one side."""
    sign = 1.0 if hair.parting <= 0 else -1.0
    spread = _spread(64.0, 10)
    lengths = [0.20 + 0.32 * (sign * a + 64) / 128 for a in spread]
    return _row(
        hair, draw, spread, lengths, drift=20.0 * sign, flare=-0.08, width=0.50, jitter=0.06, bow=0.02
    )


def _parted_fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """To both sides of the parting."""
    part = hair.parting * 30.0
    locks = []
    for a in _spread(68.0, 12):
        if abs(a - part) > 7:
            sign, far = (1.0 if a > part else -1.0), min(abs(a - part) / 60, 1.0)
            locks += _row(
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
            locks += _row(
                hair, draw, [a], [0.22 + 0.80 * far], drift=20.0 * sign, bow=0.09, width=0.42, jitter=0.06
            )
    return locks


def _wisps_fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """Light hair over the forehead with thin strands between the eyes."""
    spread = _spread(64.0, 11)
    main = _row(
        hair, draw, spread, [0.14 + 0.30 * abs(a) / 62 for a in spread], flare=-0.08, width=0.36, jitter=0.06
    )
    thin = _row(
        hair, draw, [-22.0, -3.0, 9.0, 26.0], [0.48, 0.62, 0.40, 0.50], width=0.17, layer=0.07, flare=-0.06,
        jitter=0.08,
    )  # fmt: skip
    return main + thin


def _spiky_fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """Broad points of two lengths."""
    jag = _spread(66.0, 9)
    lengths = [0.50 if i % 2 else 0.20 for i in range(9)]
    sign = 1.0 if hair.parting <= 0 else -1.0
    return _row(
        hair, draw, jag, lengths, width=0.52, fullness=0.3, flare=0.03, thickness=0.16, jitter=0.09,
        drift=7.0 * sign,
    )  # fmt: skip


def _short_fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """High over the brows."""
    spread = _spread(62.0, 12)
    lengths = [0.08 + 0.22 * abs(a) / 60 for a in spread]
    return _row(hair, draw, spread, lengths, fullness=0.45, flare=-0.03, width=0.36, jitter=0.05)


def _crossed_fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """One large lock over the middle, shorter hair around it."""
    spread = list(_spread(66.0, 11))
    sign = 1.0 if hair.parting <= 0 else -1.0
    lengths = [0.22 + 0.34 * abs(a) / 66 for a in spread]
    around = _row(hair, draw, spread, lengths, drift=9.0 * sign, flare=-0.06, width=0.42, jitter=0.06)
    middle = _row(
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
        locks += _row(
            hair, draw, [sign * 68.0], [length], width=0.40, layer=0.05, flare=-0.05, thickness=0.16
        )
        locks += _row(hair, draw, [sign * 80.0], [length * 0.9], width=0.46, layer=0.03, thickness=0.18)
        locks += _row(hair, draw, [sign * 94.0], [min(length, 1.2)], width=0.50, layer=0.02, thickness=0.18)
    return locks


def back_hair(dome: HairDome, hair: HairTraits, draw: Draw) -> list[Part]:
    """The hair behind the ears."""
    kind, around = hair.back, list(np.linspace(102.0, 258.0, 13))
    low = RIM + hair.length
    locks: list[Lock] = []
    free: list[Part] = []
    if kind == "bob":
        locks = _row(
            hair,
            draw,
            around,
            [RIM + 0.05] * 13,
            width=0.52,
            thickness=0.22,
            flare=-0.18,
            bow=0.14,
            fullness=0.8,
        )
    elif kind == "medium":
        locks = _row(
            hair, draw, around, [low] * 13, width=0.52, thickness=0.2, flare=0.12, bow=0.06, fullness=0.6
        )
    elif kind == "long":
        locks = _row(
            hair, draw, around, [low] * 13, width=0.62, thickness=0.22, flare=0.30, bow=0.05, fullness=0.7
        )
        locks += _row(
            hair, draw, around[::2], [low * 0.8] * 7, width=0.6, thickness=0.2, layer=-0.12, flare=0.1
        )
    elif kind == "curls":
        locks = [
            Lock(root=_root(hair, a, draw), azimuth=a, length=low * draw.between(0.85, 1.05), width=0.40, thickness=0.28,
                 flare=0.15, curl=(0.13, 1.6 + 0.5 * hair.length), segments=26, stripe=i, fullness=0.8)
            for i, a in enumerate(np.linspace(96.0, 264.0, 13))
        ]  # fmt: skip
    elif kind in ("short", "spiky"):
        flare = 0.30 if kind == "spiky" else -0.12
        locks = _row(
            hair, draw, around, [RIM - 0.35] * 13, width=0.50, thickness=0.2, flare=flare, fullness=0.5
        )
        if kind == "spiky":
            upper = list(np.linspace(80.0, 280.0, 13))
            locks += _row(
                hair, draw, upper, [0.5] * 13, width=0.5, thickness=0.2, flare=0.42, layer=0.08, fullness=0.3
            )
    else:
        locks = _row(
            hair, draw, around, [RIM - 0.55] * 13, width=0.5, thickness=0.18, flare=-0.3, fullness=0.6
        )
        free = _tied_hair(hair, draw)
    return [lock_part(dome, lock, "hair_back") for lock in locks] + free


def _tied_hair(hair: HairTraits, draw: Draw) -> list[Part]:
    """Tails and braids."""
    length = hair.length
    if hair.back == "twin_tails":
        return [
            p
            for s in (-1, 1)
            for p in _tail(draw, (s * 1.02, 2.15, 0.30), (s * 0.55, 0.25, 0.15), length + 2.0, s * 0.35)
        ]
    if hair.back == "low_tails":
        return [
            p
            for s in (-1, 1)
            for p in _tail(
                draw, (s * 0.80, 0.62, 0.35), (s * 0.28, 0.0, -0.1), length + 0.4, s * 0.05, front=-0.55
            )
        ]
    if hair.back == "braids":
        return [p for s in (-1, 1) for p in _braid(draw, (s * 0.84, 0.60, 0.05), s, 1.4 + 0.5 * length)]
    return _tail(draw, (0.0, 2.05, 1.05), (0.0, 0.45, 0.5), length + 1.6, 0.0)


def _tail(
    draw: Draw,
    tie: tuple[float, float, float],
    rise: tuple[float, float, float],
    length: float,
    lean: float,
    front: float = 0.0,
) -> list[Part]:
    """A bundle of strands from a hair tie: up and out first, then down."""
    start, lift = np.array(tie), np.array(rise)
    parts = []
    for k in range(7):
        angle = 2 * np.pi * k / 7
        ring = np.array([np.cos(angle), 0.0, np.sin(angle)])
        wide = 0.24 * ring * (k > 0)
        reach = length * draw.between(0.85, 1.05)
        line = np.array([
            start + 0.05 * ring,
            start + lift * 0.75 + 0.8 * wide,
            start + lift + np.array([lean * 0.5, -0.25 * reach, front * 0.3]) + 1.2 * wide,
            start + lift + np.array([lean, -0.65 * reach, front * 0.7]) + 1.3 * wide,
            start + lift * 0.9 + np.array([lean * 1.3, -reach, front]) + 0.5 * wide,
        ])  # fmt: skip
        away = normalized_or(ring + 1e-3)
        parts.append(free_part("hair_back", line, away, width=0.46, thickness=0.26, fullness=0.6, stripe=k))
    return parts


def normalized_or(vector: Array) -> Array:
    """A unit vector."""
    return vector / max(float(np.linalg.norm(vector)), 1e-9)


def _braid(draw: Draw, tie: tuple[float, float, float], side: int, length: float) -> list[Part]:
    """Two rows of short strands, crossing."""
    parts = []
    count = max(int(length / 0.24), 4)
    for k in range(count):
        y = tie[1] - k * 0.23
        z = tie[2] - 0.30 * min(k / 3.0, 1.0)
        x = tie[0] + side * (0.05 + 0.01 * k)
        sign = 1.0 if k % 2 else -1.0
        size = 1.0 - 0.35 * k / count
        line = np.array([
            (x + sign * 0.10 * size, y + 0.10, z), (x + sign * 0.13 * size, y - 0.06, z - 0.05),
            (x, y - 0.24, z - 0.06), (x - sign * 0.06, y - 0.36, z),
        ])  # fmt: skip
        parts.append(
            free_part("hair_side", line, (0.0, 0.0, -1.0), width=0.30 * size, thickness=0.26 * size, stripe=k,
                      segments=7, root=0.5)
        )  # fmt: skip
    y = tie[1] - count * 0.23
    for k in range(3):
        line = np.array(
            [(x, y + 0.1, z), (x + 0.06 * (k - 1), y - 0.15, z - 0.02), (x + 0.10 * (k - 1), y - 0.4, z)]
        )
        parts.append(
            free_part("hair_side", line, (0, 0, -1.0), width=0.16, thickness=0.12, stripe=k, segments=6)
        )
    return parts


def ahoge(dome: HairDome, hair: HairTraits, draw: Draw) -> list[Part]:
    """Strands that stand up from the crown."""
    parts = []
    for k in range(hair.ahoge):
        sign = 1.0 if draw.chance(0.5) else -1.0
        base = CENTER + dome.direction(hair.parting * 35 + 20 * k, 10.0) * dome.radii * 0.97
        tall = draw.between(0.35, 0.65)
        line = np.array([
            base, base + np.array([sign * 0.05, 0.55 * tall, -0.05]),
            base + np.array([sign * 0.28, 0.95 * tall, -0.10]), base + np.array([sign * 0.55, 0.70 * tall, -0.12]),
        ])  # fmt: skip
        parts.append(
            free_part(
                "hair_front",
                line,
                (0, 0, -1.0),
                width=0.13,
                thickness=0.07,
                stripe=k,
                segments=10,
                fullness=0.4,
            )
        )
    return parts
