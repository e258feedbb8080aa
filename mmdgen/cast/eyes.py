"""The eyes: their opening, lids that close along a curve, white, iris, highlights, lashes and brows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmdgen.cast.curves import Array, normalized, profile, smoothstep
from mmdgen.cast.face import HEAD_BONE, Motion
from mmdgen.cast.head import HeadShape
from mmdgen.cast.mesh import Part, facing, grid_triangles, ribbon, rigid
from mmdgen.cast.traits import EyeTraits

CENTER_Y = 1.0  # by the definition of the head unit
LEFT, RIGHT = 1, -1
SIDE_NAMES = {LEFT: "left", RIGHT: "right"}
# Depths behind the skin of the face: the iris must stay behind a closed lid when the head turns.
_WALL, _WHITE, _IRIS, _HIGHLIGHT = 0.16, 0.125, 0.06, 0.048


@dataclass(frozen=True, slots=True)
class Closing:
    """A curve on which both lids meet: heights in units of the eye's rise and drop."""

    middle: float
    corner: float
    sharpness: float = 1.0


# MMD: まばたき curves downward, 笑い upward, なごみ is level.
CLOSINGS = {
    "blink": Closing(-0.62, -0.20),
    "smile": Closing(0.12, -0.52),
    "calm": Closing(-0.36, -0.34),
    "squeeze": Closing(-0.25, -0.30),
}


@dataclass(frozen=True, slots=True)
class EyeShape:
    """The outline of one eye and where its lids go."""

    traits: EyeTraits
    side: int

    def _place(self, x: Array, y: Array) -> Array:
        return np.stack([self.side * (self.traits.spacing + x), CENTER_Y + y], axis=-1)

    def lid_height(self, angles: Array) -> Array:
        """Height of the rim over the eye's centre."""
        t, across, up = self.traits, np.cos(angles), np.sin(angles)
        upper = t.rise * np.abs(up) ** (0.86 - 0.26 * t.roundness) * (1.0 - 0.10 * across)
        lower = t.drop * np.abs(up) ** (0.95 - 0.2 * t.roundness) * (1.0 + 0.12 * across)
        return np.asarray(np.where(up >= 0, upper, -lower) + t.tilt * across)

    def outline(self, angles: Array) -> Array:
        """Places of the rim, (n, 2)."""
        across = np.cos(angles)
        lower = np.sin(angles) < 0
        narrow = np.where(lower, 1.0 - 0.06 * np.abs(np.sin(angles)), 1.0)
        return self._place(self.traits.half_width * across * narrow, self.lid_height(angles))

    def closing_line(self, angles: Array, closing: Closing) -> Array:
        """Where the rim goes when the lids meet, (n, 2)."""
        t, across = self.traits, np.cos(angles)
        scale = t.drop if closing.middle < 0 else t.rise
        middle, corner = closing.middle * scale, closing.corner * t.drop
        height = corner + (middle - corner) * np.abs(np.sin(angles)) ** 1.25 + 0.7 * t.tilt * across
        return self._place(t.half_width * 1.02 * across, height)

    def closing_motion(self, closing: Closing) -> Motion:
        """Both lids to the closing line, a little toward the viewer."""

        def motion(angles: Array) -> Array:
            moved = self.closing_line(angles, closing) - self.outline(angles)
            lift = 0.02 * np.abs(np.sin(angles))
            return np.concatenate([moved, lift[:, None]], axis=1)

        return motion

    def opening_motion(self, upper: float, lower: float) -> Motion:
        """The lids moved by shares of the eye's rise and drop; positive opens."""

        def motion(angles: Array) -> Array:
            up = np.sin(angles)
            dy = np.where(up >= 0, upper * self.traits.rise, -lower * self.traits.drop) * np.abs(up) ** 0.6
            return np.stack([np.zeros_like(dy), dy, np.zeros_like(dy)], axis=1)

        return motion

    def motions(self) -> dict[str, Motion]:
        """Every motion of the lids by its morph's key."""
        name = SIDE_NAMES[self.side]
        result = {f"{key}_{name}": self.closing_motion(closing) for key, closing in CLOSINGS.items()}
        result[f"wide_{name}"] = self.opening_motion(0.16, 0.10)
        result[f"half_{name}"] = self.opening_motion(-0.75, -0.05)
        return result


