"""`mmdgen train`: face-morpher, face-rotator, combiner."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from mmdgen.cli.dataset_options import progress_bar
from mmdgen.cli.options import compute_device_option, data_option, dry_run_option, json_option, seed_option
from mmdgen.cli.train_export import export_onnx, export_tha1
from mmdgen.train.config import CHECKPOINTS_PER_RUN, LossKind, Preset, TrainConfig, train_preset
from mmdgen.train.extra import require_torch
from mmdgen.train.networks.config import NETWORK_SIZES, NetworkKind

SHARED_OPTIONS = [
    data_option,
    click.option(
        "--preset",
        type=click.Choice(list(NETWORK_SIZES)),
        default="tha1",
        show_default=True,
        help="tha1: as in the article, 256 px; small: half the width, 128 px; tiny: for a CPU, 64 px.",
    ),
    click.option("--batch-size", type=click.IntRange(min=1), help="Images a step.  [default: the preset's]"),
    click.option(
        "--learning-rate",
        type=click.FloatRange(min=0, min_open=True),
        help="Of Adam.  [default: the preset's]",
    ),
    seed_option,
    click.option(
        "--limit",
        type=click.IntRange(min=1),
        default=None,
        help="Stop after this many images, counted from the run's beginning.  [default: the preset's]",
    ),
    click.option(
        "--checkpoint-every",
        type=click.IntRange(min=1),
        metavar="IMAGES",
        help="Save, validate and draw samples every so many.  [default: 50 times in the preset's length]",
    ),
    click.option(
        "--workers",
        type=click.IntRange(min=0),
        default=2,
        show_default=True,
        help="Processes that read and decode pictures; 0 reads between the steps.",
    ),
    compute_device_option,
    click.option("--bf16", is_flag=True, help="Mixed precision: bfloat16 inside the networks."),
    click.option(
        "--channels-last", is_flag=True, help="Keep channels together in memory: faster on newer GPUs."
    ),
    click.option(
        "--compile", is_flag=True, help="Compile the network first: minutes to start, faster steps."
    ),
    click.option("--tensorboard", is_flag=True, help="Write the log for TensorBoard too."),
    dry_run_option,
    json_option,
]

loss_option = click.option(
    "--loss",
    type=click.Choice([loss.value for loss in LossKind]),
    default=LossKind.L1.value,
    show_default=True,
    help="l1, or perceptual: L1 and the distance of VGG16's features.",
)
vgg_option = click.option(
    "--vgg",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="VGG16's weights in torchvision's layout, for the perceptual loss.",
)
rotator_option = click.option(
    "--rotator",
    type=click.Path(path_type=Path),
    default=Path("runs/face-rotator"),
    show_default=True,
    metavar="RUN",
    help="Run, checkpoint or published .pt of the rotator whose outputs are combined.",
)


def with_shared_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of all three networks, in the order of `SHARED_OPTIONS`."""
    for option in reversed(SHARED_OPTIONS):
        command = option(command)
    return command


def run_option(kind: NetworkKind) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """`--out`, or `--run`: the run's folder."""
    return click.option(
        "--out",
        "--run",
        "out",
        type=click.Path(path_type=Path),
        default=Path("runs") / kind.value,
        show_default=True,
        metavar="RUN",
        help="The run's folder: checkpoint, log, sample pictures.",
    )


@click.group()
def train() -> None:
    """Train the networks of the article from a data set.

    First the face morpher and the face rotator, in any order, then the combiner, which learns from the
    rotator's outputs. The same command again goes on where it was stopped. Several GPUs share a run with
    torchrun.

    \b
    Examples:
      mmdgen train face-morpher --data dataset
      mmdgen train face-rotator --data dataset --bf16 --channels-last
      mmdgen train combiner --data dataset --rotator runs/face-rotator
      torchrun --nproc-per-node 8 -m mmdgen train face-rotator --data dataset --batch-size 200
    """  # noqa: D301 -- \b is how click keeps lines


