"""Reads every model once before the plan: what it is, whether it is usable, its annotation, how it looks.

One small JSON for each content stands in DATASET/annotations/<model_id>.json, one small picture in
DATASET/looks/<model_id>.webp. What has them is not read again, so a survey that was interrupted goes on where
it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from mmdgen.annotate.store import AnnotationStore
from mmdgen.catalog.examine import saved_digest
from mmdgen.catalog.looks import Look
from mmdgen.catalog.record import ModelRecord, annotation_digest
from mmdgen.catalog.scan import ModelFile, find_model_files, stamp
from mmdgen.dataset.config import DatasetConfig
from mmdgen.dataset.places import in_parallel
from mmdgen.dataset.storage import (
    make_folder,
    write_text,
)
from mmdgen.errors import AnnotationError, RenderError
from mmdgen.generate.engines import ATTEMPTS, Engine, EngineSettings, open_engine, run_tasks
from mmdgen.generate.looks import LIST, LookTask, known_looks, looks_to_text
from mmdgen.generate.survey_steps import DrawLook, ExamineFile, Step, run_step, stored_record
from mmdgen.generate.surveyed import SurveyedModel, SurveySettings, file_row, listed_rows
from mmdgen.generate.verdicts import mark_duplicates, mark_kin, mark_unpainted, with_terms, with_textures
from mmdgen.scene import Shading

RECORDS = "annotations"
LOOKS = "looks"
FILES = "models.jsonl"
GIVEN_UP = f"reading it crashed, hung or took too much memory {ATTEMPTS} times"

Progress = Callable[[int, int], None]
AnyStep = TypeVar("AnyStep", bound=Step)


def survey_models(
    config: DatasetConfig,
    folders: Sequence[Path],
    *,
    workers: int | None = None,
    engine: EngineSettings | None = None,
    on_progress: Progress = lambda done, total: None,
) -> list[SurveyedModel]:
    """`survey_folders` for a data set: its list and records stand in the data set's folder."""
    make_folder(config.out)
    settings = SurveySettings(
        index=config.out / FILES,
        records=config.out / RECORDS,
        looks=config.out / LOOKS,
        annotations=config.annotations,
        pose_space=config.pose_space,
        grouping=config.grouping,
        shading=config.shading,
        max_missing_texture=config.max_missing_texture,
        look_alikes=config.look_alikes,
        keep=config.keep,
        splits=config.splits,
    )
    return survey_folders(folders, settings, workers=workers, engine=engine, on_progress=on_progress)


def survey_folders(
    folders: Sequence[Path],
    settings: SurveySettings,
    *,
    workers: int | None = None,
    engine: EngineSettings | None = None,
    on_progress: Progress = lambda done, total: None,
) -> list[SurveyedModel]:
    """Every model file below the folders, with its record, sorted by name; writes the list of them.

    Args:
        folders: where to look.
        settings: see there.
        workers: how many work at a time; None = one per core.
        engine: where they work; None = processes of this machine.
        on_progress: is told how many steps of how many are done: one to read a model, one to draw it.

    Raises:
        DatasetError: a folder is missing or none holds a model, or the records cannot be written.
        RenderError: models are to be drawn, and there is no OpenGL.
    """
    files = find_model_files(folders, settings.grouping)
    make_folder(settings.records)
    with open_engine(run_step, workers, engine) as opened:
        records = _examined(opened, settings, files, on_progress)
        models = with_textures([SurveyedModel(file, records[file]) for file in files], settings)
        models = with_terms(mark_duplicates(mark_unpainted(models, settings)))
        looks = _looks(opened, settings, models, on_progress) if settings.look_alikes else {}
    models = mark_kin(models, looks, settings)
    write_text(settings.index, "".join(file_row(model) for model in models))
    return models


def _examined(
    engine: Engine[Any, Any], settings: SurveySettings, files: Sequence[ModelFile], on_progress: Progress
) -> dict[ModelFile, ModelRecord]:
    known = _known_records(settings, files)
    tasks = [
        ExamineFile(file, settings.records, settings.annotations, settings.pose_space)
        for file in files
        if file not in known
    ]
    steps = len(files) * (2 if settings.look_alikes else 1)
    on_progress(len(known), steps)
    for task, record in _each(engine, tasks):
        given_up = ModelRecord(model_id="", problem=GIVEN_UP)
        known[task.file] = given_up if record is None else record
        on_progress(len(known), steps)
    return known


def _looks(
    engine: Engine[Any, Any],
    settings: SurveySettings,
    models: Sequence[SurveyedModel],
    on_progress: Progress,
) -> dict[str, Look]:
    """How the usable models look, by id; drawn where that is not known yet. A model that resists has none."""
    make_folder(settings.looks)
    tasks = {
        model.record.model_id: LookTask(
            model_id=model.record.model_id,
            path=model.file.path,
            annotation=model.record.annotation,
            state=f"{annotation_digest(model.record.annotation)}-{model.textures_digest(Shading.PHONG)}",
            folder=settings.looks,
        )
        for model in models
        if not model.problem and model.record.annotation is not None
    }
    looks = known_looks(settings.looks, tasks)
    todo = [DrawLook(task) for identity, task in tasks.items() if identity not in looks]
    steps, before = 2 * len(models), 2 * len(models) - len(todo)
    try:
        for done, (step, look) in enumerate(_each(engine, todo), 1):
            if look is not None:
                looks[step.task.model_id] = look
            on_progress(before + done, steps)
    except RenderError as error:
        raise RenderError(
            f"{error}; or compare no looks: look_alikes = false in [models], --no-looks"
        ) from error
    finally:  # what was drawn before Ctrl-C need not be drawn again
        write_text(settings.looks / LIST, looks_to_text(looks.values()))
    on_progress(steps, steps)
    return looks


def _each(engine: Engine[Any, Any], tasks: Sequence[AnyStep]) -> Iterator[tuple[AnyStep, Any]]:
    """Do steps in workers. One that kills, hangs or bloats its worker three times is given up: None."""
    if tasks:
        for outcome in run_tasks(engine, tasks):
            yield outcome.task, outcome.result


def _known_records(settings: SurveySettings, files: Sequence[ModelFile]) -> dict[ModelFile, ModelRecord]:
    """Records of files that have not changed since the last survey, and about which nobody said more."""
    rows = listed_rows(settings.index)
    unchanged = {}
    for file in files:
        row = rows.get(file.name)
        if row is not None and row["model_id"] and [row["size"], row["modified_ns"]] == stamp(file):
            unchanged[file] = str(row["model_id"])
    stored = in_parallel(lambda identity: stored_record(settings.records, identity), unchanged.values())
    return {
        file: record
        for (file, identity), record in zip(unchanged.items(), stored, strict=True)
        if record is not None and record.saved_digest == _saved_digest(settings.annotations, identity)
    }


def _saved_digest(annotations: Path, identity: str) -> str:
    try:
        return saved_digest(AnnotationStore(annotations).get(identity))
    except AnnotationError:
        return "damaged"