def _polar(center: Array, radii: Array, outline: Array) -> Array:
    """Rings from the centre outward, (rings, n, 2)."""
    return center + (outline[None] - center) * radii[:, None, None]


def eye_white(shape: HeadShape, eye: EyeShape) -> Part:
    """The white: a shallow bowl behind the opening, somewhat larger than it."""
    angles = np.arange(24) * (2 * np.pi / 24)
    center = np.array([eye.side * eye.traits.spacing, CENTER_Y])
    rings = _polar(center, np.array([0.001, 0.6, 1.0, 1.2]), eye.outline(angles))
    depth = _WHITE - np.array([0.0, 0.0, 0.02, 0.02])[:, None]
    positions = shape.point(rings[..., 0], rings[..., 1], lift=-depth)
    local = (rings - center) / (2.6 * eye.traits.half_width)
    uvs = np.stack([0.5 + local[..., 0], 0.5 - local[..., 1]], axis=-1)
    count = positions[..., 0].size
    part = Part(
        "eye_white",
        positions.reshape(-1, 3),
        grid_triangles(4, 24, wrap=True),
        uvs.reshape(-1, 2),
        rigid(HEAD_BONE, count),
        normals=np.tile([0.0, 0.0, -1.0], (count, 1)),
    )
    return facing(part, (0, 0, -1))


def lid_wall(shape: HeadShape, eye: EyeShape, angles: Array) -> Part:
    """The thickness of the lids: from the rim backward, so that no gap shows from the side."""
    closed = np.append(angles, angles[:1])
    rim = eye.outline(closed)
    front = shape.point(rim[:, 0], rim[:, 1])
    back = shape.point(rim[:, 0], rim[:, 1], lift=-_WALL)
    morphs = {}
    for name, motion in eye.motions().items():
        moved = motion(closed)
        x, y = rim[:, 0] + moved[:, 0], rim[:, 1] + moved[:, 1]
        morphs[name] = (
            shape.point(x, y, lift=moved[:, 2]) - front,
            shape.point(x, y, lift=moved[:, 2] - 0.05) - back if "wide" not in name else front * 0,
        )
    part = ribbon("lid_inside", front, back, HEAD_BONE, morphs=morphs)
    inward = np.concatenate([eye.side * np.cos(closed), np.sin(closed)]).reshape(2, -1)
    normals = np.tile(np.stack([-inward[0] * 0.6, -inward[1] * 0.6, np.full(len(closed), -0.8)], 1), (2, 1))
    return Part(
        part.material,
        part.positions,
        part.triangles,
        part.uvs,
        part.weights,
        part.morphs,
        normalized(normals),
    )


def _disc(
    shape: HeadShape,
    center: Array,
    radii: Array,
    depth: float,
    bone: str,
    material: str,
    steps: Sequence[float] = (0.001, 0.5, 1.0),
    sides: int = 24,
) -> Part:
    angles = np.arange(sides) * (2 * np.pi / sides)
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    local = around[None] * np.array(steps)[:, None, None]
    place = center + local * radii
    positions = shape.point(place[..., 0], place[..., 1], lift=-depth)
    uvs = np.stack([0.5 + 0.5 * local[..., 0], 0.5 - 0.5 * local[..., 1]], axis=-1).reshape(-1, 2)
    count = len(uvs)
    part = Part(
        material,
        positions.reshape(-1, 3),
        grid_triangles(len(steps), sides, wrap=True),
        uvs,
        rigid(bone, count),
        normals=np.tile([0.0, 0.0, -1.0], (count, 1)),
    )
    return facing(part, (0, 0, -1))


