"""What a picture costs from model file to PNG, stage by stage, beside the floor of the same geometry.

    python benchmarks/render_pictures.py [--models FILE_OR_DIR ...] [--samples 4 16] [--json]
    python benchmarks/render_pictures.py --choices [--models FILE_OR_DIR ...] [--json]

Makes the samples of each model exactly as a data set does (load, rest picture, then 64 expressions and 64
posed pictures, encoded) but writes nothing to disk. All on one thread; costs are CPU milliseconds of this
process for each picture, so a busy neighbour matters less than with seconds. The stages:

    load     read and bind the model, decode textures, upload, find out what a redraw needs
    pose     labels -> bone matrices and morph offsets
    draw     to the picture in memory (on software OpenGL drawing and read-back cannot be told apart)
    encode   PNG
    facts    what samples.parquet says of each picture
    floor    the same triangles, whole pictures, in one flat colour: no texture, light, blending, read-back

With --choices: what drawing alone costs under each choice of shading, outline and samples a pixel, and what
redrawing an expression costs, relative to the first; rounds take turns, so that a neighbour slows all alike.

The built-in characters are smaller than downloaded ones: give --models for the cost of real ones.
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
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import moderngl
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mmdgen.cast import make_character, write_character
from mmdgen.catalog.examine import examine_model
from mmdgen.dataset.config import SAMPLES_PER_AXIS, DatasetConfig
from mmdgen.dataset.keys import SampleKey, sample_rng
from mmdgen.generate import compose
from mmdgen.generate.compose import ModelSource, ModelStage, compose_samples, model_light, portrait_view
from mmdgen.pose import PoseVector
from mmdgen.render import GpuModel, Redraw, Renderer, RenderSettings
from mmdgen.render.programs import complete_source
from mmdgen.render.renderer import _reached_box
from mmdgen.render.textures import SKINNING_DEFINES
from mmdgen.rig import PosedModel
from mmdgen.scene import Shading, View

STAGES = ("load", "pose", "draw", "encode", "facts", "other")
TARGET_CPU_MS = {4: 6.5, 16: 13.0}
TARGET_FLOOR_RATIO = 1.6
FLAT_FRAGMENT = "#version 330 core\nout vec4 out_color;\nvoid main() { out_color = vec4(1.0); }\n"


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU milliseconds of a picture."""

    model: str
    samples_per_pixel: int
    pictures: int
    triangles: int  # drawn, of those in the file
    cpu_ms: float
    images_per_second: float  # of one process, by the clock
    stages: dict[str, float]
    floor: float

    @property
    def floor_ratio(self) -> float:
        return self.cpu_ms / self.floor


@dataclass(frozen=True, slots=True)
class Spent:
    """Time that a model's pictures took."""

    pictures: int
    seconds: float  # by the clock
    stages: dict[str, float]  # CPU seconds

    @property
    def cpu_ms(self) -> float:
        return 1e3 * sum(self.stages.values()) / self.pictures


class Stopwatch:
    """CPU time by stage; time in a stage inside another counts for the inner one alone."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)
        self._open: list[str] = ["other"]
        self._since = time.process_time()

    def _switch(self) -> None:
        now = time.process_time()
        self.seconds[self._open[-1]] += now - self._since
        self._since = now

    def timed(self, stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, its time counted for a stage."""

        def measured(*args: Any, **kwargs: Any) -> Any:
            self._switch()
            self._open.append(stage)
            try:
                return work(*args, **kwargs)
            finally:
                self._switch()
                self._open.pop()

        return measured

    def stop(self) -> None:
        self._switch()


STAGE_OF = [
    (ModelStage, "__init__", "load"),
    (ModelStage, "expressions", "load"),
    (ModelStage, "_pose", "pose"),
    (Renderer, "render", "draw"),
    (Redraw, "render", "draw"),
    (compose, "encode_image", "encode"),
    (compose, "picture_facts", "facts"),
    (compose, "changed_share", "facts"),
]


@contextmanager
def stages_timed() -> Iterator[Stopwatch]:
    """Count the CPU time of the pipeline's functions meanwhile."""
    watch = Stopwatch()
    with ExitStack() as patches:
        for owner, name, stage in STAGE_OF:
            patches.enter_context(patch.object(owner, name, watch.timed(stage, getattr(owner, name))))
        yield watch
        watch.stop()


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
    with stages_timed() as watch:
        for _ in compose_samples(renderer, source, sample_keys(source, samples), "train", config):
            pictures += 2
    return Spent(pictures, time.perf_counter() - started, watch.seconds)


def measure(renderer: Renderer, source: ModelSource, config: DatasetConfig, samples: int) -> Cost:
    """Make the samples of a model once, and then the floor."""
    spent = make_pictures(renderer, source, config, samples)
    floor, triangles = flat_floor(renderer, source, config, samples)
    return Cost(
        model=source.path.name,
        samples_per_pixel=config.samples_per_pixel,
        pictures=spent.pictures,
        triangles=triangles,
        cpu_ms=spent.cpu_ms,
        images_per_second=spent.pictures / spent.seconds,
        stages={stage: 1e3 * seconds / spent.pictures for stage, seconds in spent.stages.items()},
        floor=floor,
    )


