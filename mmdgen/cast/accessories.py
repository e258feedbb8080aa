"""What is worn on the head and face: ribbons, ears, horns, hats, glasses, headphones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmdgen.cast.clothes import bow_parts
from mmdgen.cast.colors import Color, shaded, tinted
from mmdgen.cast.curves import Array, catmull_rom, lerp, normalized, smoothstep
from mmdgen.cast.head import HeadShape
from mmdgen.cast.mesh import Part, facing, grid_triangles, outward, pipe, plump, rigid, tube
from mmdgen.cast.paint import Canvas
from mmdgen.cast.strands import CENTER, HairDome
from mmdgen.cast.traits import Traits
from mmdgen.images import Image

# Bands of the accessories' texture, from the top.
COLOR, DARK, SECOND, GOLD, BLACK, WHITE, INSIDE, HAIR = range(8)
_RIGHT, _UP = np.array([-1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])  # a plane that faces the viewer


@dataclass(frozen=True, slots=True)
class Wearer:
    """What accessories are fitted to."""

    dome: HairDome
    shape: HeadShape
    traits: Traits

    def on_hair(self, azimuth: float, polar: float, lift: float = 0.0) -> Array:
        """A point over the hair; angles as in `HairDome.direction`."""
        return self.dome.at(self.dome.direction(azimuth, polar), lift)


def accessory_parts(traits: Traits, shape: HeadShape) -> list[Part]:
    """Everything that one character wears on its head."""
    wearer = Wearer(HairDome.over(traits.face.width, traits.hair.volume), shape, traits)
    parts = HEADGEAR_PARTS[traits.extras.headgear](wearer)
    if traits.extras.glasses != "none":
        parts += glasses(wearer)
    if traits.hair.back in ("twin_tails", "low_tails", "ponytail", "braids", "side_tail"):
        parts += _hair_ties(traits)
    return parts


def paint_extra(traits: Traits) -> Image:
    """The bands that accessories take their colours from."""
    color = traits.extras.color
    bands: list[Color] = [
        color, shaded(color, 0.55), tinted(color, (1.0, 1.0, 1.0), 0.7), (0.93, 0.76, 0.36),
        (0.17, 0.16, 0.19),
        (0.95, 0.95, 0.97), (0.97, 0.72, 0.74), traits.hair.color,
    ]  # fmt: skip
    canvas = Canvas.blank(16, 256, color, (0.0, 1.0, 8.0, 0.0))
    for k, band in enumerate(bands):
        here = (canvas.y >= k) & (canvas.y < k + 1)
        canvas.lay(band, here)
        canvas.lay(shaded(band, 0.45), 0.6 * here * smoothstep(0.35, 1.0, canvas.y - k))
    return canvas.image()


def _in_band(part: Part, band: int, material: str = "extra") -> Part:
    v = (band + 0.06 + 0.88 * np.clip(part.uvs[:, 1], 0.0, 1.0)) / 8.0
    return replace(part, material=material, uvs=np.stack([np.full(len(v), 0.5), v], axis=1))


def _banded(parts: Sequence[Part], band: int) -> list[Part]:
    return [_in_band(part, band) for part in parts]


def _round(count: int = 20) -> Array:
    angles = np.arange(count) * (2 * np.pi / count)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _turned(
    center: Array, rings: Sequence[tuple[float, float, float]], *, lean: float = 0.0, back: float = 0.0
) -> Part:
    """A turned body: (radius along x, radius along z, height) from below to the top, smoothed between.

    Args:
        center: its origin.
        rings: its profile.
        lean: radians sideways.
        back: radians backward.
    """
    circle = _round(24)
    profile = catmull_rom(np.array(rings), np.linspace(0.0, 1.0, 3 * len(rings)))
    radii = np.maximum(profile[:, :2], 1e-3)
    stack = np.stack(
        [radii[:, :1] * circle[:, 0], np.repeat(profile[:, 2:], 24, axis=1), radii[:, 1:] * circle[:, 1]],
        axis=-1,
    )
    return tube("extra", center + stack @ _tilt(lean, back), "head")


def _tilt(lean: float, back: float) -> Array:
    """Matrix for row vectors: leaning sideways, then backward."""
    c, s, d, t = np.cos(lean), np.sin(lean), np.cos(back), np.sin(back)
    sideways = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    return np.asarray(sideways @ np.array([[1.0, 0.0, 0.0], [0.0, d, t], [0.0, -t, d]]))


def no_headgear(wearer: Wearer) -> list[Part]:
    """Nothing."""
    return []


def top_ribbon(wearer: Wearer) -> list[Part]:
    """A large bow on the back of the head."""
    at = wearer.on_hair(180.0, 28.0, 0.06)
    return _banded(bow_parts("extra", (float(at[0]), float(at[1]), float(at[2])), 1.5, "head"), COLOR)


def side_ribbon(wearer: Wearer) -> list[Part]:
    """A bow beside the forehead."""
    side = 1.0 if wearer.traits.hair.parting <= 0 else -1.0
    at = wearer.on_hair(side * 56.0, 56.0, 0.16)
    return _banded(bow_parts("extra", (float(at[0]), float(at[1]), float(at[2])), 0.8, "head"), COLOR)


def _animal_ear(
    wearer: Wearer, side: int, azimuth: float, outline: Array, lean: float, band: int
) -> list[Part]:
    base = wearer.on_hair(side * azimuth, 36.0, -0.10)
    up = normalized(np.array([side * lean, 1.0, 0.10]))
    right = normalized(np.array([-1.0, side * lean, -0.25 * side]))
    outer = plump("extra", "head", base, right, up, outline, 0.12)
    forward = normalized(np.cross(right, up))
    middle = np.array([0.0, 0.12 * outline[:, 1].max()])
    inner = plump(
        "extra", "head", base + forward * 0.075, right, up, middle + (outline - middle) * 0.66, 0.06
    )
    return [_in_band(outer, band), _in_band(inner, INSIDE)]


def _triangle_outline(width: float, height: float, bulge: float) -> Array:
    t = np.linspace(0.0, 1.0, 13)
    left = np.stack([-width * (1 - t) ** (1 - bulge) * (1 + 0.25 * np.sin(np.pi * t)), height * t], axis=1)
    right = left[::-1][1:] * np.array([-1.0, 1.0])
    base = np.stack([np.linspace(width, -width, 7)[1:-1], np.full(5, -0.12 * height)], axis=1)
    return np.concatenate([left, right, base])


def cat_ears(wearer: Wearer) -> list[Part]:
    """Small pointed ears in the hair's colour."""
    outline = _triangle_outline(0.33, 0.62, 0.15)
    return [p for s in (1, -1) for p in _animal_ear(wearer, s, 62.0, outline, 0.30, HAIR)]


