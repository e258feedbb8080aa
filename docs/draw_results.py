"""Draw the curves and pictures of docs/explanation/results.md from training runs and their evaluation.

python docs/draw_results.py RUNS EVALUATION

RUNS holds the runs' folders face-morpher, face-rotator and combiner; EVALUATION is what
`mmdgen evaluate RUNS` wrote.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

from mmdgen.dataset.storage import read_rows
from mmdgen.pages.line_chart import Line, line_chart, stand_alone

IMAGES = Path(__file__).parent / "images"
RUNS = ("face-morpher", "face-rotator", "combiner")
COLOURS = 192  # of a sheet's palette: a third of the bytes, and no difference to see


def curve(log: Path) -> str:
    """The validation L1 of a run against the images that it saw, as an SVG file."""
    rows = [row for row in read_rows(log) if "validation/identity" in row]
    names = [name for name in rows[0] if name.startswith("validation/")]
    lines = [
        Line(
            name.removeprefix("validation/"),
            [row["images"] for row in rows],
            [row[name] for row in rows],
            is_baseline=name == "validation/identity",
        )
        for name in names
    ]
    return stand_alone(line_chart(lines, x_title="training images", y_title="L1 on validation characters"))


def main(runs: Path, evaluation: Path) -> None:
    """Write docs/images/results-*."""
    for name in RUNS:
        path = IMAGES / f"results-{name}.svg"
        path.write_text(curve(runs / name / "log.jsonl"), encoding="utf-8", newline="\n")
        print(f"wrote {path}")
    for sheet in ("whole-random", "whole-worst", "expression-random"):
        path = IMAGES / f"results-{sheet}.png"
        with Image.open(evaluation / "sheets" / f"{sheet}.png") as picture:
            picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
        print(f"wrote {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
