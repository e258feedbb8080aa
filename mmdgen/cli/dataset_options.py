"""What the commands about a data set share: their options, and the way from the options to a plan."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import click
from tqdm import tqdm

from mmdgen.cli.options import (
    Option,
    PlaceType,
    address_option,
    config_option,
    engine_option,
    engine_settings,
    seed_option_of,
    workers_option,
)
from mmdgen.dataset.config import DatasetConfig, Split, read_config
from mmdgen.dataset.places import Place
from mmdgen.dataset.plan import Plan
from mmdgen.dataset.splits import assign_split
from mmdgen.generate.engines import EngineSettings
from mmdgen.generate.runner import plan_split, prepare_models
from mmdgen.generate.survey import FILES
from mmdgen.generate.surveyed import SurveyedModel

split_option: Option[Any] = click.option(
    "--split",
    "splits",
    type=click.Choice([split.value for split in Split]),
    multiple=True,
    help="Which split; may be given several times.  [default: all of the configuration]",
)

models_override: Option[Any] = click.option(
    "--models",
    "folders",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="DIR",
    help="Use the models below DIR instead of the configuration's, in splits of the usual shares, and name "
    "the data set after its folder; may be given several times.",
)


out_override: Option[Any] = click.option(
    "--out",
    type=PlaceType(),
    default=None,
    metavar="DIR",
    help="The data set's folder, or a URL such as s3://bucket/name.  [default: the configuration's]",
)


Command = TypeVar("Command", bound=Callable[..., Any])


def dataset_options(command: Command) -> Command:
    """The options of commands that plan, from --config to --address.

    The command gets them as one `Asked`, its argument `asked`.
    """

    @functools.wraps(command)
    def planned(
        config: Path,
        splits: tuple[str, ...],
        folders: tuple[Path, ...],
        out: Place | None,
        seed: int | None,
        workers: int | None,
        engine: str,
        address: str | None,
        **others: Any,
    ) -> Any:
        where = engine_settings(engine, address)
        dataset = load_config(config, out=out, seed=seed, folders=folders)
        return command(asked=Asked(dataset, splits, workers, where), **others)

    options = (
        config_option,
        split_option,
        models_override,
        out_override,
        seed_option_of(None, "  [default: the configuration's]"),
        workers_option,
        engine_option,
        address_option,
    )
    for option in reversed(options):
        planned = option(planned)
    return planned  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options of `dataset_options` ask for."""

    config: DatasetConfig
    splits: tuple[str, ...]  # names; none means all
    workers: int | None
    engine: EngineSettings = field(default_factory=EngineSettings)

    def look_at_models(self, *, leave_nothing: bool = False) -> list[SurveyedModel]:
        """Read every model once, with a progress bar.

        What was found is kept in the data set's folder; with `leave_nothing`, if there is no data set yet, in
        one that goes when the command ends.
        """
        config = self.config
        if leave_nothing and not (config.out / FILES).is_file():
            scratch = TemporaryDirectory(prefix="mmdgen-dry-run-")
            config = replace(config, out=Path(click.get_current_context().with_resource(scratch)))
        return look_at_models(config, self.workers, self.engine)

    def plans(self, models: Sequence[SurveyedModel]) -> list[Plan]:
        """See `plans_of`."""
        return plans_of(self.config, models, self.splits)


def load_config(
    path: Path, *, out: Place | None, seed: int | None, folders: tuple[Path, ...] = ()
) -> DatasetConfig:
    """The configuration of a file, with what the command line says instead."""
    config = read_config(path)
    config = config if out is None else replace(config, out=out)
    if folders:
        # the file's name and patterns are for its own models
        splits = tuple(replace(rule, groups=(), share=None) for rule in config.splits)
        folders = tuple(folder.expanduser() for folder in folders)
        config = replace(config, name=_name_of(config.out), builtin=0, folders=folders, splits=splits)
    return config if seed is None else replace(config, seed=seed)


def _name_of(out: Place) -> str:
    return out.resolve().name if isinstance(out, Path) else out.name


def plans_of(config: DatasetConfig, models: Sequence[SurveyedModel], names: tuple[str, ...]) -> list[Plan]:
    """The plans of the splits that were asked for by name, or of all that have a model.

    Raises:
        DatasetError: a named split, or every split, has no model.
    """
    splits = [config.rule(Split(name)).split for name in names] or _splits_with_models(config, models)
    return [plan_split(config, models, split) for split in splits]


def _splits_with_models(config: DatasetConfig, models: Sequence[SurveyedModel]) -> list[Split]:
    """The configuration's splits, less those that no model falls into: few models cannot fill three."""
    every = [rule.split for rule in config.splits]
    groups = {model.group for model in models if not model.problem}
    filled = {assign_split(group, config.splits) for group in groups}
    if not filled.intersection(every):
        return every
    for split in every:
        if split not in filled:
            click.echo(f"{split.value}: no model falls into this split; nothing to do", err=True)
    return [split for split in every if split in filled]


def look_at_models(
    config: DatasetConfig, workers: int | None, engine: EngineSettings | None = None
) -> list[SurveyedModel]:
    """Read every model once, with a progress bar."""
    with progress_bar("looking at models", "step") as show:
        return prepare_models(config, workers=workers, engine=engine, on_progress=show)


def plan_line(fact: Mapping[str, Any], time: str = "") -> str:
    """What `plan_facts` says, in one line."""
    size = fact["bytes"]
    readable = f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.0f} MB"
    return (
        f"{fact['split']}: {_count(fact['samples'], 'sample')} of {_count(fact['models'], 'model')} in "
        f"{_count(fact['groups'], 'group')}, {_count(fact['shards'], 'shard')} "
        f"({fact['shards_there']:,} there), "
        f"about {readable}{time}, fingerprint {fact['fingerprint']}"
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


UNUSED_LINES = 20  # a folder of thousands has hundreds of stages, weapons and damaged files


def tell_unused(models: Sequence[SurveyedModel]) -> None:
    """Name the models that are not used, each with its reason; of many, the first and how many more."""
    unused = [model for model in models if model.problem]
    for model in unused[:UNUSED_LINES]:
        click.echo(f"not used: {model.file.name}: {model.problem}")
    if len(unused) > UNUSED_LINES:
        click.echo(
            f"not used: {len(unused) - UNUSED_LINES:,} more; the report lists them with their reasons, "
            "and so does mmdgen catalog"
        )


@contextmanager
def progress_bar(title: str, unit: str) -> Iterator[Any]:
    """A bar on stderr; the value is a function that is told (done, total) and shows rate and time left.

    Where stderr is no terminal there is none: a log file has no use for it.
    """
    with tqdm(
        desc=title, unit=f" {unit}s", mininterval=0.3, leave=False, dynamic_ncols=True, disable=None
    ) as bar:

        def show(done: int, total: int) -> None:
            if bar.total != total:
                bar.reset(total)
                bar.initial = done  # what was there before does not count as speed
                bar.n = done
            bar.update(done - bar.n)

        yield show
