"""From a model to its annotation: where the head is, and which morphs play which roles."""

from __future__ import annotations

from mmdgen.annotate.auto import fields_for_person, overall_confidence, propose_annotation
from mmdgen.annotate.json_form import (
    annotation_from_json,
    annotation_from_text,
    annotation_to_json,
    annotation_to_text,
)
from mmdgen.annotate.store import AnnotationStore, EditConflictError, resolve

__all__ = [
    "AnnotationStore",
    "EditConflictError",
    "annotation_from_json",
    "annotation_from_text",
    "annotation_to_json",
    "annotation_to_text",
    "fields_for_person",
    "overall_confidence",
    "propose_annotation",
    "resolve",
]
