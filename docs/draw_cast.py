"""Draw docs/images/cast.png and cast-poses.png: contact sheets of the built-in characters.

Run by `make docs`. Characters and poses are fixed, so the pictures change only when the drawing does.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from mmdgen.cast import Character, make_character
from mmdgen.images import Image, linear_from_srgb, srgb_from_linear
from mmdgen.pose import THA1
from mmdgen.render import Renderer
from mmdgen.rig import build_rig
from mmdgen.sampling.binding import bind_annotation
from mmdgen.scene import Framing, Shading, View, frame_head

FOLDER = Path(__file__).parent / "images"
CHARACTERS = 64
PORTRAIT_PX, PORTRAITS_PER_ROW = 150, 8
POSED_PX, POSED_PER_ROW = 92, 4
STEP = 4  # of stored colours: finer differences are not seen, and double the bytes
BACKGROUND = np.array([0.89, 0.905, 0.925])  # sRGB
CLOSED = THA1.vector(mouth=0.0)


def draw(
    renderer: Renderer, character: Character, vectors: NDArray[np.float64], shading: Shading, size_px: int
) -> list[Image]:
    """One picture for each label, on a plain ground."""
    bound = bind_annotation(character.model, character.annotation)
    rig = build_rig(bound.model)
    textures = {i: character.textures[name] for i, name in enumerate(bound.model.textures)}
    model = renderer.load(rig, textures, shading=shading)
    head = character.annotation.head
    framing = Framing(size_px, size_px * 0.57, (size_px / 2, size_px * 0.54))
    camera = frame_head(head.bottom, head.top, head.center_x, framing=framing)
    view = View(camera, size_px=size_px, shading=shading)
    return [on_ground(image) for image in renderer.render(model, rig.pose(bound.pose(vectors)), view)]


def on_ground(image: Image) -> Image:
    """The premultiplied picture over the background, opaque."""
    color, alpha = linear_from_srgb(image[..., :3] / 255.0), image[..., 3:] / 255.0
    over = srgb_from_linear(np.clip(color + (1.0 - alpha) * linear_from_srgb(BACKGROUND), 0.0, 1.0))
    return np.dstack([np.round(over * 255.0), np.full(alpha.shape[:2], 255.0)]).astype(np.uint8)


def poses(renderer: Renderer, character: Character) -> Image:
    """Rest, expression and posed picture of one character, and the posed one as MMD would draw it."""
    rng = np.random.default_rng(character.traits.seed)
    turn = dict(zip(("head_x", "head_y", "neck_z"), rng.uniform(-1.0, 1.0, 3), strict=True))
    eyes = {"left_eye": rng.choice([0.0, 0.5, 1.0]), "right_eye": rng.choice([0.0, 0.0, 1.0])}
    vector = THA1.vector(**turn, **eyes, mouth=rng.choice([0.0, 0.6, 1.0]))
    three = np.stack([THA1.rest_vector(), THA1.expression_vector(vector), vector])
    phong = draw(renderer, character, three, Shading.PHONG, POSED_PX)
    toon = draw(renderer, character, vector[None], Shading.TOON, POSED_PX)
    return np.concatenate([*phong, *toon], axis=1)


def in_rows(pictures: list[Image], per_row: int) -> Image:
    """Pictures of one size, row by row."""
    rows = [np.concatenate(pictures[i : i + per_row], axis=1) for i in range(0, len(pictures), per_row)]
    return np.concatenate(rows)


def store(name: str, picture: Image) -> None:
    """Write a picture as a small PNG file."""
    coarse = np.minimum((picture[..., :3].astype(np.int64) + STEP // 2) // STEP * STEP, 255)
    PIL.Image.fromarray(coarse.astype(np.uint8)).save(FOLDER / name, optimize=True)


def main() -> None:
    """Write both pictures."""
    portraits, posed = [], []
    with Renderer() as renderer:
        for seed in range(CHARACTERS):
            character = make_character(seed)
            portraits += draw(renderer, character, CLOSED[None], Shading.PHONG, PORTRAIT_PX)
            posed.append(poses(renderer, character))
    store("cast.png", in_rows(portraits, PORTRAITS_PER_ROW))
    store("cast-poses.png", in_rows(posed, POSED_PER_ROW))


if __name__ == "__main__":
    main()
