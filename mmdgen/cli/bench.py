"""`mmdgen bench`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from mmdgen.cli.dataset_options import progress_bar
from mmdgen.cli.options import device_option, json_option, workers_option
from mmdgen.dataset.config import SAMPLES_PER_AXIS
from mmdgen.generate.bench import STAGES, BenchReport
from mmdgen.generate.bench import bench as measure


@click.command()
@click.option(
    "--models",
    "folders",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="DIR",
    help="Measure with the models below DIR; may be given several times.  [default: built-in characters]",
)
@click.option(
    "--count",
    type=click.IntRange(min=1),
    default=4,
    show_default=True,
    help="How many built-in characters, without --models.",
)
@click.option(
    "--poses",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="Samples of each model, two pictures each.",
)
@click.option(
    "--samples",
    type=click.Choice([str(number) for number in sorted(SAMPLES_PER_AXIS)]),
    default="16",
    show_default=True,
    help="Samples per pixel.",
)
@workers_option
@device_option
@json_option
def bench(
    folders: tuple[Path, ...],
    count: int,
    poses: int,
    samples: str,
    workers: int | None,
    device: int | None,
    as_json: bool,
) -> None:
    """Measure how fast this machine makes pictures, and where the time goes.

    Makes samples as a data set does, from model files to a shard, and throws them away. Times are CPU
    milliseconds per picture, by stage; the floor is what the same triangles cost in one flat colour.
    """
    with progress_bar("measuring", "model") as show:
        report = measure(
            folders=[folder.expanduser() for folder in folders],
            builtin=count,
            poses=poses,
            samples_per_pixel=int(samples),
            workers=workers,
            device_index=device,
            on_progress=show,
        )
    if as_json:
        click.echo(json.dumps(asdict(report), ensure_ascii=False, indent=1))
    else:
        click.echo("\n".join(_lines(report)))


def _lines(report: BenchReport) -> Iterator[str]:
    for file, reason in report.left_out.items():
        yield f"not used: {file}: {reason}"
    yield f"{'CPU ms per image':26}" + "".join(f"{name:>8}" for name in (*STAGES, "all", "floor", "ratio"))
    rows = [(cost.model, cost.stages, cost.cpu_ms, cost.floor) for cost in report.models]
    if len(rows) > 1:
        rows.append(("all models", report.stages, report.cpu_ms, report.floor))
    for name, stages, cpu_ms, floor in rows:
        numbers = [*(stages[stage] for stage in STAGES), cpu_ms, floor]
        yield f"{name[:25]:26}" + "".join(f"{number:8.2f}" for number in numbers) + f"{cpu_ms / floor:7.2f}x"
    plural = "es" if report.workers > 1 else ""
    yield (
        f"{report.images_per_second:.1f} images/s at {report.samples_per_pixel} samples per pixel with "
        f"{report.workers} process{plural} ({report.images:,} images)"
    )
    yield f"driver: {report.driver}"
