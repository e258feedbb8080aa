"""Reads every model once before the plan: what it is, whether it is usable, its annotation, how it looks.

One small JSON for each content stands in DATASET/annotations/<model_id>.json, one small picture in
DATASET/looks/<model_id>.webp. What has them is not read again, so a survey that was interrupted goes on where
it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from mmdgen.annotate.auto import ANNOTATOR, fields_for_person, propose_annotation
from mmdgen.annotate.json_form import annotation_from_text, annotation_to_text
from mmdgen.annotate.schema import Annotation
from mmdgen.annotate.store import AnnotationStore
from mmdgen.catalog.clusters import Kin, find_clusters
from mmdgen.catalog.examine import examine_model, figure_digest, saved_digest
from mmdgen.catalog.looks import Look
from mmdgen.catalog.paint import (
    PaintFile,
    PaintHashes,
    find_paint,
    is_shared_toon,
    missing_share,
    paint_names,
)
from mmdgen.catalog.record import ModelRecord, annotation_digest, record_from_json, record_to_json
from mmdgen.catalog.scan import Grouping, ModelFile, find_model_files
from mmdgen.catalog.terms import TermsSource, folder_terms, text_files
from mmdgen.dataset.config import DatasetConfig, Keep, SplitRule
from mmdgen.dataset.places import Place, in_parallel
from mmdgen.dataset.splits import home_group
from mmdgen.dataset.storage import (
    make_folder,
    partial_path,
    read_rows,
    remove_quietly,
    storage_error,
    write_text,
)
from mmdgen.errors import AnnotationError, RenderError
from mmdgen.formats import model_id
from mmdgen.generate.engines import ATTEMPTS, Engine, EngineSettings, open_engine, run_tasks
from mmdgen.generate.looks import LIST, LookTask, draw_look, known_looks, looks_to_text
from mmdgen.model import Model
from mmdgen.pose import POSE_SPACES, THA1
from mmdgen.scene import Shading

RECORDS = "annotations"
LOOKS = "looks"
FILES = "models.jsonl"
PAINTS = "textures.jsonl"
PROPOSALS = "proposals"  # below the records
GIVEN_UP = f"reading it crashed, hung or took too much memory {ATTEMPTS} times"
MAX_NAMED = 3  # textures in a sentence

_ASKED_OF_ROWS = {"file", "group", "model_id", "is_usable", "size", "modified_ns"}

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class SurveySettings:
    """Where a survey keeps what it finds, and what it asks of models."""

    index: Place  # the list of files; unchanged files in it are not read again
    records: Place  # folder of the models' records
    looks: Place  # folder of the models' small pictures
    annotations: Path  # folder of what people said of models
    pose_space: str = THA1.name  # a usable model can show its parameters
    grouping: Grouping = field(default_factory=Grouping)
    shading: Shading = Shading.PHONG  # decides which missing textures are told of
    max_missing_texture: float = 0.25
    look_alikes: bool = True
    keep: Keep = Keep.ALL
    splits: tuple[SplitRule, ...] = ()

    @property
    def paints(self) -> Place:
        """The list of texture files and their hashes."""
        return self.index.with_name(PAINTS)


@dataclass(frozen=True, slots=True)
class SurveyedModel:
    """A model file and what is known of its content."""

    file: ModelFile
    record: ModelRecord
    paints: Mapping[str, str] = field(
        default_factory=dict
    )  # texture -> hash of its file, "" if there is none
    texture_warnings: tuple[str, ...] = ()
    set_aside: str = ""  # why a model that could be used is not
    kin: Kin | None = None  # the models that show the same character, where there are any
    home: str = ""  # the group that decides the split, where it is not the file's own
    readme: tuple[str, ...] = ()  # text files beside it
    terms: tuple[TermsSource, ...] = ()  # what they say of terms

    @property
    def group(self) -> str:
        """The source group, which decides the split."""
        return self.home or self.file.group

    @property
    def problem(self) -> str:
        """Why this file gives no samples; empty if it does."""
        return self.set_aside or self.record.problem

    def textures_digest(self, shading: Shading) -> str:
        """Hash of the names and contents of the texture files that a kind of shading shows."""
        shown = [[name, self.paints.get(name, "")] for name in paint_names(self.record.surfaces, shading)]
        return hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:16]


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
        models = _with_textures([SurveyedModel(file, records[file]) for file in files], settings)
        models = _with_terms(_mark_duplicates(_mark_unpainted(models, settings)))
        looks = _looks(opened, settings, models, on_progress) if settings.look_alikes else {}
    models = _mark_kin(models, looks, settings)
    write_text(settings.index, "".join(file_row(model) for model in models))
    return models


class Step(Protocol):
    """A piece of a survey that a worker does."""

    def run(self) -> object:
        """Do it. Must not raise for what is in a model."""


AnyStep = TypeVar("AnyStep", bound=Step)


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
        record = _stored_record(self.records, identity)
        if record is None or record.saved_digest != saved_digest(saved):
            space = POSE_SPACES[self.pose_space]
            record = examine_model(
                data, source=self.file.path.name, saved=saved, space=space, propose=self._propose
            )
            _write_cache(self.records / f"{identity}.json", record_to_json(record))
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
        _write_cache(path, annotation_to_text(proposed))
        return proposed


@dataclass(frozen=True, slots=True)
class DrawLook:
    """Draw one model at rest, and store the picture."""

    task: LookTask

    def run(self) -> Look:
        """How the model looks."""
        return draw_look(self.task)


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
    rows = _rows(settings.index)
    unchanged = {}
    for file in files:
        row = rows.get(file.name)
        if row is not None and row["model_id"] and [row["size"], row["modified_ns"]] == _stamp(file):
            unchanged[file] = str(row["model_id"])
    stored = in_parallel(lambda identity: _stored_record(settings.records, identity), unchanged.values())
    return {
        file: record
        for (file, identity), record in zip(unchanged.items(), stored, strict=True)
        if record is not None and record.saved_digest == _saved_digest(settings.annotations, identity)
    }


def _rows(index: Place) -> dict[str, dict[str, Any]]:
    """The list that the last survey wrote, by file; nothing where there is none that can be read."""
    try:
        return {row["file"]: row for row in read_rows(index) if row.keys() >= _ASKED_OF_ROWS}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _write_cache(path: Place, text: str) -> None:
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


def _stored_record(folder: Place, identity: str) -> ModelRecord | None:
    try:
        return record_from_json((folder / f"{identity}.json").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
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


def _with_textures(models: Sequence[SurveyedModel], settings: SurveySettings) -> list[SurveyedModel]:
    """Find the texture files of usable models, and hash those that are new or changed."""
    places = [_paint_places(model) for model in models]
    hashes = PaintHashes.from_text(_text_of(settings.paints))
    digests = hashes.digests(file for found in places for file in found.values() if file is not None)
    write_text(settings.paints, hashes.to_text())
    return [
        replace(
            model,
            paints={name: "" if file is None else digests[file.path] for name, file in found.items()},
            texture_warnings=tuple(
                f"texture {name} is missing: drawn untextured"
                for name in paint_names(model.record.surfaces, settings.shading)
                if found.get(name) is None and not is_shared_toon(name)
            ),
        )
        for model, found in zip(models, places, strict=True)
    ]


def _paint_places(model: SurveyedModel) -> dict[str, PaintFile | None]:
    names = paint_names(model.record.surfaces, Shading.TOON) if model.record.is_usable else []
    return {name: find_paint(model.file, name) for name in names}


def _text_of(path: Place) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _mark_unpainted(models: Sequence[SurveyedModel], settings: SurveySettings) -> list[SurveyedModel]:
    """Set models aside that would be drawn white for the greater part."""
    return [_without_paint(model, settings.max_missing_texture) for model in models]


def _without_paint(model: SurveyedModel, limit: float) -> SurveyedModel:
    gone = [name for name, digest in model.paints.items() if not digest and not is_shared_toon(name)]
    share = missing_share(model.record.surfaces, gone)
    if share <= limit:
        return model
    painted = {surface.texture for surface in model.record.surfaces}
    names = [name for name in gone if name in painted]
    some = ", ".join(names[:MAX_NAMED]) + (", ..." if len(names) > MAX_NAMED else "")
    return replace(
        model,
        set_aside=f"{share:.0%} of its picture would be white, for want of {some}: put the texture files "
        "beside the model, or raise max_missing_texture",
    )


def _mark_duplicates(models: Sequence[SurveyedModel]) -> list[SurveyedModel]:
    """Of files with the same content the first by name that can be used is used."""
    first: dict[str, SurveyedModel] = {}
    for model in models:
        identity = model.record.model_id
        if identity and (identity not in first or (first[identity].problem and not model.problem)):
            first[identity] = model
    return [
        model
        if (original := first.get(model.record.model_id, model)) is model
        else replace(model, set_aside=f"has the same content as {original.file.name}")
        for model in models
    ]


def _with_terms(models: Sequence[SurveyedModel]) -> list[SurveyedModel]:
    """Read the texts beside the models: in a model's folder, else in the nearest one above that has any."""
    beside: dict[Path, tuple[str, ...]] = {}
    said: dict[Path, tuple[TermsSource, ...]] = {}
    marked = []
    for model in models:
        depth = model.file.name.count("/")
        folders = [model.file.path.parent, *model.file.path.parent.parents][: max(depth, 1)]
        for folder in folders:
            if folder not in beside:
                beside[folder] = text_files(folder)
        home = next((folder for folder in folders if beside[folder]), folders[0])
        if home not in said:
            said[home] = folder_terms(home)
        marked.append(replace(model, readme=beside[home], terms=(*model.record.terms, *said[home])))
    return marked


