"""The hair of one character: scalp, fringe, side locks, back hair and what stands up."""

from __future__ import annotations

import numpy as np

from mmdgen.cast.back_hair import back_hair
from mmdgen.cast.curves import smoothstep
from mmdgen.cast.drape import draped
from mmdgen.cast.draw import Draw
from mmdgen.cast.fringes import fringe, side_locks
from mmdgen.cast.mesh import Part, grid_triangles, rigid
from mmdgen.cast.strands import ACROSS, CENTER, EQUATOR_V, HairDome, free_part, lock_part
from mmdgen.cast.traits import HairTraits


def hair_parts(hair: HairTraits, face_width: float) -> list[Part]:
    """All hair of one character."""
    dome = HairDome.over(face_width, hair.volume)
    draw = Draw(hair.shape_seed, "strands")
    parts = [scalp(dome, hair)]
    parts += [lock_part(dome, lock, "hair_front") for lock in fringe(hair, draw)]
    parts += [draped(lock_part(dome, lock, "hair_side"), ACROSS) for lock in side_locks(hair, draw)]
    parts += back_hair(dome, hair, draw)
    parts += ahoge(dome, hair, draw)
    return parts


def scalp(dome: HairDome, hair: HairTraits) -> Part:
    """Hair close to the skull, so that no skin shows between strands."""
    azimuths = np.arange(36) * 10.0
    folded = np.abs((azimuths + 180.0) % 360.0 - 180.0)
    lowest = 70.0 + 32.0 * smoothstep(50.0, 85.0, folded) + 24.0 * smoothstep(100.0, 140.0, folded)
    away = (azimuths - 30.0 * hair.parting + 180.0) % 360.0 - 180.0
    lowest = lowest - 16.0 * np.exp(-((away / 13.0) ** 2))  # the hairline is pointed at the parting
    share = np.linspace(0.0, 1.0, 12)[:, None]
    polar = np.maximum(share * lowest, 0.05)
    unit = dome.direction(np.broadcast_to(azimuths, polar.shape), polar)
    below = np.maximum(polar - 90.0, 0.0)
    level = dome.direction(np.broadcast_to(azimuths, polar.shape), np.minimum(polar, 90.0))
    unit = np.where((below > 0)[..., None], level, unit)
    close = -0.045 * smoothstep(8.0, 40.0, polar)  # full at the top, where all strands begin
    positions = dome.at(unit, close)
    positions[..., 1] -= below / 40.0 * 1.25
    shrink = 1.0 - 0.22 * (below / 40.0) ** 2
    positions[..., 0] *= shrink
    positions[..., 2] *= 1.0 - 0.42 * (below / 40.0) ** 2
    u = np.broadcast_to(0.02 + 0.16 * np.abs(((azimuths / 30.0) % 2) - 1), polar.shape)
    uvs = np.stack([u, EQUATOR_V * np.minimum(polar, 125.0) / 90.0], axis=-1)
    part = Part(
        "hair_back",
        positions.reshape(-1, 3),
        grid_triangles(12, 36, wrap=True),
        uvs.reshape(-1, 2),
        rigid("head", polar.size),
    )
    a, b, c = (part.positions[part.triangles[:, k]] for k in range(3))
    out = float(np.einsum("ij,ij->", np.cross(b - a, c - a), a - CENTER)) >= 0
    return (
        part if out else Part(part.material, part.positions, part.triangles[:, ::-1], part.uvs, part.weights)
    )


def ahoge(dome: HairDome, hair: HairTraits, draw: Draw) -> list[Part]:
    """Strands that stand up from the crown."""
    parts = []
    for k in range(hair.ahoge):
        sign = 1.0 if draw.chance(0.5) else -1.0
        base = dome.at(dome.direction(hair.parting * 35 + 20 * k, 10.0), -0.03)
        tall = draw.between(0.35, 0.65)
        line = np.array([
            base, base + np.array([sign * 0.05, 0.55 * tall, -0.05]),
            base + np.array([sign * 0.28, 0.95 * tall, -0.10]),
            base + np.array([sign * 0.55, 0.70 * tall, -0.12]),
        ])  # fmt: skip
        parts.append(
            free_part(
                "hair_side",
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
