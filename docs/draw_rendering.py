"""Draw docs/images/rendering-*.png: what each choice of drawing looks like, on built-in characters.

Run by `make docs`. Characters and poses are fixed, so the pictures change only when the drawing does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmdgen.cast import Character, make_character
from mmdgen.images import Image, on_checkerboard, write_png
from mmdgen.pose import THA1, PoseVector
from mmdgen.render import Renderer
from mmdgen.render.changes import find_change
from mmdgen.rig import PosedModel, Rig, build_rig
from mmdgen.sampling.binding import BoundModel, bind_annotation
from mmdgen.scene import Framing, Shading, View, frame_head

FOLDER = Path(__file__).parent / "images"
SIZE_PX = 192
GAP_PX = 10
SEEDS = (1, 2, 5)
POSE = THA1.vector(head_y=0.5, neck_z=-0.3, mouth=0.3)
ENLARGED = 8
CROP = (slice(98, 122), slice(120, 144))  # rows and columns that are shown enlarged


def views(shading: Shading, outline_px: float, samples_per_axis: int, character: Character) -> View:
    """A portrait of a character."""
    head = character.annotation.head
    framing = Framing(SIZE_PX, SIZE_PX * 0.55, (SIZE_PX / 2, SIZE_PX / 2))
    return View(
        camera=frame_head(head.bottom, head.top, head.center_x, framing=framing),
        size_px=SIZE_PX,
        samples_per_axis=samples_per_axis,
        outline_px=outline_px,
        shading=shading,
    )


def posed(character: Character, labels: PoseVector) -> tuple[BoundModel, Rig, PosedModel]:
    """A character under labels (N, parameters)."""
    bound = bind_annotation(character.model, character.annotation)
    rig = build_rig(bound.model)
    return bound, rig, rig.pose(bound.pose(labels))


def draw(
    renderer: Renderer,
    character: Character,
    *,
    shading: Shading = Shading.PHONG,
    outline_px: float = 0.5,
    samples_per_axis: int = 4,
    label: PoseVector = POSE,
) -> Image:
    """One picture, premultiplied."""
    bound, rig, pose = posed(character, label[None])
    textures = {row: character.textures[name] for row, name in enumerate(bound.model.textures)}
    gpu_model = renderer.load(rig, textures, shading=shading)
    image = renderer.render(gpu_model, pose, views(shading, outline_px, samples_per_axis, character))[0]
    gpu_model.release()
    return image


def beside(images: Sequence[Image]) -> Image:
    """Pictures in a row, transparent gaps between them."""
    gap = np.zeros((len(images[0]), GAP_PX, 4), np.uint8)
    parts = [part for image in images for part in (image, gap)][:-1]
    return np.concatenate(parts, axis=1)


def below(rows: Sequence[Image]) -> Image:
    """Rows of pictures under each other."""
    gap = np.zeros((GAP_PX, rows[0].shape[1], 4), np.uint8)
    return np.concatenate([part for row in rows for part in (row, gap)][:-1], axis=0)


def enlarged(image: Image) -> Image:
    """The crop, each pixel as a square."""
    return image[CROP].repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1)


def with_frame(image: Image, box: tuple[int, int, int, int]) -> Image:
    """A red rectangle around (left, top, right, bottom)."""
    left, top, right, bottom = box
    framed = image.copy()
    edge = (slice(top, bottom), slice(left, right))
    inside = framed[top + 1 : bottom - 1, left + 1 : right - 1].copy()
    framed[edge] = (220, 30, 30, 255)
    framed[top + 1 : bottom - 1, left + 1 : right - 1] = inside
    return framed


def shadings(renderer: Renderer) -> Image:
    """Per character: phong with and without outline, toon with and without."""
    choices = [(shading, outline) for shading in Shading for outline in (0.5, 0.0)]
    return below(
        [
            beside(
                [
                    on_checkerboard(draw(renderer, make_character(seed), shading=shading, outline_px=outline))
                    for shading, outline in choices
                ]
            )
            for seed in SEEDS
        ]
    )


def samples(renderer: Renderer) -> Image:
    """1, 4 and 16 samples a pixel: whole, and a part enlarged."""
    character = make_character(SEEDS[0])
    images = [on_checkerboard(draw(renderer, character, samples_per_axis=side)) for side in (1, 2, 4)]
    return below([beside(images), beside([enlarged(image) for image in images])])


def redraw(renderer: Renderer) -> Image:
    """Rest picture, an expression with the part that was drawn again, and what differs between the two."""
    character = make_character(SEEDS[1])
    corners = np.array(
        [THA1.vector(left_eye=e, right_eye=f, mouth=m) for e in (0, 1) for f in (0, 1) for m in (0, 1)]
    )
    _, _, extremes = posed(character, corners)
    _, _, rest = posed(character, THA1.rest_vector()[None])
    change = find_change(rest, extremes, views(Shading.PHONG, 0.5, 4, character))
    assert change is not None
    box = change.box
    label = THA1.vector(left_eye=1.0, mouth=0.1)
    before, after = (draw(renderer, character, label=pose) for pose in (THA1.rest_vector(), label))
    difference = np.abs(before.astype(int) - after).max(axis=-1, keepdims=True)
    marked = np.concatenate(
        [np.repeat(255 - np.clip(3 * difference, 0, 255), 3, axis=-1), np.full_like(difference, 255)], axis=-1
    )
    framed = with_frame(on_checkerboard(after), (box.left, box.top, box.right, box.bottom))
    return beside([on_checkerboard(before), framed, marked.astype(np.uint8)])


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    with Renderer() as renderer:
        for name, picture in (
            ("shading", shadings(renderer)),
            ("samples", samples(renderer)),
            ("redraw", redraw(renderer)),
        ):
            write_png(FOLDER / f"rendering-{name}.png", picture)
            print(f"wrote {FOLDER / f'rendering-{name}.png'}")
