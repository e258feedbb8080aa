"""Reads one model as far as it takes to know whether samples can be made of it."""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace

import numpy as np

from mmdgen.annotate.auto import propose_annotation
from mmdgen.annotate.json_form import annotation_from_text, annotation_to_text
from mmdgen.annotate.schema import Annotation, HeadBounds
from mmdgen.annotate.store import resolve
from mmdgen.catalog.record import ModelRecord, Surface
from mmdgen.catalog.terms import comment_terms
from mmdgen.errors import MmdgenError, ModelError
from mmdgen.formats import model_id, read_model_bytes
from mmdgen.model import NO_INDEX, Model
from mmdgen.pose import THA1, PoseSpace
from mmdgen.rig import build_rig, require_posable
from mmdgen.sampling.binding import bind_annotation

Propose = Callable[[Model, str], Annotation]


def examine_model(
    data: bytes,
    *,
    source: str,
    saved: Annotation | None = None,
    space: PoseSpace = THA1,
    propose: Propose = propose_annotation,
) -> ModelRecord:
    """What is known of a model file. Never raises for what is in the file: that is the record's `problem`.

    Args:
        data: the file's content.
        source: the file's name, for messages; should not name a place.
        saved: what people said of this model, if anything.
        space: the pose parameters that the model must be able to show.
        propose: makes the automatic annotation; given the model and its id.
    """
    record = ModelRecord(model_id=model_id(data), saved_digest=saved_digest(saved))
    try:
        model = read_model_bytes(data, source=source)
    except MmdgenError as error:
        return replace(record, problem=str(error).removeprefix(f"{source}: "))
    record = replace(
        record,
        name=model.name,
        format=f"{model.format} {model.version:g}",
        counts=_counts(model),
        warnings=tuple(str(warning) for warning in model.warnings),
        mesh_digest=_mesh_digest(model),
        terms=comment_terms(model),
    )
    try:
        require_posable(model)
        annotation = _annotation(model, record.model_id, saved, propose)
        if annotation.verdict is not None and not annotation.verdict.is_usable:
            raise ModelError(f"{source}: a person said: {annotation.verdict.reason or 'not usable'}")
        bound = bind_annotation(model, annotation, space)
        with heard_warnings() as heard:
            build_rig(bound.model)
    except MmdgenError as error:
        return replace(record, problem=str(error).removeprefix(f"{source}: "))
    warnings = (*record.warnings, *bound.notes, *(text.removeprefix(f"{source}: ") for text in heard))
    return replace(
        record, annotation=annotation, warnings=warnings, surfaces=_surfaces(model, annotation.head)
    )


def saved_digest(saved: Annotation | None) -> str:
    """Hash of what people said of a model; "" for nothing."""
    return "" if saved is None else hashlib.sha256(annotation_to_text(saved).encode()).hexdigest()[:16]


@contextmanager
def heard_warnings() -> Iterator[list[str]]:
    """Collects what the package logs meanwhile, in place of showing it."""
    heard: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("mmdgen")
    propagates = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield heard
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagates


def figure_digest(model: Model) -> str:
    """Hash of all that an automatic annotation can depend on: everything but the model's own texts.

    A model that was repainted, or whose readme in the comment changed, keeps it.
    """
    digest = hashlib.sha256()
    for part in (model.vertices, model.faces, model.materials, model.bones, model.morphs, model.textures):
        _feed(digest, part)
    return digest.hexdigest()[:16]


def _feed(digest: hashlib._Hash, value: object) -> None:
    """Add a table, an array or a plain value to a hash, with its type and size."""
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype.str}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).data)
    elif is_dataclass(value):
        for column in fields(value):
            _feed(digest, getattr(value, column.name))
    elif isinstance(value, tuple):
        digest.update(f"({len(value)}".encode())
        for item in value:
            _feed(digest, item)
    else:
        digest.update(f"{value!r};".encode("utf-8", "surrogatepass"))


def _annotation(model: Model, identity: str, saved: Annotation | None, propose: Propose) -> Annotation:
    """The machine's proposal with what people said; where the machine fails, people's words alone."""
    try:
        proposed = propose(model, identity)
    except MmdgenError:
        if saved is None:
            raise
        return saved
    # Rounded as on disk: a run that reads the record back must see the same numbers as the one that made it.
    return annotation_from_text(annotation_to_text(resolve(proposed, saved)), source=identity)


def _counts(model: Model) -> dict[str, int]:
    return {
        "vertices": len(model.vertices),
        "triangles": len(model.faces),
        "materials": len(model.materials),
        "bones": len(model.bones),
        "morphs": len(model.morphs),
    }


def _mesh_digest(model: Model) -> str:
    """Hash of the shape alone."""
    digest = hashlib.sha256(np.ascontiguousarray(model.vertices.positions, "<f4").data)
    digest.update(np.ascontiguousarray(model.faces, "<i4").data)
    return digest.hexdigest()[:16]


def _surfaces(model: Model, head: HeadBounds) -> tuple[Surface, ...]:
    """What the model is painted with, and how much of each paint stands around the head.

    A triangle counts by its area if its middle is in the article's frame, twice as high as the head, and its
    material is not transparent throughout.
    """
    corners = model.vertices.positions[model.faces]  # (triangles, 3, 3)
    middles = corners.mean(axis=1)
    height = head.top - head.bottom
    is_framed = (np.abs(middles[:, 0] - head.center_x) <= height) & (
        np.abs(middles[:, 1] - (head.top + head.bottom) / 2) <= height
    )
    sides = corners[:, 1:] - corners[:, :1]
    areas = np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1) * is_framed
    materials = model.materials
    shown: defaultdict[tuple[str, str, str], float] = defaultdict(float)
    for material, (first, end) in enumerate(materials.face_ranges()):
        is_visible = materials.diffuse[material, 3] > 0
        shown[_paint(model, material)] += float(areas[first:end].sum()) if is_visible else 0.0
    whole = sum(shown.values()) or 1.0
    return tuple(Surface(*paint, share=round(area / whole, 6)) for paint, area in sorted(shown.items()))


def _paint(model: Model, material: int) -> tuple[str, str, str]:
    """The names of a material's texture, sphere map and toon map."""
    materials = model.materials
    toon = NO_INDEX if materials.shared_toons[material] else int(materials.toons[material])
    used = int(materials.textures[material]), int(materials.sphere_textures[material]), toon
    texture, sphere, toon_map = ("" if index == NO_INDEX else model.textures[index] for index in used)
    return texture, sphere, toon_map
