"""The triangles of a rig as vertex and index buffers, in the order in which they are drawn.

Materials are drawn in file order, because MMD's blended surfaces write depth and so hide what is drawn behind
them later. Only where a stretch of triangles is opaque to the last texel its inner order cannot show: such a
run is drawn without blending, nearest clusters first. (It could show where two opaque surfaces are equally
far to the last bit of depth: MMD shows the later one there, here it is the one of the cluster drawn later. On
downloaded models that is a pixel in dozens of pictures, where surfaces cross.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import moderngl
import numpy as np
from numpy.typing import NDArray

from mmdgen.model import Bools, Floats, MaterialFlag, Model, Skinning
from mmdgen.render.crop import Reach
from mmdgen.render.programs import Programs
from mmdgen.rig import Rig
from mmdgen.scene import Shading

_VERTEX = np.dtype(
    [
        ("position", "<f4", 3),
        ("normal", "<f4", 3),
        ("uv", "<f4", 2),
        ("bones", "<u2", 4),
        ("weights", "<f4", 4),
        ("kind", "<i4", 2),
        ("edge_scale", "<f4"),
        ("sub_uv", "<f4", 2),
    ]
)
# OpenGL's word for each field.
_FORMATS = {
    "position": "3f4",
    "normal": "3f4",
    "uv": "2f4",
    "bones": "4u2",
    "weights": "4f4",
    "kind": "2i4",
    "edge_scale": "1f4",
    "sub_uv": "2f4",
}

SURFACE_PROGRAMS = {Shading.PHONG: ("surface", "opaque"), Shading.TOON: ("toon", "toon_opaque")}

_NOT_LINEAR = (Skinning.SDEF, Skinning.QDEF)

_CLUSTER = 128  # triangles: sorting smaller ones loses more vertex reuse than it saves shading
_SHORTEST_PART = 32  # triangles: below it a draw call costs more than is hidden by drawing them first
_SHORTEST_RUN = 128  # triangles: below it a draw call of its own costs more than blending


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive triangles of one material, all opaque or not all."""

    material: int
    double_sided: bool
    has_edge: bool
    is_opaque: bool  # to the last texel, as long as the material's own alpha is 1
    is_linear: bool = False  # no vertex is bent by SDEF or QDEF


@dataclass(frozen=True, slots=True)
class Draw:
    """The triangles of a run that are to be drawn, as a range of an index buffer."""

    run: Run
    place: int  # of the run in the drawing order of the whole geometry
    first_index: int
    index_count: int


@dataclass(frozen=True, slots=True, eq=False)
class DrawList:
    """Triangles to draw, in drawing order."""

    geometry: Geometry
    triangles: NDArray[np.integer]  # file numbers, in drawing order
    draws: tuple[Draw, ...]
    index_buffer: moderngl.Buffer
    _arrays: dict[tuple[str, bool], moderngl.VertexArray] = field(default_factory=dict)

    def array(self, name: str, *, linear_skinning: bool) -> moderngl.VertexArray:
        """What feeds the triangles to a program (see `Programs.get`), made when it is first wanted."""
        key = name, linear_skinning
        if key not in self._arrays:
            self._arrays[key] = self.geometry.vertex_array(*key, self.index_buffer)
        return self._arrays[key]

    def release(self) -> None:
        """Free the GL objects."""
        for array in self._arrays.values():
            array.release()
        self.index_buffer.release()


_Stretch = tuple[Run, NDArray[np.integer]]


