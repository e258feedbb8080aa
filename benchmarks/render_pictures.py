"""What each choice of shading, outline and samples a pixel costs to draw, and what redrawing saves.

    python benchmarks/render_pictures.py [--models FILE_OR_DIR ...] [--json]

Costs are CPU milliseconds for each picture of 256 px, on one thread, relative to the first choice; rounds
take turns, so that a neighbour slows all alike. What a picture costs from model file to shard, stage by
stage, tells `mmdgen bench`. The built-in characters are smaller than downloaded ones: give --models for the
cost of real ones.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mmdgen.cast import make_character, write_character
from mmdgen.catalog.examine import examine_model
from mmdgen.dataset.config import DatasetConfig
from mmdgen.dataset.keys import SampleKey, sample_rng
from mmdgen.generate import compose
from mmdgen.generate.compose import ModelSource, ModelStage, compose_samples, model_light, portrait_view
from mmdgen.pose import PoseVector
from mmdgen.render import Renderer, RenderSettings
from mmdgen.scene import Shading
from mmdgen.stopwatch import measuring


@dataclass(frozen=True, slots=True)
class Spent:
    """Time that a model's pictures took."""

    pictures: int
    seconds: float  # by the clock
    stages: dict[str, float]  # CPU seconds

    @property
    def cpu_ms(self) -> float:
        return 1e3 * sum(self.stages.values()) / self.pictures


def benchmark_config(samples_per_pixel: int) -> DatasetConfig:
    """The `tha1` data set's settings."""
    return DatasetConfig(name="benchmark", out=Path(), splits=(), samples_per_pixel=samples_per_pixel)


def sample_keys(source: ModelSource, count: int) -> list[SampleKey]:
    return [SampleKey(source.model_id, index) for index in range(count)]


def labels(source: ModelSource, config: DatasetConfig, count: int) -> PoseVector:
    """The labels of a model's first samples, (count, parameters)."""
    keys = sample_keys(source, count)
    return np.stack([compose.sample_pose_vector(config.space, sample_rng(config.seed, key)) for key in keys])


def model_sources(paths: Sequence[Path]) -> list[ModelSource]:
    """The usable models among files and folders, annotated automatically."""
    files = [
        file
        for path in paths
        for file in ([path] if path.is_file() else sorted(path.rglob("*")))
        if file.suffix.lower() in (".pmx", ".pmd")
    ]
    sources = []
    for file in files:
        record = examine_model(file.read_bytes(), source=file.name)
        if record.annotation is None:
            print(f"left out: {file.name}: {record.problem}", file=sys.stderr)
        else:
            sources.append(ModelSource(record.model_id, file.stem, file, record.annotation))
    return sources


def write_builtin(count: int, folder: Path) -> list[Path]:
    """The first built-in characters."""
    return [write_character(make_character(seed), folder / str(seed)) for seed in range(count)]


def make_pictures(renderer: Renderer, source: ModelSource, config: DatasetConfig, samples: int) -> Spent:
    """Make the samples of a model once."""
    gc.collect()
    started, pictures = time.perf_counter(), 1
    with measuring() as watch:
        for _ in compose_samples(renderer, source, sample_keys(source, samples), "train", config):
            pictures += 2
    return Spent(pictures, time.perf_counter() - started, dict(watch.seconds))


def choices() -> dict[str, DatasetConfig]:
    """What to compare; the first is what the others are relative to."""
    first = benchmark_config(16)
    toon = replace(first, shading=Shading.TOON)
    return {
        "phong, outline, 16 samples": first,
        "phong, outline, 4 samples": replace(first, samples_per_pixel=4),
        "phong, outline, 1 sample": replace(first, samples_per_pixel=1),
        "phong, no outline, 16 samples": replace(first, outline_px=0.0),
        "toon, outline, 16 samples": toon,
        "toon, no outline, 16 samples": replace(toon, outline_px=0.0),
        "toon, outline, 4 samples": replace(toon, samples_per_pixel=4),
    }


REDRAWN = "an expression, redrawn"
DRAWN_WHOLE = "an expression, drawn whole"


def measure_choices(renderer: Renderer, source: ModelSource, rounds: int) -> dict[str, float]:
    """CPU ms of drawing a picture under each choice: the median of the rounds."""
    spent: dict[str, list[float]] = {}
    with ExitStack() as stack:
        works: dict[str, Callable[[], object]] = {}
        for name, config in choices().items():
            view = portrait_view(source.annotation, config, model_light(config, source.model_id))
            stage = stack.enter_context(ModelStage(renderer, source, config.space, view))
            vectors = labels(source, config, 8)
            works[name] = partial(stage.draw, vectors)
            if REDRAWN not in works:
                faces = config.space.expression_vector(vectors)
                redraw = stack.enter_context(stage.expressions())
                works[DRAWN_WHOLE] = partial(stage.draw, faces)
                works[REDRAWN] = partial(stage.draw_expressions, redraw, faces)
        for turn in range(rounds + 1):
            for name, work in works.items():
                start = time.process_time()
                work()
                if turn:  # the first round compiles
                    spent.setdefault(name, []).append(1e3 * (time.process_time() - start) / 8)
    return {name: float(np.median(values)) for name, values in spent.items()}


def choices_table(rows: dict[str, dict[str, float]]) -> str:
    first = next(iter(choices()))
    names = [*choices(), DRAWN_WHOLE, REDRAWN]
    lines = [f"{'drawing, relative to the first':34}" + "".join(f"{model[:18]:>20}" for model in rows)]
    for name in names:
        cells = [f"{costs[name]:9.2f} ms {costs[name] / costs[first]:6.2f}x" for costs in rows.values()]
        lines.append(f"{name:34}" + "".join(f"{cell:>20}" for cell in cells))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, nargs="+", help="model files, or folders of them")
    parser.add_argument(
        "--builtin", type=int, default=3, help="how many built-in characters without --models"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    logging.getLogger("mmdgen").setLevel(logging.ERROR)
    with contextlib.ExitStack() as stack:
        renderer = stack.enter_context(Renderer(RenderSettings(software_threads=0)))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sources = model_sources(options.models or write_builtin(options.builtin, folder))
        if not sources:
            sys.exit("no usable model")
        rows = {source.path.name: measure_choices(renderer, source, 7) for source in sources}
    print(json.dumps(rows, indent=2, ensure_ascii=False) if options.json else choices_table(rows))


if __name__ == "__main__":
    main()
