"""Draw docs/images/samples.png: real triplets of built-in characters, as the front page shows them.

Run by `make docs`. Characters and poses are fixed, so the picture changes only when the drawing does.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from mmdgen.cast import make_character, write_character
from mmdgen.dataset.config import DatasetConfig
from mmdgen.formats import model_id
from mmdgen.generate.compose import ModelSource, ModelStage, portrait_view
from mmdgen.images import Image, on_checkerboard, write_png
from mmdgen.pose import THA1
from mmdgen.render import Renderer
from mmdgen.scene import Light

PICTURE = Path(__file__).parent / "images" / "samples.png"
SIZE_PX = 168
TRIPLETS_PER_ROW = 3
GAP_PX = 12
SEEDS_AND_POSES = [
    (0, {"head_y": 0.9, "head_x": 0.3, "left_eye": 1.0, "mouth": 0.2}),
    (1, {"head_y": -0.8, "neck_z": 0.6, "mouth": 0.0}),
    (2, {"head_x": 0.9, "left_eye": 1.0, "right_eye": 1.0, "mouth": 0.6}),
    (3, {"head_y": 0.6, "neck_z": -0.9, "right_eye": 1.0}),
    (4, {"head_x": -0.8, "head_y": -0.5, "left_eye": 0.5, "right_eye": 0.5, "mouth": 0.3}),
    (5, {"head_y": 0.8, "neck_z": 0.8, "mouth": 0.0, "right_eye": 1.0, "left_eye": 1.0}),
]


def triplet(renderer: Renderer, seed: int, pose: dict[str, float]) -> Image:
    """Rest, expression and posed image of one character side by side, on a checkerboard."""
    character = make_character(seed)
    config = DatasetConfig(name="samples", out=Path(), splits=(), size_px=SIZE_PX)
    vector = THA1.vector(**pose)
    vectors = np.stack([THA1.rest_vector(), THA1.expression_vector(vector), vector])
    with tempfile.TemporaryDirectory() as folder:
        path = write_character(character, Path(folder))
        source = ModelSource(model_id(path.read_bytes()), "samples", path, character.annotation)
        view = portrait_view(character.annotation, config, Light())
        with ModelStage(renderer, source, THA1, view) as stage:
            images = stage.draw(vectors)
    return np.concatenate([on_checkerboard(image) for image in images], axis=1)


def sheet(triplets: list[Image]) -> Image:
    """Triplets in rows, transparent gaps between them."""
    height, width = triplets[0].shape[:2]
    rows = -(-len(triplets) // TRIPLETS_PER_ROW)
    result = np.zeros(
        (rows * (height + GAP_PX) - GAP_PX, TRIPLETS_PER_ROW * (width + GAP_PX) - GAP_PX, 4), np.uint8
    )
    for place, image in enumerate(triplets):
        top = place // TRIPLETS_PER_ROW * (height + GAP_PX)
        left = place % TRIPLETS_PER_ROW * (width + GAP_PX)
        result[top : top + height, left : left + width] = image
    return result


if __name__ == "__main__":
    with Renderer() as renderer:
        triplets = [triplet(renderer, seed, pose) for seed, pose in SEEDS_AND_POSES]
    PICTURE.parent.mkdir(exist_ok=True)
    write_png(PICTURE, sheet(triplets))
    print(f"wrote {PICTURE}")
