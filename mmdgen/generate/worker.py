"""What one process does: makes one shard, with a renderer that it opens once and keeps.

A GL context can neither be pickled nor shared between threads nor survive a fork, so the process that plans
never opens one.
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from mmdgen.dataset.config import DatasetConfig
from mmdgen.dataset.keys import shuffled
from mmdgen.dataset.places import Place
from mmdgen.dataset.plan import ShardJob, ShardPart
from mmdgen.dataset.sample import Sample
from mmdgen.dataset.shard import ShardWriter
from mmdgen.errors import DatasetError, MmdgenError
from mmdgen.generate.compose import ModelSource, compose_samples
from mmdgen.generate.guards import show_life, tell_before_end
from mmdgen.render import Renderer, RenderSettings

PROGRESS_EVERY_S = 0.3
PROGRESS_EVERY_S_REMOTE = 5.0  # object storage counts requests

_renderers: dict[RenderSettings, Renderer] = {}


@dataclass(frozen=True, slots=True)
class ShardTask:
    """A job and what this machine must know to do it."""

    job: ShardJob
    config: DatasetConfig
    sources: tuple[ModelSource, ...]  # one for each model of the job
    folder: Place  # of the split
    settings: RenderSettings
    quarantined: dict[str, str] = field(default_factory=dict)  # model id -> why it is not tried


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a shard is; also what it was at when its worker died. Kept afterwards for the report."""

    done: int
    total: int
    model_id: str  # the model being drawn
    seconds: float
    driver: str = ""  # OpenGL renderer and version
    warnings: dict[str, list[str]] = field(default_factory=dict)  # model id -> what its pictures lack
    ended: str = ""  # why the worker was ended in the middle, where that is known


@dataclass(frozen=True, slots=True)
class ShardReport:
    """What was made of a job."""

    shard: str
    sample_count: int
    left_out_count: int
    seconds: float
    driver: dict[str, str]


def generate_shard(task: ShardTask) -> ShardReport:
    """Make one shard and commit it. A model that breaks is left out with its reason.

    Raises:
        DatasetError: the disk refuses, or a planned file is gone: nothing is committed.
        MemoryError: there is too little memory at present: nothing is committed.
        RenderError: there is no OpenGL.
    """
    return make_shard(task, worker_renderer(task.settings))


def worker_renderer(settings: RenderSettings) -> Renderer:
    """This process's renderer, opened on first use and kept for later shards."""
    if settings not in _renderers:
        logging.getLogger("mmdgen").setLevel(logging.ERROR)  # the survey has told what there is to warn of
        _renderers[settings] = Renderer(settings)
    return _renderers[settings]


def make_shard(task: ShardTask, renderer: Renderer) -> ShardReport:
    """`generate_shard` with a renderer that is there already."""
    job = task.job
    sources = {source.model_id: source for source in task.sources}
    progress = _ProgressFile(task, renderer.info)
    tell_before_end(progress.end_early)
    samples: list[Sample] = []
    with ShardWriter(task.folder, job.shard, job.fingerprint) as writer:
        for part in job.parts:
            if part.model_id in task.quarantined:
                writer.leave_out(part.model_id, part.count, task.quarantined[part.model_id], quarantined=True)
                continue
            progress.begin(part.model_id)
            try:
                samples += _part_samples(task, part, sources[part.model_id], renderer, progress)
            except (DatasetError, MemoryError):
                raise  # not the model's fault: the disk, or neighbours that took the memory
            except Exception as error:  # whatever a strange model does to us: it is left out, and said so
                writer.leave_out(part.model_id, part.count, _reason(error))
        sound = [sample for sample in samples if not sample.broken_rules]
        for sample in samples:
            if sample.broken_rules:
                writer.reject(sample)
        for sample in shuffled(sound, lambda sample: str(sample.key), task.config.seed):
            writer.add(sample)
        writer.commit()
    progress.end(len(samples))
    return ShardReport(
        shard=job.shard,
        sample_count=len(sound),
        left_out_count=job.sample_count - len(sound),
        seconds=progress.seconds,
        driver=dict(renderer.info),
    )


def _part_samples(
    task: ShardTask, part: ShardPart, source: ModelSource, renderer: Renderer, progress: _ProgressFile
) -> list[Sample]:
    samples = []
    keys = list(part.sample_keys())
    warn = partial(progress.warn, source.model_id)
    for sample in compose_samples(renderer, source, keys, task.job.split, task.config, on_warnings=warn):
        samples.append(sample)
        progress.add_one()
    return samples


def _reason(error: Exception) -> str:
    """Why a model is left out, the same on every machine."""
    return str(error) if isinstance(error, MmdgenError) else f"unexpected {type(error).__name__}: {error}"


class _ProgressFile:
    """Writes how far a shard is, now and then. A disk that refuses is met when the shard is written."""

    def __init__(self, task: ShardTask, driver: Mapping[str, str]) -> None:
        self._path = progress_path(task.folder, task.job.shard)
        self._total = task.job.sample_count
        self._driver = ", ".join(filter(None, (driver.get("renderer"), driver.get("version"))))
        self._started = time.perf_counter()
        self._written = 0.0
        self._done = 0
        self._model_id = ""
        self._warnings: dict[str, list[str]] = {}

    @property
    def seconds(self) -> float:
        return round(time.perf_counter() - self._started, 3)

    def begin(self, model_id: str) -> None:
        self._model_id = model_id
        show_life()
        self._write()

    def warn(self, model_id: str, warnings: Sequence[str]) -> None:
        if warnings:
            self._warnings[model_id] = list(warnings)

    def add_one(self) -> None:
        self._done += 1
        show_life()
        if self.seconds - self._written > progress_interval(self._path):
            self._write()

    def end(self, done: int) -> None:
        self._done, self._model_id = done, ""
        self._write()

    def end_early(self, reason: str) -> None:
        self._write(reason)

    def _write(self, ended: str = "") -> None:
        self._written = self.seconds
        state = Progress(
            self._done, self._total, self._model_id, self._written, self._driver, self._warnings, ended
        )
        with contextlib.suppress(OSError):
            if isinstance(self._path, Path):
                self._path.parent.mkdir(exist_ok=True)
            self._path.write_text(json.dumps(asdict(state)), encoding="utf-8")


def progress_interval(place: Place) -> float:
    """Seconds between two looks at how far a shard is."""
    return PROGRESS_EVERY_S if isinstance(place, Path) else PROGRESS_EVERY_S_REMOTE


def progress_path(folder: Place, shard: str) -> Place:
    """Where a shard's progress is told."""
    return folder / "progress" / f"{shard}.json"


def read_progress(folder: Place, shard: str) -> Progress | None:
    """How far a shard is, or None where nothing was told or it is just being written."""
    try:
        return Progress(**json.loads(progress_path(folder, shard).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
