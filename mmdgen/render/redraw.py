"""Pictures that differ from a base picture by a face's expression: only what can differ is drawn.

Everything here is exact. What a vertex morph moves lies in a box of pixels; outside it the base picture
holds. Inside it an opaque triangle that never moves, and that other unmoved opaque triangles hide at every
sample before anything blended is drawn over it, stays hidden whatever the face does.
"""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from mmdgen.model import Bools
from mmdgen.render.changes import Change, find_change, is_within
from mmdgen.render.context import make_current
from mmdgen.render.gpu_model import GpuModel
from mmdgen.render.materials import posed_materials
from mmdgen.rig import PosedModel
from mmdgen.scene import View

if TYPE_CHECKING:
    from mmdgen.render.renderer import Renderer


class Redraw:
    """Draws expressions of one model. Made by `Renderer.redraw`; close it to free the GPU."""

    def __init__(
        self, renderer: Renderer, model: GpuModel, view: View, base: PosedModel, extremes: PosedModel
    ) -> None:
        self._renderer = renderer
        self._model = model
        self._view = view
        self._extremes = extremes
        self.base_image = renderer.render(model, base, view)[0]
        change = find_change(base, extremes, view)
        self._change = change
        self._owned = ExitStack()
        if change is not None:
            surfaces, edges = self._needed(change, base)
            self._surfaces = model.geometry.surfaces(surfaces)
            self._owned.callback(self._surfaces.release)
            self._edges = model.geometry.edges(edges)
            self._owned.callback(self._edges.release)

    def render(self, posed: PosedModel) -> NDArray[np.uint8]:
        """The same pictures as `Renderer.render`, bit for bit; poses with one batch axis (N,)."""
        change = self._change
        if change is None or not is_within(posed, self._extremes):
            return self._renderer.render(self._model, posed, self._view)
        box = change.box
        images = np.repeat(self.base_image[None], len(posed.bone_palette), axis=0)
        if not box.is_empty:
            parts = self._renderer.draw_parts(
                self._model, self._surfaces, self._edges, posed, self._view, box
            )
            for pose, part in parts:
                images[pose, box.top : box.bottom, box.left : box.right] = part
        return images

    def _needed(self, change: Change, base: PosedModel) -> tuple[Bools, Bools]:
        """Triangles whose surface, and whose outline, may show in the box."""
        geometry = self._model.geometry
        unmoved = change.triangles & geometry.in_opaque_run & ~change.moved
        opaque_edges = bool((posed_materials(base, 0).edge_colors[:, 3] >= 1.0).all())
        surfaces = geometry.surfaces(unmoved)
        edges = geometry.edges(unmoved if opaque_edges else np.zeros_like(unmoved))
        others = geometry.surfaces(change.triangles & ~geometry.in_opaque_run)
        blended = [draw.place for draw in others.draws]
        seen = self._renderer.seen_triangles(
            self._model, surfaces, edges, blended, base, self._view, change.box
        )
        needed = []
        for draw_list, rows in ((surfaces, seen[0]), (edges, seen[1])):
            hidden = np.zeros_like(unmoved)
            hidden[draw_list.triangles] = True
            hidden[draw_list.triangles[rows]] = False
            needed.append(change.triangles & ~hidden)
        for draw_list in (surfaces, edges, others):
            draw_list.release()
        return needed[0], needed[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        make_current(self._model.context)
        self._owned.close()
