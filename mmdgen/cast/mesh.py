"""Parts: pieces of mesh with their material, bone weights and morph offsets.

Everything that a character is made of is a `Part`. Parts are built in head units: the origin is the chin
tip, one unit is the height of the eyes above the chin (u), axes are MMD's (the character faces -Z, its left
is +X).
A triangle is seen from outside when its corners run clockwise; in MMD's left-handed space its outward normal
is then cross(b - a, c - a) like everywhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mmdgen.cast.curves import Array, normalized

Triangles = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One piece of mesh."""

    material: str
    positions: Array  # (vertices, 3), head units
    triangles: Triangles  # (triangles, 3)
    uvs: Array  # (vertices, 2), origin top left
    weights: Mapping[str, Array]  # bone name -> (vertices,); the weights of a vertex sum to 1
    morphs: Mapping[str, Array] = field(default_factory=dict)  # morph name -> (vertices, 3) offsets
    normals: Array | None = None  # (vertices, 3); None: computed from the triangles
    edge_scale: float | Array = 1.0  # outline thickness factor, for all or for each vertex

    def __len__(self) -> int:
        return len(self.positions)


def rigid(bone: str, count: int) -> dict[str, Array]:
    """Weights of vertices that follow one bone."""
    return {bone: np.ones(count)}


def grid_triangles(rows: int, columns: int, *, wrap: bool = False) -> Triangles:
    """Two triangles for each cell of a grid of vertices in row-major order.

    Outside is where rows run downwards and columns to the right.

    Args:
        rows: vertices down.
        columns: vertices across.
        wrap: whether the last column is joined to the first.
    """
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns if wrap else columns - 1), indexing="ij")
    k = (j + 1) % columns
    a, b, c, d = i * columns + j, i * columns + k, (i + 1) * columns + k, (i + 1) * columns + j
    cells = np.stack([a, b, c, a, c, d], axis=-1)
    return cells.reshape(-1, 3)


def flipped(part: Part) -> Part:
    """The part turned inside out; normals that were given stay as they are."""
    return replace(part, triangles=part.triangles[:, ::-1])


def outward(part: Part) -> Part:
    """The closed or nearly closed part with its outside out: the volume that it encloses is positive."""
    a, b, c = (part.positions[part.triangles[:, k]] - part.positions.mean(axis=0) for k in range(3))
    return part if float(np.einsum("ij,ij->", a, np.cross(b, c))) >= 0 else flipped(part)


def facing(part: Part, direction: Sequence[float]) -> Part:
    """The open part turned so that most of its area looks along `direction`."""
    area = face_normals(part.positions, part.triangles).sum(axis=0)
    return part if float(area @ np.asarray(direction)) >= 0 else flipped(part)


def face_normals(positions: Array, triangles: Triangles) -> Array:
    """Normals of triangles, as long as twice their area, (triangles, 3)."""
    a, b, c = (positions[triangles[:, k]] for k in range(3))
    return np.cross(b - a, c - a)


def smooth_normals(positions: Array, triangles: Triangles, *, weld: float = 1e-5) -> Array:
    """Area-weighted vertex normals, shared by vertices that lie at one place (texture seams)."""
    keys = np.round(positions / weld).astype(np.int64)
    _, place = np.unique(keys, axis=0, return_inverse=True)
    place = place.reshape(-1)
    faces = face_normals(positions, triangles)
    total = np.zeros((int(place.max(initial=-1)) + 1, 3))
    for corner in range(3):
        np.add.at(total, place[triangles[:, corner]], faces)
    return normalized(total[place])


def without_orphans(part: Part) -> Part:
    """The part without vertices that no triangle uses."""
    used = np.unique(part.triangles)
    place = np.zeros(len(part), np.int64)
    place[used] = np.arange(len(used))
    return replace(
        part,
        positions=part.positions[used],
        triangles=place[part.triangles],
        uvs=part.uvs[used],
        weights={name: values[used] for name, values in part.weights.items()},
        morphs={name: offsets[used] for name, offsets in part.morphs.items()},
        normals=None if part.normals is None else part.normals[used],
    )


def merged(parts: Sequence[Part]) -> Part:
    """Several parts of one material as one."""
    counts = [len(part) for part in parts]
    starts = np.concatenate([[0], np.cumsum(counts)])
    total = int(starts[-1])

    def gather(columns: list[Mapping[str, Array]], width: tuple[int, ...]) -> dict[str, Array]:
        names = dict.fromkeys(name for column in columns for name in column)
        result: dict[str, Array] = {name: np.zeros((total, *width)) for name in names}
        for start, count, column in zip(starts, counts, columns, strict=False):
            for name, values in column.items():
                result[name][start : start + count] = values
        return result

    normals = [
        smooth_normals(part.positions, part.triangles) if part.normals is None else part.normals
        for part in parts
    ]
    return Part(
        material=parts[0].material,
        positions=np.concatenate([part.positions for part in parts]),
        triangles=np.concatenate(
            [part.triangles + start for part, start in zip(parts, starts, strict=False)]
        ),
        uvs=np.concatenate([part.uvs for part in parts]),
        weights=gather([part.weights for part in parts], ()),
        morphs=gather([part.morphs for part in parts], (3,)),
        normals=np.concatenate(normals),
        edge_scale=np.concatenate(
            [np.broadcast_to(np.asarray(part.edge_scale, np.float64), (len(part),)) for part in parts]
        ),
    )


