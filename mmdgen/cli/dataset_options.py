"""What the commands about a data set share: their options, and the way from the options to a plan."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from mmdgen.cli.options import Option
from mmdgen.dataset.config import DatasetConfig, Split, read_config
from mmdgen.generate.runner import prepare_models
from mmdgen.generate.survey import SurveyedModel

split_option: Option[Any] = click.option(
    "--split",
    "splits",
    type=click.Choice([split.value for split in Split]),
    multiple=True,
    help="Which split; may be given several times.  [default: all of the configuration]",
)

seed_override: Option[Any] = click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=None,
    help="Same seed, same result.  [default: the configuration's]",
)

out_override: Option[Any] = click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=None,
    metavar="DIR",
    help="The data set's folder.  [default: the configuration's]",
)


def load_config(path: Path, *, out: Path | None, seed: int | None) -> DatasetConfig:
    """The configuration of a file, with what the command line says instead."""
    config = read_config(path)
    config = config if out is None else replace(config, out=out)
    return config if seed is None else replace(config, seed=seed)


def chosen_splits(config: DatasetConfig, names: tuple[str, ...]) -> list[Split]:
    """The splits that were asked for, or all of the configuration."""
    if not names:
        return [rule.split for rule in config.splits]
    return [config.rule(Split(name)).split for name in names]


def look_at_models(config: DatasetConfig, workers: int | None) -> list[SurveyedModel]:
    """Read every model once, with a progress bar."""
    with progress_bar("reading models", "model") as show:
        return prepare_models(config, workers=workers, on_progress=show)


@contextmanager
def progress_bar(title: str, unit: str) -> Iterator[Any]:
    """A bar on stderr; the value is a function that is told (done, total) and shows rate and time left."""
    with tqdm(desc=title, unit=f" {unit}s", mininterval=0.3, leave=False, dynamic_ncols=True) as bar:

        def show(done: int, total: int) -> None:
            if bar.total != total:
                bar.reset(total)
                bar.initial = done  # what was there before does not count as speed
                bar.n = done
            bar.update(done - bar.n)

        yield show
