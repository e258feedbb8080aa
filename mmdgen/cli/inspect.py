"""`mmdgen inspect`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from mmdgen.catalog.summary import summarise_model
from mmdgen.catalog.summary_text import summary_text
from mmdgen.cli.options import json_option


@click.command()
@click.argument("model", metavar="MODEL", type=click.Path(path_type=Path))
@click.option("--bones", is_flag=True, help="Print the tree of bones too.")
@json_option
def inspect(model: Path, bones: bool, as_json: bool) -> None:
    """Tell what is in a model file, with every warning.

    Counts, materials and the state of their textures, morphs by panel, what makes the model usable as a
    character or not, and what its comment and the texts beside it say about terms of use.
    """
    summary = summarise_model(model.expanduser())
    if as_json:
        click.echo(json.dumps(summary.to_json(), ensure_ascii=False, indent=1))
    else:
        click.echo(summary_text(summary, with_bones=bones))
