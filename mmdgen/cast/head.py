"""The head: its surface as a function, and the skin over it with holes for the eyes and the mouth.

The surface is a stack of horizontal sections, each half an ellipse-like curve in front of the ear line and
half behind it. What the viewer sees of an anime face is above all its contour, and here the contour is one
profile of numbers. The face's features are cut in by `features.py`: around every hole the grid gives way to
rings of vertices, so that lids and lips have loops to move along.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mmdgen.cast.curves import Array, Profile, normalized
from mmdgen.cast.mesh import SHELL, Part, plump
from mmdgen.cast.traits import FaceTraits

CROWN = 2.62  # height of the bare skull above the chin, head units
_HEIGHTS = (0.0, 0.05, 0.15, 0.3, 0.5, 0.75, 1.0, 1.3, 1.6, 2.0, 2.3, 2.5, CROWN)
_HALF_WIDTHS = (0.0, 0.175, 0.345, 0.545, 0.725, 0.85, 0.89, 0.915, 0.935, 0.88, 0.73, 0.50, 0.0)
_MIDDLES = (-0.76, -0.70, -0.60, -0.42, -0.20, -0.02, 0.04, 0.05, 0.05, 0.06, 0.07, 0.08, 0.08)
_FRONT_DEPTHS = (0.0, 0.12, 0.25, 0.45, 0.68, 0.85, 0.92, 0.99, 1.02, 0.92, 0.74, 0.49, 0.0)
_BACK_DEPTHS = (0.0, 0.09, 0.19, 0.42, 0.66, 0.82, 0.88, 0.95, 0.97, 0.89, 0.70, 0.45, 0.0)
_SECTION_POWER = 2.25  # 2 is an ellipse; more is flatter in front
_RIDGE = Profile((0.48, 0.555, 0.61, 0.72, 1.0), (0.0, 0.35, 1.0, 0.5, 0.0))  # the nose's profile by height
_RIDGE_BREADTH = Profile((0.48, 0.60, 1.0), (0.10, 0.085, 0.06))


class HeadShape:
    """The skin surface of one head, in head units with the chin tip at y = 0."""

    def __init__(self, face: FaceTraits) -> None:
        h = np.asarray(_HEIGHTS)
        lower = 1.0 - np.clip((h - 0.1) / 0.75, 0.0, 1.0)
        fullness = 1.0 + (face.jaw - 1.0) * 4 * lower * (1 - lower)
        breadth = 1.0 + (face.chin - 1.0) * np.clip(1.0 - h / 0.3, 0.0, 1.0)
        widths = np.asarray(_HALF_WIDTHS) * face.width * fullness * breadth
        # Squares are interpolated: their roots round off the chin and the crown.
        self._width_squared = Profile(h, widths**2)
        self._front_squared = Profile(h, np.square(_FRONT_DEPTHS))
        self._back_squared = Profile(h, np.square(_BACK_DEPTHS))
        self._middle = Profile(h, _MIDDLES)
        self._nose_height = 0.105 * face.nose

    def half_width(self, y: ArrayLike) -> Array:
        """Half the breadth of the head at heights y: the contour of the face seen from the front."""
        return _root(self._width_squared(y))

    def middle(self, y: ArrayLike) -> Array:
        """Z of the broadest place."""
        return self._middle(y)

    def nose(self, x: ArrayLike, y: ArrayLike) -> Array:
        """How far the nose stands out."""
        return np.asarray(self._nose_height * _RIDGE(y) * np.exp(-((np.asarray(x) / _RIDGE_BREADTH(y)) ** 2)))

    def front(self, x: ArrayLike, y: ArrayLike) -> Array:
        """Z of the face at (x, y)."""
        s = np.minimum(np.abs(np.asarray(x)) / np.maximum(self.half_width(y), 1e-9), 1.0)
        bulge = (1.0 - s**_SECTION_POWER) ** (1.0 / _SECTION_POWER)
        return np.asarray(self._middle(y) - _root(self._front_squared(y)) * bulge - self.nose(x, y))

    def back(self, x: ArrayLike, y: ArrayLike) -> Array:
        """Z of the back of the head at (x, y)."""
        s = np.minimum(np.abs(np.asarray(x)) / np.maximum(self.half_width(y), 1e-9), 1.0)
        return np.asarray(self._middle(y) + _root(self._back_squared(y)) * np.sqrt(1.0 - s**2))

    def point(self, x: ArrayLike, y: ArrayLike, *, lift: ArrayLike = 0.0) -> Array:
        """Points on the face, (..., 3), moved `lift` toward the viewer."""
        x, y = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
        return np.stack([x, y, self.front(x, y) - np.asarray(lift)], axis=-1)


def _root(squares: Array) -> Array:
    """Square roots; what rounding made negative is 0."""
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)))


def ear(shape: HeadShape, side: int) -> Part:
    """The ear at x > 0 (side 1) or x < 0 (side -1)."""
    angles = np.arange(14) * (2 * np.pi / 14)
    taper = 0.78 + 0.22 * np.sin(angles)  # narrower below
    outline = np.stack([0.125 * np.cos(angles) * taper, 0.215 * np.sin(angles)], axis=1)
    y = 0.84
    center = np.array([side * (float(shape.half_width(y)) - 0.005), y, float(shape.middle(y)) + 0.12])
    back = normalized(np.array([side * 0.48, 0.0, 0.88])) * -side
    up = normalized(np.array([side * 0.12, 1.0, 0.12]))
    return plump("skin", "head", center, back, up, outline, 0.07, SHELL)
