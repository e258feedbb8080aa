"""Reads every model once before the plan: what it is, whether it is usable, its annotation.

One small JSON for each content stands in DATASET/annotations/<model_id>.json. What has one is not read again,
so a survey that was interrupted goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmdgen.annotate.auto import fields_for_person
from mmdgen.annotate.store import AnnotationStore
from mmdgen.catalog.examine import examine_model, saved_digest
from mmdgen.catalog.record import ModelRecord, record_from_json, record_to_json
from mmdgen.catalog.scan import ModelFile, find_model_files
from mmdgen.dataset.config import DatasetConfig
from mmdgen.dataset.storage import make_folder, read_rows, write_text
from mmdgen.errors import AnnotationError
from mmdgen.formats import model_id
from mmdgen.formats.texture_paths import find_texture
from mmdgen.generate.engines import LocalEngine
from mmdgen.pose import POSE_SPACES, THA1

ATTEMPTS = 3
HANGS_AFTER_S = 300.0
RECORDS = "annotations"
FILES = "models.jsonl"


@dataclass(frozen=True, slots=True)
class SurveyedModel:
    """A model file and what is known of its content."""

    file: ModelFile
    record: ModelRecord
    textures_digest: str = ""  # of the names and sizes of the texture files
    texture_warnings: tuple[str, ...] = ()
    duplicate_of: str = ""  # name of the file with the same content that is used instead
    twin: ModelFile | None = None  # another file with the same mesh: both fall into one split

    @property
    def group(self) -> str:
        """The source group, which decides the split."""
        return (self.twin or self.file).group

    @property
    def problem(self) -> str:
        """Why this file gives no samples; empty if it does."""
        if self.duplicate_of:
            return f"has the same content as {self.duplicate_of}"
        return self.record.problem


@dataclass(frozen=True, slots=True)
class _Task:
    file: ModelFile
    records: Path
    annotations: Path
    pose_space: str


def survey_models(
    config: DatasetConfig,
    folders: Sequence[Path],
    *,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[SurveyedModel]:
    """`survey_folders` for a data set: its list and records stand in the data set's folder."""
    make_folder(config.out)
    surveyed = survey_folders(
        folders,
        index=config.out / FILES,
        records=config.out / RECORDS,
        annotations=config.annotations,
        pose_space=config.pose_space,
        workers=workers,
        on_progress=on_progress,
    )
    write_text(config.out / FILES, "".join(file_row(model) for model in surveyed))
    return surveyed