def flat_floor(
    renderer: Renderer, source: ModelSource, config: DatasetConfig, samples: int
) -> tuple[float, int]:
    """CPU ms of the same whole pictures in one flat colour, and how many triangles they are drawn of.

    Half of them are of expressions, half posed. Reaches into the renderer on purpose: the programs that write
    numbers make room for flat ones, which need the same of a vertex.
    """
    view = portrait_view(source.annotation, config, model_light(config, source.model_id))
    vectors = labels(source, config, samples)
    with flat_programs(renderer), ModelStage(renderer, source, config.space, view) as stage:
        model, view = stage._drawn, stage._view
        halves = [stage._pose(config.space.expression_vector(vectors)), stage._pose(vectors)]
        draw_flat(renderer, model, halves[0], view)  # compiles
        start = time.process_time()
        for posed in halves:
            draw_flat(renderer, model, posed, view)
        spent = time.process_time() - start
        return 1e3 * spent / (2 * samples), len(model.surfaces.triangles)


@contextmanager
def flat_programs(renderer: Renderer) -> Iterator[None]:
    """Let the names of the numbering programs stand for flat ones."""
    context, programs = renderer._context, renderer._painter.programs
    text = (Path(compose.__file__).parents[1] / "render/shaders/identify.glsl").read_text(encoding="utf-8")
    flat = {
        name: context.program(
            vertex_shader=complete_source(text, "VERTEX_SHADER", SKINNING_DEFINES | defines),
            fragment_shader=FLAT_FRAGMENT,
        )
        for name, defines in (("identify", {}), ("identify_edge", {"EDGE": 1}))
    }
    for program in flat.values():
        for unit, name in enumerate(("u_bones", "u_morphs", "u_sdef")):
            if name in program:
                program[name] = (1, 2, 4)[unit]
    with patch.dict(programs, flat):
        yield
    for program in flat.values():
        program.release()


def draw_flat(renderer: Renderer, model: GpuModel, posed: PosedModel, view: View) -> None:
    """Draw each pose whole, in white, and read nothing back."""
    context, painter, target = renderer._context, renderer._painter, renderer._framebuffer(view)
    box = _reached_box(model.reach, view)
    edge_sizes = posed.rig.model.materials.edge_sizes
    model.upload(posed, slice(None))
    painter.begin_batch(model, view)
    for slot in range(len(posed.bone_palette)):
        target.begin(box)
        painter._begin(model, slot)
        context.cull_face = "back"
        for draw in model.surfaces.draws:
            painter._switch(moderngl.CULL_FACE, not draw.run.double_sided)
            array = model.surfaces.arrays["identify"]
            array.render(moderngl.TRIANGLES, vertices=draw.index_count, first=draw.first_index)
        context.cull_face = "front"
        context.enable(moderngl.CULL_FACE)
        for draw in model.edges.draws:
            painter.programs["identify_edge"]["u_thickness"] = (
                float(edge_sizes[draw.run.material]) * view.edge_units
            )
            array = model.edges.arrays["identify_edge"]
            array.render(moderngl.TRIANGLES, vertices=draw.index_count, first=draw.first_index)
        context.finish()


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


def as_table(costs: Sequence[Cost]) -> str:
    lines = [f"{'CPU ms a picture':26}{'spp':>4}{'all':>8}{'target':>8}"]
    lines[0] += "".join(f"{stage:>8}" for stage in STAGES) + f"{'floor':>8}{'ratio':>7}{'images/s':>10}"
    for cost in costs:
        target = TARGET_CPU_MS.get(cost.samples_per_pixel)
        lines.append(
            f"{cost.model[:25]:26}{cost.samples_per_pixel:4}{cost.cpu_ms:8.2f}{target or '':>8}"
            + "".join(f"{cost.stages[stage]:8.2f}" for stage in STAGES)
            + f"{cost.floor:8.2f}{cost.floor_ratio:6.2f}x{cost.images_per_second:10.1f}"
        )
    return "\n".join(lines)


def as_json(costs: Sequence[Cost], driver: dict[str, str]) -> str:
    rows = [asdict(cost) | {"floor_ratio": cost.floor_ratio, "workers": 1} for cost in costs]
    return json.dumps({"driver": driver, "costs": rows}, indent=2, ensure_ascii=False)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, nargs="+", help="model files, or folders of them")
    parser.add_argument(
        "--builtin", type=int, default=3, help="how many built-in characters without --models"
    )
    parser.add_argument("--poses", type=int, default=64, help="samples of each model, two pictures each")
    parser.add_argument("--samples", type=int, nargs="+", default=[4, 16], choices=sorted(SAMPLES_PER_AXIS))
    parser.add_argument("--choices", action="store_true", help="compare shadings, outlines and samples")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    logging.getLogger("mmdgen").setLevel(logging.ERROR)
    with contextlib.ExitStack() as stack:
        renderer = stack.enter_context(Renderer(RenderSettings(software_threads=0)))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sources = model_sources(options.models or write_builtin(options.builtin, folder))
        if not sources:
            sys.exit("no usable model")
        if options.choices:
            rows = {source.path.name: measure_choices(renderer, source, 7) for source in sources}
            print(json.dumps(rows, indent=2, ensure_ascii=False) if options.json else choices_table(rows))
            return
        for samples_per_pixel in options.samples:  # compiles, and makes the targets
            measure(renderer, sources[0], benchmark_config(samples_per_pixel), 2)
        costs = [
            measure(renderer, source, benchmark_config(samples_per_pixel), options.poses)
            for source in sources
            for samples_per_pixel in options.samples
        ]
        driver = renderer.info
    if options.json:
        print(as_json(costs, driver))
        return
    print(as_table(costs))
    print(f"driver: {driver['renderer']}, {driver['version']}")
    print(f"target: at most {TARGET_FLOOR_RATIO:g} x the floor; one process, one thread")


if __name__ == "__main__":
    main()
