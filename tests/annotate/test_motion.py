from __future__ import annotations

import pytest

from mmdgen.annotate.chin import find_chin
from mmdgen.annotate.displacement import resolve_displacements
from mmdgen.annotate.face import find_face
from mmdgen.annotate.motion import Motion, Region, measure_motion
from mmdgen.annotate.schema import Side
from mmdgen.cast import make_character
from mmdgen.model import Model


@pytest.fixture(scope="module")
def model() -> Model:
    return make_character(3).model


@pytest.fixture(scope="module")
def region(model: Model) -> Region:
    face = find_face(model, resolve_displacements(model))
    return Region(face, find_chin(face), face.displacements[model.morphs.names.index("まばたき")])


def motion(region: Region, name: str) -> Motion:
    index = region.face.model.morphs.names.index(name)
    return measure_motion(region, region.face.displacements[index])


def test_brows_rise_fall_and_tilt(region: Region) -> None:
    assert motion(region, "上").rise > 0.95
    assert motion(region, "下").rise < -0.95
    assert motion(region, "困る").tilt < -0.1  # inner ends rise
    assert motion(region, "怒り").tilt > 0.1
    assert abs(motion(region, "上").tilt) < 0.02


def test_lids_are_told_by_the_blink_on_one_side_as_on_both(region: Region) -> None:
    assert motion(region, "まばたき").upper_lid == pytest.approx(1.0)
    assert motion(region, "ウィンク２").upper_lid == pytest.approx(1.0)
    assert motion(region, "びっくり").upper_lid < -0.05
    assert 0.3 < motion(region, "じと目").upper_lid < 0.7


def test_mouths_part_widen_and_turn_up(region: Region) -> None:
    assert motion(region, "あ").opening > motion(region, "い").opening
    assert motion(region, "い").spread > 0.0 > motion(region, "う").spread
    assert motion(region, "口角上げ").corners > 0.0 > motion(region, "口角下げ").corners


def test_small_irises_shrink(region: Region) -> None:
    assert motion(region, "瞳小").shrinks


def test_side_is_where_it_moves(region: Region) -> None:
    sides = {}
    for name in ("困る", "困る左", "困る右"):
        index = region.face.model.morphs.names.index(name)
        sides[name] = region.side_of(region.face.displacements[index])
    assert list(sides.values()) == [Side.BOTH, Side.LEFT, Side.RIGHT]
