"""The triangles of a rig as vertex and index buffers, in the order in which they are drawn.

Materials are drawn in file order, because MMD's blended surfaces write depth and so hide what is drawn behind
them later. Only where a stretch of triangles is opaque to the last texel its inner order cannot show: such a
run is drawn without blending, nearest clusters first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import moderngl
import numpy as np
from numpy.typing import NDArray

from mmdgen.model import Bools, Floats, MaterialFlag, Model, Skinning
from mmdgen.rig import Rig

_VERTEX = np.dtype(
    [
        ("position", "<f4", 3),
        ("normal", "<f4", 3),
        ("uv", "<f4", 2),
        ("bones", "<u2", 4),
        ("weights", "<f4", 4),
        ("kind", "<i4", 2),
        ("edge_scale", "<f4"),
    ]
)
# What each program reads of a vertex; a program has no attribute that it does not use.
_LAYOUTS = {
    "surface": ("3f4 3f4 2f4 4u2 4f4 2i4 4x", "in_position in_normal in_uv in_bones in_weights in_kind"),
    "edge": (
        "3f4 3f4 8x 4u2 4f4 2i4 1f4",
        "in_position in_normal in_bones in_weights in_kind in_edge_scale",
    ),
}
_LAYOUTS["opaque"] = _LAYOUTS["surface"]

_CLUSTER = 128  # triangles: sorting smaller ones loses more vertex reuse than it saves shading
_SHORTEST_RUN = 256  # triangles: below it a draw call of its own costs more than blending


@dataclass(frozen=True, slots=True)
class Draw:
    """Triangles of one material, as a range of the index buffer."""

    material: int
    first_index: int
    index_count: int
    double_sided: bool
    has_edge: bool
    is_opaque: bool  # to the last texel, as long as the material's own alpha is 1


class Geometry:
    """The drawable vertices of a rig in one buffer, and which triangles use them."""

    def __init__(
        self,
        context: moderngl.Context,
        programs: Mapping[str, moderngl.Program],
        rig: Rig,
        triangles: Bools | None,
        opaque: Bools,
    ) -> None:
        self._context = context
        self._programs = programs
        self._model = rig.model
        self._opaque = opaque
        self._triangles = _drawable_triangles(rig.model, triangles)
        faces = rig.model.faces[self._triangles]
        self.vertices, corners = np.unique(faces.reshape(-1), return_inverse=True)
        self._corners = corners.reshape(-1, 3).astype("<u4")
        self._vertex_buffer = context.buffer(_pack_vertices(rig, self.vertices).tobytes() or b"\0" * 128)
        self.slot_buffer = context.buffer(reserve=max(8, 8 * len(self.vertices)), dynamic=True)
        self.slot_buffer.clear()
        self.everything = self.restricted(np.ones(len(rig.model.faces), np.bool_))

    def restricted(self, wanted: Bools) -> DrawList:
        """Only the wanted triangles, (triangles of the file,), in the same order. The caller releases it."""
        rows = np.flatnonzero(wanted[self._triangles])
        runs = list(_runs(self._model, self._triangles[rows], self._opaque))
        depths = self._model.vertices.positions[self._model.faces[self._triangles[rows]], 2].mean(axis=1)
        order = [
            _nearest_first(run, depths) if run.is_opaque else np.arange(run.first, run.end) for run in runs
        ]
        corners = self._corners[rows[np.concatenate(order)]] if order else self._corners[:0]
        index_buffer = self._context.buffer(corners.tobytes() or b"\0" * 12)
        arrays = {name: self._vertex_array(name, index_buffer) for name in _LAYOUTS}
        draws = tuple(_draw(self._model, run) for run in _nearest_runs_first(runs, depths))
        return DrawList(draws, arrays, index_buffer)

    def _vertex_array(self, program: str, index_buffer: moderngl.Buffer) -> moderngl.VertexArray:
        formats, names = _LAYOUTS[program]
        return self._context.vertex_array(
            self._programs[program],
            [(self._vertex_buffer, formats, *names.split()), (self.slot_buffer, "2i4", "in_slots")],
            index_buffer=index_buffer,
            index_element_size=4,
        )

    def release(self) -> None:
        """Free the GL objects."""
        self.everything.release()
        self._vertex_buffer.release()
        self.slot_buffer.release()


@dataclass(frozen=True, slots=True, eq=False)
class DrawList:
    """What to draw, in order, with a vertex array for each program."""

    draws: tuple[Draw, ...]
    arrays: Mapping[str, moderngl.VertexArray]
    index_buffer: moderngl.Buffer

    def release(self) -> None:
        """Free the GL objects."""
        for array in self.arrays.values():
            array.release()
        self.index_buffer.release()


@dataclass(frozen=True, slots=True)
class _Run:
    """Consecutive triangles (rows of a list) of one material, all opaque or not all."""

    material: int
    first: int
    end: int
    is_opaque: bool


def _drawable_triangles(model: Model, wanted: Bools | None) -> NDArray[np.integer]:
    """Triangles that can show, in file order: wanted by the caller and drawn as surfaces."""
    keep = np.zeros(len(model.faces), np.bool_)
    for material, (first, end) in enumerate(model.materials.face_ranges()):
        if not model.materials.flags[material] & (MaterialFlag.POINTS | MaterialFlag.LINES):
            keep[first:end] = True
    if wanted is not None:
        keep &= wanted
    return np.flatnonzero(keep)


def _runs(model: Model, triangles: NDArray[np.integer], opaque: Bools) -> Iterator[_Run]:
    """The triangles in file order, cut into runs; opaque stretches that are too short stay with the rest."""
    for material, (first, end) in enumerate(model.materials.face_ranges()):
        begin, stop = (int(row) for row in np.searchsorted(triangles, (first, end)))
        flags = opaque[triangles[begin:stop]]
        changes = np.flatnonzero(np.diff(flags)) + 1
        open_from = begin  # where the current mixed run starts
        for low, high in zip([0, *changes], [*changes, stop - begin], strict=True):
            if high - low >= _SHORTEST_RUN and flags[low]:
                if begin + low > open_from:
                    yield _Run(material, open_from, begin + int(low), False)
                yield _Run(material, begin + int(low), begin + int(high), True)
                open_from = begin + int(high)
        if stop > open_from:
            all_opaque = open_from == begin and bool(flags.all())
            yield _Run(material, open_from, stop, all_opaque)


def _nearest_first(run: _Run, depths: Floats) -> NDArray[np.integer]:
    """The rows of a run, cluster by cluster from the viewer away (smaller z is nearer)."""
    rows = np.arange(run.first, run.end)
    clusters = [rows[i : i + _CLUSTER] for i in range(0, len(rows), _CLUSTER)]
    return np.concatenate(sorted(clusters, key=lambda cluster: float(depths[cluster].mean())))


def _nearest_runs_first(runs: list[_Run], depths: Floats) -> Iterator[_Run]:
    """Sort neighbouring opaque runs by depth; blended ones stay where they are."""
    opaque: list[_Run] = []
    for run in runs:
        if run.is_opaque:
            opaque.append(run)
            continue
        yield from _sorted_by_depth(opaque, depths)
        opaque = []
        yield run
    yield from _sorted_by_depth(opaque, depths)


def _sorted_by_depth(runs: list[_Run], depths: Floats) -> list[_Run]:
    return sorted(runs, key=lambda run: float(depths[run.first : run.end].mean()))


def _draw(model: Model, run: _Run) -> Draw:
    flags = int(model.materials.flags[run.material])
    return Draw(
        material=run.material,
        first_index=3 * run.first,
        index_count=3 * (run.end - run.first),
        double_sided=bool(flags & MaterialFlag.DOUBLE_SIDED),
        has_edge=bool(flags & MaterialFlag.EDGE),
        is_opaque=run.is_opaque,
    )


def _pack_vertices(rig: Rig, vertices: NDArray[np.integer]) -> NDArray[np.void]:
    table = rig.model.vertices
    packed = np.zeros(len(vertices), _VERTEX)
    packed["position"] = table.positions[vertices]
    packed["normal"] = table.normals[vertices]
    packed["uv"] = table.uvs[vertices]
    packed["edge_scale"] = table.edge_scales[vertices]
    bones, weights = rig.skin_bones[vertices], rig.skin_weights[vertices]
    is_linear = ~np.isin(rig.skinning[vertices], (Skinning.SDEF, Skinning.QDEF))
    largest_first = np.argsort(-weights, axis=1, kind="stable")
    largest_first[~is_linear] = np.arange(4)
    packed["bones"] = np.take_along_axis(bones, largest_first, axis=1)
    packed["weights"] = np.take_along_axis(weights, largest_first, axis=1)
    packed["kind"][:, 0] = np.where(is_linear, 0, rig.skinning[vertices])
    sdef_rows = np.zeros(len(table), np.int32)
    sdef_rows[rig.sdef_vertices] = np.arange(len(rig.sdef_vertices))
    packed["kind"][:, 1] = sdef_rows[vertices]
    return packed
