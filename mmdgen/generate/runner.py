"""The driver: freezes a plan on disk, has its missing shards made, and says how it went.

Resume is the default: a shard whose record is on disk is not made again. What a killed worker or a hanging
model was at is known from the shard's progress file; after three times that model is quarantined and the rest
goes on.
"""

from __future__ import annotations

import json
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmdgen.catalog.record import annotation_digest
from mmdgen.dataset.config import DatasetConfig, Split
from mmdgen.dataset.manifest import PLAN_FILE
from mmdgen.dataset.plan import (
    Plan,
    ShardJob,
    SourceModel,
    difference,
    plan_dataset,
    plan_from_json,
    plan_to_json,
)
from mmdgen.dataset.shard import is_published, left_out_totals, read_left_out, remove_partials
from mmdgen.dataset.storage import make_folder, remove_quietly, write_text
from mmdgen.errors import DatasetError
from mmdgen.generate.builtin import write_builtin_characters
from mmdgen.generate.compose import ModelSource
from mmdgen.generate.engines import LocalEngine
from mmdgen.generate.survey import SurveyedModel, survey_models
from mmdgen.generate.worker import (
    ShardReport,
    ShardTask,
    generate_shard,
    progress_path,
    read_progress,
)
from mmdgen.render import RenderSettings

ATTEMPTS = 3
BYTES_PER_SAMPLE_256 = 150_000
HANGS_AFTER_S = 300.0  # without progress: a model takes seconds at most
POLL_S = 0.2
QUARANTINE_FILE = "quarantine.json"
CHARACTERS = "characters"
ONE_THREAD = RenderSettings(software_threads=0)  # one process a core needs no threads inside


@dataclass(frozen=True, slots=True)
class RunSummary:
    """How a run of one split went."""

    split: str
    planned: int  # samples asked for in this run
    present: int  # of these, samples that are now in whole shards
    rendered: int  # of these, samples that this run made
    seconds: float
    left_out: tuple[dict[str, Any], ...]  # model_id, samples, reason, by_rule
    failed: tuple[tuple[str, str], ...]  # shard, reason
    warnings: dict[str, list[str]]  # model id -> what its pictures lack

    @property
    def is_complete(self) -> bool:
        """Whether everything asked for is there, or was left out by a rule of quality."""
        by_rule = sum(row["samples"] for row in self.left_out if row["by_rule"])
        return bool(self.present + by_rule == self.planned)

    @property
    def rate(self) -> float:
        """Samples made each second, everything included."""
        return self.rendered / self.seconds if self.seconds > 0 else 0.0


