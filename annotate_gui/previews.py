"""The pictures of the page, drawn in the one process that has the OpenGL context.

All views of a model share one camera (`Sight`), so that a line drawn across the front view crosses the side
view at the same height, and the small pictures of the strip are pieces of the large one, pixel for pixel.
The frame is drawn by the code that draws data sets.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import PIL.Image

from annotate_gui.candidates import Candidate, Face, Region, face_of, find_candidates
from mmdgen.annotate.auto import NEEDED_ROLES
from mmdgen.annotate.schema import Annotation
from mmdgen.catalog.examine import heard_warnings
from mmdgen.catalog.terms import find_terms
from mmdgen.dataset.config import Alpha, DatasetConfig
from mmdgen.errors import ModelError
from mmdgen.formats import model_id as id_of
from mmdgen.formats import read_model_bytes
from mmdgen.generate.compose import ModelSource, ModelStage, portrait_view, visible_textures
from mmdgen.images import Image
from mmdgen.pose import THA1, Pose, PoseSpace, PoseVector
from mmdgen.render import Renderer
from mmdgen.render.changes import PixelBox
from mmdgen.render.crop import find_reach
from mmdgen.rig import PosedModel, build_rig, require_posable
from mmdgen.rig.transforms import multiply_quaternions
from mmdgen.sampling.binding import MORPH_PARAMETERS
from mmdgen.scene import Framing, Light, View, frame_head

SIDE_PX = 720  # of the front and side views
HEAD_PX = 320  # of their height is the head; the frame of a data set is twice the head
WIDE_HEAD_PX = 120  # the same in the wide views, for heads that were found at a wrong place
MOST_OPEN = 4  # models whose geometry stays on the GPU
_QUARTER = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]], np.float32)  # shows the character's left side
_QUARTER_QUATERNION = np.array([0.0, 0.5**0.5, 0.0, 0.5**0.5])
_FRAME = DatasetConfig(name="page", out=Path(), splits=(), alpha=Alpha.STRAIGHT)


class Show(StrEnum):
    """What to make."""

    FACTS = "facts"  # JSON, not a picture
    FRONT = "front"
    SIDE = "side"
    EYES = "eyes"  # a column: the eyes at rest, then under each candidate
    MOUTH = "mouth"
    FRAME = "frame"  # as in a data set


@dataclass(frozen=True, slots=True)
class Order:
    """One thing to draw."""

    show: Show
    model_id: str
    path: Path
    annotation: Annotation  # decides camera and candidates; for the frame all that it decides in a data set
    pose: tuple[float, ...] = ()  # of the frame
    wide: bool = False
    every: bool = False  # all morphs in the strip


Made: TypeAlias = bytes | dict[str, Any]


class PreviewRoom:
    """Keeps the models of the last orders open. Use it on the renderer's thread."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._portraits: OrderedDict[tuple[Any, ...], Portrait] = OrderedDict()
        self._stages: OrderedDict[tuple[Any, ...], tuple[ModelStage, PoseSpace]] = OrderedDict()

    def make(self, order: Order) -> Made:
        """Draw one order.

        Raises:
            MmdgenError: the model cannot be drawn; the sentence says why.
            OSError: its file cannot be read.
        """
        if order.show is Show.FRAME:
            return self._frame(order)
        portrait = self._portrait(order)
        if order.show is Show.FACTS:
            return portrait.facts()
        return encode_webp(portrait.picture(order.show))

    def _portrait(self, order: Order) -> Portrait:
        key = (order.model_id, order.wide, order.every, repr(order.annotation))
        if key not in self._portraits:
            while len(self._portraits) >= MOST_OPEN:
                self._portraits.popitem(last=False)[1].close()
            self._portraits[key] = Portrait(self._renderer, order)
        self._portraits.move_to_end(key)
        return self._portraits[key]

    def _frame(self, order: Order) -> bytes:
        stage, space = self._stage(order)
        rest = dict(zip(THA1.names, THA1.rest_vector(), strict=True))
        asked = rest | dict(zip(THA1.names, order.pose, strict=False))
        vector: PoseVector = np.array([asked[name] for name in space.names])
        return encode_webp(stage.draw(vector[None])[0])

    def _stage(self, order: Order) -> tuple[ModelStage, PoseSpace]:
        """The model as data sets draw it; what no morph plays is left out of the pose."""
        annotation = order.annotation
        plays = tuple((role, annotation.roles.get(role)) for role in NEEDED_ROLES)
        key = (order.model_id, annotation.head, annotation.eyes, plays)
        if key not in self._stages:
            while len(self._stages) >= MOST_OPEN:
                self._stages.popitem(last=False)[1][0].__exit__(None, None, None)
            silent = {
                name
                for name, role in MORPH_PARAMETERS.items()
                if (choice := annotation.roles.get(role)) is None or choice.is_absent
            }
            space = PoseSpace(
                THA1.name, tuple(known for known in THA1.parameters if known.name not in silent)
            )
            source = ModelSource(order.model_id, "", order.path, annotation)
            with heard_warnings():
                stage = ModelStage(self._renderer, source, space, portrait_view(annotation, _FRAME, Light()))
            self._stages[key] = stage, space
        self._stages.move_to_end(key)
        return self._stages[key]