def fox_ears(wearer: Wearer) -> list[Part]:
    """Tall pointed ears."""
    outline = _triangle_outline(0.36, 0.95, 0.05)
    return [p for s in (1, -1) for p in _animal_ear(wearer, s, 70.0, outline, 0.38, HAIR)]


def rabbit_ears(wearer: Wearer) -> list[Part]:
    """Long ears."""
    circle = _round(28)
    outline = np.stack([0.22 * circle[:, 0] * (1 - 0.25 * circle[:, 1]), 0.72 + 0.85 * circle[:, 1]], axis=1)
    return [p for s in (1, -1) for p in _animal_ear(wearer, s, 95.0, outline, 0.20, WHITE)]


def horns(wearer: Wearer) -> list[Part]:
    """Two curved horns."""
    parts = []
    t = np.linspace(0.0, 1.0, 14)
    for side in (1, -1):
        base = wearer.on_hair(side * 55.0, 40.0, -0.08)
        steps = np.array([(0, 0, 0), (0.16, 0.22, -0.04), (0.24, 0.48, -0.02), (0.14, 0.74, 0.05)])
        points = catmull_rom(base + steps * np.array([side, 1.0, 1.0]), t)
        parts.append(_in_band(pipe("extra", "head", points, 0.135 * (1 - t) ** 0.7 + 0.004), DARK))
    return parts