class Geometry:
    """The drawable vertices of a rig in one buffer, and the order of the triangles that use them.

    Attributes:
        vertices: file numbers of the vertices in the buffer.
        triangles: file numbers of the drawable triangles, in drawing order. Every draw list keeps this order,
            so that where two surfaces have the same depth the same one wins in each.
        in_opaque_run: (triangles of the file,) which are drawn without blending.
    """

    def __init__(
        self,
        context: moderngl.Context,
        programs: Programs,
        rig: Rig,
        reach: Reach,
        is_opaque: Bools,
    ) -> None:
        self._context = context
        self._programs = programs
        self._reach = reach
        self._model = rig.model
        self._is_opaque = is_opaque
        is_linear = ~np.isin(rig.skinning, _NOT_LINEAR)
        if reach.bends is not None:
            is_linear |= ~reach.bends
        self._is_linear = np.asarray(is_linear[rig.model.faces].all(axis=1))
        self._in_file_order = _drawable_triangles(rig.model, reach.surfaces | reach.edges)
        self.vertices = np.unique(rig.model.faces[self._in_file_order])
        self.sort(np.zeros(len(rig.model.faces), np.bool_))
        packed = _pack_vertices(rig, self.vertices, is_linear[self.vertices]).tobytes()
        self._vertex_buffer = context.buffer(packed or b"\0" * _VERTEX.itemsize)
        self.slot_buffer = context.buffer(reserve=max(8, 8 * len(self.vertices)), dynamic=True)
        self.slot_buffer.clear()

    def sort(self, first: Bools) -> None:
        """Settle the drawing order: of neighbouring opaque triangles those of `first`, then nearest first.

        Draw lists made before are of no use any more.
        """
        stretches = list(_sorted_stretches(self._model, self._in_file_order, self._is_opaque, first))
        self._runs = [replace(run, is_linear=bool(self._is_linear[rows].all())) for run, rows in stretches]
        self.triangles = np.concatenate([rows for _, rows in stretches] or [self._in_file_order])
        self.in_opaque_run = np.zeros(len(self._model.faces), np.bool_)
        for run, rows in stretches:
            self.in_opaque_run[rows] = run.is_opaque
        self._run_of = np.repeat(np.arange(len(stretches)), [len(rows) for _, rows in stretches])
        self._has_edge = np.array([run.has_edge for run in self._runs], np.bool_)
        self._corners = np.searchsorted(self.vertices, self._model.faces[self.triangles]).astype("<u4")

    def surfaces(self, wanted: Bools | None = None) -> DrawList:
        """The wanted triangles, (triangles of the file,), or all. The caller releases the list."""
        mask = self._reach.surfaces if wanted is None else self._reach.surfaces & wanted
        return self._draw_list(mask, np.ones(len(self._runs), np.bool_))

    def edges(self, wanted: Bools | None = None) -> DrawList:
        """Those of materials with an outline."""
        mask = self._reach.edges if wanted is None else self._reach.edges & wanted
        return self._draw_list(mask, self._has_edge)

    def _draw_list(self, wanted: Bools, runs: Bools) -> DrawList:
        rows = np.flatnonzero(runs[self._run_of] & wanted[self.triangles])
        counts = np.bincount(self._run_of[rows], minlength=len(self._runs))
        firsts = np.cumsum(counts) - counts
        draws = tuple(
            Draw(run, place, 3 * int(first), 3 * int(count))
            for place, (run, first, count) in enumerate(zip(self._runs, firsts, counts, strict=True))
            if count
        )
        index_buffer = self._context.buffer(self._corners[rows].tobytes() or b"\0" * 12)
        return DrawList(self, self.triangles[rows], draws, index_buffer)

    def vertex_array(
        self, name: str, linear_skinning: bool, index_buffer: moderngl.Buffer
    ) -> moderngl.VertexArray:
        """Feeds triangles to the program of that name."""
        program = self._programs.get(name, linear_skinning=linear_skinning)
        content = [(self._vertex_buffer, *_layout(program))]
        if "in_slots" in program:
            content.append((self.slot_buffer, "2i4", "in_slots"))
        return self._context.vertex_array(program, content, index_buffer=index_buffer, index_element_size=4)

    def release(self) -> None:
        """Free the GL objects."""
        self._vertex_buffer.release()
        self.slot_buffer.release()


def _layout(program: moderngl.Program) -> tuple[str, ...]:
    """Format and attribute names of a vertex as a program reads it: what it does not use is skipped."""
    formats, names = [], []
    for name, element in _FORMATS.items():
        if f"in_{name}" in program:
            formats.append(element)
            names.append(f"in_{name}")
        else:
            formats.append(f"{_VERTEX[name].itemsize}x")
    return (" ".join(formats), *names)


def _drawable_triangles(model: Model, wanted: Bools) -> NDArray[np.integer]:
    """Triangles that can show, in file order: wanted by the caller and drawn as surfaces."""
    keep = np.zeros(len(model.faces), np.bool_)
    for material, (first, end) in enumerate(model.materials.face_ranges()):
        if not model.materials.flags[material] & (MaterialFlag.POINTS | MaterialFlag.LINES):
            keep[first:end] = True
    return np.flatnonzero(keep & wanted)