def prepare_models(
    config: DatasetConfig,
    *,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[SurveyedModel]:
    """Write the built-in characters and read every model once; see `survey_models`."""
    folders = list(config.folders)
    if config.builtin:
        write_builtin_characters(config.out / CHARACTERS, config.builtin, workers=workers)
        folders.insert(0, config.out / CHARACTERS)
    return survey_models(config, folders, workers=workers, on_progress=on_progress)


def plan_split(config: DatasetConfig, models: Sequence[SurveyedModel], split: Split) -> Plan:
    """The plan of one split over the usable models. Raises DatasetError if none falls into it."""
    sources = [
        SourceModel(
            model_id=model.record.model_id,
            group=model.group,
            annotation_digest=annotation_digest(model.record.annotation),
            textures_digest=model.textures_digest(config.shading),
        )
        for model in models
        if not model.problem and model.record.annotation is not None
    ]
    return plan_dataset(config, sources, split)


def plan_facts(plan: Plan, config: DatasetConfig) -> dict[str, Any]:
    """What a plan comes to, for a person: counts, bytes, how much is there already."""
    folder = config.out / plan.split
    return {
        "split": plan.split,
        "samples": plan.sample_count,
        "models": len(plan.models),
        "groups": len({model.group for model in plan.models}),
        "shards": len(plan.jobs),
        "shards_there": sum(is_published(folder, job.shard) for job in plan.jobs),
        "bytes": plan.sample_count * _bytes_per_sample(config.size_px),
        "fingerprint": plan.fingerprint,
    }


def freeze_plan(folder: Path, plan: Plan) -> None:
    """Write the plan beside its shards, before anything is made.

    Raises:
        DatasetError: the folder holds shards of another plan.
        StorageError: it cannot be written.
    """
    path = folder / PLAN_FILE
    make_folder(folder)
    if path.is_file():
        old = plan_from_json(path.read_text(encoding="utf-8"), source=str(path))
        if old.fingerprint == plan.fingerprint:
            return
        if any(folder.glob("*.jsonl")):
            raise DatasetError(
                f"{folder}: holds shards of another plan ({difference(old, plan)}); "
                "choose another --out, or delete this folder to make it anew"
            )
    write_text(path, plan_to_json(plan))


def missing_jobs(plan: Plan, folder: Path) -> list[ShardJob]:
    """Jobs of the plan whose shards are not whole on disk, or left out a model that is quarantined no more.

    Raises:
        DatasetError: a record on disk is of another plan.
    """
    quarantined = _read_quarantine(folder)
    missing = []
    for job in plan.jobs:
        if not is_published(folder, job.shard):
            missing.append(job)
            continue
        if any(
            row["quarantined"] and row["model_id"] not in quarantined
            for row in read_left_out(folder, job.shard)
        ):
            missing.append(job)  # somebody wants these models to be tried again
            continue
        if _record_fingerprint(folder / f"{job.shard}.jsonl") not in (None, plan.fingerprint):
            raise DatasetError(
                f"{folder / job.shard}.jsonl: was made by another plan; delete it with its .tar and run again"
            )
    return missing


def _record_fingerprint(record: Path) -> str | None:
    """The plan that a shard was made by, as its first row says; None if it has no row."""
    with record.open(encoding="utf-8") as file:
        first = file.readline()
    try:
        return str(json.loads(first)["fingerprint"]) if first else None
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{record}: is damaged; delete it with its .tar and run again") from error


def run_plan(
    plan: Plan,
    config: DatasetConfig,
    models: Sequence[SurveyedModel],
    *,
    shards: range | None = None,
    workers: int | None = None,
    settings: RenderSettings = ONE_THREAD,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> RunSummary:
    """Make the shards of a plan that are not there yet.

    Args:
        plan: from `plan_split`.
        config: the configuration that it was made of.
        models: where the models are.
        shards: numbers of the shards to make; None = all.
        workers: processes; None = one per core.
        settings: how workers reach OpenGL.
        on_progress: is told how many samples of how many are there.

    Raises:
        DatasetError: another plan's shards are in the folder, the disk refuses, or a planned model is gone.
        RenderError: the workers find no OpenGL.
    """
    folder = config.out / plan.split
    freeze_plan(folder, plan)
    wanted = [job for number, job in enumerate(plan.jobs) if shards is None or number in shards]
    missing = set(missing_jobs(plan, folder))
    todo = [job for job in wanted if job in missing]
    remove_partials(folder, [job.shard for job in todo])
    total = sum(job.sample_count for job in wanted)
    there = total - sum(job.sample_count for job in todo)
    started = time.monotonic()
    run = _Run(folder, config, model_sources(models), settings)
    run.make(todo, workers, lambda done: on_progress(there + done, total))
    remove_partials(folder, [job.shard for job in todo])  # of workers that a killed driver left behind
    return _summary(plan.split, wanted, folder, run, time.monotonic() - started)


def model_sources(models: Sequence[SurveyedModel]) -> dict[str, ModelSource]:
    """The usable models by id."""
    return {
        model.record.model_id: ModelSource(
            model.record.model_id, model.group, model.file.path, model.record.annotation
        )
        for model in models
        if not model.problem and model.record.annotation is not None
    }


def _summary(split: str, wanted: Sequence[ShardJob], folder: Path, run: _Run, seconds: float) -> RunSummary:
    published = [job.shard for job in wanted if is_published(folder, job.shard)]
    return RunSummary(
        split=split,
        planned=sum(job.sample_count for job in wanted),
        present=sum((folder / f"{shard}.jsonl").read_bytes().count(b"\n") for shard in published),
        rendered=sum(report.sample_count for report in run.reports),
        seconds=seconds,
        left_out=tuple(left_out_totals(row for shard in published for row in read_left_out(folder, shard))),
        failed=tuple(sorted(run.failed.items())),
        warnings=_warnings(folder, published),
    )


def _warnings(folder: Path, shards: Sequence[str]) -> dict[str, list[str]]:
    """What was told of the models while the shards were made, by model id."""
    told = [progress.warnings for shard in shards if (progress := read_progress(folder, shard)) is not None]
    return {identity: texts for warnings in told for identity, texts in warnings.items()}


def _bytes_per_sample(size_px: int) -> int:
    """About three pictures, label and tar headers; measured on real models at 256 px and scaled."""
    return round(BYTES_PER_SAMPLE_256 * (size_px / 256) ** 2) + 4096


class _Run:
    """The loop over one run's jobs and what it must remember: attempts, quarantine, reports."""

    def __init__(
        self, folder: Path, config: DatasetConfig, sources: dict[str, ModelSource], settings: RenderSettings
    ) -> None:
        self.reports: list[ShardReport] = []
        self.failed: dict[str, str] = {}
        self._folder = folder
        self._config = config
        self._sources = sources
        self._settings = settings
        self._quarantined = _read_quarantine(folder)
        self._attempts: Counter[tuple[str, str]] = Counter()
        self._seen: dict[str, tuple[Any, float]] = {}  # shard -> its last progress and when that was new

    def make(self, jobs: Sequence[ShardJob], workers: int | None, on_progress: Callable[[int], None]) -> None:
        """Make all jobs. Returns when each has a report or is given up."""
        pending = deque(jobs)
        with LocalEngine(generate_shard, workers) as engine:
            while pending or engine.running:
                while pending and engine.has_room:
                    engine.start(self._task(pending.popleft()))
                for outcome in engine.finished(POLL_S):
                    if outcome.error is not None and not isinstance(outcome.error, MemoryError):
                        raise outcome.error
                    if outcome.result is not None:
                        self.reports.append(outcome.result)
                    elif self._tries_again(outcome.task.job):
                        pending.append(outcome.task.job)
                done = sum(self._done(task.job.shard) for task in engine.running)
                on_progress(done + sum(report.sample_count for report in self.reports))
                for task in engine.running:
                    if self._hangs(task.job.shard):
                        engine.stop(task)

    def _task(self, job: ShardJob) -> ShardTask:
        remove_quietly(progress_path(self._folder, job.shard))
        self._seen.pop(job.shard, None)
        return ShardTask(
            job=job,
            config=self._config,
            sources=tuple(self._sources[part.model_id] for part in job.parts),
            folder=self._folder,
            settings=self._settings,
            quarantined=dict(self._quarantined),
        )

    def _done(self, shard: str) -> int:
        progress = read_progress(self._folder, shard)
        return 0 if progress is None else progress.done

    def _hangs(self, shard: str) -> bool:
        progress, now = read_progress(self._folder, shard), time.monotonic()
        if shard not in self._seen or self._seen[shard][0] != progress:
            self._seen[shard] = (progress, now)
        return now - self._seen[shard][1] > HANGS_AFTER_S

    def _tries_again(self, job: ShardJob) -> bool:
        """Note that a job's worker died; whether the job is worth another attempt."""
        progress = read_progress(self._folder, job.shard)
        model_id = "" if progress is None else progress.model_id
        self._attempts[job.shard, model_id] += 1
        if self._attempts[job.shard, model_id] < ATTEMPTS:
            return True
        if model_id and model_id not in self._quarantined:
            self._quarantined |= _read_quarantine(self._folder)  # of runs that make other shards meanwhile
            self._quarantined[model_id] = f"crashed or hung its worker {ATTEMPTS} times"
            _write_quarantine(self._folder, self._quarantined)
            return True
        self.failed[job.shard] = f"its worker died {ATTEMPTS} times"
        return False


def _read_quarantine(folder: Path) -> dict[str, str]:
    """Models that are not tried in a split any more, and why. Delete the file to have them tried again."""
    path = folder / QUARANTINE_FILE
    try:
        quarantined: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise DatasetError(f"{path}: is damaged ({error}); delete it") from error
    return quarantined


def _write_quarantine(folder: Path, quarantined: dict[str, str]) -> None:
    write_text(folder / QUARANTINE_FILE, json.dumps(quarantined, ensure_ascii=False, indent=1) + "\n")