def iris_parts(shape: HeadShape, eye: EyeShape) -> list[Part]:
    """Iris and highlights of one eye, bound to its bone, with the morph that makes the iris small."""
    t, bone = eye.traits, f"eye_{SIDE_NAMES[eye.side]}"
    center = np.array([eye.side * (t.spacing - 0.02), CENTER_Y + 0.12 * (t.rise - t.drop) + 0.015])
    radii = np.array([t.iris_width, t.iris_height])
    iris = _disc(shape, center, radii, _IRIS, bone, "iris")
    half = np.array([0.5, 1.0])
    iris = replace(iris, uvs=iris.uvs * half + np.array([0.0 if eye.side == RIGHT else 0.5, 0.0]))
    # The light comes from one side: highlights are not mirrored.
    spots = _SHINES[t.shine]
    shine = [
        _disc(
            shape,
            center + np.array(at) * radii,
            np.array(size) * radii,
            _HIGHLIGHT,
            bone,
            "highlight",
            (0.001, 1.0),
            16,
        )
        for at, size in spots
    ]
    pivot = shape.point(center[0], center[1], lift=-_IRIS)
    side = SIDE_NAMES[eye.side]
    factors = {f"small_iris_{side}": 0.62, f"small_iris_slight_{side}": 0.8}
    return [_with_scaling(part, factors, pivot) for part in (iris, *shine)]


def _with_scaling(part: Part, factors: Mapping[str, float], pivot: Array) -> Part:
    """The part with a morph for each factor that scales it about the pivot, seen from the front."""
    spread = (part.positions - pivot) * np.array([1.0, 1.0, 0.0])
    return Part(
        part.material,
        part.positions,
        part.triangles,
        part.uvs,
        part.weights,
        {morph: spread * (factor - 1.0) for morph, factor in factors.items()},
        part.normals,
    )


# Places and radii of the highlights, in radii of the iris.
_SHINES: dict[str, tuple[tuple[tuple[float, float], tuple[float, float]], ...]] = {
    "pair": (((-0.36, 0.42), (0.30, 0.24)), ((0.40, -0.48), (0.16, 0.13))),
    "large": (((-0.30, 0.40), (0.40, 0.30)), ((0.44, -0.34), (0.12, 0.10)), ((0.26, -0.60), (0.08, 0.07))),
    "star": (
        ((-0.28, 0.40), (0.42, 0.085)), ((-0.28, 0.40), (0.105, 0.34)), ((-0.28, 0.40), (0.19, 0.15)),
        ((0.42, -0.46), (0.12, 0.10)),
    ),
    "bow": (((-0.02, 0.56), (0.46, 0.15)), ((-0.44, -0.30), (0.13, 0.11)), ((0.46, -0.40), (0.10, 0.09))),
}  # fmt: skip


def _center(eye: EyeShape) -> Array:
    return np.array([eye.side * eye.traits.spacing, CENTER_Y])


def _lash_curves(eye: EyeShape, rim: Array, thickness: Array) -> tuple[Array, Array]:
    """Inner and outer edge of a lash over a rim, (n, 2) each."""
    tangent = normalized(np.gradient(rim, axis=0))
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    normal = normal * np.sign(((rim - _center(eye)) * normal).sum())
    return rim - normal * np.minimum(0.012, thickness)[:, None], rim + normal * thickness[:, None]


