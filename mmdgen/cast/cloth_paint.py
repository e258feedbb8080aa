"""The painted textures of body and clothes."""

from __future__ import annotations

import numpy as np

from mmdgen.cast.body import CLOTH_WINDOW
from mmdgen.cast.colors import Color, shaded, tinted
from mmdgen.cast.curves import Array, lerp, smoothstep
from mmdgen.cast.paint import Canvas, ellipse, stroke
from mmdgen.cast.textures import skin_shadow
from mmdgen.cast.traits import FaceTraits, OutfitTraits
from mmdgen.images import Image


def paint_skin(face: FaceTraits) -> Image:
    """Skin by height: the shadow that the chin throws on the neck."""
    canvas = Canvas.blank(64, 256, face.skin, (-2.0, 2.0, -1.3, 0.3))
    canvas.lay(skin_shadow(face), 0.95 * smoothstep(-0.42, -0.22, canvas.y))
    for sign in (-1, 1):
        canvas.lay(skin_shadow(face), 0.45 * ellipse(canvas, (sign * 0.42, -0.66), (0.34, 0.03), 1.2))
    return canvas.image()


def paint_cloth(outfit: OutfitTraits, size: int = 512) -> Image:
    """The garment seen from the front: pattern, folds, and what is sewn on it."""
    canvas = Canvas.blank(size, size, outfit.main, CLOTH_WINDOW)
    _pattern(canvas, outfit)
    folds = np.sin(canvas.x * 9 + 2.0 * np.sin(canvas.y * 2.1)) * smoothstep(-1.2, -2.6, canvas.y)
    canvas.shade(0.86, 0.5 * smoothstep(0.2, 1.0, folds))
    canvas.shade(
        (0.86, 0.84, 0.90), 0.55 * smoothstep(0.55, 1.0, np.abs(canvas.x)) * smoothstep(-0.9, -1.5, canvas.y)
    )
    _tailoring(canvas, outfit)
    if outfit.kind in ("shirt", "track", "coat", "dress", "idol"):
        _closure(canvas, outfit)
    if outfit.kind == "hoodie":
        _strings(canvas, outfit)
    if outfit.kind == "track":
        stripe = smoothstep(0.05, 0.03, np.abs(np.abs(canvas.x) - 1.0 - 0.2 * np.abs(canvas.y + 1)))
        canvas.lay(outfit.accent, stripe)
    return canvas.image()


def _tailoring(canvas: Canvas, outfit: OutfitTraits) -> None:
    """Sleeves of another colour, the seams around the arms, folds that run from the armpits."""
    seam = 0.70 + 0.16 * smoothstep(-1.10, -0.70, canvas.y) + 0.10 * smoothstep(-1.10, -1.60, canvas.y)
    beyond = np.abs(canvas.x) - seam
    if outfit.pattern != "plain" and outfit.kind in ("hoodie", "track", "idol", "dress"):
        canvas.lay(tinted(outfit.second, outfit.main, 0.15), smoothstep(-0.008, 0.008, beyond))
    upper = smoothstep(-1.75, -1.55, canvas.y)
    canvas.shade((0.80, 0.78, 0.86), 0.55 * upper * smoothstep(0.05, 0.0, np.abs(beyond - 0.02)))
    canvas.shade(0.62, 0.75 * upper * smoothstep(0.012, 0.004, np.abs(beyond)))
    for sign in (-1.0, 1.0):
        for height, length in ((-1.28, 0.42), (-1.46, 0.34), (-1.62, 0.24)):
            fold = np.array(
                [(0.76, height), (0.76 - 0.5 * length, height + 0.02), (0.76 - length, height + 0.10)]
            )
            here = stroke(canvas, fold * np.array([sign, 1.0]), [0.030, 0.018, 0.002], 0.012)
            canvas.shade((0.78, 0.76, 0.84), 0.6 * here)
    under_the_chin = smoothstep(0.55, 0.15, np.hypot(canvas.x, (canvas.y + 0.50) * 1.4))
    canvas.shade((0.80, 0.77, 0.85), 0.6 * under_the_chin)


def _pattern(canvas: Canvas, outfit: OutfitTraits) -> None:
    if outfit.kind == "kimono":
        _blossoms(canvas, outfit)
        return
    soft = tinted(outfit.main, outfit.second, 0.55)
    if outfit.pattern == "stripes":
        canvas.lay(soft, smoothstep(0.2, 0.4, np.sin(canvas.y * 14)))
    elif outfit.pattern == "checks":
        canvas.lay(soft, 0.5 * smoothstep(0.1, 0.3, np.sin(canvas.x * 11)))
        canvas.lay(soft, 0.5 * smoothstep(0.1, 0.3, np.sin(canvas.y * 11)))
    elif outfit.pattern == "dots":
        dots = np.hypot(
            (canvas.x * 4) % 1 - 0.5, (canvas.y * 4 + 0.5 * (np.floor(canvas.x * 4) % 2)) % 1 - 0.5
        )
        canvas.lay(soft, smoothstep(0.26, 0.20, dots))


