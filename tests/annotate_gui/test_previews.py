"""The page's pictures: pieces of one view, and the frame as data sets render it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from annotate_gui.candidates import Region, find_candidates
from annotate_gui.previews import Order, Portrait, PreviewRoom, Show
from mmdgen.annotate.displacement import resolve_displacements
from mmdgen.annotate.schema import Annotation, Role, Side
from mmdgen.annotate.store import AnnotationStore
from mmdgen.catalog.scan import ModelFile
from mmdgen.dataset.config import Alpha, DatasetConfig
from mmdgen.formats import read_model
from mmdgen.generate.preview import draw_preview
from mmdgen.images import Image
from mmdgen.pose import THA1
from mmdgen.render import Renderer
from mmdgen.rig import skin_vertices

from .conftest import annotations_of


@pytest.fixture
def model(files: list[ModelFile], annotations: Path) -> tuple[ModelFile, Annotation]:
    return annotations_of(files, AnnotationStore(annotations))[0]


def order(model: tuple[ModelFile, Annotation], show: Show = Show.FACTS, **details: object) -> Order:
    file, annotation = model
    return Order(show, annotation.model_id, file.path, annotation, **details)  # type: ignore[arg-type]


def decoded(data: object) -> Image:
    assert isinstance(data, bytes)
    return np.asarray(PIL.Image.open(io.BytesIO(data)).convert("RGBA"))


def test_the_strip_is_cut_out_of_the_front_view(
    renderer: Renderer, model: tuple[ModelFile, Annotation]
) -> None:
    portrait = Portrait(renderer, order(model))
    front, eyes = portrait.picture(Show.FRONT), portrait.picture(Show.EYES)
    cell = portrait.facts()["cells"]["eyes"]
    piece = front[cell["top"] : cell["top"] + cell["height"], cell["left"] : cell["left"] + cell["width"]]
    rest, *closed = np.split(eyes, len(eyes) // cell["height"])
    assert (rest == piece).all()
    closing = [one for one in portrait.candidates if one.region is Region.EYES]
    assert len(closed) == len(closing)
    blink = next(row for row, one in enumerate(closing) if one.name == "まばたき")
    changed = (closed[blink] != rest).any(axis=-1)
    border = np.concatenate([changed[0], changed[-1], changed[:, 0], changed[:, -1]])
    assert changed.any()
    assert not border.any()  # all that the morph moves is inside of the piece
    portrait.close()


def test_the_side_view_looks_to_the_viewers_left_at_the_heights_of_the_front_view(
    renderer: Renderer, model: tuple[ModelFile, Annotation]
) -> None:
    portrait = Portrait(renderer, order(model))
    front, side = portrait.picture(Show.FRONT), portrait.picture(Show.SIDE)
    first_rows = [np.flatnonzero((view[..., 3] > 128).any(axis=1))[0] for view in (front, side)]
    assert abs(int(first_rows[0]) - int(first_rows[1])) <= 1
    posed = portrait._posed([None], with_side=True)
    lids = resolve_displacements(portrait.model)[portrait.candidates[0].morph].vertices
    x, y, _ = np.moveaxis(skin_vertices(posed)[0][:, lids], -1, 0)
    assert np.allclose(y[0], y[1], atol=1e-4)
    assert (x[1] < model[1].head.center_x).all()  # the face is on the left
    portrait.close()


def test_the_frame_is_what_a_data_set_renders(
    renderer: Renderer, model: tuple[ModelFile, Annotation], annotations: Path
) -> None:
    vector = THA1.vector(head_y=0.8, left_eye=1.0, mouth=0.2)
    config = DatasetConfig(name="frame", out=Path(), splits=(), alpha=Alpha.STRAIGHT, annotations=annotations)
    exact = draw_preview(renderer, model[0].path, vector, config).image
    shown = decoded(PreviewRoom(renderer).make(order(model, Show.FRAME, pose=tuple(vector))))
    assert shown.shape == exact.shape
    solid = exact[..., 3] == 255
    difference = np.abs(shown[solid].astype(int) - exact[solid].astype(int))
    assert difference.mean() < 3.0  # small files are not exact to the last bit
    assert (shown[..., 3] > 128).sum() == pytest.approx((exact[..., 3] > 128).sum(), rel=0.01)


def test_a_model_without_a_mouth_morph_has_a_frame_all_the_same(
    renderer: Renderer, model: tuple[ModelFile, Annotation]
) -> None:
    file, annotation = model
    roles = {role: choice for role, choice in annotation.roles.items() if role is not Role.MOUTH_AAA}
    silent = Annotation(annotation.model_id, annotation.head, roles, annotation.eyes)
    room = PreviewRoom(renderer)
    pictures = [
        room.make(Order(Show.FRAME, annotation.model_id, file.path, silent, pose=(0, 0, 0, 0, 0, mouth)))
        for mouth in (0.0, 1.0)
    ]
    assert pictures[0] == pictures[1]


def test_candidates_know_their_side_and_come_in_the_order_of_likelihood(
    model: tuple[ModelFile, Annotation],
) -> None:
    file, annotation = model
    found = find_candidates(read_model(file.path), annotation)
    names = {one.name: one for one in found}
    assert names["まばたき"].side is Side.BOTH
    assert names["まばたき"].shape == "normal"
    assert names["あ"].region is Region.MOUTH
    regions = [one.region for one in found]
    assert regions == sorted(regions, key=list(Region).index)  # eyes, then mouth
    assert found[regions.index(Region.MOUTH)].name == "あ"
    everything = find_candidates(read_model(file.path), annotation, every=True)
    assert {one.morph for one in found} < {one.morph for one in everything}


def test_winks_close_the_side_that_they_say(model: tuple[ModelFile, Annotation]) -> None:
    file, annotation = model
    found = find_candidates(read_model(file.path), annotation, every=True)
    sides = {one.morph: one.side for one in found}
    for closing in annotation.closing_morphs:
        assert sides[closing.morph] is closing.side