class Portrait:
    """One model with its candidates, ready to be drawn from the front and from the side."""

    def __init__(self, renderer: Renderer, order: Order) -> None:
        data = order.path.read_bytes()
        if id_of(data) != order.model_id:
            raise ModelError(f"{order.path.name}: was changed; start annotate-gui again")
        self._renderer = renderer
        self._order = order
        self.model = read_model_bytes(data, source=order.path.name)
        self._face = face_of(order.annotation)
        self.candidates = find_candidates(self.model, order.annotation, every=order.every)
        require_posable(self.model)
        with heard_warnings() as heard:
            self._rig = build_rig(self.model)
        view = _view(order.annotation, WIDE_HEAD_PX if order.wide else HEAD_PX)
        reach = find_reach(self._posed([None], with_side=True), view, self._posed([None, *self.candidates]))
        self._view = view.with_depth_range(reach.depth_range)
        textures, texture_warnings = visible_textures(self.model, order.path.parent, reach.surfaces)
        warnings = (*map(str, self.model.warnings), *heard, *texture_warnings)
        self._warnings = [text.removeprefix(f"{order.path.name}: ") for text in warnings]
        self._gpu = renderer.load(self._rig, textures, reach)

    def facts(self) -> dict[str, Any]:
        """What the page says of the model and must know of the pictures; lengths in MMD units."""
        camera = self._view.camera
        return {
            "name": self.model.name,
            "name_en": self.model.name_en,
            "format": f"{self.model.format} {self.model.version:g}",
            "counts": {
                "vertices": len(self.model.vertices),
                "bones": len(self.model.bones),
                "morphs": len(self.model.morphs),
            },
            "view": {
                "left": camera.left,
                "right": camera.right,
                "bottom": camera.bottom,
                "top": camera.top,
                "size": SIDE_PX,
            },
            "cells": {region.value: _box_json(self._box(region)) for region in Region},
            "candidates": [candidate.to_json() for candidate in self.candidates],
            "warnings": list(dict.fromkeys([*self._order.annotation.warnings, *self._warnings])),
            "terms": [
                {
                    "source": found.source,
                    "lines": list(found.lines),
                    "more_lines": found.more_lines,
                    "licences": list(found.licences),
                }
                for found in find_terms(self.model, self._order.path.parent)
            ],
        }

    def picture(self, show: Show) -> Image:
        """One of the views, or a column of pieces of the front view."""
        if show is Show.FRONT:
            return self._draw(self._posed([None]), _whole())[0]
        if show is Show.SIDE:
            return self._draw(self._posed([], with_side=True), _whole())[0]
        region = Region(show.value)
        of_region = [candidate for candidate in self.candidates if candidate.region is region]
        return np.concatenate(self._draw(self._posed([None, *of_region]), self._box(region)))

    def close(self) -> None:
        """Free the GPU."""
        self._gpu.release()

    def _draw(self, posed: PosedModel, box: PixelBox) -> list[Image]:
        gpu = self._gpu
        parts = self._renderer.draw_parts(gpu, gpu.surfaces, gpu.edges, posed, self._view, box)
        return [part for _, part in parts]

    def _box(self, region: Region) -> PixelBox:
        return region_box(region, self._face, self._view)

    def _posed(self, candidates: Sequence[Candidate | None], *, with_side: bool = False) -> PosedModel:
        """The model under each candidate alone (None: at rest); seen from the side in a last pose."""
        pose = Pose.rest(self.model, (len(candidates) + with_side,))
        for row, candidate in enumerate(candidates):
            if candidate is not None:
                pose.morph_weights[row, candidate.morph] = 1.0
        posed = self._rig.pose(pose)
        return _turned_last(posed, self._face.center_x, self._depth()) if with_side else posed

    def _depth(self) -> float:
        """The z that the side view has in its middle: so far behind the nose that the face is in the view."""
        face, head = self._face, self._order.annotation.head
        x, y, z = self.model.vertices.positions.T
        is_profile = (np.abs(x - face.center_x) < 0.15 * face.unit) & (y > head.bottom) & (y < face.eye_y)
        return float(z[is_profile].min(initial=np.inf if is_profile.any() else 0.0)) + face.unit


