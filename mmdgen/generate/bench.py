"""How fast this machine makes a data set, and where the time goes.

Makes the samples of some models as a data set does: load, rest picture, then an expression and a posed
picture for each label, encoded and written to a shard that is thrown away. Worker processes share the models.
"""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from mmdgen.dataset.config import DatasetConfig, Split
from mmdgen.dataset.keys import SampleKey, sample_rng
from mmdgen.dataset.shard import ShardWriter
from mmdgen.errors import DatasetError
from mmdgen.generate.compose import ModelSource, ModelStage, compose_samples, model_light, portrait_view
from mmdgen.generate.engines import Engine, open_engine, run_tasks
from mmdgen.generate.runner import model_sources, prepare_models
from mmdgen.generate.worker import worker_renderer
from mmdgen.render import RenderSettings
from mmdgen.sampling.poses import sample_pose_vector
from mmdgen.stopwatch import OTHER, measuring, timed

STAGES = ("load", "pose", "draw", "read", "encode", "write", OTHER)


@dataclass(frozen=True, slots=True)
class ModelCost:
    """CPU milliseconds of a picture of one model."""

    model: str  # its file
    images: int
    stages: dict[str, float]  # by name of the stage
    floor: float  # the same triangles as whole pictures in one flat colour, nothing read back

    @property
    def cpu_ms(self) -> float:
        """All stages together."""
        return sum(self.stages.values())


@dataclass(frozen=True, slots=True)
class BenchReport:
    """What `bench` measured; costs are CPU milliseconds of a picture, the mean of all models' pictures."""

    images_per_second: float  # by the clock, all workers together
    samples_per_pixel: int
    workers: int
    images: int
    cpu_ms: float
    stages: dict[str, float]
    floor: float
    models: tuple[ModelCost, ...]
    driver: str
    left_out: dict[str, str] = field(default_factory=dict)  # file -> why it was not used


@dataclass(frozen=True, slots=True)
class _Task:
    source: ModelSource
    config: DatasetConfig
    poses: int
    settings: RenderSettings
    folder: Path  # for shards
    wants_samples: bool = True
    wants_floor: bool = False


@dataclass(frozen=True, slots=True)
class _Spent:
    model: str
    images: int
    seconds: dict[str, float]
    floor_ms: float
    driver: str


