"""One picture of one model: under a label, drawn exactly as a data set would draw it, or in a motion."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmdgen.annotate.schema import Annotation
from mmdgen.annotate.store import AnnotationStore
from mmdgen.catalog.examine import examine_model, heard_warnings
from mmdgen.catalog.record import ModelRecord
from mmdgen.dataset.config import DatasetConfig
from mmdgen.errors import ModelError
from mmdgen.formats import model_id, read_model, read_vmd
from mmdgen.generate.compose import ModelSource, ModelStage, portrait_view, visible_textures
from mmdgen.images import Image
from mmdgen.pose import PoseVector
from mmdgen.render import Renderer
from mmdgen.render.crop import find_reach
from mmdgen.rig import build_rig
from mmdgen.rig.motion import ik_from_motion, pose_from_motion
from mmdgen.scene import Light, View


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """A picture, and what it was drawn from."""

    image: Image  # (size, size, 4)
    annotation: Annotation
    warnings: tuple[str, ...]


def draw_preview(renderer: Renderer, path: Path, vector: PoseVector, config: DatasetConfig) -> Preview:
    """Draw one model under a label.

    Args:
        renderer: where to draw.
        path: the model file.
        vector: (parameters,), a label of the configuration's pose space.
        config: picture settings, and where people's annotations are.

    Raises:
        ModelError: the model cannot be posed or annotated; the sentence says why.
        OSError: the file cannot be opened.
    """
    record, annotation, view = _look_at(path, config)
    source = ModelSource(record.model_id, path.stem, path, annotation)
    with heard_warnings():  # the record has them
        stage = ModelStage(renderer, source, config.space, view)
    with stage:
        image = stage.draw(vector[None])[0]
    return Preview(image, annotation, (*record.warnings, *stage.warnings))


def draw_motion(
    renderer: Renderer, path: Path, motion_path: Path, frame: float, config: DatasetConfig
) -> Preview:
    """Draw one model as a VMD motion poses it at a frame (30 a second), seen as in a data set.

    Raises:
        FormatError: the motion is damaged.
        ModelError: the model cannot be posed or annotated; the sentence says why.
        OSError: a file cannot be opened.
    """
    record, annotation, view = _look_at(path, config)
    motion = read_vmd(motion_path)
    model = read_model(path)
    with heard_warnings():  # the record has them
        rig = build_rig(model)
    pose = pose_from_motion(model, motion, np.array([frame]))
    posed = rig.pose(pose, ik=ik_from_motion(model, motion, frame))
    reach = find_reach(posed, view)
    textures, texture_warnings = visible_textures(model, path.parent, reach.surfaces, view.shading)
    drawn = renderer.load(rig, textures, reach, view.shading)
    try:
        image = renderer.render(drawn, posed, view.with_depth_range(reach.depth_range))[0]
    finally:
        drawn.release()
    return Preview(image, annotation, (*record.warnings, *texture_warnings))


def _look_at(path: Path, config: DatasetConfig) -> tuple[ModelRecord, Annotation, View]:
    """What is known of a model, and the view of its head. Raises ModelError if it is not usable."""
    data = path.read_bytes()
    saved = AnnotationStore(config.annotations).get(model_id(data))
    record = examine_model(data, source=path.name, saved=saved, space=config.space)
    if record.annotation is None:
        raise ModelError(f"{path.name}: {record.problem}")
    light = Light(ambient=config.light.ambient.low, directional=config.light.directional.low)
    return record, record.annotation, portrait_view(record.annotation, config, light)
