"""Draws every model once at rest, small: to compare characters by their looks, and to show them.

The pictures are those of the article's frame and light whatever the data set's are, so that looks of all data
sets can be compared. They stand in a folder, one `<model_id>.webp` each, with a list of what was seen.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from mmdgen.annotate.schema import Annotation
from mmdgen.catalog.examine import heard_warnings
from mmdgen.catalog.looks import LOOK_VERSION, Look, look_bits
from mmdgen.dataset.config import Alpha, DatasetConfig
from mmdgen.dataset.places import Place
from mmdgen.dataset.storage import read_rows, write_whole
from mmdgen.errors import MmdgenError
from mmdgen.generate.compose import ModelSource, ModelStage, portrait_view
from mmdgen.generate.worker import worker_renderer
from mmdgen.images import Image
from mmdgen.pose import THA1
from mmdgen.render import RenderSettings
from mmdgen.scene import Light

LIST = "looks.jsonl"
WEBP_QUALITY = 80

_PICTURE = DatasetConfig(
    name="look", out=Path(), splits=(), size_px=128, samples_per_pixel=16, alpha=Alpha.STRAIGHT
)
_ONE_THREAD = RenderSettings(software_threads=0)


@dataclass(frozen=True, slots=True)
class LookTask:
    """A model to draw."""

    model_id: str
    path: Path
    annotation: Annotation
    state: str  # hash of all that the picture depends on beside the model file
    folder: Place  # where the picture goes

    def __hash__(self) -> int:
        return hash((self.model_id, self.state))


def draw_look(task: LookTask) -> Look:
    """Draw a model at rest and store the picture. Runs in a worker.

    A model that cannot be drawn has a look without bits: it is like no other, and rendering it will say why.

    Raises:
        RenderError: there is no OpenGL.
        StorageError: the picture cannot be written.
    """
    renderer = worker_renderer(_ONE_THREAD)
    source = ModelSource(task.model_id, "", task.path, task.annotation)
    view = portrait_view(task.annotation, _PICTURE, Light())
    try:
        with heard_warnings(), ModelStage(renderer, source, THA1, view) as stage:
            image = stage.draw(THA1.rest_vector()[None])[0]
    except (MmdgenError, MemoryError, ValueError, ArithmeticError, LookupError):
        return Look(task.model_id, _state(task), "")
    write_whole(task.folder / f"{task.model_id}.webp", _webp(image))
    bits = look_bits(image, premultiplied=False)
    return Look(task.model_id, _state(task), bits.tobytes().hex())


def known_looks(folder: Place, tasks: Mapping[str, LookTask]) -> dict[str, Look]:
    """The looks of a folder's list that are still true of the tasks' models, by model id."""
    try:
        looks = [Look(**row) for row in read_rows(folder / LIST)]
    except (OSError, ValueError, TypeError):
        return {}
    return {
        look.model_id: look
        for look in looks
        if (task := tasks.get(look.model_id)) is not None and look.state == _state(task)
    }


def looks_to_text(looks: Iterable[Look]) -> str:
    """The list of looks, one JSON object a line, by model id."""
    in_order = sorted(looks, key=lambda look: look.model_id)
    return "".join(
        json.dumps({"model_id": look.model_id, "state": look.state, "bits": look.bits}) + "\n"
        for look in in_order
    )


def _state(task: LookTask) -> str:
    return f"{LOOK_VERSION}-{task.state}"


def _webp(image: Image) -> bytes:
    data = io.BytesIO()
    PillowImage.fromarray(np.ascontiguousarray(image)).save(data, "WEBP", quality=WEBP_QUALITY, method=2)
    return data.getvalue()
