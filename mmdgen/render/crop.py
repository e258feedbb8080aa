"""What of a model can ever show in the picture: nothing else need be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmdgen.model import NO_INDEX, Bools, Floats, Ints, MaterialFlag, Model, Skinning
from mmdgen.rig import PosedModel, skin_vertices
from mmdgen.scene import View

_ALIKE = 1e-5  # how far entries of matrices may differ that count as one
_MARGIN = 0.05  # of the picture's side: between two extreme poses a point moves on an arc, not on the chord
_TURN = np.sin(np.radians(18.0))  # no pose is farther than that from the nearest of rest and the corners


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """The part of a model that some pose may show."""

    surfaces: Bools  # (triangles of the file,)
    edges: Bools  # (triangles of the file,), those whose outline may show
    depth_range: tuple[float, float] | None = None  # z of the nearest and farthest of them, with slack
    rectangle: tuple[float, float, float, float] | None = None  # left, bottom, right, top around all of them
    samples_per_unit: float | None = None  # how finely the picture shows them, on each axis
    bends: Bools | None = None  # (vertices,), those of SDEF and QDEF whose bones part; None: any may


def everything(model: Model) -> Reach:
    """The whole model, for poses and pictures that are not known beforehand."""
    whole = np.ones(len(model.faces), np.bool_)
    return Reach(whole, whole)


def find_reach(extremes: PosedModel, view: View, expressions: PosedModel | None = None) -> Reach:
    """Find what poses between the given ones may show.

    A triangle counts if the box around it in all the poses meets the picture, and if it may face the viewer
    (the outline's inverted hull: face away).

    Args:
        extremes: poses at the limits of what will be drawn and the one in their middle, with one batch axis.
            Between neighbours of them no bone turns by more than 30 degrees about an axis.
        view: the picture; the depth range of its camera does not matter.
        expressions: what the face may do in any of these poses: the face that they all have, then its
            extremes, with one batch axis. None: it never changes.
    """
    model = extremes.rig.model
    positions, normals = skin_vertices(extremes)
    strays = _strays(expressions) if expressions is not None else np.zeros(len(model.vertices), np.float32)
    low, high = positions.min(axis=0) - strays[:, None], positions.max(axis=0) + strays[:, None]
    camera = view.camera
    thickness = _edge_thickness(model, view)
    widest = float(np.abs(thickness).max(initial=0.0))
    margin = _MARGIN * (camera.top - camera.bottom) + widest
    nowhere = np.zeros(len(model.faces), np.bool_)
    rows = np.flatnonzero(~_never_drawn(extremes, expressions))
    first, last = _triangle_boxes(low, high, model.faces[rows])
    inside = (
        (last[0] > camera.left - margin)
        & (first[0] < camera.right + margin)
        & (last[1] > camera.bottom - margin)
        & (first[1] < camera.top + margin)
    )
    if not inside.any():
        return Reach(nowhere, nowhere)
    rows, first, last = rows[inside], first[:, inside], last[:, inside]
    near, far = float(first[2].min()), float(last[2].max())
    slack = margin + 0.1 * (far - near)
    faces = model.faces[rows]
    can_change = (strays > 0.0)[faces].any(axis=1)
    may_face, may_avert = np.zeros(len(rows), np.bool_), np.zeros(len(rows), np.bool_)
    for pose, pushed in zip(positions, normals * thickness[:, None], strict=True):
        may_face |= _facing(pose, faces) > -_TURN
        may_avert |= _facing(pose + pushed, faces) < _TURN
    surfaces, edges = nowhere.copy(), nowhere.copy()
    surfaces[rows] = may_face | can_change | _double_sided(model)[rows]
    edges[rows] = may_avert | can_change
    return Reach(
        surfaces=surfaces,
        edges=edges,
        depth_range=(near - slack, far + slack),
        rectangle=_rectangle(first[:2].T, last[:2].T, margin),
        samples_per_unit=view.size_px * view.samples_per_axis / (camera.top - camera.bottom),
        bends=_bends([extremes] if expressions is None else [extremes, expressions]),
    )


def _never_drawn(extremes: PosedModel, expressions: PosedModel | None) -> Bools:
    """Triangles of no material, or of materials that are invisible and stay so, (triangles,)."""
    model = extremes.rig.model
    materials = model.materials.of_triangles(len(model.faces))
    drawn = np.asarray(materials != NO_INDEX)
    if all(posed is None or posed.material_multiply is None for posed in (extremes, expressions)):
        drawn[drawn] = model.materials.diffuse[materials[drawn], 3] > 0.0
    return ~drawn


def _triangle_boxes(low: Floats, high: Floats, faces: Ints) -> tuple[Floats, Floats]:
    """Lowest and highest x, y, z of triangles, each (3, triangles), by those of vertices, (vertices, 3)."""
    first, last = np.empty((3, len(faces)), np.float32), np.empty((3, len(faces)), np.float32)
    a, b, c = faces.T
    for axis in range(3):
        lows, highs = low[:, axis], high[:, axis]
        first[axis] = np.minimum(np.minimum(lows[a], lows[b]), lows[c])
        last[axis] = np.maximum(np.maximum(highs[a], highs[b]), highs[c])
    return first, last


def _strays(expressions: PosedModel) -> Floats:
    """How far each vertex gets from where the first pose has it, (vertices,), MMD units.

    A head that turns carries these ways along, and makes none of them longer.
    """
    strays = np.zeros(len(expressions.rig.model.vertices), np.float32)
    if (expressions.bone_palette == expressions.bone_palette[:1]).all():
        ways = expressions.vertex_offsets - expressions.vertex_offsets[:1]
        strays[expressions.moved_vertices] = np.linalg.norm(np.abs(ways).max(axis=0), axis=-1)
        return strays
    positions, _ = skin_vertices(expressions)
    return np.asarray(np.linalg.norm(np.abs(positions - positions[:1]).max(axis=0), axis=-1), np.float32)


def _bends(poses: Sequence[PosedModel]) -> Bools:
    """Vertices of SDEF and QDEF whose bones do not all move alike in all poses, (vertices,).

    Where they do, SDEF and QDEF carry a vertex as BDEF does, which takes half the time.
    """
    rig = poses[0].rig
    result = np.zeros(len(rig.skinning), np.bool_)
    rows = np.flatnonzero(np.isin(rig.skinning, (Skinning.SDEF, Skinning.QDEF)))
    bones = np.where(rig.skin_weights[rows] != 0.0, rig.skin_bones[rows], rig.skin_bones[rows, :1])
    kinds, kind_of = np.unique(bones, axis=0, return_inverse=True)
    part = np.zeros(len(kinds), np.bool_)
    for posed in poses:
        carried = posed.bone_palette[:, kinds]
        part |= (np.abs(carried - carried[:, :, :1]) > _ALIKE).any(axis=(0, 2, 3, 4))
    result[rows] = part[kind_of.reshape(-1)]
    return result


def _rectangle(first: Floats, last: Floats, margin: float) -> tuple[float, float, float, float]:
    (left, bottom), (right, top) = first.min(axis=0) - margin, last.max(axis=0) + margin
    return float(left), float(bottom), float(right), float(top)


def _facing(positions: Floats, faces: Ints) -> Floats:
    """How far triangles face the viewer, (triangles,): 1 fully, -1 away, 0 if degenerate."""
    x, y, z = positions.T
    a, b, c = faces.T
    ux, uy, uz = x[b] - x[a], y[b] - y[a], z[b] - z[a]
    vx, vy, vz = x[c] - x[a], y[c] - y[a], z[c] - z[a]
    nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    sizes = np.sqrt(nx * nx + ny * ny + nz * nz)
    return np.where(sizes > 1e-12, -nz / np.maximum(sizes, 1e-12), 0.0)


def _double_sided(model: Model) -> Bools:
    materials = model.materials.of_triangles(len(model.faces))
    result = np.asarray(materials != NO_INDEX)
    result[result] = (model.materials.flags[materials[result]] & MaterialFlag.DOUBLE_SIDED) != 0
    return result


def _edge_thickness(model: Model, view: View) -> Floats:
    """How far each vertex's outline stands out, (vertices,), MMD units; below zero: inwards.

    A vertex that materials share takes the thickest.
    """
    sizes = np.zeros(len(model.vertices), np.float32)
    for size, (first, end) in zip(model.materials.edge_sizes, model.materials.face_ranges(), strict=True):
        np.maximum.at(sizes, model.faces[first:end].reshape(-1), size)
    return np.asarray(sizes * model.vertices.edge_scales * view.edge_units, np.float32)
