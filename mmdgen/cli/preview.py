"""`mmdgen preview`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import click

from mmdgen.cli.options import annotations_option, device_option, json_option, out_option
from mmdgen.dataset.config import Alpha, DatasetConfig
from mmdgen.dataset.quality import picture_facts
from mmdgen.generate.preview import Preview, draw_motion, draw_preview
from mmdgen.images import write_png
from mmdgen.pose import THA1, PoseVector
from mmdgen.render import Renderer, RenderSettings
from mmdgen.scene import Shading

_PICTURE = DatasetConfig(name="preview", out=Path(), splits=())


class PoseValue(click.ParamType[tuple[str, float]]):
    """`NAME=VALUE`, one pose parameter."""

    name = "pose"

    def convert(
        self, value: str | tuple[str, float], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, float]:
        """Read NAME=VALUE."""
        if isinstance(value, tuple):
            return value
        name, _, number = value.partition("=")
        try:
            return name.strip(), float(number)
        except ValueError:
            self.fail(f"'{value}' is not of the form NAME=VALUE, for example head_y=0.5", param, ctx)


@click.command()
@click.argument("model", metavar="MODEL", type=click.Path(path_type=Path))
@click.option(
    "--pose",
    "poses",
    type=PoseValue(),
    multiple=True,
    metavar="NAME=VALUE",
    help=f"A pose parameter; may be given several times. Known are {', '.join(THA1.names)}.",
)
@click.option(
    "--motion",
    type=click.Path(path_type=Path),
    metavar="VMD",
    help="Pose the model as this motion does, instead of --pose.",
)
@click.option(
    "--frame",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    help="Which frame of the motion; 30 are a second.",
)
@out_option("The picture.", default="preview.png")
@click.option(
    "--size", type=click.IntRange(16, 4096), default=256, show_default=True, help="Width and height, pixels."
)
@click.option(
    "--alpha",
    type=click.Choice([alpha.value for alpha in Alpha]),
    default=Alpha.STRAIGHT.value,
    show_default=True,
    help="How colours are stored: straight as picture viewers expect, premultiplied as in a data set.",
)
@click.option(
    "--shading",
    type=click.Choice([shading.value for shading in Shading]),
    default=Shading.PHONG.value,
    show_default=True,
    help="phong as in the article's data set, toon as MikuMikuDance draws.",
)
@annotations_option
@device_option
@json_option
def preview(
    model: Path,
    poses: tuple[tuple[str, float], ...],
    motion: Path | None,
    frame: float,
    out: Path,
    size: int,
    alpha: str,
    shading: str,
    annotations: Path,
    device: int | None,
    as_json: bool,
) -> None:
    """Draw one picture of one model under one pose.

    The picture is framed, lit and sampled as in a data set. What no --pose names is at rest: eyes open,
    mouth open, looking ahead.
    """
    if motion is not None and poses:
        raise click.UsageError("choose --pose or --motion, not both")
    if out.suffix.lower() != ".png":
        raise click.UsageError(f"{out}: pictures are PNG files; choose a name that ends in .png")
    vector = THA1.vector(**dict(poses))
    config = replace(
        _PICTURE,
        size_px=size,
        alpha=Alpha(alpha),
        shading=Shading(shading),
        annotations=annotations.expanduser(),
    )
    with Renderer(RenderSettings(device_index=device)) as renderer:
        if motion is None:
            drawn = draw_preview(renderer, model.expanduser(), vector, config)
        else:
            drawn = draw_motion(renderer, model.expanduser(), motion.expanduser(), frame, config)
        driver = renderer.info["renderer"]
    write_png(out, drawn.image)
    if as_json:
        click.echo(json.dumps(_facts(drawn, vector, out, driver, config), ensure_ascii=False, indent=1))
        return
    for warning in drawn.warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(str(out))


def _facts(
    drawn: Preview, vector: PoseVector, out: Path, driver: str, config: DatasetConfig
) -> dict[str, object]:
    annotation = drawn.annotation
    return {
        "out": str(out),
        "model_id": annotation.model_id,
        "pose": dict(zip(THA1.names, vector.tolist(), strict=True)),
        "head": {"bottom": annotation.head.bottom, "top": annotation.head.top},
        "morphs": {role.value: choice.name for role, choice in annotation.roles.items()},
        **picture_facts(drawn.image, config.framing),
        "driver": driver,
        "warnings": list(drawn.warnings),
    }