def beret(wearer: Wearer) -> list[Part]:
    """A soft flat cap, worn aslant."""
    side = 1.0 if wearer.traits.hair.parting <= 0 else -1.0
    rx, _, rz = wearer.dome.radii
    rings = [(0.66 * rx, 0.66 * rz, -0.44), (0.90 * rx, 0.90 * rz, -0.40), (1.16 * rx, 1.10 * rz, -0.14),
             (1.06 * rx, 1.02 * rz, 0.12), (0.62 * rx, 0.60 * rz, 0.25), (0.0, 0.0, 0.29)]  # fmt: skip
    center = np.array([side * 0.12, float(wearer.on_hair(0.0, 0.0)[1]) - 0.15, CENTER[2] + 0.06])
    top = np.array([[0.0, 0.24, 0.0], [0.0, 0.34, 0.0], [0.0, 0.39, 0.0]]) @ _tilt(-0.16 * side, 0.10)
    knob = pipe("extra", "head", center + top, 0.035)
    return [_in_band(_turned(center, rings, lean=-0.16 * side, back=0.10), COLOR), _in_band(knob, DARK)]


def cap(wearer: Wearer) -> list[Part]:
    """A cap with a visor."""
    polar = np.array([2.0, 10.0, 19.0, 28.0, 37.0, 45.0, 52.0, 58.0, 61.0, 61.5])
    circle = np.degrees(np.arange(28) * (2 * np.pi / 28))
    lift = np.array([0.12, 0.15, 0.18, 0.20, 0.21, 0.21, 0.20, 0.18, 0.16, 0.02])
    unit = wearer.dome.direction(circle[None], polar[:, None])
    crown = tube("extra", wearer.dome.at(unit, lift[:, None]), "head")
    angles = np.radians(np.linspace(-58.0, 58.0, 21))
    inner = np.stack([wearer.on_hair(float(np.degrees(a)), 58.0, 0.13) for a in angles])
    ahead = np.cos(angles * 1.45).clip(0.0)
    outer = inner + np.stack([0.10 * np.sin(angles), -0.30 * ahead, -0.62 * ahead**0.7], axis=1)
    rows = lerp(inner[None], outer[None], np.array([0.0, 0.5, 1.0])[:, None, None])
    thick = np.concatenate([rows, rows[::-1] - np.array([0.0, 0.05, 0.0])])
    visor = Part(
        "extra", thick.reshape(-1, 3), grid_triangles(6, 21), np.zeros((6 * 21, 2)), rigid("head", 6 * 21)
    )
    top = wearer.on_hair(0.0, 0.0, 0.10)
    button = plump("extra", "head", top, _RIGHT, np.array([0.0, 0.0, 1.0]), _round(12) * 0.07, 0.05)
    return [
        _in_band(crown, COLOR),
        _in_band(facing(visor, (0, 0, -1)), DARK),
        _in_band(outward(button), DARK),
    ]


def witch_hat(wearer: Wearer) -> list[Part]:
    """A wide brim and a bent tip."""
    rx, ry, rz = wearer.dome.radii
    center, back = CENTER + np.array([0.0, 0.64 * ry, 0.10]), 0.20
    under, edge, over = (0.88, 0.88, -0.02), (1.85, 1.70, -0.02), (0.90, 0.90, 0.10)
    sides = [under, (1.35, 1.30, -0.08), edge, (1.36, 1.31, -0.03), over]
    brim = _turned(center, [(rx * a, rz * b, y) for a, b, y in sides], back=back)
    t = np.linspace(0.0, 1.0, 12)
    size = (1 - t) ** 0.85 + 0.01
    line = catmull_rom(np.array([(0, 0, 0), (0, 0.9, 0.02), (0.12, 1.5, 0.08), (0.60, 1.95, 0.15)]), t)
    circle = np.stack([0.93 * rx * _round(28)[:, 0], np.zeros(28), 0.93 * rz * _round(28)[:, 1]], axis=1)
    cone = tube("extra", center + (line[:, None] + size[:, None, None] * circle) @ _tilt(0.0, back), "head")
    ribbon = [(0.95, 0.95, 0.02), (0.96, 0.96, 0.10), (0.88, 0.88, 0.26), (0.80, 0.80, 0.28)]
    band = _turned(center, [(rx * a, rz * b, y) for a, b, y in ribbon], back=back)
    return [_in_band(brim, DARK), _in_band(cone, DARK), _in_band(band, COLOR)]


