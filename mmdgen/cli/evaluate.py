"""`mmdgen evaluate`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from mmdgen.cli.dataset_options import progress_bar
from mmdgen.cli.options import compute_device_option, data_option, json_option, out_option
from mmdgen.evaluate.extra import require_evaluation
from mmdgen.evaluate.table import text_report


@click.command()
@click.argument("networks", metavar="RUN...", type=click.Path(path_type=Path), nargs=-1, required=True)
@data_option
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    default="test",
    show_default=True,
    help="Whose samples to take.",
)
@out_option("Folder for the page, the sheets and every picture's numbers.", default="evaluation")
@click.option(
    "--batch-size", type=click.IntRange(min=1), default=16, show_default=True, help="Samples at a time."
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=None,
    help="Take only this many samples, drawn at random.  [default: all]",
)
@compute_device_option
@json_option
def evaluate(
    networks: tuple[Path, ...],
    data: Path,
    split: str,
    out: Path,
    batch_size: int,
    limit: int | None,
    device: int | str | None,
    as_json: bool,
) -> None:
    """Measure how well networks do on characters that they never saw.

    RUN is a run's folder, a checkpoint, a published .pt file, or a folder of any of these. The tables have a
    row for each pathway of each face rotator (PU, ZH) and for each combiner (FU), and the identity as
    baseline; with 95 % intervals over characters.

    \b
    Examples:
      mmdgen evaluate runs --data dataset
      mmdgen evaluate runs/face-rotator runs/combiner --data dataset --split validation --limit 200
      mmdgen evaluate published/ --data dataset --json
    """  # noqa: D301
    require_evaluation()
    from mmdgen.evaluate.run import Evaluation, evaluate
    from mmdgen.train.devices import choose_device

    plan = Evaluation(
        dataset=data,
        split=split,
        networks=networks,
        out=out,
        device=choose_device(device),
        batch_size=batch_size,
        limit=limit,
    )
    with progress_bar("evaluating", "sample") as show:
        summary = evaluate(plan, show)
    if as_json:
        click.echo(json.dumps(summary, ensure_ascii=False, indent=1))
        return
    click.echo(text_report(summary))
    click.echo(f"look at {out / 'report.html'}")
