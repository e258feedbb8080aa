"""The painted textures of the face: skin, iris, and one palette for everything small."""

from __future__ import annotations

import numpy as np

from mmdgen.cast.colors import Color, shaded, tinted
from mmdgen.cast.curves import Array, lerp, smoothstep
from mmdgen.cast.eyes import CENTER_Y, LEFT, RIGHT, EyeShape
from mmdgen.cast.face import TEXTURE_WINDOW
from mmdgen.cast.head import HeadShape
from mmdgen.cast.mouth import MouthPose, MouthShape
from mmdgen.cast.paint import Canvas, ellipse, stroke, value_noise
from mmdgen.cast.strands import COLUMNS, EQUATOR_V
from mmdgen.cast.traits import EyeTraits, FaceTraits, Traits
from mmdgen.images import Image

_ANGLES = np.linspace(0.0, 2 * np.pi, 49)

# Cells of the palette texture: material key -> (column, row) of a 4 x 4 grid.
PALETTE_CELLS = {
    "eye_white": (0, 0), "lid_inside": (1, 0), "lash": (2, 0), "lid_fold": (3, 0),
    "brow": (0, 1), "mouth_inside": (1, 1), "teeth": (2, 1), "tongue": (3, 1),
    "highlight": (0, 2), "blush": (1, 2),
}  # fmt: skip
_CELL = 64


def palette_uv(material: str, uvs: Array) -> Array:
    """Texture coordinates inside a material's palette cell, away from its borders."""
    column, row = PALETTE_CELLS[material]
    return (np.array([column, row]) + 0.08 + 0.84 * np.clip(uvs, 0.0, 1.0)) / 4.0


def skin_shadow(face: FaceTraits) -> Color:
    """The colour of shadows on the skin: warmer and darker."""
    r, g, b = face.skin
    return (r * 0.95, g * 0.85, b * 0.83)


def paint_face(traits: Traits, shape: HeadShape, size: int = 640) -> Image:
    """The skin of the head, seen from the front: blush, lips, lid lines and soft shadows."""
    face = traits.face
    canvas = Canvas.blank(size, size, face.skin, TEXTURE_WINDOW)
    shadow = skin_shadow(face)
    contour = np.abs(canvas.x) / np.maximum(shape.half_width(np.clip(canvas.y, 0.02, 2.5)), 0.05)
    canvas.lay(shadow, 0.55 * smoothstep(0.80, 1.05, contour))
    canvas.lay(shadow, 0.55 * smoothstep(1.35, 1.75, canvas.y))
    flush = tinted(face.skin, (0.95, 0.45, 0.42), 0.55)
    for side in (LEFT, RIGHT):
        cheek = (side * (traits.eyes.spacing + 0.06), 0.60)
        here = canvas.near(cheek, 0.5)
        here.lay(flush, (0.20 + 0.35 * face.blush) * ellipse(here, cheek, (0.24, 0.13), 1.9))
        around = canvas.near((side * traits.eyes.spacing, CENTER_Y), 0.5)
        _paint_lid_line(around, EyeShape(traits.eyes, side), shadow)
    nose = canvas.near((0.0, 0.6), 0.2)
    line = (shadow[0] * 0.85, shadow[1] * 0.66, shadow[2] * 0.64)
    nose.lay(tinted(face.skin, (1, 1, 1), 0.5), 0.5 * ellipse(nose, (0, 0.665), (0.028, 0.05), 1.4))
    nose.lay(line, 0.75 * ellipse(nose, (0.004, 0.565), (0.022, 0.008), 1.2))
    nose.lay(shadow, 0.5 * ellipse(nose, (0.0, 0.55), (0.07, 0.022), 1.8))
    _paint_mark(canvas, traits, line)
    _paint_lips(canvas.near((0.0, traits.mouth.height - 0.03), 0.35), MouthShape(traits.mouth), line, shadow)
    return canvas.image()


def _paint_mark(canvas: Canvas, traits: Traits, line: Color) -> None:
    """Moles and freckles."""
    face, eyes, side = traits.face, traits.eyes, traits.face.mark_side
    brown = (line[0] * 0.55, line[1] * 0.45, line[2] * 0.45)
    spots: list[tuple[float, float, float]] = []
    if face.mark == "mole by the eye":
        spots = [(side * (eyes.spacing + 0.55 * eyes.half_width), CENTER_Y - eyes.drop - 0.085, 0.017)]
    elif face.mark == "mole by the mouth":
        spots = [(side * (traits.mouth.half_width + 0.03), traits.mouth.height - 0.075, 0.016)]
    elif face.mark == "freckles":
        brown = tinted(face.skin, line, 0.75)
        places = [(0.0, 0.0), (0.07, 0.035), (-0.07, 0.03), (0.035, -0.04), (-0.04, -0.045), (0.11, -0.02)]
        spots = [(s * (eyes.spacing - 0.06 + dx), 0.625 + dy, 0.012) for s in (-1, 1) for dx, dy in places]
    for x, y, radius in spots:
        here = canvas.near((x, y), 0.06)
        here.lay(brown, 0.85 * ellipse(here, (x, y), (radius, radius), 0.7))


