"""`mmdgen train export-tha1` and `mmdgen train export-onnx`."""

from __future__ import annotations

from pathlib import Path

import click

from mmdgen.cli.options import out_option
from mmdgen.train.extra import require_torch

runs_argument = click.argument(
    "runs", metavar="RUN...", type=click.Path(path_type=Path), nargs=-1, required=True
)


@click.command("export-tha1")
@runs_argument
@out_option("Folder for the files.", required=True)
def export_tha1(runs: tuple[Path, ...], out: Path) -> None:
    """Write networks as the published demo of the article loads them.

    RUN is a run's folder or a checkpoint of the preset tha1, at most one of each kind of network. Writes
    face_morpher.pt, two_algo_face_rotator.pt and combiner.pt: plain state dicts under the published names.

    \b
    Example:
      mmdgen train export-tha1 runs/face-morpher runs/face-rotator runs/combiner --out demo/data
    """  # noqa: D301
    require_torch()
    from mmdgen.train.export import export_tha1

    for path in export_tha1(runs, out):
        click.echo(str(path))


@click.command("export-onnx")
@runs_argument
@out_option("Folder for the files.", required=True)
def export_onnx(runs: tuple[Path, ...], out: Path) -> None:
    """Write networks as ONNX files, checked with onnxruntime.

    RUN is a run's folder, a checkpoint or a published .pt file, at most one of each kind of network. The
    batch axis is free, the size of the pictures is the network's.

    \b
    Example:
      mmdgen train export-onnx runs/face-morpher runs/face-rotator runs/combiner --out onnx
    """  # noqa: D301
    require_torch()
    from mmdgen.train.export import export_onnx

    for export in export_onnx(runs, out):
        click.echo(f"{export.path}: differs from torch by {export.largest_difference:.1g} at most")
