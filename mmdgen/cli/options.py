"""The options that mean the same in every command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mmdgen.dataset.config import MAX_SEED
from mmdgen.dataset.places import Place, parse_place
from mmdgen.generate.engines import EngineKind, EngineSettings

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
Option = Callable[[Decorated], Decorated]


class PlaceType(click.ParamType["Place"]):
    """A folder, or the URL of one in object storage."""

    name = "place"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Place:
        """Read a path or a URL."""
        return parse_place(value) if isinstance(value, str) else value


config_option: Option[Any] = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("mmdgen.toml"),
    show_default=True,
    metavar="FILE",
    help="The description of the data set.",
)

data_option: Option[Any] = click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=Path("dataset"),
    show_default=True,
    metavar="DIR",
    help="The data set.",
)

annotations_option: Option[Any] = click.option(
    "--annotations",
    type=click.Path(path_type=Path),
    default=Path("manifests/annotations"),
    show_default=True,
    metavar="DIR",
    help="Where people's annotations of the models are.",
)


def seed_option_of(default: int | None, remark: str = "") -> Option[Any]:
    """`--seed N`: None as default leaves the choice to the configuration."""
    return click.option(
        "--seed",
        type=click.IntRange(0, MAX_SEED),
        default=default,
        show_default=default is not None,
        help=f"Same seed, same result.{remark}",
    )


seed_option: Option[Any] = seed_option_of(0)

workers_option: Option[Any] = click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=None,
    help="Processes that work at the same time.  [default: one per core]",
)

engine_option: Option[Any] = click.option(
    "--engine",
    type=click.Choice([kind.value for kind in EngineKind]),
    default=EngineKind.LOCAL.value,
    show_default=True,
    help="Who works: processes of this machine, or a Ray cluster.",
)

address_option: Option[Any] = click.option(
    "--address",
    metavar="ADDRESS",
    default=None,
    help='The Ray cluster, "auto" or "host:6379", with --engine ray.  [default: Ray on this machine alone]',
)

memory_option: Option[Any] = click.option(
    "--memory",
    "memory_gib",
    type=click.FloatRange(min=0.0, min_open=True),
    default=None,
    metavar="GIB",
    help="Most memory that a worker may take; a model that needs more is set aside.  [default: an even share "
    "of the machine's, at least 2]",
)

device_option: Option[Any] = click.option(
    "--device",
    type=click.IntRange(min=0),
    default=None,
    help="Number of the GPU to use.  [default: the first]",
)


class ComputeDevice(click.ParamType[int | str]):
    """`cpu`, or the number of a GPU."""

    name = "device"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """Read cpu or a number."""
        if value == "cpu":
            return "cpu"
        if not str(value).isdecimal():
            self.fail(f"'{value}' is neither cpu nor the number of a GPU", param, ctx)
        return int(value)


compute_device_option: Option[Any] = click.option(
    "--device",
    type=ComputeDevice(),
    default=None,
    metavar="NUMBER|cpu",
    help="Number of the GPU to use, or cpu.  [default: the first GPU, else cpu]",
)

limit_option: Option[Any] = click.option(
    "--limit", type=click.IntRange(min=1), default=None, help="Stop after this many."
)

dry_run_option: Option[Any] = click.option(
    "--dry-run", is_flag=True, help="Say what would be done, and do nothing."
)

json_option: Option[Any] = click.option(
    "--json", "as_json", is_flag=True, help="Print the facts as JSON instead of text."
)


def engine_settings(engine: str, address: str | None) -> EngineSettings:
    """What --engine and --address say together. Raises click.UsageError."""
    kind = EngineKind(engine)
    if address is not None and kind is not EngineKind.RAY:
        raise click.UsageError("--address names a Ray cluster: add --engine ray")
    return EngineSettings(kind, address)


def out_option(what: str, *, default: str | None = None, required: bool = False) -> Option[Any]:
    """`--out PATH`: where this command writes.

    Args:
        what: the sentence of the help text: what is written there.
        default: the path when none is given.
        required: whether the command cannot do without.
    """
    return click.option(
        "--out",
        type=click.Path(path_type=Path),
        default=None if default is None else Path(default),
        show_default=default is not None,
        required=required,
        metavar="PATH",
        help=what,
    )
