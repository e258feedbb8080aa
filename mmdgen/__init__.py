"""MMD models in, training data for single-picture anime animation out.

These are the public names. Each is imported from its room when it is first used, so that `import mmdgen`
costs nothing and needs no OpenGL.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "THA1",
    "Annotation",
    "AnnotationError",
    "AnnotationStore",
    "BackendError",
    "Camera",
    "DatasetError",
    "FormatError",
    "Light",
    "MmdgenError",
    "Model",
    "ModelError",
    "NetworkError",
    "Pose",
    "PoseSpace",
    "PosedModel",
    "RenderError",
    "RenderSettings",
    "Renderer",
    "Rig",
    "SplitReader",
    "View",
    "__version__",
    "bind_annotation",
    "build_rig",
    "frame_head",
    "load_texture",
    "make_character",
    "model_id",
    "propose_annotation",
    "read_config",
    "read_model",
    "skin_vertices",
    "write_character",
    "write_pmx",
]

if TYPE_CHECKING:
    from mmdgen.annotate import AnnotationStore, propose_annotation
    from mmdgen.annotate.schema import Annotation
    from mmdgen.cast import make_character, write_character
    from mmdgen.dataset.config import read_config
    from mmdgen.dataset.reader import SplitReader
    from mmdgen.errors import (
        AnnotationError,
        BackendError,
        DatasetError,
        FormatError,
        MmdgenError,
        ModelError,
        NetworkError,
        RenderError,
    )
    from mmdgen.formats import load_texture, model_id, read_model, write_pmx
    from mmdgen.model import Model
    from mmdgen.pose import THA1, Pose, PoseSpace
    from mmdgen.render import Renderer, RenderSettings
    from mmdgen.rig import PosedModel, Rig, build_rig, skin_vertices
    from mmdgen.sampling.binding import bind_annotation
    from mmdgen.scene import Camera, Light, View, frame_head

_ROOMS = {
    "mmdgen.annotate": ("AnnotationStore", "propose_annotation"),
    "mmdgen.annotate.schema": ("Annotation",),
    "mmdgen.cast": ("make_character", "write_character"),
    "mmdgen.dataset.config": ("read_config",),
    "mmdgen.dataset.reader": ("SplitReader",),
    "mmdgen.errors": tuple(name for name in __all__ if name.endswith("Error")),
    "mmdgen.formats": ("load_texture", "model_id", "read_model", "write_pmx"),
    "mmdgen.model": ("Model",),
    "mmdgen.pose": ("THA1", "Pose", "PoseSpace"),
    "mmdgen.render": ("RenderSettings", "Renderer"),
    "mmdgen.rig": ("PosedModel", "Rig", "build_rig", "skin_vertices"),
    "mmdgen.sampling.binding": ("bind_annotation",),
    "mmdgen.scene": ("Camera", "Light", "View", "frame_head"),
}


def __getattr__(name: str) -> object:
    for room, names in _ROOMS.items():
        if name in names:
            return getattr(import_module(room), name)
    raise AttributeError(f"module 'mmdgen' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
