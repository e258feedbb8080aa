"""What a person must see, on real models and on a built-in one: sides, signs, and what stays as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mmdgen.annotate import propose_annotation
from mmdgen.cast import make_character, write_character
from mmdgen.formats import model_id, read_model
from mmdgen.generate.compose import ModelSource, ModelStage
from mmdgen.images import Image
from mmdgen.pose import THA1
from mmdgen.render import Renderer
from mmdgen.scene import View, frame_head

REAL_MODELS = {
    "gene": "gene_light/Gene_light.pmx",
    "appearance_miku": "appearance_miku/Appearance Miku.pmx",
    "miku43": "miku43/miku4.3.pmx",
    "mei": "mei_black_jacket/mei_black_jacket.pmd",
}

Draw = Callable[..., Image]


@pytest.fixture(
    scope="module",
    params=["built-in", *(pytest.param(name, marks=pytest.mark.local_models) for name in REAL_MODELS)],
)
def draw(
    request: pytest.FixtureRequest, renderer: Renderer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Draw]:
    """A function that draws the model under named parameters, THA1's picture at 4 samples per pixel."""
    if request.param == "built-in":
        path = write_character(make_character(3), tmp_path_factory.mktemp("cast"))
    else:
        shared: Path = request.getfixturevalue("shared_dir")
        path = shared / "models" / REAL_MODELS[request.param]
    identity = model_id(path.read_bytes())
    annotation = propose_annotation(read_model(path), identity)
    head = annotation.head
    view = View(frame_head(head.bottom, head.top, head.center_x), samples_per_axis=2)
    source = ModelSource(model_id=identity, group="test", path=path, annotation=annotation)
    with ModelStage(renderer, source, THA1, view) as stage:
        yield lambda **values: stage.draw(THA1.vector(**values)[None])[0]


def changed(first: Image, second: Image) -> NDArray[np.bool_]:
    """Pixels that differ by more than a level or two."""
    return (np.abs(first.astype(int) - second.astype(int)) > 3).any(axis=-1)


def center(mask: NDArray[np.bool_]) -> tuple[float, float]:
    """Mean column and row."""
    rows, columns = mask.nonzero()
    return float(columns.mean()), float(rows.mean())


def test_closing_an_eye_changes_only_its_side(draw: Draw) -> None:
    """The character's left eye is on the viewer's right."""
    rest = draw()
    left, right = changed(draw(left_eye=1.0), rest), changed(draw(right_eye=1.0), rest)
    assert left.sum() > 30
    assert right.sum() > 30
    assert left.nonzero()[1].min() >= 126
    assert right.nonzero()[1].max() <= 129


def test_closing_both_eyes_is_closing_each(draw: Draw) -> None:
    rest = draw()
    both = changed(draw(left_eye=1.0, right_eye=1.0), rest)
    each = changed(draw(left_eye=1.0), rest) | changed(draw(right_eye=1.0), rest)
    assert (both == each).mean() > 0.999


def test_eyes_are_above_the_mouth_and_both_inside_the_head(draw: Draw) -> None:
    rest = draw()
    eyes = changed(draw(left_eye=1.0, right_eye=1.0), rest)
    mouth = changed(draw(mouth=0.0), rest)
    assert center(eyes)[1] < center(mouth)[1] - 10
    for mask in (eyes, mouth):
        rows, columns = mask.nonzero()
        assert rows.min() >= 64
        assert rows.max() < 200
        assert columns.min() >= 64
        assert columns.max() < 192


def test_expression_differs_from_rest_only_around_eyes_and_mouth(draw: Draw) -> None:
    rest = draw()
    expression = draw(left_eye=0.7, right_eye=0.3, mouth=0.4)
    eyes, mouth = changed(draw(left_eye=1.0, right_eye=1.0), rest), changed(draw(mouth=0.0), rest)
    reach = _grown(eyes, 6) | _grown(mouth, 6)
    assert not changed(expression, rest)[~reach].any()
    assert reach.mean() < 0.15


def test_zero_pose_with_the_mouth_open_is_the_rest_picture_bit_for_bit(draw: Draw) -> None:
    assert (draw(head_x=0.0, head_y=0.0, neck_z=0.0, mouth=1.0) == draw()).all()


def test_looking_up_raises_the_mouth_and_looking_down_lowers_it(draw: Draw) -> None:
    assert mouth_at(draw, head_x=1.0)[1] < mouth_at(draw)[1] - 3
    assert mouth_at(draw, head_x=-1.0)[1] > mouth_at(draw)[1] + 3


def test_turning_moves_the_mouth_to_the_viewers_left_for_plus_one(draw: Draw) -> None:
    assert mouth_at(draw, head_y=1.0)[0] < mouth_at(draw)[0] - 5
    assert mouth_at(draw, head_y=-1.0)[0] > mouth_at(draw)[0] + 5


def test_leaning_moves_the_eyes_to_the_viewers_left_for_plus_one(draw: Draw) -> None:
    """The eyes are higher above the neck than the mouth, so they move farther: the head's top leans left."""
    for sign in (1.0, -1.0):
        eyes_shift = eyes_at(draw, neck_z=sign)[0] - eyes_at(draw)[0]
        mouth_shift = mouth_at(draw, neck_z=sign)[0] - mouth_at(draw)[0]
        assert sign * eyes_shift < sign * mouth_shift - 2 < 0


def test_transparent_pixels_are_exactly_zero_and_the_head_is_not_cut(draw: Draw) -> None:
    picture = draw()
    assert not picture[picture[..., 3] == 0].any()
    assert picture[64:192, 120:136, 3].mean() > 200
    assert not picture[:20, :, 3].any() or picture[:20, :, 3].mean() < 30


def mouth_at(draw: Draw, **values: float) -> tuple[float, float]:
    """Where the mouth is, found by closing it."""
    return center(changed(draw(mouth=0.0, **values), draw(**values)))


def eyes_at(draw: Draw, **values: float) -> tuple[float, float]:
    """Where the eyes are, found by closing them."""
    return center(changed(draw(left_eye=1.0, right_eye=1.0, **values), draw(**values)))


def _grown(mask: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """The box around a mask, larger by some pixels."""
    rows, columns = mask.nonzero()
    box = np.zeros_like(mask)
    box[
        max(0, rows.min() - by) : rows.max() + by + 1, max(0, columns.min() - by) : columns.max() + by + 1
    ] = True
    return box
