"""`mmdgen report`."""

from __future__ import annotations

from pathlib import Path

import click

from mmdgen.cli.options import out_option
from mmdgen.generate.report import write_report


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@out_option("The page.  [default: DIR/report/index.html]")
def report(folder: Path, out: Path | None) -> None:
    """Write one HTML page to look at a data set."""
    click.echo(str(write_report(folder, out)))
