"""How long it takes to catalogue, plan and split thousands of models, and that it grows in step with them.

    python benchmarks/catalog_scale.py [--counts 500 1000 2000 3000] [--figures 48] [--distinct] [--looks]

Entries are built-in characters with their textures, each under an id of its own: a number in the model's
comment makes every file another content. By default they are repaints of a few figures, whose annotation is
found once for each figure; with --distinct every mesh is a little different too, so that every model is
annotated as if nobody had seen it. --looks draws every model once as well (it needs OpenGL).

Each count is catalogued from nothing, then again with nothing changed, then planned and split. CPU seconds
are those of all processes together; seconds on the clock mean something on a quiet machine only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mmdgen.dataset.config import DatasetConfig, Split, SplitRule
from mmdgen.formats import read_model, write_pmx
from mmdgen.generate.builtin import write_builtin_characters
from mmdgen.generate.runner import plan_split
from mmdgen.generate.survey import survey_models
from mmdgen.generate.surveyed import SurveyedModel

MARK = "#######"  # in the comment; becomes the entry's number
SAMPLES_OF_A_MODEL = 63  # as in the article: 500,000 samples of 7,881 models
TARGET_S = 60.0  # for 3,000 entries on two cores


def main() -> None:
    """Measure and print one row for each count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    counts = [500, 1000, 2000, 3000]
    parser.add_argument("--counts", type=int, nargs="+", default=counts)
    parser.add_argument("--figures", type=int, default=48, help="different characters")
    parser.add_argument("--distinct", action="store_true", help="every mesh is another one")
    parser.add_argument("--looks", action="store_true", help="draw every model once too")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mmdgen-scale-") as folder:
        models = Path(folder, "models")
        figures = write_figures(Path(folder, "figures"), options.figures, options.workers)
        print("entries   catalogue s (CPU)   again s (CPU)   plan and split s   CPU ms an entry")
        written = 0
        for count in sorted(options.counts):
            for number in range(written, count):
                write_entry(models, figures[number % len(figures)], number, distinct=options.distinct)
            written = count
            print(row(Path(folder, f"out-{count}"), models, count, options), flush=True)
            shutil.rmtree(Path(folder, f"out-{count}"))


def write_figures(folder: Path, count: int, workers: int) -> list[Path]:
    """Built-in characters whose comment holds the mark, one folder each."""
    write_builtin_characters(folder, count, workers=workers)
    for path in sorted(folder.glob("*/*.pmx")):
        path.write_bytes(write_pmx(replace(read_model(path), comment=MARK)))
    return sorted(folder.glob("*/*.pmx"))


def write_entry(models: Path, figure: Path, number: int, *, distinct: bool) -> None:
    """A character in a group of its own, its textures linked, made new by a number or by its shape too."""
    home = models / f"group-{number:06d}"
    home.mkdir(parents=True)
    data = figure.read_bytes()
    if distinct:
        model = read_model(figure)
        jitter = np.random.default_rng(number).uniform(-1e-4, 1e-4, model.vertices.positions.shape)
        positions = (model.vertices.positions + jitter).astype(np.float32)
        data = write_pmx(replace(model, vertices=replace(model.vertices, positions=positions)))
    encoded = MARK.encode("utf-16-le"), f"{number:0{len(MARK)}d}".encode("utf-16-le")
    (home / "model.pmx").write_bytes(data.replace(*encoded, 1))
    for texture in figure.parent.glob("*.png"):
        os.link(texture, home / texture.name)


def row(out: Path, models: Path, count: int, options: argparse.Namespace) -> str:
    """The measures of one count, as a line of the table."""
    config = DatasetConfig(
        name="scale",
        out=out,
        splits=tuple(SplitRule(split, SAMPLES_OF_A_MODEL * count // 3, share=1 / 3) for split in Split),
        folders=(models,),
        annotations=out / "said",
        look_alikes=options.looks,
    )

    def survey() -> list[SurveyedModel]:
        return survey_models(config, [models], workers=options.workers)

    first, found = measured(survey)
    again, _ = measured(survey)
    usable = sum(not model.problem for model in found)
    if usable != count:
        raise SystemExit(f"only {usable} of {count} entries are usable: this measures something else")
    plans, _ = measured(lambda: [plan_split(config, found, split) for split in Split])
    times = [f"{clock:9.1f} ({cpu:6.1f})" for clock, cpu in (first, again)]
    return f"{count:7d}   {times[0]}   {times[1]}   {plans[0]:10.2f}   {1000 * first[1] / count:14.1f}"


def measured(work: Callable[[], object]) -> tuple[tuple[float, float], object]:
    """Seconds on the clock and of all cores that some work takes, and its result."""
    clock, cpu = time.perf_counter(), cpu_seconds()
    result = work()
    return (time.perf_counter() - clock, cpu_seconds() - cpu), result


def cpu_seconds() -> float:
    """Of this process and its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


if __name__ == "__main__":
    main()