def bench(
    *,
    folders: Sequence[Path] = (),
    builtin: int = 4,
    poses: int = 64,
    samples_per_pixel: int = 16,
    workers: int | None = None,
    device_index: int | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> BenchReport:
    """Measure on models of yours or on built-in characters.

    Args:
        folders: where models are; none: built-in characters.
        builtin: how many of those.
        poses: samples of each model, two pictures each and one rest picture.
        samples_per_pixel: 1, 4 or 16.
        workers: processes; None = one per core.
        device_index: which GPU; None = the first.
        on_progress: is told how many models of how many are done.

    Raises:
        DatasetError: no model can be used.
        RenderError: there is no OpenGL, or a model cannot be drawn.
    """
    with TemporaryDirectory(prefix="mmdgen-bench-") as scratch:
        config = DatasetConfig(
            name="bench",
            out=Path(scratch),
            splits=(),
            samples_per_pixel=samples_per_pixel,
            builtin=0 if folders else builtin,
            folders=tuple(folders),
            annotations=Path(scratch) / "annotations-of-people",
        )
        models = prepare_models(config, workers=workers)
        sources = list(model_sources(models).values())
        left_out = {model.file.name: model.problem for model in models if model.problem}
        if not sources:
            raise DatasetError("no usable model to measure with: " + "; ".join(left_out.values()))
        settings = RenderSettings(device_index=device_index, software_threads=0)
        make = partial(_Task, config=config, settings=settings, folder=Path(scratch))
        with open_engine(measure_model, workers) as engine:
            # compiles the programs, and starts the processes
            count = engine.workers
            warm_up = [sources[number % len(sources)] for number in range(count)]
            warmed = _run(engine, [make(source, poses=2, wants_floor=True) for source in warm_up])
            started = time.perf_counter()
            show = partial(_show, on_progress, len(sources))
            costs = _run(engine, [make(source, poses=poses) for source in sources], show)
            seconds = time.perf_counter() - started
            floors = _run(
                engine,
                [make(source, poses=poses, wants_samples=False, wants_floor=True) for source in sources],
            )
    return _report(costs, floors, seconds, samples_per_pixel, count, warmed[0].driver, left_out)


def measure_model(task: _Task) -> _Spent:
    """Make one model's samples, its flat pictures, or both. Runs in a worker."""
    logging.getLogger("mmdgen").setLevel(logging.ERROR)
    renderer = worker_renderer(task.settings)
    keys = [SampleKey(task.source.model_id, index) for index in range(task.poses)]
    return _Spent(
        model=task.source.path.name,
        images=1 + 2 * len(keys),
        seconds=_make_samples(task, keys) if task.wants_samples else {},
        floor_ms=_flat_floor(task, keys) if task.wants_floor else 0.0,
        driver=renderer.info["renderer"],
    )


def _make_samples(task: _Task, keys: Sequence[SampleKey]) -> dict[str, float]:
    """CPU seconds by stage of making samples and writing them."""
    renderer = worker_renderer(task.settings)
    shard = f"bench-{task.source.model_id}"
    gc.collect()
    with measuring() as watch, ShardWriter(task.folder, shard, fingerprint="bench") as writer:
        for sample in compose_samples(renderer, task.source, keys, Split.TRAIN, task.config):
            with timed("write"):
                writer.add(sample)
    return dict(watch.seconds)


def _flat_floor(task: _Task, keys: Sequence[SampleKey]) -> float:
    """CPU ms of a flat picture; half of them are of expressions, half posed."""
    source, config = task.source, task.config
    view = portrait_view(source.annotation, config, model_light(config, source.model_id))
    space = config.space
    vectors = np.stack([sample_pose_vector(space, sample_rng(config.seed, key)) for key in keys])
    halves = np.concatenate([space.expression_vector(vectors), vectors])
    with ModelStage(worker_renderer(task.settings), source, space, view) as stage:
        stage.draw_flat(halves[:1])  # compiles
        started = time.process_time()
        stage.draw_flat(halves)
        return 1e3 * (time.process_time() - started) / len(halves)


def _run(
    engine: Engine[_Task, _Spent],
    tasks: Sequence[_Task],
    show: Callable[[int], None] = lambda done: None,
) -> list[_Spent]:
    """What each task spent, in their order."""
    found = {}
    for outcome in run_tasks(engine, tasks, again=lambda lost: None):  # a second attempt would measure both
        if outcome.result is None:
            raise DatasetError(f"{outcome.task.source.path}: the process that drew it died")
        found[id(outcome.task)] = outcome.result
        show(len(found))
    return [found[id(task)] for task in tasks]


def _show(on_progress: Callable[[int, int], None], total: int, done: int) -> None:
    on_progress(done, total)


def _report(
    spent: Sequence[_Spent],
    floors: Sequence[_Spent],
    seconds: float,
    samples_per_pixel: int,
    workers: int,
    driver: str,
    left_out: dict[str, str],
) -> BenchReport:
    images = sum(one.images for one in spent)
    costs = tuple(
        ModelCost(
            model=one.model,
            images=one.images,
            stages={stage: 1e3 * one.seconds.get(stage, 0.0) / one.images for stage in STAGES},
            floor=floor.floor_ms,
        )
        for one, floor in zip(spent, floors, strict=True)
    )
    stages = {stage: sum(cost.stages[stage] * cost.images for cost in costs) / images for stage in STAGES}
    return BenchReport(
        images_per_second=images / seconds,
        samples_per_pixel=samples_per_pixel,
        workers=workers,
        images=images,
        cpu_ms=sum(stages.values()),
        stages=stages,
        floor=sum(cost.floor * cost.images for cost in costs) / images,
        models=costs,
        driver=driver,
        left_out=left_out,
    )