def _over_the_head(wearer: Wearer, lift: float, turn: float = 0.0, reach: float = 112.0) -> Array:
    """A line from ear to ear over the top; `turn` moves it forward, `reach` is how far it goes, degrees."""
    t = np.linspace(-1.0, 1.0, 25)
    polar, side = np.abs(t) * reach, np.where(t < 0, -90.0, 90.0)
    close = lift * (0.4 + 0.6 * np.sin(np.radians(np.minimum(polar, 90.0))))  # strands are thin at the top
    points = wearer.dome.at(wearer.dome.direction(side, np.minimum(polar, 90.0)), close)
    points[:, 1] -= 0.024 * np.maximum(polar - 90.0, 0.0)
    angle = np.radians(turn)
    y, z = points[:, 1] - CENTER[1], points[:, 2] - CENTER[2]
    points[:, 2] = CENTER[2] + z * np.cos(angle) - np.maximum(y, 0.0) * np.sin(angle)
    points[:, 1] = CENTER[1] + y * np.cos(angle)
    return points


def headband(wearer: Wearer) -> list[Part]:
    """A band over the hair."""
    return [_in_band(pipe("extra", "head", _over_the_head(wearer, 0.11, 22.0, 84.0), 0.05, flat=2.0), COLOR)]


def _pad(wearer: Wearer, side: int, radius: float, band: int) -> Part:
    center = np.array([side * (float(wearer.dome.radii[0]) + 0.20), 0.92, 0.08])
    axes = (np.array([0.0, 0.0, -float(side)]), _UP)
    return _in_band(plump("extra", "head", center, *axes, _round() * radius, 0.20), band)


def headphones(wearer: Wearer) -> list[Part]:
    """A band with a large pad on each ear."""
    line = _over_the_head(wearer, 0.14)
    parts = [_in_band(pipe("extra", "head", line, 0.06, flat=1.6), BLACK)]
    for side in (1, -1):
        parts += [_pad(wearer, side, 0.33, COLOR), _pad(wearer, side, 0.36, BLACK)]
    return parts


def headset(wearer: Wearer) -> list[Part]:
    """Two small pads, a thin band, and a microphone on a bow before the cheek."""
    band = pipe("extra", "head", _over_the_head(wearer, 0.15), 0.04, sides=6, flat=1.5)
    parts = [_in_band(band, BLACK)]
    for side in (1, -1):
        parts += [_pad(wearer, side, 0.20, COLOR), _pad(wearer, side, 0.25, BLACK)]
    face, out = wearer.shape, float(wearer.dome.radii[0])
    start = np.array([out + 0.30, 0.84, -0.08])
    end = face.point(0.46, 0.27, lift=0.10)
    line = catmull_rom(
        np.stack([start, [out + 0.20, 0.44, -0.62], [0.80, 0.26, -0.96], end]), np.linspace(0, 1, 14)
    )
    steps = np.array([(0.0, 0.0, 0.0), (-0.05, -0.005, -0.03), (-0.12, -0.01, -0.04)])
    foam = catmull_rom(end + steps, np.linspace(0, 1, 6))
    parts += [_in_band(pipe("extra", "head", line, 0.018, sides=6), BLACK)]
    return [*parts, _in_band(pipe("extra", "head", foam, 0.045), DARK)]


def flower(wearer: Wearer) -> list[Part]:
    """A flower in the hair."""
    side = 1.0 if wearer.traits.hair.parting <= 0 else -1.0
    at = wearer.on_hair(side * 50.0, 58.0, 0.16)
    out = normalized(at - CENTER)
    right = normalized(np.cross(_UP, out))
    up = normalized(np.cross(out, right))
    parts = []
    for k in range(5):
        angle = 2 * np.pi * k / 5
        direction = np.cos(angle) * right + np.sin(angle) * up
        petal = _round(14) * np.array([0.12, 0.14])
        parts.append(
            _in_band(
                plump(
                    "extra", "head", at + 0.15 * direction, np.cross(direction, out), direction, petal, 0.05
                ),
                COLOR,
            )
        )
    return [
        *parts,
        _in_band(plump("extra", "head", at + 0.04 * out, right, up, _round(12) * 0.07, 0.06), GOLD),
    ]


