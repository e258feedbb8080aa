"""How large a planned split will be and how long it will take, from a few samples rendered now."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from joblib.externals.loky import cpu_count

from mmdgen.dataset.config import DatasetConfig
from mmdgen.dataset.keys import SampleKey
from mmdgen.dataset.plan import Plan, PlannedModel
from mmdgen.dataset.sample import PICTURES, Sample
from mmdgen.errors import MmdgenError
from mmdgen.generate.compose import ModelSource, compose_samples
from mmdgen.render import Renderer

MODELS = 4  # that are tried, spread over the plan
SAMPLES = 8  # of each: enough for a mean, in a second or two
_TAR_BYTES = 512 * 2  # header, and what fills the last block up, of a member
_LABEL_BYTES = 700


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a split will come to, as far as its probe can tell."""

    bytes: int  # of all shards
    seconds: float  # of rendering all that is planned with all workers
    workers: int
    probed: int  # samples that were rendered for it; 0 means that no model of the probe could be drawn


def probe_plan(
    renderer: Renderer,
    plan: Plan,
    sources: Mapping[str, ModelSource],
    config: DatasetConfig,
    workers: int | None = None,
) -> Estimate:
    """Render a few samples of a few models of a plan, and reckon up.

    Every model costs a fixed time to load and a time for each sample; the workers are taken to be as fast as
    this process and not to hinder each other.
    """
    workers = workers or cpu_count()
    loading: list[float] = []
    drawing: list[float] = []
    sizes: list[int] = []
    for model in _spread(plan.models, MODELS):
        try:
            once, _ = _render(renderer, model, 1, sources, plan.split, config)
            often, samples = _render(renderer, model, SAMPLES, sources, plan.split, config)
        except MmdgenError:
            continue  # rendering will leave it out and say why
        each = max(often - once, 0.0) / max(len(samples) - 1, 1)
        loading.append(max(once - each, 0.0))
        drawing.append(each)
        sizes += [_size(sample) for sample in samples]
    seconds = len(plan.models) * _mean(loading) + plan.sample_count * _mean(drawing)
    return Estimate(
        bytes=round(plan.sample_count * _mean(sizes)),
        seconds=round(seconds / workers, 3),  # a split may be over in a moment
        workers=workers,
        probed=len(sizes),
    )


def _render(
    renderer: Renderer,
    model: PlannedModel,
    count: int,
    sources: Mapping[str, ModelSource],
    split: str,
    config: DatasetConfig,
) -> tuple[float, list[Sample]]:
    """The seconds that some samples of a model take, with all that it needs once, and the samples."""
    keys = [SampleKey(model.model_id, index) for index in range(count)]
    before = time.perf_counter()
    samples = list(compose_samples(renderer, sources[model.model_id], keys, split, config))
    return time.perf_counter() - before, samples


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(len(values), 1)


def _spread(models: Sequence[PlannedModel], count: int) -> list[PlannedModel]:
    """Models evenly spaced over the plan, whose order is random."""
    step = max(len(models) // count, 1)
    return list(models[::step])[:count]


def _size(sample: Sample) -> int:
    pictures = [len(getattr(sample, name).png) for name in PICTURES]
    members = [*pictures, *(len(data) for data in sample.maps.values()), _LABEL_BYTES]
    return sum(members) + _TAR_BYTES * len(members)
