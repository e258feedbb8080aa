"""The pieces of a survey that workers do: examine one file, draw one look. What they find is kept on disk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from mmdgen.annotate.auto import ANNOTATOR, propose_annotation
from mmdgen.annotate.json_form import annotation_from_text, annotation_to_text
from mmdgen.annotate.schema import Annotation
from mmdgen.annotate.store import AnnotationStore
from mmdgen.catalog.examine import examine_model, figure_digest, saved_digest
from mmdgen.catalog.looks import Look
from mmdgen.catalog.record import ModelRecord, record_from_json, record_to_json
from mmdgen.catalog.scan import ModelFile
from mmdgen.dataset.places import Place
from mmdgen.dataset.storage import (
    make_folder,
    partial_path,
    remove_quietly,
    storage_error,
    write_text,
)
from mmdgen.errors import AnnotationError
from mmdgen.formats import model_id
from mmdgen.generate.looks import LookTask, draw_look
from mmdgen.model import Model
from mmdgen.pose import POSE_SPACES

PROPOSALS = "proposals"  # below the records


class Step(Protocol):
    """A piece of a survey that a worker does."""

    def run(self) -> object:
        """Do it. Must not raise for what is in a model."""


def run_step(step: Step) -> object:
    """Do a step. Runs in a worker."""
    return step.run()


@dataclass(frozen=True, slots=True)
class ExamineFile:
    """Examine one file and store its record."""

    file: ModelFile
    records: Place
    annotations: Path
    pose_space: str

    def run(self) -> ModelRecord:
        """The record, from disk where it is known already."""
        try:
            data = self.file.path.read_bytes()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            return ModelRecord(model_id="", problem=f"cannot be read: {reason}")
        identity = model_id(data)
        try:
            saved = AnnotationStore(self.annotations).get(identity)
        except AnnotationError as error:
            return ModelRecord(model_id=identity, problem=str(error))
        record = stored_record(self.records, identity)
        if record is None or record.saved_digest != saved_digest(saved):
            space = POSE_SPACES[self.pose_space]
            record = examine_model(
                data, source=self.file.path.name, saved=saved, space=space, propose=self._propose
            )
            write_cache(self.records / f"{identity}.json", record_to_json(record))
        return record

    def _propose(self, model: Model, identity: str) -> Annotation:
        """The automatic annotation, which takes most of the time; once for all repaints of a figure."""
        path = self.records / PROPOSALS / f"{figure_digest(model)}.json"
        try:
            known = annotation_from_text(path.read_text(encoding="utf-8"), source=path.name)
            if known.head.provenance.by == ANNOTATOR:
                return replace(known, model_id=identity)
        except (OSError, UnicodeDecodeError, AnnotationError):
            pass  # nobody has looked at the figure yet
        proposed = propose_annotation(model, identity)
        make_folder(path.parent)
        write_cache(path, annotation_to_text(proposed))
        return proposed


@dataclass(frozen=True, slots=True)
class DrawLook:
    """Draw one model at rest, and store the picture."""

    task: LookTask

    def run(self) -> Look:
        """How the model looks."""
        return draw_look(self.task)


def stored_record(folder: Place, identity: str) -> ModelRecord | None:
    """The record of a content in a folder of records; None where there is none that can be read."""
    try:
        return record_from_json((folder / f"{identity}.json").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def write_cache(path: Place, text: str) -> None:
    """Write what can be found out again, whole or not at all, without waiting for the disk."""
    if not isinstance(path, Path):
        write_text(path, text)
        return
    partial = partial_path(path)
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        remove_quietly(partial)
        raise storage_error(path, error) from error
