"""`mmdgen catalog`."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import click

from mmdgen.cli.dataset_options import progress_bar
from mmdgen.cli.options import json_option, out_option, workers_option
from mmdgen.dataset.storage import make_folder, write_text
from mmdgen.generate.survey import file_row, survey_folders


@click.command()
@click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=click.Path(path_type=Path))
@out_option("The list, one JSON row per file.", default="manifests/models.jsonl")
@click.option(
    "--records",
    type=click.Path(path_type=Path),
    default=Path("manifests/records"),
    show_default=True,
    metavar="DIR",
    help="What is known of each model; files that have a record are not read again.",
)
@click.option(
    "--annotations",
    type=click.Path(path_type=Path),
    default=Path("manifests/annotations"),
    show_default=True,
    metavar="DIR",
    help="What people said of the models.",
)
@workers_option
@json_option
def catalog(
    folders: tuple[Path, ...],
    out: Path,
    records: Path,
    annotations: Path,
    workers: int | None,
    as_json: bool,
) -> None:
    """Scan folders of downloaded models: usable, or why not."""
    with progress_bar("reading models", "model") as show:
        models = survey_folders(
            folders, index=out, records=records, annotations=annotations, workers=workers, on_progress=show
        )
    make_folder(out.parent)
    write_text(out, "".join(file_row(model) for model in models))
    if as_json:
        click.echo(
            json.dumps([json.loads(file_row(model)) for model in models], ensure_ascii=False, indent=1)
        )
        return
    for model in models:
        if model.problem:
            click.echo(f"not usable: {model.file.name}: {model.problem}")
    usable = [model for model in models if not model.problem]
    groups = Counter(model.group for model in usable)
    click.echo(f"{len(usable)} of {len(models)} models are usable, in {len(groups)} groups; listed in {out}")
