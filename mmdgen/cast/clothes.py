"""Outfits: cloth over the trunk and arms, collars, and what is tied at the neck."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mmdgen.cast.body import HIP, BodyShape, arm_part, torso_weights, trunk_part, trunk_uv
from mmdgen.cast.curves import Array, lerp, smoothstep
from mmdgen.cast.mesh import Part, facing, grid_triangles, plump
from mmdgen.cast.traits import OutfitTraits


@dataclass(frozen=True, slots=True)
class Cut:
    """How an outfit is cut."""

    front: float  # height of the neckline in front
    back: float  # and behind
    vee: bool = False  # pointed instead of round
    sleeve: float = 1.0  # 0 none .. 1 to the wrist
    puff: float = 0.0  # extra breadth of the sleeve at the shoulder
    grow: float = 0.05
    collar: str = "none"  # sailor, shirt, stand, roll, hood, lapel, crossed, frill
    tie: str = "none"  # ribbon, tie, scarf, bow, none


CUTS: dict[str, Cut] = {
    "sailor": Cut(-1.05, -0.42, vee=True, sleeve=0.42, collar="sailor", tie="scarf"),
    "blazer": Cut(-1.5, -0.42, vee=True, grow=0.085, collar="lapel", tie="tie"),
    "hoodie": Cut(-0.56, -0.44, grow=0.11, collar="hood", tie="strings"),
    "turtleneck": Cut(-0.42, -0.38, grow=0.06, collar="roll"),
    "kimono": Cut(-0.95, -0.40, vee=True, grow=0.07, puff=0.12, collar="crossed"),
    "dress": Cut(-0.78, -0.55, sleeve=0.22, puff=0.16, grow=0.05, collar="frill", tie="bow"),
    "track": Cut(-0.46, -0.40, grow=0.09, collar="stand", tie="zip"),
    "shirt": Cut(-0.52, -0.40, grow=0.06, collar="shirt", tie="ribbon"),
    "idol": Cut(-0.72, -0.5, sleeve=0.2, puff=0.10, grow=0.05, collar="frill", tie="bow"),
    "coat": Cut(-1.2, -0.40, vee=True, grow=0.13, collar="lapel", tie="none"),
}
_UNDERSHIRT = Cut(-0.46, -0.40, grow=0.04)  # shows in the opening of a jacket


def bare_skin(outfit: OutfitTraits) -> tuple[float, float]:
    """How far down the trunk is bare, head units, and how much of the arms is covered (0..1)."""
    cut = CUTS[outfit.kind]
    lowest = _UNDERSHIRT.front if cut.collar == "lapel" else min(cut.front, cut.back)
    return lowest - 0.3, cut.sleeve


def clothes_parts(outfit: OutfitTraits, shape: BodyShape) -> list[Part]:
    """The outfit of one character."""
    cut = CUTS[outfit.kind]
    parts = []
    if cut.collar == "lapel":
        parts += _shirt_under(shape)
    parts.append(_garment(cut, shape, "cloth"))
    for side in (1, -1):
        if cut.sleeve > 0:
            parts.append(_sleeve(side, cut, "cloth"))
    for fittings, kind in ((COLLARS, cut.collar), (TIES, cut.tie)):
        if kind in fittings:
            parts += fittings[kind](shape, cut)
    return parts


def _neckline(cut: Cut) -> Callable[[Array], Array]:
    """Height of the upper border at angles from the front: a pointed or a round opening."""

    def top(angles: Array) -> Array:
        beside = lerp(cut.back, cut.back - 0.04, np.abs(np.sin(angles)))
        ahead = np.clip(np.cos(angles), 0.0, 1.0)
        share = _vee(angles, 0.50) if cut.vee else ahead**0.8
        return lerp(beside, cut.front, share)

    return top


def _vee(angles: Array, width: float) -> Array:
    """1 straight in front, falling to 0 along two straight lines; `width` is the sine where they end."""
    return np.asarray(np.clip(1.0 - np.abs(np.sin(angles)) / width, 0.0, 1.0) * (np.cos(angles) > 0))


def _garment(cut: Cut, shape: BodyShape, material: str, bottom: float = HIP - 0.1, rows: int = 18) -> Part:
    def grow(y: Array) -> Array:
        waist = 0.10 * np.exp(-(((y + 2.9) / 0.5) ** 2))
        return np.asarray(cut.grow + waist * (cut.grow > 0.07))

    return trunk_part(shape, material, _neckline(cut), bottom, grow=grow, rows=rows)


def _shirt_under(shape: BodyShape) -> list[Part]:
    collar = [replace(part, material="under") for part in shirt_collar(shape, _UNDERSHIRT)]
    return [_garment(_UNDERSHIRT, shape, "under", -2.0, 8), *collar]


def _sleeve(side: int, cut: Cut, material: str) -> Part:
    def grow(t: Array) -> Array:
        puff = cut.puff * np.exp(-(((t - 0.10) / 0.12) ** 2))
        return np.asarray(cut.grow + 0.015 + puff + 0.03 * smoothstep(0.3, cut.sleeve, t))

    part = arm_part(side, material, 0.0, cut.sleeve * 0.96, grow=grow)
    return Part(part.material, part.positions, part.triangles, trunk_uv(part.positions), part.weights)


def _band(
    shape: BodyShape,
    material: str,
    inner: tuple[Array, Array],
    outer: tuple[Array, Array],
    angles: Array,
    rows: int = 3,
) -> Part:
    """Cloth between two curves around the body: (heights, distances from the skin) at angles."""  # fmt: skip
    share = np.linspace(0.0, 1.0, rows)[:, None]
    y = lerp(inner[0][None], outer[0][None], share)
    distance = lerp(inner[1][None], outer[1][None], share)
    positions = shape.section(y, angles[None], distance).reshape(-1, 3)
    uvs = np.stack(np.broadcast_arrays(np.linspace(0, 1, len(angles))[None], share), axis=-1).reshape(-1, 2)
    weights = torso_weights(positions)
    part = Part(material, positions, grid_triangles(rows, len(angles)), uvs, weights)
    direction = part.positions - np.array([0.0, -0.8, 0.15])
    a, b, c = (part.positions[part.triangles[:, k]] for k in range(3))
    out = float(np.einsum("ij,ij->", np.cross(b - a, c - a), direction[part.triangles[:, 0]])) >= 0
    return part if out else Part(material, positions, part.triangles[:, ::-1], uvs, weights)


def sailor_collar(shape: BodyShape, cut: Cut) -> list[Part]:
    """A broad collar: V in front, a square behind."""
    angles = np.linspace(-np.pi, np.pi, 65)
    top = _neckline(cut)(angles)
    behind = lerp(-0.74, -1.30, smoothstep(-0.35, -0.75, np.cos(angles)))
    bottom = np.where(np.cos(angles) > 0, lerp(-0.74, cut.front - 0.10, _vee(angles, 0.92)), behind)
    lift = np.full(65, cut.grow + 0.035)
    return [_band(shape, "collar", (top + 0.02, lift), (bottom, lift + 0.02), angles)]


def shirt_collar(shape: BodyShape, cut: Cut) -> list[Part]:
    """Two folded flaps that meet in front."""
    angles = np.linspace(0.10, 2 * np.pi - 0.10, 37)
    ahead = np.cos(angles)
    stand = np.full(37, -0.24) - 0.10 * smoothstep(0.3, 1.0, ahead)
    fall = np.full(37, -0.46) - 0.26 * smoothstep(0.72, 0.97, ahead)
    return [
        _band(shape, "collar", (stand, np.full(37, 0.06)), (fall, np.full(37, cut.grow + 0.06)), angles),
        _band(shape, "collar", (stand, np.full(37, 0.06)), (np.full(37, -0.5), np.full(37, 0.03)), angles),
    ]


def stand_collar(shape: BodyShape, cut: Cut) -> list[Part]:
    """A collar that stands up, open in front."""
    angles = np.linspace(0.16, 2 * np.pi - 0.16, 41)
    top = np.full(41, -0.18)
    return [
        _band(
            shape,
            "collar",
            (top, np.full(41, 0.13)),
            (_neckline(cut)(angles) - 0.06, np.full(41, cut.grow + 0.02)),
            angles,
        )
    ]


def roll_collar(shape: BodyShape, cut: Cut) -> list[Part]:
    """A turtleneck."""
    angles = np.linspace(0.0, 2 * np.pi, 33)
    full = np.ones(33)
    return [
        _band(shape, "collar", (-0.14 * full, 0.05 * full), (-0.30 * full, 0.10 * full), angles),
        _band(shape, "collar", (-0.30 * full, 0.10 * full), (-0.52 * full, (cut.grow + 0.01) * full), angles),
    ]


def hood(shape: BodyShape, cut: Cut) -> list[Part]:
    """A hood lying on the shoulders."""
    angles = np.linspace(0.30, 2 * np.pi - 0.30, 37)
    behind = smoothstep(0.9, -0.6, np.cos(angles))
    rise = -0.44 + 0.22 * behind
    swell = 0.16 + 0.22 * behind
    bottom = -0.70 - 0.22 * behind
    return [
        _band(shape, "collar", (rise - 0.10, 0.04 + 0 * swell), (rise, swell), angles, rows=3),
        _band(shape, "collar", (rise, swell), (bottom, np.full(37, cut.grow + 0.04)), angles, rows=5),
    ]


def lapels(shape: BodyShape, cut: Cut) -> list[Part]:
    """The turned-back fronts of a jacket."""
    parts = []
    for sign in (1, -1):
        angles = sign * np.linspace(0.01, np.pi, 41)
        top = _neckline(cut)(angles)
        notch = 0.10 * smoothstep(0.30, 0.36, np.abs(np.sin(angles))) * (np.cos(angles) > 0)
        bottom = np.where(
            np.cos(angles) > 0, lerp(-0.66, cut.front - 0.04, _vee(angles, 0.74)) + notch, -0.66
        )
        inner, outer = np.full(41, cut.grow + 0.02), np.full(41, cut.grow + 0.05)
        parts.append(_band(shape, "collar", (top + 0.03, inner), (bottom, outer), angles))
    return parts


def crossed_collar(shape: BodyShape, cut: Cut) -> list[Part]:
    """The bands of a kimono, left over right."""
    parts = []
    for sign, lift in ((-1, 0.03), (1, 0.05)):
        angles = sign * np.linspace(-0.30, np.pi, 45)
        across = np.where(np.cos(angles) > 0, np.sin(angles) * sign, 1.0)
        top = lerp(-0.36, cut.front, np.clip(1.0 - across / 0.50, 0.0, 1.7))
        inner, outer = np.full(45, cut.grow + lift), np.full(45, cut.grow + lift + 0.015)
        parts.append(_band(shape, "collar", (top + 0.10, inner), (top - 0.14, outer), angles))
    return parts


def frill(shape: BodyShape, cut: Cut) -> list[Part]:
    """A waved strip along the neckline."""
    angles = np.linspace(-np.pi, np.pi, 81)
    top = _neckline(cut)(angles)
    wave = 0.022 * np.sin(angles * 22)
    return [
        _band(
            shape,
            "collar",
            (top + 0.03, np.full(81, cut.grow + 0.012)),
            (top - 0.20, cut.grow + 0.055 + wave),
            angles,
        )
    ]


COLLARS: dict[str, Callable[[BodyShape, Cut], list[Part]]] = {
    "sailor": sailor_collar, "shirt": shirt_collar, "stand": stand_collar, "roll": roll_collar, "hood": hood,
    "lapel": lapels, "crossed": crossed_collar, "frill": frill,
}  # fmt: skip


def bow_parts(
    material: str, center: tuple[float, float, float], size: float, bone: str, *, tails: bool = True
) -> list[Part]:
    """A tied ribbon that faces the viewer: two loops, a knot and hanging ends."""
    at = np.array(center)
    t = np.arange(14) * (2 * np.pi / 14)
    right, up = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    parts = []
    for sign in (1.0, -1.0):
        spread = 0.5 + 0.5 * np.cos(t)
        loop = np.stack(
            [sign * (0.06 + 0.52 * spread), (0.07 + 0.24 * spread) * np.sin(t) * 1.1 + 0.05 * spread], axis=1
        )
        parts.append(plump(material, bone, at, right, up, loop * size, 0.10 * size))
        if tails:
            strip = np.array([(0.02, 0.0), (0.14, -0.05), (0.36, -0.72), (0.24, -0.66), (0.10, -0.78)])
            outline = np.concatenate(
                [
                    np.linspace(a, b, 2, endpoint=False)
                    for a, b in zip(strip, np.roll(strip, -1, 0), strict=True)
                ]
            )
            parts.append(
                plump(
                    material,
                    bone,
                    at + np.array([0.0, 0.0, 0.03]),
                    right * sign,
                    up,
                    outline * size,
                    0.04 * size,
                )
            )
    knot = np.stack([0.11 * np.cos(t), 0.13 * np.sin(t)], axis=1)
    parts.append(
        plump(material, bone, at - np.array([0, 0, 0.05 * size]), right, up, knot * size, 0.10 * size)
    )
    return parts


def _front(shape: BodyShape, y: float, lift: float) -> tuple[float, float, float]:
    point = shape.section(y, 0.0, lift)
    return (float(point[0]), float(point[1]), float(point[2]))


def neck_bow(shape: BodyShape, cut: Cut) -> list[Part]:
    """A bow at the neckline."""
    return bow_parts("tie", _front(shape, cut.front - 0.06, cut.grow + 0.10), 0.62, "upper_body2")


def scarf(shape: BodyShape, cut: Cut) -> list[Part]:
    """A sailor's scarf: a bow with long ends at the point of the collar."""
    return bow_parts("tie", _front(shape, cut.front - 0.10, cut.grow + 0.12), 0.80, "upper_body2")


