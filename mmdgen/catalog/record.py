"""What is known of one model file: its content's hash, counts, annotation, and why it cannot be used.

A record depends on the file's content and on a person's annotation only, never on the place or the name of
the file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from mmdgen.annotate.auto import ANNOTATOR
from mmdgen.annotate.json_form import annotation_from_text, annotation_to_json
from mmdgen.annotate.schema import Annotation
from mmdgen.catalog.terms import TermsSource, terms_from_document
from mmdgen.errors import AnnotationError

RECORD_VERSION = f"4 {ANNOTATOR}"  # raise the number when records must be made anew


@dataclass(frozen=True, slots=True)
class Surface:
    """What some of a model's materials are painted with; paths as stored, "" for none."""

    texture: str
    sphere: str  # sphere and toon maps show in toon shading only
    toon: str
    share: float  # of the surface around the head, where pictures are taken


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """One model, usable unless `problem` says otherwise."""

    model_id: str
    name: str = ""  # as the file says
    format: str = ""  # "pmx" or "pmd"
    counts: Mapping[str, int] = field(default_factory=dict)  # vertices, triangles, materials, bones, ...
    warnings: tuple[str, ...] = ()
    problem: str = ""  # why the model cannot be used, in a sentence
    mesh_digest: str = ""  # of positions and triangles: a repainted or converted model keeps it
    surfaces: tuple[Surface, ...] = ()
    terms: tuple[TermsSource, ...] = ()  # what the model's own comments say of them
    annotation: Annotation | None = None
    saved_digest: str = ""  # hash of what people had said when the record was made, "" for nothing

    @property
    def is_usable(self) -> bool:
        """Whether samples can be made of the model."""
        return not self.problem and self.annotation is not None


def record_to_json(record: ModelRecord) -> str:
    """The record as one line of JSON, keys in order, Japanese readable."""
    document = asdict(replace(record, annotation=None))
    document["version"] = RECORD_VERSION
    document["annotation"] = None if record.annotation is None else annotation_to_json(record.annotation)
    return json.dumps(document, ensure_ascii=False, sort_keys=True) + "\n"


def record_from_json(text: str) -> ModelRecord | None:
    """The record of a JSON text, or None where it is damaged or another version wrote it."""
    try:
        document: dict[str, Any] = json.loads(text)
        if document.pop("version", None) != RECORD_VERSION:
            return None
        annotation = document.pop("annotation")
        document["warnings"] = tuple(document["warnings"])
        document["surfaces"] = tuple(Surface(**row) for row in document["surfaces"])
        document["terms"] = tuple(terms_from_document(row) for row in document["terms"])
        return ModelRecord(
            **document,
            annotation=None
            if annotation is None
            else annotation_from_text(json.dumps(annotation), source="record"),
        )
    except (ValueError, KeyError, TypeError, AttributeError, AnnotationError):
        return None


def annotation_digest(annotation: Annotation) -> str:
    """Hash of what an annotation says, without who said it and why: what pictures depend on.

    On where the eyes are they depend through the halves of morphs only.
    """
    has_halves = any(choice.half is not None for choice in annotation.roles.values())
    said = {
        "eyes": [annotation.eyes.left, annotation.eyes.right] if annotation.eyes and has_halves else None,
        "head": [annotation.head.bottom, annotation.head.top, annotation.head.center_x],
        "roles": {
            role.value: [choice.morph, choice.half.value if choice.half else None]
            for role, choice in annotation.roles.items()
        },
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
