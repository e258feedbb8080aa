"""Proposes the annotations of many models: one process a core, what is done is not done again.

What a model needs of a person is told in the end; its proposal stands in the store by then, beside what
people said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmdgen.annotate.auto import ANNOTATOR, fields_for_person, overall_confidence, propose_annotation
from mmdgen.annotate.schema import Annotation, Origin
from mmdgen.annotate.store import AnnotationStore, resolve
from mmdgen.catalog.scan import ModelFile, find_model_files
from mmdgen.dataset.storage import read_rows
from mmdgen.errors import DatasetError, MmdgenError
from mmdgen.formats import model_id, read_model_bytes
from mmdgen.generate.engines import ATTEMPTS, EngineSettings, open_engine, run_tasks


@dataclass(frozen=True, slots=True)
class Proposal:
    """What came of one model file."""

    file: str
    model_id: str = ""
    annotation: Annotation | None = None
    confidence: float = 0.0  # of the least sure thing that a picture needs
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # field -> why a person should look
    problem: str = ""  # why there is no annotation
    was_done: bool = False  # an earlier run, or a person, had done it

    @property
    def needs_person(self) -> bool:
        """Whether a person has to look before the model is used."""
        return bool(self.needs) or bool(self.problem)


@dataclass(frozen=True, slots=True)
class _Task:
    file: ModelFile
    store: Path | None


def propose_all(
    files: Sequence[ModelFile],
    store: Path | None,
    *,
    workers: int | None = None,
    engine: EngineSettings | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    on_proposal: Callable[[ModelFile, Proposal], None] = lambda file, proposal: None,
) -> list[Proposal]:
    """Annotate every file that has no annotation by this program's version yet.

    Args:
        files: the models.
        store: folder of annotations; None proposes without keeping.
        workers: how many work at a time; None = one per core.
        engine: where they work; None = processes of this machine.
        on_progress: is told how many files of how many are done.
        on_proposal: is given each proposal as soon as it is there.

    Returns:
        One proposal for each file, in the files' order.
    """
    tasks = [_Task(file, store) for file in files]
    if len(tasks) == 1:
        proposal = propose_for_file(tasks[0])
        on_proposal(tasks[0].file, proposal)
        return [proposal]
    done: dict[_Task, Proposal] = {}
    on_progress(0, len(tasks))
    with open_engine(propose_for_file, workers, engine) as opened:
        for outcome in run_tasks(opened, tasks):
            problem = f"reading it crashed, hung or took too much memory {ATTEMPTS} times"
            done[outcome.task] = outcome.result or Proposal(outcome.task.file.name, problem=problem)
            on_proposal(outcome.task.file, done[outcome.task])
            on_progress(len(done), len(tasks))
    return [done[task] for task in tasks]


def propose_for_file(task: _Task) -> Proposal:
    """Read one file, propose its annotation and keep it. Runs in a worker."""
    name, path = task.file.name, task.file.path
    try:
        data = path.read_bytes()
    except OSError as error:
        return Proposal(name, problem=f"cannot be read: {(error.strerror or str(error)).lower()}")
    identity = model_id(data)
    store = None if task.store is None else AnnotationStore(task.store)
    try:
        saved = None if store is None else store.get(identity)
        if saved is not None and is_current(saved):
            return _proposal(name, saved, was_done=True)
        proposed = propose_annotation(read_model_bytes(data, source=path.name), identity)
        annotation = resolve(proposed, saved) if store is None else store.propose(proposed)
    except MmdgenError as error:
        return Proposal(name, identity, problem=str(error).removeprefix(f"{path.name}: "))
    return _proposal(name, annotation, was_done=False)


def is_current(saved: Annotation) -> bool:
    """Whether all that the machine says in an annotation is of this version of it."""
    fields = [saved.head.provenance, *(choice.provenance for choice in saved.roles.values())]
    fields += [saved.eyes.provenance] if saved.eyes is not None else []
    return all(said.origin is Origin.HUMAN or said.by == ANNOTATOR for said in fields)


def model_files(place: Path, models: Path | None) -> list[ModelFile]:
    """The model files of one argument: a file, a folder, or a list of a catalogue.

    Args:
        place: what was named.
        models: the folder that was scanned, for a list that `mmdgen catalog` wrote.

    Raises:
        DatasetError: there is nothing, or no model in it.
    """
    place = place.expanduser()
    if place.is_dir():
        return find_model_files([place])
    if not place.is_file():
        raise DatasetError(f"{place}: there is no such file or folder")
    if place.suffix.lower() != ".jsonl":
        return [ModelFile(name=place.name, group=place.stem, path=place)]
    if models is None:
        raise DatasetError(f"{place}: say with --models DIR which folder this list was made from")
    return listed_files(place, models.expanduser())


def listed_files(index: Path, folder: Path) -> list[ModelFile]:
    """The usable models of a list that `mmdgen catalog` wrote.

    Args:
        index: the list, one JSON row per file.
        folder: the folder that was scanned.

    Raises:
        DatasetError: the list is none, or none of its files is below the folder.
    """
    try:
        wanted = {str(row["file"]) for row in read_rows(index) if row["is_usable"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{index}: is no list of models; make one with mmdgen catalog") from error
    files = [file for file in find_model_files([folder]) if file.name in wanted]
    if not files:
        raise DatasetError(f"{index}: none of its models is below {folder}")
    return files


def _proposal(name: str, annotation: Annotation, *, was_done: bool) -> Proposal:
    return Proposal(
        file=name,
        model_id=annotation.model_id,
        annotation=annotation,
        confidence=overall_confidence(annotation),
        needs=fields_for_person(annotation),
        was_done=was_done,
    )