def thin_ribbon(shape: BodyShape, cut: Cut) -> list[Part]:
    """A small ribbon under a shirt collar."""
    return bow_parts("tie", _front(shape, -0.60, cut.grow + 0.12), 0.55, "upper_body2")


def necktie(shape: BodyShape, cut: Cut) -> list[Part]:
    """A tie over the shirt."""
    y = np.concatenate([np.linspace(-0.50, -0.62, 3), np.linspace(-0.66, -2.0, 9)])
    half = np.concatenate([[0.09, 0.10, 0.065], np.linspace(0.06, 0.17, 8), [0.01]])
    columns = np.linspace(-1, 1, 5)
    x = half[:, None] * columns
    z = np.array([_front(shape, float(h), 0.062)[2] for h in y])[:, None] + 0.02 * np.abs(columns)
    positions = np.stack(np.broadcast_arrays(x, y[:, None], z), axis=-1).reshape(-1, 3)
    uvs = np.stack(
        np.broadcast_arrays((columns[None] + 1) / 2, np.linspace(0, 1, len(y))[:, None]), axis=-1
    ).reshape(-1, 2)
    part = Part("tie", positions, grid_triangles(len(y), 5), uvs, torso_weights(positions))
    return [facing(part, (0, 0, -1))]


TIES: dict[str, Callable[[BodyShape, Cut], list[Part]]] = {
    "bow": neck_bow, "scarf": scarf, "ribbon": thin_ribbon, "tie": necktie,
}  # fmt: skip
