"""`mmdgen catalog`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from mmdgen.catalog.scan import Grouping
from mmdgen.cli.dataset_options import progress_bar
from mmdgen.cli.options import (
    address_option,
    annotations_option,
    engine_option,
    engine_settings,
    json_option,
    out_option,
    workers_option,
)
from mmdgen.dataset.config import DatasetConfig, Keep
from mmdgen.dataset.storage import make_folder
from mmdgen.generate.catalog_page import write_catalog_page
from mmdgen.generate.survey import survey_folders
from mmdgen.generate.surveyed import SurveyedModel, SurveySettings, file_row

_USUAL = DatasetConfig(name="", out=Path(), splits=())


@click.command()
@click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=click.Path(path_type=Path))
@out_option(
    "The list, one JSON row per file; a page to look at is written beside it.",
    default="manifests/models.jsonl",
)
@click.option(
    "--records",
    type=click.Path(path_type=Path),
    default=Path("manifests/records"),
    show_default=True,
    metavar="DIR",
    help="What is known of each model; files that have a record are not read again.",
)
@annotations_option
@click.option(
    "--group-depth",
    type=click.IntRange(1, 16),
    default=1,
    show_default=True,
    help="How many folders below DIR make a model's source group.",
)
@click.option(
    "--group-pattern",
    metavar="REGEX",
    help="Take the source group from the path instead: the first part in parentheses.",
)
@click.option(
    "--looks/--no-looks",
    default=True,
    show_default=True,
    help="Draw every model once, to find those that look alike; needs OpenGL.",
)
@click.option(
    "--keep",
    type=click.Choice([keep.value for keep in Keep]),
    default=Keep.ALL.value,
    show_default=True,
    help="Of models that show the same character, use all (in one split) or the best only.",
)
@workers_option
@engine_option
@address_option
@json_option
def catalog(
    folders: tuple[Path, ...],
    out: Path,
    records: Path,
    annotations: Path,
    group_depth: int,
    group_pattern: str | None,
    looks: bool,
    keep: str,
    workers: int | None,
    engine: str,
    address: str | None,
    as_json: bool,
) -> None:
    """Scan folders of downloaded models: usable, or why not, and which are the same.

    For every file its content's hash, format, counts, source group, readme and terms of use. Files that have
    not changed are not read again.
    """
    where = engine_settings(engine, address)
    out, records = out.expanduser(), records.expanduser()
    settings = SurveySettings(
        index=out,
        records=records,
        looks=records / "looks",
        annotations=annotations.expanduser(),
        grouping=Grouping(group_depth, group_pattern),
        max_missing_texture=_USUAL.max_missing_texture,
        look_alikes=looks,
        keep=Keep(keep),
    )
    make_folder(out.parent)
    with progress_bar("looking at models", "step") as show:
        models = survey_folders(
            [folder.expanduser() for folder in folders],
            settings,
            workers=workers,
            engine=where,
            on_progress=show,
        )
    page = write_catalog_page(out.with_suffix(".html"), models, settings.looks)
    if as_json:
        rows = [json.loads(file_row(model)) for model in models]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        _tell(models, out, page)


def _tell(models: Sequence[SurveyedModel], out: Path, page: Path) -> None:
    for model in models:
        if model.problem:
            click.echo(f"not usable: {model.file.name}: {model.problem}")
    for members in sorted({model.kin.members for model in models if model.kin}):
        click.echo(f"the same character: {', '.join(members)}")
    usable = [model for model in models if not model.problem]
    groups = Counter(model.group for model in usable)
    click.echo(f"{len(usable)} of {len(models)} models are usable, in {len(groups)} groups; listed in {out}")
    click.echo(f"look at {page}")
