"""Long hair over the shoulders: strands pass before or behind the clothed body instead of through it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mmdgen.cast.curves import Array, Profile, lerp, smoothstep
from mmdgen.cast.mesh import Part

# The widest clothed body that there is, in head units: where its shoulders and arms begin below, by distance
# from the middle, and how far it reaches to the front and to the back, by height.
_TOP = Profile((0.0, 0.33, 0.55, 0.90, 1.25, 2.4), (-0.20, -0.40, -0.56, -0.80, -1.30, -3.2))
_FRONT = Profile(
    (-4.7, -2.9, -2.1, -1.5, -1.15, -0.9, -0.62, -0.4),
    (-0.72, -0.62, -0.74, -0.94, -0.72, -0.60, -0.48, -0.36),
)
_BACK = Profile((-4.7, -2.9, -2.1, -1.5, -0.9, -0.4), (0.98, 0.72, 0.78, 0.86, 0.90, 0.80))
_ARM_FRONT, _ARM_BACK = -0.34, 0.66
_BEFORE = 0.12  # strands whose middle hangs before this depth fall before the shoulders


def draped(part: Part, across: int) -> Part:
    """The strand moved to the front or to the back where it would enter the body.

    Args:
        part: a strand that may reach below the chin.
        across: vertices in each of its rows, which move together.
    """
    rows = part.positions.reshape(-1, across, 3)
    middle = rows.mean(axis=1)
    beside = np.abs(middle[:, 0])
    top = _TOP(beside)
    share = smoothstep(0.40, -0.05, middle[:, 1] - top)
    if not share.any():
        return part
    entry = middle[int(np.argmax(share > 0)), 2]
    on_arm = smoothstep(0.6, 1.05, beside)
    if entry < _BEFORE:
        goal = np.minimum(middle[:, 2], lerp(_FRONT(middle[:, 1]), _ARM_FRONT, on_arm))
    else:
        goal = np.maximum(middle[:, 2], lerp(_BACK(middle[:, 1]), _ARM_BACK, on_arm))
    moved = rows.copy()
    moved[..., 2] += (share * (goal - middle[:, 2]))[:, None]
    return replace(part, positions=_without_kinks(moved).reshape(-1, 3))


def _without_kinks(rows: Array) -> Array:
    """Depths averaged with those of the neighbouring rows; the first and last row stay."""
    depth = rows[..., 2].copy()
    depth[1:-1] = 0.25 * rows[:-2, :, 2] + 0.5 * rows[1:-1, :, 2] + 0.25 * rows[2:, :, 2]
    return np.concatenate([rows[..., :2], depth[..., None]], axis=-1)