def _blossoms(canvas: Canvas, outfit: OutfitTraits) -> None:
    for k in range(40):
        center = ((k * 0.754877) % 1 * 3.2 - 1.6, -((k * 0.569840) % 1) * 4.6)
        here = canvas.near(center, 0.13)
        angle = np.arctan2(here.y - center[1], here.x - center[0])
        r = np.hypot(here.x - center[0], here.y - center[1])
        petals = smoothstep(0.02, 0.0, r - 0.10 * (0.75 + 0.25 * np.cos(5 * angle)))
        here.lay(tinted(outfit.accent, (1, 1, 1), 0.3 * (k % 3)), 0.9 * petals)


def _strings(canvas: Canvas, outfit: OutfitTraits) -> None:
    """The cords of a hood, and the pocket below."""
    for sign in (-1.0, 1.0):
        cord = np.array([(0.16 * sign, -0.5), (0.19 * sign, -0.9), (0.17 * sign, -1.25)])
        canvas.lay(tinted(outfit.accent, (1, 1, 1), 0.4), stroke(canvas, cord, [0.02, 0.02, 0.035], 0.012))
        pocket = np.array([(0.62 * sign, -3.3), (0.42 * sign, -2.6), (0.0, -2.6)])
        canvas.shade(0.78, 0.8 * stroke(canvas, pocket, 0.012, 0.012))


def _closure(canvas: Canvas, outfit: OutfitTraits) -> None:
    canvas.shade(0.80, 0.8 * smoothstep(0.016, 0.006, np.abs(canvas.x - 0.02)) * (canvas.y < -0.4))
    if outfit.kind != "track":
        for k in range(9):
            canvas.lay(
                shaded(outfit.second, 0.8), ellipse(canvas, (0.0, -0.95 - 0.42 * k), (0.045, 0.045), 0.4)
            )


def paint_trim(outfit: OutfitTraits) -> Image:
    """Collar (left half: u around, v from the neck outward) and tie (right half)."""
    collar_color: dict[str, Color] = {
        "sailor": outfit.second, "kimono": outfit.second, "blazer": shaded(outfit.main, 0.82),
        "coat": shaded(outfit.main, 0.82),
        "shirt": outfit.main, "dress": (0.97, 0.96, 0.97), "idol": (0.97, 0.96, 0.97),
    }  # fmt: skip
    color = collar_color.get(outfit.kind, tinted(outfit.main, outfit.second, 0.12))
    left = Canvas.blank(128, 256, color)
    if outfit.kind == "sailor":
        line = tinted(outfit.accent, (1, 1, 1), 0.75 if sum(color) < 1.6 else 0.0)
        for at in (0.66, 0.80):
            left.lay(line, smoothstep(0.030, 0.020, np.abs(left.y - at)))
    elif outfit.kind in ("track", "dress", "idol", "kimono"):
        left.lay(outfit.accent, smoothstep(0.80, 0.84, left.y) * (outfit.kind != "kimono"))
    left.shade(0.80, 0.5 * smoothstep(0.25, 0.0, left.y))
    right = Canvas.blank(128, 256, outfit.accent)
    right.lay(shaded(outfit.accent, 0.5), 0.6 * smoothstep(0.75, 1.0, right.y))
    if outfit.kind == "blazer":
        right.lay(
            tinted(outfit.accent, (1, 1, 1), 0.6),
            smoothstep(0.75, 0.85, np.sin(20 * (right.y + 0.4 * right.x))),
        )
    return np.concatenate([left.image(), right.image()], axis=1)


def trim_uv(material: str, uvs: Array) -> Array:
    """Texture coordinates in the collar's or the tie's half of the trim texture."""
    half = 0.0 if material == "collar" else 0.5
    return np.stack(
        [half + lerp(0.01, 0.49, np.clip(uvs[:, 0], 0, 1)), lerp(0.01, 0.99, np.clip(uvs[:, 1], 0, 1))],
        axis=1,
    )


def paint_under(outfit: OutfitTraits) -> Image:
    """The shirt under a jacket."""
    white: Color = (0.95, 0.95, 0.96)
    canvas = Canvas.blank(64, 64, tinted(white, outfit.second, 0.1 if sum(outfit.second) > 1.5 else 0.0))
    return canvas.image()