def region_box(region: Region, face: Face, view: View) -> PixelBox:
    """The piece of the front view that shows the eyes, or the mouth."""
    unit = face.unit
    if region is Region.EYES:
        half, low, high = (
            max(1.2 * unit, 2.0 * face.eye_x),
            face.eye_y - 0.58 * unit,
            face.eye_y + 0.72 * unit,
        )
    else:
        half, low, high = 1.0 * unit, face.mouth_y - 0.52 * unit, face.mouth_y + 0.56 * unit
    return PixelBox.around((face.center_x - half, low), (face.center_x + half, high), view)


def encode_webp(image: Image) -> bytes:
    """A small WebP file of an RGBA image."""
    buffer = io.BytesIO()
    PIL.Image.fromarray(image).save(buffer, "WEBP", quality=86, method=1)
    return buffer.getvalue()


def _view(annotation: Annotation, head_px: int) -> View:
    head = annotation.head
    framing = Framing(size_px=SIDE_PX, head_height_px=head_px, head_center_px=(SIDE_PX / 2, SIDE_PX / 2))
    camera = frame_head(head.bottom, head.top, head.center_x, framing=framing)
    return View(camera, size_px=SIDE_PX, samples_per_axis=2, premultiplied=False)


def _whole() -> PixelBox:
    return PixelBox(0, 0, SIDE_PX, SIDE_PX)


def _box_json(box: PixelBox) -> dict[str, int]:
    return {"left": box.left, "top": box.top, "width": box.right - box.left, "height": box.bottom - box.top}


def _turned_last(posed: PosedModel, x: float, z: float) -> PosedModel:
    """The last pose turned by a quarter about an upright axis: the same camera then sees its left side."""
    turn = np.eye(4, dtype=np.float32)
    turn[:3, :3] = _QUARTER
    pivot = np.array([x, 0.0, z], np.float32)
    turn[:3, 3] = pivot - _QUARTER @ pivot
    palette, rotations = posed.bone_palette.copy(), posed.bone_rotations.copy()
    palette[-1] = turn @ palette[-1]
    rotations[-1] = multiply_quaternions(_QUARTER_QUATERNION, rotations[-1].astype(np.float64))
    return replace(posed, bone_palette=palette, bone_rotations=rotations)
