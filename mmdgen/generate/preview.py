"""One picture of one model under one label, drawn exactly as a data set would draw it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mmdgen.annotate.schema import Annotation
from mmdgen.annotate.store import AnnotationStore
from mmdgen.catalog.examine import examine_model
from mmdgen.dataset.config import DatasetConfig
from mmdgen.errors import ModelError
from mmdgen.formats import model_id
from mmdgen.generate.compose import ModelSource, ModelStage, portrait_view
from mmdgen.images import Image
from mmdgen.pose import PoseVector
from mmdgen.render import Renderer
from mmdgen.scene import Light


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """A picture, and what it was drawn from."""

    image: Image  # (size, size, 4)
    annotation: Annotation
    warnings: tuple[str, ...]


def draw_preview(renderer: Renderer, path: Path, vector: PoseVector, config: DatasetConfig) -> Preview:
    """Draw one model.

    Args:
        renderer: where to draw.
        path: the model file.
        vector: (parameters,), a label of the configuration's pose space.
        config: picture settings, and where people's annotations are.

    Raises:
        ModelError: the model cannot be posed or annotated; the sentence says why.
        OSError: the file cannot be opened.
    """
    data = path.read_bytes()
    saved = AnnotationStore(config.annotations).get(model_id(data))
    record = examine_model(data, source=path.name, saved=saved, space=config.space)
    if record.annotation is None:
        raise ModelError(f"{path.name}: {record.problem}")
    light = Light(ambient=config.light.ambient.low, directional=config.light.directional.low)
    source = ModelSource(record.model_id, path.stem, path, record.annotation)
    view = portrait_view(record.annotation, config, light)
    with ModelStage(renderer, source, config.space, view) as stage:
        image = stage.draw(vector[None])[0]
    return Preview(image, record.annotation, record.warnings)