def _paint_lid_line(canvas: Canvas, eye: EyeShape, shadow: Color) -> None:
    outline = eye.outline(_ANGLES)
    canvas.lay(shadow, 0.75 * stroke(canvas, outline[:25] + np.array([0, 0.015]), 0.05, 0.055))
    canvas.lay(shadow, 0.8 * stroke(canvas, outline[24:], 0.007, 0.016))


def _paint_lips(canvas: Canvas, mouth: MouthShape, line: Color, shadow: Color) -> None:
    angles = np.linspace(np.pi, 0.0, 25)
    rest = mouth.line(angles, MouthPose())
    across = np.abs(np.cos(angles))
    dark = (line[0] * 0.80, line[1] * 0.60, line[2] * 0.60)
    below = rest * np.array([0.45, 1.0]) + np.array([0.0, -0.085])
    canvas.lay(shadow, 0.55 * stroke(canvas, below, 0.006, 0.02))
    canvas.lay(dark, 0.95 * stroke(canvas, rest, 0.0045 + 0.005 * across**4, 0.006))


def paint_iris(eyes: EyeTraits, size: int = 256) -> Image:
    """Both irises side by side: right eye on the left half, as the viewer sees them."""
    return np.concatenate([_iris(eyes, eyes.right, size), _iris(eyes, eyes.left, size)], axis=1)


def _iris(eyes: EyeTraits, color: Color, size: int) -> Image:
    canvas = Canvas.blank(size, size, color, (-1.0, 1.0, -1.0, 1.0))
    r = np.hypot(canvas.x, canvas.y)
    angle = np.arctan2(canvas.y, canvas.x)
    deep = shaded(color, 0.25)
    bright = tinted(color, (1.0, 1.0, 1.0), 0.45)
    canvas.colors[:] = lerp(
        np.array(tinted(color, bright, 0.25)), np.array(deep), smoothstep(-0.45, 0.75, canvas.y)[..., None]
    )
    rays = 0.5 + 0.5 * np.sin(angle * 26) * np.sin(angle * 11 + 1)
    canvas.lay(bright, 0.22 * rays * smoothstep(0.35, 0.6, r) * smoothstep(0.4, -0.6, canvas.y))
    glow = np.hypot(canvas.x / 0.72, (canvas.y + 0.52) / 0.42)
    canvas.lay(tinted(color, (1, 1, 1), 0.62), 0.75 * smoothstep(1.0, 0.25, glow))
    _paint_pupil(canvas, eyes.pupil, r, deep)
    canvas.lay(shaded(deep, 0.35), 0.9 * smoothstep(0.80, 0.95, r))
    canvas.lay(shaded(deep, 0.35), 0.75 * smoothstep(0.15, 0.95, canvas.y))
    return canvas.image()


def _paint_pupil(canvas: Canvas, kind: str, r: Array, deep: Color) -> None:
    dark = shaded(deep, 0.2)
    if kind == "ring":
        canvas.lay(dark, smoothstep(0.09, 0.05, np.abs(r - 0.38)))
        canvas.lay(dark, 0.6 * smoothstep(0.36, 0.30, r))
    else:
        height = 0.46 if kind == "tall" else 0.36
        canvas.lay(dark, ellipse(canvas, (0.0, 0.02), (0.30, height), 0.25))


def _gradient(top: Color, bottom: Color) -> Array:
    v = np.linspace(0.0, 1.0, _CELL)[:, None, None]
    return np.broadcast_to(lerp(np.array(top), np.array(bottom), v), (_CELL, _CELL, 3))


def paint_palette(traits: Traits) -> Image:
    """Eye white, lashes, brows, the mouth's inside and other small things, each in a cell."""
    shadow = skin_shadow(traits.face)
    lash = traits.eyes.lash_color
    brow = tinted(shaded(traits.hair.color, 0.55), (0.25, 0.14, 0.12), 0.25)
    fold = (shadow[0] * 0.80, shadow[1] * 0.62, shadow[2] * 0.60)
    cells: dict[str, Array] = {
        "eye_white": _eye_white_cell(),
        "lid_inside": _gradient(fold, fold),
        "lash": _gradient(lash, tinted(lash, (0.45, 0.2, 0.2), 0.25)),
        "lid_fold": _gradient(fold, fold),
        "brow": _gradient(brow, brow),
        "mouth_inside": _gradient((0.72, 0.30, 0.31), (0.33, 0.10, 0.14)),
        "teeth": _gradient((0.90, 0.86, 0.86), (0.99, 0.98, 0.97)),
        "tongue": _gradient((0.95, 0.56, 0.56), (0.80, 0.38, 0.40)),
        "highlight": _gradient((1, 1, 1), (1, 1, 1)),
        "blush": _gradient((0.95, 0.45, 0.45), (0.95, 0.45, 0.45)),
    }
    pixels = np.ones((4 * _CELL, 4 * _CELL, 4))
    for key, colors in cells.items():
        column, row = PALETTE_CELLS[key]
        pixels[row * _CELL : (row + 1) * _CELL, column * _CELL : (column + 1) * _CELL, :3] = colors
    column, row = PALETTE_CELLS["blush"]
    pixels[row * _CELL : (row + 1) * _CELL, column * _CELL : (column + 1) * _CELL, 3] = _soft_disc()
    return np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)