def _sorted_stretches(
    model: Model, triangles: NDArray[np.integer], is_opaque: Bools, first: Bools
) -> Iterator[_Stretch]:
    """Runs with their triangles in drawing order: file order, but neighbouring opaque ones sorted."""
    depths = model.vertices.positions[model.faces, 2].mean(axis=1)
    waiting: list[_Stretch] = []
    for run, stretch in _stretches(model, triangles, is_opaque):
        if run.is_opaque:
            waiting.append((run, stretch))
            continue
        yield from _sorted_opaque(waiting, depths, first)
        waiting = []
        yield run, stretch
    yield from _sorted_opaque(waiting, depths, first)


def _sorted_opaque(stretches: Sequence[_Stretch], depths: Floats, first: Bools) -> Iterator[_Stretch]:
    parts = [
        (not is_first, run, part) for run, stretch in stretches for is_first, part in _parted(stretch, first)
    ]
    for _, run, part in sorted(parts, key=lambda item: (item[0], float(depths[item[2]].mean()))):
        yield run, _nearest_first(part, depths)


def _parted(stretch: NDArray[np.integer], first: Bools) -> Iterator[tuple[bool, NDArray[np.integer]]]:
    """A stretch in two, unless one part is too short; the whole then goes with the larger one."""
    count = int(np.count_nonzero(first[stretch]))
    if min(count, len(stretch) - count) < _SHORTEST_PART:
        yield 2 * count > len(stretch), stretch
    else:
        yield True, stretch[first[stretch]]
        yield False, stretch[~first[stretch]]


def _stretches(model: Model, triangles: NDArray[np.integer], is_opaque: Bools) -> Iterator[_Stretch]:
    """The triangles in file order, cut into runs; opaque stretches that are too short stay with the rest."""
    for material, (first, end) in enumerate(model.materials.face_ranges()):
        begin, stop = np.searchsorted(triangles, (first, end))
        mine = triangles[begin:stop]
        if not len(mine):
            continue
        flags = is_opaque[mine]
        cuts = [0, *(np.flatnonzero(np.diff(flags)) + 1), len(mine)]
        open_from = 0  # where the current mixed run starts
        for low, high in pairwise(cuts):
            if flags[low] and high - low >= min(_SHORTEST_RUN, len(mine)):
                if low > open_from:
                    yield _run(model, material, False), mine[open_from:low]
                yield _run(model, material, True), mine[low:high]
                open_from = high
        if open_from < len(mine):
            yield _run(model, material, False), mine[open_from:]


def _nearest_first(stretch: NDArray[np.integer], depths: Floats) -> NDArray[np.integer]:
    """Triangles cluster by cluster from the viewer away (smaller z is nearer)."""
    clusters = [stretch[i : i + _CLUSTER] for i in range(0, len(stretch), _CLUSTER)]
    return np.concatenate(sorted(clusters, key=lambda cluster: float(depths[cluster].mean())))


def _run(model: Model, material: int, is_opaque: bool) -> Run:
    flags = int(model.materials.flags[material])
    return Run(
        material=material,
        double_sided=bool(flags & MaterialFlag.DOUBLE_SIDED),
        has_edge=bool(flags & MaterialFlag.EDGE),
        is_opaque=is_opaque,
    )


def _pack_vertices(rig: Rig, vertices: NDArray[np.integer], is_linear: Bools) -> NDArray[np.void]:
    table = rig.model.vertices
    packed = np.zeros(len(vertices), _VERTEX)
    packed["position"] = table.positions[vertices]
    packed["normal"] = table.normals[vertices]
    packed["uv"] = table.uvs[vertices]
    packed["edge_scale"] = table.edge_scales[vertices]
    if table.additional_uvs.shape[1]:
        packed["sub_uv"] = table.additional_uvs[vertices, 0, :2]
    bones, weights = rig.skin_bones[vertices], rig.skin_weights[vertices]
    largest_first = np.argsort(-weights, axis=1, kind="stable")
    largest_first[~is_linear] = np.arange(4)
    packed["bones"] = np.take_along_axis(bones, largest_first, axis=1)
    packed["weights"] = np.take_along_axis(weights, largest_first, axis=1)
    packed["kind"][:, 0] = np.where(is_linear, 0, rig.skinning[vertices])
    sdef_rows = np.zeros(len(table), np.int32)
    sdef_rows[rig.sdef_vertices] = np.arange(len(rig.sdef_vertices))
    packed["kind"][:, 1] = sdef_rows[vertices]
    return packed
