"""`mmdgen cast`."""

from __future__ import annotations

from pathlib import Path

import click
from tqdm import tqdm

from mmdgen.cli.options import out_option, seed_option
from mmdgen.generate.builtin import write_builtin_characters


@click.command()
@click.option(
    "--count", type=click.IntRange(min=1), default=12, show_default=True, help="How many characters."
)
@seed_option
@out_option("The folder that gets a folder for each character.", default="characters")
@click.option(
    "--wild",
    is_flag=True,
    help="Characters whose names, bones, weights, scale and place stray as those of real models do.",
)
def cast(count: int, seed: int, out: Path, wild: bool) -> None:
    """Write built-in characters.

    Original anime characters as PMX models with textures, and their true annotations beside them. They belong
    to everybody. --seed is the first character's; the next ones count on.
    """
    with tqdm(total=count, desc="making characters", unit="character") as bar:
        write_builtin_characters(
            out, count, first_seed=seed, wild=wild, on_written=lambda folder: bar.update() and None
        )
    click.echo(f"{count} characters in {out}")
