"""Colours: mixing them as a painter of anime pictures does."""

from __future__ import annotations

import colorsys
from typing import TypeAlias

Color: TypeAlias = tuple[float, float, float]  # sRGB, 0..1


def shaded(color: Color, factor: float, *, toward: Color = (0.25, 0.12, 0.25)) -> Color:
    """A darker relative of a colour: anime shadows lean to a hue instead of to grey.

    Args:
        color: the lit colour.
        factor: 1 leaves it, 0 gives `toward`.
        toward: the shadow's own hue.
    """
    r, g, b = (c * (factor + (1.0 - factor) * (0.45 + 0.55 * t)) for c, t in zip(color, toward, strict=True))
    return (r, g, b)


def tinted(color: Color, other: Color, share: float) -> Color:
    """A mix of two colours."""
    r, g, b = ((1.0 - share) * a + share * c for a, c in zip(color, other, strict=True))
    return (r, g, b)


def hsv(hue: float, saturation: float, value: float) -> Color:
    """A colour by hue (any number, 1 is a full turn), saturation and value, cut to what there is."""
    return colorsys.hsv_to_rgb(hue % 1.0, min(max(saturation, 0.0), 1.0), min(max(value, 0.0), 1.0))
