"""The driver: freezes a plan on disk, has its missing shards made, and says how it went.

Resume is the default: a shard whose record is there is not made again. What a worker was at when it was
killed, hung or took too much memory is known from the shard's progress file; after three times that model is
quarantined and the rest goes on.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mmdgen.catalog.record import annotation_digest
from mmdgen.dataset.config import DatasetConfig, Split
from mmdgen.dataset.manifest import PLAN_FILE
from mmdgen.dataset.places import Place, in_parallel
from mmdgen.dataset.plan import (
    Plan,
    ShardJob,
    SourceModel,
    difference,
    plan_dataset,
    plan_from_json,
    plan_to_json,
)
from mmdgen.dataset.shard import left_out_by_shard, left_out_totals, published_names, remove_partials
from mmdgen.dataset.storage import make_folder, read_first_line, remove_quietly, write_text
from mmdgen.errors import DatasetError
from mmdgen.generate.builtin import write_builtin_characters
from mmdgen.generate.compose import ModelSource
from mmdgen.generate.engines import ATTEMPTS, EngineSettings, Outcome, open_engine, run_tasks
from mmdgen.generate.survey import survey_models
from mmdgen.generate.surveyed import SurveyedModel
from mmdgen.generate.worker import (
    ShardReport,
    ShardTask,
    generate_shard,
    progress_interval,
    progress_path,
    read_progress,
)
from mmdgen.render import RenderSettings

BYTES_PER_SAMPLE_256 = 150_000
MAP_BYTES_PER_PIXEL = 28  # depth, normal and flow of two pictures
MACHINES_LOST = 20  # a shard that loses so many machines is counted as one that kills its worker
SHARDS_PER_WORKER = 16  # a fresh process takes two seconds, a shard about a minute
QUARANTINE_FILE = "quarantine.json"
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
    engine: EngineSettings | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[SurveyedModel]:
    """Write the built-in characters and read every model once; see `survey_models`."""
    folders = list(config.folders)
    if config.builtin:
        characters = config.characters
        write_builtin_characters(characters, config.builtin, workers=workers)
        folders.insert(0, characters)
    return survey_models(config, folders, workers=workers, engine=engine, on_progress=on_progress)


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
    there = set(published_names(config.out / plan.split))
    return {
        "split": plan.split,
        "samples": plan.sample_count,
        "models": len(plan.models),
        "groups": len({model.group for model in plan.models}),
        "shards": len(plan.jobs),
        "shards_there": sum(job.shard in there for job in plan.jobs),
        "bytes": plan.sample_count * _bytes_per_sample(config.size_px),
        "fingerprint": plan.fingerprint,
    }


def freeze_plan(folder: Place, plan: Plan) -> None:
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


def missing_jobs(plan: Plan, folder: Place) -> list[ShardJob]:
    """Jobs of the plan whose shards are not whole, or left out a model that is quarantined no more.

    Raises:
        DatasetError: a record that is there is of another plan.
    """
    there = set(published_names(folder))
    published = [job for job in plan.jobs if job.shard in there]
    records = [folder / f"{job.shard}.jsonl" for job in published]
    for record, fingerprint in zip(records, in_parallel(_record_fingerprint, records), strict=True):
        if fingerprint not in (None, plan.fingerprint):
            raise DatasetError(
                f"{record}: was made by another plan; delete it with its .tar and run the same command again"
            )
    again = _wanted_again(folder, [job.shard for job in published])
    return [job for job in plan.jobs if job.shard not in there or job.shard in again]


def _wanted_again(folder: Place, shards: Sequence[str]) -> set[str]:
    """Shards that left out a model which somebody took out of the quarantine since."""
    quarantined = _read_quarantine(folder)
    return {
        shard
        for shard, rows in left_out_by_shard(folder, shards).items()
        if any(row["quarantined"] and row["model_id"] not in quarantined for row in rows)
    }


def _record_fingerprint(record: Place) -> str | None:
    """The plan that a shard was made by, as its first row says; None if it has no row."""
    try:
        first = read_first_line(record)
        return str(json.loads(first)["fingerprint"]) if first else None
    except OSError as error:
        raise DatasetError(f"{record}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{record}: is damaged; delete it with its .tar and run again") from error


def run_plan(
    plan: Plan,
    config: DatasetConfig,
    models: Sequence[SurveyedModel],
    *,
    shards: range | None = None,
    workers: int | None = None,
    engine: EngineSettings | None = None,
    settings: RenderSettings = ONE_THREAD,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> RunSummary:
    """Make the shards of a plan that are not there yet.

    Args:
        plan: from `plan_split`.
        config: the configuration that it was made of.
        models: where the models are.
        shards: numbers of the shards to make; None = all.
        workers: how many shards are made at a time; None = one per core.
        engine: where they are made; None = processes of this machine.
        settings: how workers reach OpenGL.
        on_progress: is told how many samples of how many are there.

    Raises:
        DatasetError: another plan's shards are in the folder, the disk refuses, or a planned model is gone.
        RenderError: the workers find no OpenGL.
        BackendError: the engine is not installed or does not answer.
    """
    folder = config.out / plan.split
    freeze_plan(folder, plan)
    wanted = [job for number, job in enumerate(plan.jobs) if shards is None or number in shards]
    missing = set(missing_jobs(plan, folder))
    todo = [job for job in wanted if job in missing]
    remove_partials(folder, [job.shard for job in wanted])
    total = sum(job.sample_count for job in wanted)
    there = total - sum(job.sample_count for job in todo)
    started = time.monotonic()
    run = _Run(folder, config, model_sources(models), settings)
    run.make(todo, workers, engine, lambda done: on_progress(there + done, total))
    remove_partials(folder, [job.shard for job in wanted])  # of workers that a killed driver left behind
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


def _summary(split: str, wanted: Sequence[ShardJob], folder: Place, run: _Run, seconds: float) -> RunSummary:
    there = set(published_names(folder))
    published = [job.shard for job in wanted if job.shard in there]
    counts = in_parallel(lambda shard: (folder / f"{shard}.jsonl").read_bytes().count(b"\n"), published)
    return RunSummary(
        split=split,
        planned=sum(job.sample_count for job in wanted),
        present=sum(counts),
        rendered=sum(report.sample_count for report in run.reports),
        seconds=seconds,
        left_out=tuple(
            left_out_totals(row for rows in left_out_by_shard(folder, published).values() for row in rows)
        ),
        failed=tuple(sorted(run.failed.items())),
        warnings=_warnings(folder, published),
    )


def _warnings(folder: Place, shards: Sequence[str]) -> dict[str, list[str]]:
    """What was told of the models while the shards were made, by model id."""
    told = in_parallel(lambda shard: read_progress(folder, shard), shards)
    return {
        identity: texts
        for progress in told
        if progress is not None
        for identity, texts in progress.warnings.items()
    }


def _bytes_per_sample(size_px: int) -> int:
    """About three pictures, label and tar headers; measured on real models at 256 px and scaled."""
    return round(BYTES_PER_SAMPLE_256 * (size_px / 256) ** 2) + 4096


def _bytes_held(config: DatasetConfig) -> int:
    """What a worker holds of a shard until it writes it, generously."""
    maps = MAP_BYTES_PER_PIXEL * config.size_px**2 if config.maps else 0
    return 2 * config.shard_size * (_bytes_per_sample(config.size_px) + maps)


class _Run:
    """One run's jobs and what must be remembered of them: attempts, quarantine, reports."""

    def __init__(
        self, folder: Place, config: DatasetConfig, sources: dict[str, ModelSource], settings: RenderSettings
    ) -> None:
        self.reports: list[ShardReport] = []
        self.failed: dict[str, str] = {}
        self._folder = folder
        self._config = config
        self._sources = sources
        self._settings = settings
        self._quarantined = _read_quarantine(folder)
        self._attempts: Counter[tuple[str, str]] = Counter()
        self._machines_lost: Counter[str] = Counter()

    def make(
        self,
        jobs: Sequence[ShardJob],
        workers: int | None,
        engine: EngineSettings | None,
        on_progress: Callable[[int], None],
    ) -> None:
        """Make all jobs. Returns when each has a report or is given up."""
        if not jobs:
            return
        with open_engine(
            generate_shard,
            workers,
            engine,
            tasks_per_worker=SHARDS_PER_WORKER,
            task_bytes=_bytes_held(self._config),
        ) as opened:
            looked = 0.0

            def look() -> None:
                nonlocal looked
                if time.monotonic() - looked > progress_interval(self._folder):
                    looked = time.monotonic()
                    on_progress(self._done([task.job.shard for task in opened.running]))

            tasks = (
                self._task(job) for job in jobs
            )  # each made when its turn comes: it knows the quarantine
            for outcome in run_tasks(opened, tasks, again=self._again, on_pause=look):
                if outcome.result is not None:
                    self.reports.append(outcome.result)
            on_progress(self._done([]))

    def _task(self, job: ShardJob) -> ShardTask:
        remove_quietly(progress_path(self._folder, job.shard))
        return ShardTask(
            job=job,
            config=self._config,
            sources=tuple(self._sources[part.model_id] for part in job.parts),
            folder=self._folder,
            settings=self._settings,
            quarantined=dict(self._quarantined),
        )

    def _done(self, running: Sequence[str]) -> int:
        """Samples made so far, with those of the shards that are being made."""
        told = in_parallel(lambda shard: read_progress(self._folder, shard), running)
        return sum(report.sample_count for report in self.reports) + sum(
            progress.done for progress in told if progress is not None
        )

    def _again(self, outcome: Outcome[ShardTask, ShardReport]) -> ShardTask | None:
        """Note that a job's worker died; the task to try in its place, or None if it is not worth it."""
        job = outcome.task.job
        if outcome.machine_lost and self._machines_lost[job.shard] < MACHINES_LOST:
            self._machines_lost[job.shard] += 1
            return self._task(job)
        progress = read_progress(self._folder, job.shard)
        model_id = "" if progress is None else progress.model_id
        self._attempts[job.shard, model_id] += 1
        if self._attempts[job.shard, model_id] < ATTEMPTS:
            return self._task(job)
        if progress is not None and model_id and model_id not in outcome.task.quarantined:
            self._quarantined |= _read_quarantine(self._folder)  # of runs that make other shards meanwhile
            reason = f"{progress.ended or 'crashed or hung its worker'} {ATTEMPTS} times"
            self._quarantined.setdefault(model_id, reason)  # another shard may have done so meanwhile
            _write_quarantine(self._folder, self._quarantined)
            return self._task(job)
        self.failed[job.shard] = f"its worker died {ATTEMPTS} times"
        return None


def _read_quarantine(folder: Place) -> dict[str, str]:
    """Models that are not tried in a split any more, and why. Delete the file to have them tried again."""
    path = folder / QUARANTINE_FILE
    try:
        quarantined: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise DatasetError(f"{path}: is damaged ({error}); delete it") from error
    if not isinstance(quarantined, dict):
        raise DatasetError(f"{path}: is damaged (no names with reasons); delete it")
    return quarantined


def _write_quarantine(folder: Place, quarantined: dict[str, str]) -> None:
    write_text(folder / QUARANTINE_FILE, json.dumps(quarantined, ensure_ascii=False, indent=1) + "\n")