def ribbon(
    material: str,
    inner: Array,
    outer: Array,
    weights: Mapping[str, Array] | str,
    *,
    morphs: Mapping[str, tuple[Array, Array]] | None = None,
) -> Part:
    """A strip between two curves of equally many points; u runs along, v from the inner to the outer curve.

    Args:
        material: its material.
        inner: (n, 3).
        outer: (n, 3).
        weights: for the 2n vertices (inner, then outer), or one bone's name.
        morphs: offsets of the inner and of the outer curve, (n, 3) each.
    """
    n = len(inner)
    along = np.linspace(0.0, 1.0, n)
    uvs = np.concatenate([np.stack([along, np.zeros(n)], 1), np.stack([along, np.ones(n)], 1)])
    return Part(
        material=material,
        positions=np.concatenate([inner, outer]),
        triangles=grid_triangles(2, n),
        uvs=uvs,
        weights=rigid(weights, 2 * n) if isinstance(weights, str) else weights,
        morphs={name: np.concatenate(pair) for name, pair in (morphs or {}).items()},
    )


def tube(
    material: str,
    rings: Array,
    weights: Mapping[str, Array] | str,
    *,
    v: Array | None = None,
    u_repeat: float = 1.0,
) -> Part:
    """A skin over closed rings, outside out.

    Each ring has one vertex more than `rings` gives it, so that the texture's seam has both coordinates.

    Args:
        material: its material.
        rings: (rings, points, 3).
        weights: per bone (rings,), or one bone's name.
        v: texture coordinate of each ring, (rings,); even steps when None.
        u_repeat: how often the texture runs around.
    """
    count, points = rings.shape[:2]
    closed = np.concatenate([rings, rings[:, :1]], axis=1)
    u = np.linspace(0.0, u_repeat, points + 1)
    v = np.linspace(0.0, 1.0, count) if v is None else v
    uvs = np.stack(np.broadcast_arrays(u[None, :], v[:, None]), axis=-1).reshape(-1, 2)
    total = count * (points + 1)
    spread = (
        rigid(weights, total)
        if isinstance(weights, str)
        else {bone: np.repeat(values, points + 1) for bone, values in weights.items()}
    )
    part = Part(material, closed.reshape(-1, 3), grid_triangles(count, points + 1), uvs, spread)
    return outward(part)


PILLOW = ((0.02, 1.0), (0.5, 0.86), (0.85, 0.45), (1.0, 0.0), (0.85, -0.45), (0.02, -0.6))
SHELL = ((0.02, -0.35), (0.45, -0.25), (0.80, 0.30), (0.93, 0.55), (1.0, 0.0), (0.7, -0.9), (0.02, -1.0))


def plump(
    material: str,
    bone: str,
    center: Array,
    right: Array,
    up: Array,
    outline: Array,
    depth: float,
    section: Sequence[tuple[float, float]] = PILLOW,
) -> Part:
    """A closed shape with an outline in a plane, raised toward its front and back.

    Args:
        material: its material.
        bone: the bone that it follows.
        center: (3,) where the outline's origin goes.
        right: (3,) the outline's first axis.
        up: (3,) its second axis; the front looks along cross(right, up).
        outline: (n, 2) around the shape.
        depth: how far the front is raised.
        section: from the middle of the front over the outline to the middle of the back: (size, height).
    """
    n = len(outline)
    forward = normalized(np.cross(right, up))
    rings = np.stack(
        [
            center + size * (outline[:, :1] * right + outline[:, 1:] * up) + forward * depth * height
            for size, height in section
        ]
    )
    v = np.array([size if k < len(section) / 2 else 2.0 - size for k, (size, _) in enumerate(section)]) / 2
    uvs = np.stack(np.broadcast_arrays(np.linspace(0, 1, n)[None], v[:, None]), axis=-1).reshape(-1, 2)
    total = len(section) * n
    part = Part(
        material, rings.reshape(-1, 3), grid_triangles(len(section), n, wrap=True), uvs, rigid(bone, total)
    )
    return outward(part)


def pipe(
    material: str, bone: str, points: Array, radius: Array | float, *, sides: int = 8, flat: float = 1.0
) -> Part:
    """A round bar along points, closed at both ends.

    Args:
        material: its material.
        bone: the bone that it follows.
        points: (n, 3) of its centre line.
        radius: one number or one for each point.
        sides: vertices around.
        flat: breadth of the second axis of its section, 1 is round.
    """
    radii = np.broadcast_to(np.asarray(radius, np.float64), (len(points),))
    line = np.concatenate([points[:1], points, points[-1:]])
    size = np.concatenate([[1e-3], radii, [1e-3]])
    tangent = normalized(np.gradient(points, axis=0))
    tangent = np.concatenate([tangent[:1], tangent, tangent[-1:]])
    helper = np.where(np.abs(tangent[:, 1:2]) < 0.9, [[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])
    if np.ptp(helper[:, 1]) > 0:  # one helper for the whole bar, so that it does not twist
        helper = np.broadcast_to([[0.0, 0.0, 1.0]], helper.shape)
    first = normalized(np.cross(tangent, helper))
    second = normalized(np.cross(tangent, first)) * flat
    angle = np.arange(sides) * (2 * np.pi / sides)
    ring = np.cos(angle)[None, :, None] * first[:, None] + np.sin(angle)[None, :, None] * second[:, None]
    return tube(material, line[:, None] + size[:, None, None] * ring, bone)