@train.command("face-morpher")
@run_option(NetworkKind.FACE_MORPHER)
@with_shared_options
def face_morpher(**options: Any) -> None:
    """Train the network that closes eyes and mouth of a rest image.

    \b
    Examples:
      mmdgen train face-morpher --data dataset
      mmdgen train face-morpher --data small-dataset --preset tiny --device cpu --limit 20000
    """  # noqa: D301 -- \b is how click keeps lines
    _run(NetworkKind.FACE_MORPHER, loss=LossKind.L1.value, vgg=None, rotator=None, **options)


@train.command("face-rotator")
@run_option(NetworkKind.FACE_ROTATOR)
@loss_option
@vgg_option
@with_shared_options
def face_rotator(**options: Any) -> None:
    """Train the network that turns the head, in two ways at once.

    \b
    Examples:
      mmdgen train face-rotator --data dataset
      mmdgen train face-rotator --data dataset --loss perceptual --vgg vgg16-397923af.pth
    """  # noqa: D301 -- \b is how click keeps lines
    _run(NetworkKind.FACE_ROTATOR, rotator=None, **options)


@train.command("combiner")
@run_option(NetworkKind.COMBINER)
@rotator_option
@loss_option
@vgg_option
@with_shared_options
def combiner(**options: Any) -> None:
    """Train the network that takes the best of the rotator's two answers.

    \b
    Examples:
      mmdgen train combiner --data dataset --rotator runs/face-rotator
      mmdgen train combiner --data dataset --loss perceptual --vgg vgg16-397923af.pth
    """  # noqa: D301 -- \b is how click keeps lines
    _run(NetworkKind.COMBINER, **options)


train.add_command(export_tha1)
train.add_command(export_onnx)


def _run(
    kind: NetworkKind,
    *,
    data: Path,
    out: Path,
    preset: str,
    loss: str,
    batch_size: int | None,
    learning_rate: float | None,
    seed: int,
    limit: int | None,
    checkpoint_every: int | None,
    workers: int,
    device: int | str | None,
    bf16: bool,
    channels_last: bool,
    compile: bool,  # noqa: A002
    tensorboard: bool,
    vgg: Path | None,
    rotator: Path | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Train one network, and tell how it went."""
    require_torch()
    from mmdgen.train.loop import TrainOptions, run_facts, train

    planned = train_preset(kind, loss, preset)
    config = _with_wishes(planned, batch_size=batch_size, learning_rate=learning_rate, seed=seed, bf16=bf16)
    options = TrainOptions(
        data=data,
        out=out,
        images=limit or planned.images,
        checkpoint_every=checkpoint_every or max(1, planned.images // CHECKPOINTS_PER_RUN),
        rotator=rotator,
        vgg=vgg,
        device=device,
        workers=workers,
        channels_last=channels_last,
        compile=compile,
        tensorboard=tensorboard,
    )
    if dry_run:
        facts = {"out": str(out), "images": options.images, "checkpoint_every": options.checkpoint_every}
        click.echo(json.dumps(facts | run_facts(config, options, {}), ensure_ascii=False, indent=1))
        return
    with progress_bar(kind.value, "image") as show:
        summary = train(config, options, on_progress=show)
    if not summary.is_first:
        return
    if as_json:
        click.echo(json.dumps(asdict(summary), indent=1))
        return
    if not summary.trained:
        click.echo(f"{out}: has seen {summary.images:,} images already; a larger --limit goes on")
        return
    speed = f"{summary.trained:,} now, {summary.images_per_second:.1f} images/s"
    click.echo(f"{out}: {summary.images:,} images ({speed})")
    for name, value in summary.validation.items():
        click.echo(f"{name}: L1 {value:.5f}")
    click.echo(f"look at {out / 'samples'}")


def _with_wishes(
    planned: Preset, *, batch_size: int | None, learning_rate: float | None, seed: int, bf16: bool
) -> TrainConfig:
    """A preset's configuration with what the command line says instead."""
    config = planned.config
    return replace(
        config,
        batch_size=batch_size or config.batch_size,
        learning_rate=learning_rate or config.learning_rate,
        seed=seed,
        bf16=bf16,
    )
