"""Hairstyles: fringes, locks beside the face, and back hair, each a list of strands."""

from __future__ import annotations

from collections.abc import Sequence

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
    parts = [scalp(dome)]
    parts += [lock_part(dome, lock, "hair_front") for lock in fringe(hair, draw)]
    parts += [lock_part(dome, lock, "hair_side") for lock in side_locks(hair, draw)]
    parts += back_hair(dome, hair, draw)
    parts += ahoge(dome, hair, draw)
    return parts


def scalp(dome: HairDome) -> Part:
    """Hair close to the skull, so that no skin shows between strands."""
    azimuths = np.arange(48) * 7.5
    folded = np.abs((azimuths + 180.0) % 360.0 - 180.0)
    lowest = 72.0 + 50.0 * smoothstep(55.0, 100.0, folded) + 8.0 * smoothstep(120.0, 160.0, folded)
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
    u = np.broadcast_to(0.02 + 0.21 * np.abs(((azimuths / 30.0) % 2) - 1), polar.shape)
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
    return (azimuth * 0.8 + hair.parting * 35.0, 14.0 + 10.0 * draw.between(0, 1))


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
    }
    base.update(settings)
    for index, (azimuth, length) in enumerate(zip(azimuths, lengths, strict=True)):
        result.append(
            Lock(
                root=_root(hair, azimuth, draw),
                azimuth=azimuth + draw.between(-2.5, 2.5),
                length=length + draw.between(-0.04, 0.04),
                drift=base["drift"] + draw.between(-3.0, 3.0),
                flare=base["flare"] + draw.between(-0.02, 0.02),
                bow=base["bow"],
                width=base["width"] * draw.between(0.88, 1.12),
                thickness=base["thickness"],
                layer=base["layer"] + 0.022 * (index % 2) + draw.between(0, 0.012),
                fullness=base["fullness"],
                stripe=int(draw.between(0, 4)),
            )
        )
    return result


def fringe(hair: HairTraits, draw: Draw) -> list[Lock]:
    """The hair over the forehead."""
    part = hair.parting * 30.0
    spread = list(np.linspace(-62.0, 62.0, 11))
    kind = hair.fringe
    if kind == "full":
        return _row(hair, draw, spread, [0.30 + 0.10 * abs(a) / 62 for a in spread], flare=-0.10)
    if kind == "hime":
        even = list(np.linspace(-58.0, 58.0, 12))
        return _row(hair, draw, even, [0.27] * 12, flare=-0.08, fullness=0.86, width=0.34)
    if kind == "swept":
        lengths = [0.22 + 0.28 * (a + 62) / 124 for a in spread]
        sign = 1.0 if hair.parting <= 0 else -1.0
        return _row(hair, draw, spread, lengths[:: int(sign)], drift=16.0 * sign, flare=-0.08, width=0.46)
    if kind == "parted":
        sides = [a for a in np.linspace(-66.0, 66.0, 12) if abs(a - part) > 9]
        locks = []
        for a in sides:
            sign = 1.0 if a > part else -1.0
            locks += _row(
                hair, draw, [a], [0.26 + 0.30 * min(abs(a - part) / 60, 1)], drift=14.0 * sign, flare=-0.06
            )
        return locks
    if kind == "curtain":
        sides = [a for a in np.linspace(-70.0, 70.0, 12) if abs(a - part) > 16]
        locks = []
        for a in sides:
            sign = 1.0 if a > part else -1.0
            locks += _row(
                hair, draw, [a], [0.25 + 0.75 * min(abs(a - part) / 70, 1)], drift=18.0 * sign, bow=0.08
            )
        return locks
    if kind == "wisps":
        main = _row(hair, draw, spread, [0.16 + 0.26 * abs(a) / 62 for a in spread], flare=-0.08, width=0.36)
        thin = [-24.0, -4.0, 20.0]
        return main + _row(hair, draw, thin, [0.46, 0.60, 0.42], width=0.17, layer=0.07, flare=-0.06)
    if kind == "spiky":
        jag = list(np.linspace(-64.0, 64.0, 9))
        lengths = [0.46 if i % 2 else 0.18 for i in range(9)]
        return _row(hair, draw, jag, lengths, width=0.50, fullness=0.3, flare=0.03, thickness=0.16)
    short = list(np.linspace(-60.0, 60.0, 12))
    return _row(
        hair, draw, short, [0.10 + 0.16 * abs(a) / 60 for a in short], fullness=0.45, flare=-0.03, width=0.34
    )


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