def _lash(shape: HeadShape, eye: EyeShape, angles: Array, thickness: Array, tail: Array, lift: float) -> Part:
    """A lash that follows the rim; `tail` moves its points (n, 2) beyond the corner."""
    tail = tail * np.array([eye.side, 1.0])

    def surface(rim: Array, breadth: Array) -> tuple[Array, Array]:
        inner, outer = _lash_curves(eye, rim, breadth)
        inner, outer = inner + tail, outer + tail
        return shape.point(*inner.T, lift=lift), shape.point(*outer.T, lift=lift)

    rest = surface(eye.outline(angles), thickness)
    morphs = {}
    rim: Array
    for name, motion in eye.motions().items():
        rim = eye.outline(angles) + motion(angles)[:, :2]
        if name.startswith("squeeze"):
            rim = _squeezed(eye, len(angles))
        closed = not name.startswith(("wide", "half"))
        goal = surface(rim, thickness * (0.75 if closed else 1.0))
        morphs[name] = (
            goal[0] - rest[0] - [0, 0, 0.02 * closed],
            goal[1] - rest[1] - [0, 0, 0.02 * closed],
        )
    part = ribbon("lash", *rest, HEAD_BONE, morphs=morphs)
    count = len(part)
    return Part(
        part.material, part.positions, part.triangles, part.uvs, part.weights, part.morphs,
        np.tile([0.0, 0.0, -1.0], (count, 1)),
    )  # fmt: skip


def _squeezed(eye: EyeShape, count: int) -> Array:
    """The sign > or < that a tightly shut eye is drawn as: open to the outside."""
    t = np.linspace(1.0, -1.0, count)
    x = eye.traits.half_width * (2 * np.abs(t) - 1) * 0.85
    y = 0.55 * eye.traits.drop * t - 0.1 * eye.traits.drop
    return np.stack([eye.side * (eye.traits.spacing + x), CENTER_Y + y], axis=1)


def lashes(shape: HeadShape, eye: EyeShape) -> list[Part]:
    """Upper lash with its wing, the fold of the upper lid, and the lower lash."""
    weight = eye.traits.lash
    along = np.linspace(0.0, 1.0, 23)  # 0 at the outer corner
    angles = np.pi * along * 1.0 - 0.10 * (1 - along)
    thickness = weight * profile(
        (0, 0.06, 0.22, 0.5, 0.75, 0.92, 1.0), (0.004, 0.045, 0.078, 0.062, 0.036, 0.012, 0.002), along
    )
    outer = smoothstep(0.16, 0.0, along)
    tail = np.stack([0.075 * weight * outer, (0.035 + 0.3 * eye.traits.tilt) * outer], axis=1)
    upper = _lash(shape, eye, angles, thickness, tail, 0.022)
    low = np.linspace(0.0, 1.0, 13)
    low_angles = -np.pi * (0.06 + 0.48 * low)
    low_thickness = 0.018 * weight * np.sin(np.pi * low**0.7) + 0.001
    lower = _lash(shape, eye, low_angles[::-1], low_thickness[::-1], np.zeros((13, 2)), 0.016)
    flicks = [_flick(shape, eye, k) for k in range(eye.traits.flicks)]
    return [upper, lower, _fold(shape, eye), *flicks]


def _flick(shape: HeadShape, eye: EyeShape, index: int) -> Part:
    """A single lash that stands off near the outer corner."""
    angles = np.pi * (np.array([0.13, 0.165, 0.20]) + 0.09 * index)
    reach = np.array([0.0, 1.0, 0.0])[:, None] * (0.11 - 0.02 * index) * min(eye.traits.lash, 1.3)
    outward = np.array([eye.side * (0.92 - 0.20 * index), 0.40 + 0.25 * index])
    rim = eye.outline(angles)

    def surface(place: Array) -> Array:
        return np.concatenate(
            [shape.point(*place.T, lift=0.022), shape.point(*(place + reach * outward).T, lift=0.03)]
        )

    rest, morphs = surface(rim), {}
    for name, motion in eye.motions().items():
        squeezed = name.startswith("squeeze")
        # A tightly shut eye is drawn as a sign, without single lashes: they shrink to a point under it.
        hidden = np.repeat(rest[1:2], 6, axis=0) + np.array([0.0, 0.0, 0.1])
        goal = hidden if squeezed else surface(rim + motion(angles)[:, :2])
        closed = not name.startswith(("wide", "half"))
        morphs[name] = goal - rest - [0.0, 0.0, 0.02 * closed * (not squeezed)]
    return Part(
        "lash", rest, grid_triangles(2, 3), np.full((6, 2), 0.2), rigid(HEAD_BONE, 6), morphs,
        np.tile([0.0, 0.0, -1.0], (6, 1)),
    )  # fmt: skip