def _soft_disc() -> Array:
    place = np.linspace(-1.1, 1.1, _CELL)
    return 0.6 * smoothstep(1.0, 0.2, np.hypot(place[None, :], place[:, None]))


def _eye_white_cell() -> Array:
    """White with the shadow of the upper lid."""
    v = np.linspace(0.0, 1.0, _CELL)[:, None, None]
    white, shade = np.array([0.975, 0.97, 0.975]), np.array([0.66, 0.63, 0.72])
    return np.broadcast_to(lerp(shade, white, smoothstep(0.27, 0.50, v)), (_CELL, _CELL, 3))


def _gloss(color: Color) -> Color:
    """Light on hair: brighter, and clearer in colour than a mere step toward white."""
    peak = max(color)
    r, g, b = (min(1.0, (c / peak) ** 0.8 * (peak + 0.55 * (1.05 - peak))) for c in color)
    return tinted((r, g, b), (1.0, 1.0, 1.0), 0.22)


def paint_gloss(size: int = 64) -> Image:
    """A sphere map to be added: a soft light from above, and a faint rim."""
    canvas = Canvas.blank(size, size, (0.0, 0.0, 0.0), (-1.0, 1.0, -1.0, 1.0))
    canvas.lay((0.16, 0.16, 0.18), ellipse(canvas, (0.15, 0.55), (0.55, 0.30), 1.6))
    canvas.lay((0.12, 0.12, 0.15), 0.6 * smoothstep(0.75, 1.0, np.hypot(canvas.x, canvas.y)))
    return canvas.image()


def paint_hair(traits: Traits, width: int = 320, height: int = 512) -> Image:
    """Columns of strands, root at the top: a ring of light with soft teeth, dark sides, coloured tips.

    Each column is one lock with two partings of its own. The last column is for the insides of strands:
    darker, without light.
    """
    hair = traits.hair
    canvas = Canvas.blank(width, height, hair.color, (0.0, COLUMNS, 1.0, 0.0))
    x, v = canvas.x, canvas.y
    inside = x > COLUMNS - 1
    across = x - np.floor(x)
    seed = hair.shape_seed % 100000
    dark = shaded(hair.color, 0.25)
    canvas.lay(hair.tip_color, smoothstep(0.45, 0.95, v))
    canvas.colors *= (1.0 + 0.022 * value_noise(x * 20.0, seed, octaves=2))[..., None]
    canvas.lay(dark, 0.45 * smoothstep(0.10, 0.0, v))
    tooth = value_noise(x * 6.0, seed + 7)
    arch = 0.055 * (2 * across - 1) ** 2  # the ring of light bends down at the sides of each lock
    low = 0.295 + arch + 0.045 * tooth
    middle = smoothstep(0.02, 0.22, across) * smoothstep(0.98, 0.78, across)
    ring = smoothstep(0.185, 0.235, v - 0.5 * arch) * smoothstep(low + 0.022, low - 0.022, v)
    canvas.lay(_gloss(hair.color), 0.72 * ring * middle * ~inside)
    thin = smoothstep(0.018, 0.006, np.abs(v - low - 0.045)) * smoothstep(-0.2, 0.3, tooth)
    canvas.lay(_gloss(hair.color), 0.40 * thin * middle * ~inside)
    canvas.lay(dark, 0.16 * smoothstep(low, low + 0.05, v) * smoothstep(0.75, 0.40, v))
    for at in (0.34, 0.68):
        off = np.abs(across - at - 0.05 * value_noise(v * 2.0 + at * 40 + np.floor(x) * 7, seed + 3))
        canvas.lay(dark, 0.55 * smoothstep(0.055, 0.0, off) * smoothstep(0.40, 0.85, v))
        canvas.lay(dark, 0.30 * smoothstep(0.05, 0.0, off) * smoothstep(0.20, 0.02, v))
    canvas.lay(dark, 0.55 * smoothstep(0.13, 0.0, across) + 0.55 * smoothstep(0.87, 1.0, across))
    streaks = value_noise(x * 30.0, seed + 11)
    canvas.lay(shaded(hair.color, 0.05), (0.80 + 0.12 * streaks) * inside)
    return canvas.image()


def thin_toward_tips(hair: Image) -> Image:
    """The hair texture for a fringe through which the eyes and brows show."""
    v = (np.arange(len(hair)) + 0.5) / len(hair)
    alpha = lerp(1.0, 0.55, smoothstep(EQUATOR_V - 0.04, EQUATOR_V + 0.14, v))
    thin = hair.copy()
    thin[..., 3] = np.round(255.0 * alpha)[:, None]
    return thin
