"""Characters as they are drawn: eyes that close, mouths that open, heads that turn."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from mmdgen.cast import Character, make_character
from mmdgen.cast.textures import PALETTE_CELLS
from mmdgen.images import Image
from mmdgen.pose import THA1
from mmdgen.render import Renderer
from mmdgen.rig import build_rig, skin_vertices
from mmdgen.sampling.binding import bind_annotation
from mmdgen.scene import Camera, View, frame_head

SEEDS = [0, 3, 9]
MANY_SEEDS = range(12, 52)
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
Pictures = NDArray[np.uint8]


def flat(color: tuple[int, int, int]) -> Image:
    return np.full((4, 4, 4), (*color, 255), np.uint8)


def palette(colors: Mapping[str, tuple[int, int, int]], rest: tuple[int, int, int]) -> Image:
    cell = 8
    picture = np.full((4 * cell, 4 * cell, 4), (*rest, 255), np.uint8)
    for material, color in colors.items():
        column, row = PALETTE_CELLS[material]
        picture[row * cell : (row + 1) * cell, column * cell : (column + 1) * cell, :3] = color
    return picture


def portrait(character: Character) -> Camera:
    head = character.annotation.head
    return frame_head(head.bottom, head.top, head.center_x)


def draw(
    renderer: Renderer, character: Character, textures: Mapping[str, Image], vectors: NDArray[np.float64]
) -> Pictures:
    bound = bind_annotation(character.model, character.annotation)
    rig = build_rig(bound.model)
    model = renderer.load(rig, {i: textures[name] for i, name in enumerate(bound.model.textures)})
    return renderer.render(
        model, rig.pose(bound.pose(vectors)), View(portrait(character), samples_per_axis=2, outline_px=0.0)
    )


def painted(character: Character, changes: Mapping[str, Image]) -> dict[str, Image]:
    return {name: changes.get(name, flat(RED)) for name in character.textures}


def check_eyes_close(renderer: Renderer, character: Character) -> None:
    textures = painted(character, {"iris.png": flat(GREEN)})
    weights = np.linspace(0.0, 1.0, 9)
    vectors = np.stack([THA1.vector(left_eye=w, right_eye=w) for w in weights])
    pictures = draw(renderer, character, textures, vectors)
    iris = (pictures[..., 1] > 8).sum(axis=(1, 2))
    assert iris[0] > 120, "the open eyes show their irises"
    assert iris[-1] == 0
    assert (np.diff(iris.astype(np.int64)) <= 0).all()


def check_mouth_opens(renderer: Renderer, character: Character) -> None:
    inside = palette({"mouth_inside": GREEN, "teeth": GREEN, "tongue": GREEN}, BLUE)
    textures = painted(character, {"face.png": flat(BLUE), "skin.png": flat(BLUE), "palette.png": inside})
    vectors = np.stack([THA1.vector(mouth=w) for w in np.linspace(0.0, 1.0, 6)])
    pictures = draw(renderer, character, textures, vectors)
    around = mouth_box(character)
    red, opening = pictures[..., 0][:, *around], (pictures[..., 1] > 100)[:, *around].sum(axis=(1, 2))
    assert red.max() == 0, "only skin and mouth are seen around the mouth, nothing behind a tear"
    assert opening[0] == 0
    assert opening[-1] > 40
    assert (np.diff(opening.astype(np.int64)) >= 0).all()


def mouth_box(character: Character) -> tuple[slice, slice]:
    camera, unit = portrait(character), character.traits.face.unit
    per_px = (camera.right - camera.left) / 256
    mouth = character.annotation.head.bottom + character.traits.mouth.height * unit
    row = round((camera.top - mouth) / per_px)
    high, low, side = (round(length * unit / per_px) for length in (0.12, 0.24, 0.24))
    return slice(row - high, row + low), slice(128 - side, 128 + side)


def check_head_turns(renderer: Renderer, character: Character) -> None:
    corners = [THA1.vector(head_x=x, head_y=y, neck_z=z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    vectors = np.stack(corners)
    textures = {
        name: flat(RED if name in ("hair.png", "fringe.png") else BLUE) for name in character.textures
    }
    pictures = draw(renderer, character, textures, vectors)
    for picture, places in zip(pictures, face_pixels(character, vectors), strict=True):
        seen = picture[places[:, 1], places[:, 0]]
        assert (seen[:, 3] == 255).all(), "no holes in the middle of the face and neck"
        assert (seen[:, 0] < 30).all(), "no hair through the face"


def face_pixels(character: Character, vectors: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Column and row of vertices between mouth and eyes, and along the neck, in every pose."""
    bound = bind_annotation(character.model, character.annotation)
    positions, _ = skin_vertices(build_rig(bound.model).pose(bound.pose(vectors)))
    model, unit, camera = bound.model, character.traits.face.unit, portrait(character)
    place = (model.vertices.positions - [0.0, character.annotation.head.bottom, 0.0]) / unit
    face = np.unique(model.faces[slice(*model.materials.face_ranges()[model.materials.names.index("顔")])])
    skin = np.unique(model.faces[slice(*model.materials.face_ranges()[model.materials.names.index("肌")])])
    x, y, z = place.T
    middle = face[(np.abs(x) < 0.3)[face] & (y > 0.55)[face] & (y < 0.7)[face] & (z < -0.5)[face]]
    neck = skin[(np.abs(x) < 0.2)[skin] & (y > -0.30)[skin] & (y < -0.16)[skin] & (z < 0.0)[skin]]
    chosen = positions[:, np.concatenate([middle, neck])]
    per_px = (camera.right - camera.left) / 256
    columns = (chosen[..., 0] - camera.left) / per_px
    rows = (camera.top - chosen[..., 1]) / per_px
    return list(np.stack([columns, rows], axis=-1).astype(np.int64))


CHECKS = [check_eyes_close, check_mouth_opens, check_head_turns]


@pytest.mark.parametrize("seed", SEEDS)
def test_irises_vanish_step_by_step_as_the_eyes_close(renderer: Renderer, seed: int) -> None:
    check_eyes_close(renderer, make_character(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_mouth_opens_without_tearing(renderer: Renderer, seed: int) -> None:
    check_mouth_opens(renderer, make_character(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_head_turns_without_holes_or_hair_in_the_face(renderer: Renderer, seed: int) -> None:
    check_head_turns(renderer, make_character(seed))


@pytest.mark.slow
@pytest.mark.parametrize("seed", MANY_SEEDS)
def test_many_characters_can_do_all_that(renderer: Renderer, seed: int) -> None:
    character = make_character(seed)
    for check in CHECKS:
        check(renderer, character)