def survey_folders(
    folders: Sequence[Path],
    *,
    index: Path,
    records: Path,
    annotations: Path,
    pose_space: str = THA1.name,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[SurveyedModel]:
    """Every model file below the folders, with its record, sorted by name.

    Args:
        folders: where to look.
        index: list of an earlier survey, if there is one: unchanged files in it are not read again.
        records: folder of the models' records.
        annotations: folder of what people said of models.
        pose_space: name of the pose parameters that a usable model can show.
        workers: processes; None = one per core.
        on_progress: is told how many files of how many are done.

    Raises:
        DatasetError: a folder is missing or none holds a model, or the records cannot be written.
    """
    files = find_model_files(folders)
    make_folder(records)
    known = _known_records(index, records, annotations, files)
    tasks = [_Task(file, records, annotations, pose_space) for file in files if file not in known]
    on_progress(len(known), len(files))
    for task, record in _examine_all(tasks, workers):
        known[task.file] = record
        on_progress(len(known), len(files))
    return _mark_twins(_mark_duplicates([_with_textures(file, known[file]) for file in files]))


def examine_file(task: _Task) -> ModelRecord:
    """Examine one file and store its record. Runs in a worker."""
    try:
        data = task.file.path.read_bytes()
    except OSError as error:
        return ModelRecord(model_id="", problem=f"cannot be read: {(error.strerror or str(error)).lower()}")
    identity = model_id(data)
    try:
        saved = AnnotationStore(task.annotations).get(identity)
    except AnnotationError as error:
        return ModelRecord(model_id=identity, problem=str(error))
    record = _stored_record(task.records, identity)
    if record is None or record.saved_digest != saved_digest(saved):
        space = POSE_SPACES[task.pose_space]
        record = examine_model(data, source=task.file.path.name, saved=saved, space=space)
        write_text(task.records / f"{identity}.json", record_to_json(record))
    return record


def _examine_all(tasks: Sequence[_Task], workers: int | None) -> Iterator[tuple[_Task, ModelRecord]]:
    """Examine files in processes. One that kills or hangs its process is tried again, then given up."""
    pending = deque(tasks)
    attempts: Counter[_Task] = Counter()
    started: dict[_Task, float] = {}
    with LocalEngine(examine_file, workers) as engine:
        while pending or engine.running:
            while pending and engine.has_room:
                started[pending[0]] = time.monotonic()
                engine.start(pending.popleft())
            for outcome in engine.finished(timeout_s=1.0):
                attempts[outcome.task] += 1
                if outcome.error is not None:
                    raise outcome.error
                if outcome.result is not None:
                    yield outcome.task, outcome.result
                elif attempts[outcome.task] < ATTEMPTS:
                    pending.append(outcome.task)
                else:
                    problem = f"reading it crashed or hung {ATTEMPTS} times"
                    yield outcome.task, ModelRecord(model_id="", problem=problem)
            for task in engine.running:
                if time.monotonic() - started[task] > HANGS_AFTER_S:
                    engine.stop(task)


def _known_records(
    index: Path, records: Path, annotations: Path, files: Sequence[ModelFile]
) -> dict[ModelFile, ModelRecord]:
    """Records of files that have not changed since the last survey, and about which nobody said more."""
    try:
        rows = {row["file"]: row for row in read_rows(index)}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    known = {}
    for file in files:
        row = rows.get(file.name)
        if row is None or not row["model_id"] or [row["size"], row["modified_ns"]] != _stamp(file):
            continue
        record = _stored_record(records, row["model_id"])
        if record is not None and record.saved_digest == _saved_digest(annotations, row["model_id"]):
            known[file] = record
    return known


def _stored_record(folder: Path, identity: str) -> ModelRecord | None:
    try:
        return record_from_json((folder / f"{identity}.json").read_text(encoding="utf-8"))
    except OSError:
        return None


def _saved_digest(annotations: Path, identity: str) -> str:
    try:
        return saved_digest(AnnotationStore(annotations).get(identity))
    except AnnotationError:
        return "damaged"


def _stamp(file: ModelFile) -> list[int]:
    """Size and time of a file: another pair means that it must be read again."""
    try:
        stat = file.path.stat()
    except OSError:
        return [-1, -1]
    return [stat.st_size, stat.st_mtime_ns]


def _with_textures(file: ModelFile, record: ModelRecord) -> SurveyedModel:
    """Look for the texture files. Their sizes stand for their content, which would take long to read."""
    sizes, warnings = [], []
    for name in record.textures if record.is_usable else ():
        path, _ = find_texture(file.path.parent, name)
        sizes.append([name, -1 if path is None else path.stat().st_size])
        if path is None:
            warnings.append(f"texture {name} is missing: drawn untextured")
    digest = hashlib.sha256(json.dumps(sizes).encode()).hexdigest()[:16]
    return SurveyedModel(file, record, digest, tuple(warnings))


def _mark_duplicates(models: Sequence[SurveyedModel]) -> list[SurveyedModel]:
    """Of files with the same content the first by name is used."""
    first: dict[str, ModelFile] = {}
    marked = []
    for model in models:
        identity = model.record.model_id
        original = first.setdefault(identity, model.file) if identity else model.file
        marked.append(replace(model, duplicate_of="" if original == model.file else original.name))
    return marked


def _mark_twins(models: Sequence[SurveyedModel]) -> list[SurveyedModel]:
    """Usable models of one mesh (another colour, another format) belong to the group of the first by name."""
    first: dict[str, ModelFile] = {}
    for model in models:
        if not model.problem:
            first.setdefault(model.record.mesh_digest, model.file)
    twins = [None if model.problem else first[model.record.mesh_digest] for model in models]
    return [
        replace(model, twin=None if twin == model.file else twin)
        for model, twin in zip(models, twins, strict=True)
    ]


def _doubts(record: ModelRecord) -> dict[str, list[str]]:
    """What a person should look at in the annotation, with reasons; the model is used all the same."""
    if record.annotation is None:
        return {}
    return {name: list(reasons) for name, reasons in fields_for_person(record.annotation).items()}


def file_row(model: SurveyedModel) -> str:
    """One line of the list of files, JSON."""
    size, modified_ns = _stamp(model.file)
    row = {
        "file": model.file.name,
        "group": model.group,
        "twin_of": model.twin.name if model.twin else "",
        "model_id": model.record.model_id,
        "name": model.record.name,
        "format": model.record.format,
        "counts": dict(model.record.counts),
        "warnings": [*model.record.warnings, *model.texture_warnings],
        "doubts": _doubts(model.record),
        "is_usable": not model.problem,
        "problem": model.problem,
        "size": size,
        "modified_ns": modified_ns,
    }
    return json.dumps(row, ensure_ascii=False) + "\n"
