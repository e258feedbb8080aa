"""`mmdgen verify`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from mmdgen.catalog.examine import heard_warnings
from mmdgen.cli.dataset_options import load_config, look_at_models, models_override, progress_bar
from mmdgen.cli.options import PlaceType, config_option, json_option, seed_option, workers_option
from mmdgen.dataset.places import Place
from mmdgen.dataset.verify import Row, verify_dataset
from mmdgen.generate.again import render_again
from mmdgen.generate.runner import model_sources
from mmdgen.render import Renderer, RenderSettings


@click.command()
@click.argument("folder", metavar="DIR", type=PlaceType())
@click.option(
    "--samples",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="How many samples to render again and compare by pixels; needs --config and the models.",
)
@config_option
@models_override
@seed_option
@workers_option
@json_option
def verify(
    folder: Place,
    samples: int,
    config: Path,
    folders: tuple[Path, ...],
    seed: int,
    workers: int | None,
    as_json: bool,
) -> None:
    """Check a data set: hashes, pixels, leaks across splits."""

    def again(rows: Sequence[Row]) -> Iterator[tuple[Row, Mapping[str, str]]]:
        dataset = load_config(config, out=folder, seed=None, folders=folders)
        models = look_at_models(dataset, workers)
        with Renderer(RenderSettings()) as renderer:
            yield from render_again(renderer, rows, model_sources(models), dataset)

    # What there is to warn of was told by render.
    with heard_warnings(), progress_bar("checking", "sample") as show:
        findings = verify_dataset(
            folder,
            samples=samples,
            seed=seed,
            render_again=again,
            on_progress=lambda done: show(done, 0),
        )
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=1))
    else:
        for finding in findings:
            click.echo(str(finding))
        compared = f", {samples} samples rendered again" if samples else ""
        click.echo(
            f"{folder}: findings: {len(findings)}{compared}" if findings else f"{folder}: sound{compared}"
        )
    if findings:
        raise click.exceptions.Exit(1)
