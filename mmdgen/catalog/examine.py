"""Reads one model as far as it takes to know whether samples can be made of it."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from mmdgen.annotate.auto import propose_annotation
from mmdgen.annotate.json_form import annotation_from_text, annotation_to_text
from mmdgen.annotate.schema import Annotation
from mmdgen.annotate.store import resolve
from mmdgen.catalog.record import ModelRecord
from mmdgen.errors import MmdgenError, ModelError
from mmdgen.formats import model_id, read_model_bytes
from mmdgen.model import NO_INDEX, Model
from mmdgen.pose import THA1, PoseSpace
from mmdgen.rig import build_rig, require_posable
from mmdgen.sampling.binding import bind_annotation


def examine_model(
    data: bytes, *, source: str, saved: Annotation | None = None, space: PoseSpace = THA1
) -> ModelRecord:
    """What is known of a model file. Never raises for what is in the file: that is the record's `problem`.

    Args:
        data: the file's content.
        source: the file's name, for messages; should not name a place.
        saved: what people said of this model, if anything.
        space: the pose parameters that the model must be able to show.
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
        textures=_drawn_textures(model),
    )
    try:
        require_posable(model)
        annotation = _annotation(model, record.model_id, saved)
        if annotation.verdict is not None and not annotation.verdict.is_usable:
            raise ModelError(f"{source}: a person said: {annotation.verdict.reason or 'not usable'}")
        bound = bind_annotation(model, annotation, space)
        with heard_warnings() as heard:
            build_rig(bound.model)
    except MmdgenError as error:
        return replace(record, problem=str(error).removeprefix(f"{source}: "))
    warnings = (*record.warnings, *bound.notes, *(text.removeprefix(f"{source}: ") for text in heard))
    return replace(record, annotation=annotation, warnings=warnings)


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


def _annotation(model: Model, identity: str, saved: Annotation | None) -> Annotation:
    """The machine's proposal with what people said; where the machine fails, people's words alone."""
    try:
        proposed = propose_annotation(model, identity)
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


def _drawn_textures(model: Model) -> tuple[str, ...]:
    """The textures that materials are painted with; toon and sphere maps are not drawn."""
    used = {int(index) for index in model.materials.textures if index != NO_INDEX}
    return tuple(model.textures[index] for index in sorted(used))
