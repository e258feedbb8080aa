"""`mmdgen report`."""

from __future__ import annotations

from pathlib import Path

import click

from mmdgen.cli.options import PlaceType, out_option
from mmdgen.dataset.places import Place
from mmdgen.generate.report import write_report


@click.command()
@click.argument("folder", metavar="DIR", type=PlaceType())
@out_option("The page.  [default: DIR/report/index.html]")
def report(folder: Place, out: Path | None) -> None:
    """Write one HTML page to look at a data set."""
    click.echo(str(write_report(folder, out)))