def _mark_kin(
    models: Sequence[SurveyedModel], looks: Mapping[str, Look], settings: SurveySettings
) -> list[SurveyedModel]:
    """Put models that show the same character into one group, or keep the best of them only.

    What the last survey decided stands, so that a file that is added moves no model that was there.
    """
    before = {name: row["group"] for name, row in _rows(settings.index).items() if row["is_usable"]}
    # by id: files of two folders may have the same name, and each usable model has an id of its own
    usable = {model.record.model_id: model for model in models if not model.problem}
    kin = find_clusters({identity: model.record.mesh_digest for identity, model in usable.items()}, looks)
    marked = []
    for model in models:
        of_model = kin.get(model.record.model_id) if not model.problem else None
        if of_model is None:
            marked.append(model)
            continue
        members = sorted((usable[identity] for identity in of_model.members), key=lambda member: member.file)
        names = tuple(member.file.name for member in members)
        best = min(members, key=_how_complete)
        own = [member.file.group for member in members]
        settled = [before[name] for name in names if before.get(name) in own]
        home = home_group(settled or own, settings.splits, settled=bool(settled))
        is_spare = settings.keep is Keep.BEST and model is not best
        marked.append(
            replace(
                model,
                kin=replace(of_model, members=names),
                home=home,
                set_aside=f"shows the same character as {best.file.name}, which is kept" if is_spare else "",
            )
        )
    return marked


def _how_complete(model: SurveyedModel) -> tuple[object, ...]:
    """Sorts the most complete model first: fewer pictures missing, PMX before PMD, more morphs, vertices."""
    counts = model.record.counts
    return (
        len(model.texture_warnings),
        not model.record.format.startswith("pmx"),
        -counts["morphs"],
        -counts["vertices"],
        model.file.name,
    )


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
        "model_id": model.record.model_id,
        "name": model.record.name,
        "format": model.record.format,
        "counts": dict(model.record.counts),
        "warnings": [*model.record.warnings, *model.texture_warnings],
        "doubts": _doubts(model.record),
        "is_usable": not model.problem,
        "problem": model.problem,
        "same_character": asdict(model.kin) if model.kin else None,
        "readme": list(model.readme),
        "terms": [asdict(source) for source in model.terms],
        "size": size,
        "modified_ns": modified_ns,
    }
    return json.dumps(row, ensure_ascii=False) + "\n"