def _fold(shape: HeadShape, eye: EyeShape) -> Part:
    """The thin line above the upper lid."""
    along = np.linspace(0.0, 1.0, 15)
    angles = np.pi * (0.12 + 0.62 * along)
    breadth = 0.014 * np.sin(np.pi * along) + 0.001

    def surface(rim: Array, gap: float) -> tuple[Array, Array]:
        base = rim + np.array([0.0, gap])
        return (
            shape.point(base[:, 0], base[:, 1], lift=0.012),
            shape.point(base[:, 0], base[:, 1] + breadth, lift=0.012),
        )

    rest = surface(eye.outline(angles), 0.105)
    morphs = {}
    for name, motion in eye.motions().items():
        share = 0.45 if name.startswith(tuple(CLOSINGS)) else 0.9
        goal = surface(eye.outline(angles) + motion(angles)[:, :2] * share, 0.105)
        morphs[name] = (goal[0] - rest[0], goal[1] - rest[1])
    return ribbon("lid_fold", *rest, HEAD_BONE, morphs=morphs)


# Brow motions: inner end, middle and outer end move up by these (head units), inner end inward.
BROW_MOTIONS = {
    "serious": (-0.075, -0.035, 0.02, 0.01),
    "troubled": (0.07, 0.02, -0.07, 0.02),
    "gentle": (0.02, 0.075, 0.01, 0.0),
    "angry": (-0.11, -0.02, 0.06, 0.035),
    "up": (0.11, 0.12, 0.11, 0.0),
    "down": (-0.075, -0.08, -0.075, 0.0),
}


def brow(shape: HeadShape, eye: EyeShape) -> Part:
    """One eyebrow with its morphs."""
    t = eye.traits
    along = np.linspace(0.0, 1.0, 13)  # 0 at the inner end
    x = t.spacing + t.half_width * (-0.82 + 1.85 * along)
    y = (
        CENTER_Y
        + t.rise
        + 0.115
        + 0.075 * np.sin(np.pi * (0.12 + 0.72 * along))
        + t.brow_tilt * (along - 0.5)
    )
    breadth = 0.032 * t.brow_weight * profile((0, 0.1, 0.4, 1), (0.6, 1.0, 0.9, 0.08), along)

    def surface(dx: Array | float, dy: Array | float) -> tuple[Array, Array]:
        place = eye.side * (x + dx)
        return (
            shape.point(place, y + dy - breadth, lift=0.03),
            shape.point(place, y + dy + breadth, lift=0.03),
        )

    rest = surface(0.0, 0.0)
    morphs = {}
    for name, (inner, middle, outer, inward) in BROW_MOTIONS.items():
        goal = surface(-inward * (1 - along), profile((0, 0.5, 1), (inner, middle, outer), along))
        morphs[f"{name}_{SIDE_NAMES[eye.side]}"] = (goal[0] - rest[0], goal[1] - rest[1])
    part = ribbon("brow", *rest, HEAD_BONE, morphs=morphs)
    return Part(
        part.material, part.positions, part.triangles, part.uvs, part.weights, part.morphs,
        np.tile([0.0, 0.0, -1.0], (len(part), 1)),
    )  # fmt: skip


def blush(shape: HeadShape, eye: EyeShape) -> Part:
    """A cheek that a material morph makes red."""
    center = np.array([eye.side * (eye.traits.spacing + 0.06), 0.60])
    return _disc(shape, center, np.array([0.21, 0.13]), -0.012, HEAD_BONE, "blush", sides=16)