def hairpins(wearer: Wearer) -> list[Part]:
    """Two bars that hold the fringe aside, and one below them aslant."""
    side = 1.0 if wearer.traits.hair.parting <= 0 else -1.0
    parts = []
    for polar, rise, band in ((70.0, 2.5, COLOR), (77.0, 0.5, COLOR), (86.0, -2.0, GOLD)):
        t = np.linspace(-1.0, 1.0, 5)
        line = np.stack([wearer.on_hair(side * (44.0 + 10.5 * s), polar - rise * s, 0.20) for s in t])
        parts.append(_in_band(pipe("extra", "head", line, 0.038, sides=6), band))
    return parts


HEADGEAR_PARTS: dict[str, Callable[[Wearer], list[Part]]] = {
    "none": no_headgear, "ribbon": top_ribbon, "side_ribbon": side_ribbon, "cat_ears": cat_ears,
    "fox_ears": fox_ears, "rabbit_ears": rabbit_ears, "horns": horns, "beret": beret, "cap": cap,
    "witch_hat": witch_hat, "headband": headband, "headphones": headphones, "headset": headset,
    "flower": flower, "hairpins": hairpins,
}  # fmt: skip


def glasses(wearer: Wearer) -> list[Part]:
    """Frames before the eyes, with half-transparent lenses."""
    kind, eyes, shape = wearer.traits.extras.glasses, wearer.traits.eyes, wearer.shape
    angles = np.linspace(-1.08, 0.08, 23) * np.pi if kind == "half" else np.linspace(0.0, 2.0, 33) * np.pi
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    if kind == "square":
        circle = np.sign(circle) * np.abs(circle) ** 0.55
    lift, parts = 0.17, []
    for side in (1, -1):
        place = circle * np.array([0.36 * side, 0.31 if kind == "round" else 0.26])
        line = shape.point(side * (eyes.spacing + 0.01) + place[:, 0], np.full(len(place), 0.985), lift=lift)
        line[:, 1] += place[:, 1]
        outer = line[int(np.argmax(place[:, 0] * side))]
        temple = np.array([outer, [side * 0.99, 0.99, -0.30], [side * 1.0, 0.96, 0.15]])
        parts += [_in_band(pipe("extra", "head", bar, 0.016, sides=6), DARK) for bar in (line, temple)]
        disc = np.concatenate([[line.mean(axis=0)], line])
        fan = np.array([(0, k, k + 1) for k in range(1, len(line))])
        lens = Part("lens", disc, fan, np.zeros((len(disc), 2)), rigid("head", len(disc)))
        parts.append(_in_band(facing(lens, (0, 0, -1)), WHITE, "lens"))
    inner = eyes.spacing - 0.34
    bridge = shape.point(np.linspace(-inner, inner, 7), np.full(7, 1.0), lift=lift)
    bridge[:, 2] = bridge[0, 2] - 0.02
    return [*parts, _in_band(pipe("extra", "head", bridge, 0.016, sides=6), DARK)]


def _hair_ties(traits: Traits) -> list[Part]:
    """Bands where the hair is tied."""
    places = {
        "twin_tails": [(1.04, 2.18, 0.30), (-1.04, 2.18, 0.30)],
        "low_tails": [(0.82, 0.56, 0.33), (-0.82, 0.56, 0.33)],
        "braids": [(0.86, 0.50, 0.22), (-0.86, 0.50, 0.22)],
        "ponytail": [(0.0, 2.10, 1.08)],
        "side_tail": [(1.0 if traits.hair.parting <= 0 else -1.0, 2.13, 0.35)],
    }[traits.hair.back]
    axis = {"twin_tails": (0.8, 0.5, 0.1), "side_tail": (0.8, 0.5, 0.1), "ponytail": (0.0, 0.5, 0.8)}.get(
        traits.hair.back, (0.15, 1.0, 0.0)
    )
    size = 0.15 if traits.hair.back == "braids" else 0.24
    parts = []
    for place in places:
        along = normalized(np.array(axis) * np.array([np.sign(place[0]) or 1.0, 1.0, 1.0]))
        points = np.array(place) + along * np.linspace(-0.07, 0.07, 3)[:, None]
        parts.append(
            _in_band(pipe("extra", "head", points, np.array([0.9, 1.0, 0.9]) * size, sides=12), COLOR)
        )
    return parts
