from __future__ import annotations

import logging
import time
from pathlib import Path

import numpy as np
import pytest

from mmdgen.errors import ModelError
from mmdgen.formats import read_model
from mmdgen.model import NO_INDEX, Model
from mmdgen.rig import build_rig, find_bone_roles, require_posable
from mmdgen.rig.skeleton import ancestors
from tests.builders import about_z, bone, build_model, build_pose, vertex


def head_model(*extra: str, head: str = "頭", neck: str = "首") -> Model:
    bones = [bone("センター"), bone(neck, parent="センター"), bone(head, parent=neck)]
    return build_model(bones=[*bones, *(bone(name, parent=head) for name in extra)])


def test_standard_names_are_found() -> None:
    roles = find_bone_roles(head_model("両目", "左目", "右目"))
    assert (roles.center, roles.neck, roles.head) == (0, 1, 2)
    assert (roles.both_eyes, roles.left_eye, roles.right_eye) == (3, 4, 5)


def test_a_missing_bone_has_no_index() -> None:
    assert find_bone_roles(head_model()).left_eye == NO_INDEX


@pytest.mark.parametrize("name", ["Head", " HEAD ", "ｈｅａｄ"])
def test_names_are_compared_folded(name: str) -> None:
    assert find_bone_roles(head_model(head=name)).head == 2


def test_wide_digits_are_the_same_digits() -> None:
    assert find_bone_roles(head_model("上半身２")).upper_body2 == 3


def test_a_japanese_name_wins_over_an_english_one() -> None:
    model = build_model(bones=[bone("x", name_en="head"), bone("頭")])
    assert find_bone_roles(model).head == 1


def test_english_names_serve_where_there_is_no_japanese_one() -> None:
    model = build_model(bones=[bone("x", name_en="Neck"), bone("y", name_en="Head", parent="x")])
    assert require_posable(model).head == 1


def test_a_standard_name_wins_over_an_alias_that_comes_first() -> None:
    assert find_bone_roles(build_model(bones=[bone("首1"), bone("首")])).neck == 1


@pytest.mark.parametrize(("names", "missing"), [(("首",), "頭"), (("頭",), "首")])
def test_a_model_without_head_or_neck_says_so(names: tuple[str, ...], missing: str) -> None:
    model = build_model(bones=[bone(name) for name in names], source="stage.pmx")
    with pytest.raises(ModelError, match=rf"^stage\.pmx: no .* bone \({missing}"):
        require_posable(model)


def test_a_head_beside_its_neck_says_so() -> None:
    with pytest.raises(ModelError, match="頭 does not hang on its neck bone 首"):
        require_posable(build_model(bones=[bone("首"), bone("頭")]))


def test_a_head_that_carries_nothing_says_so() -> None:
    bones = [bone("首"), bone("頭", parent="首")]
    with pytest.raises(ModelError, match="no vertex follows its head bone 頭"):
        require_posable(build_model(bones=bones, vertices=[vertex(weights=[("首", 1.0)])]))


def test_a_model_without_vertices_says_so() -> None:
    with pytest.raises(ModelError, match="has no vertices"):
        require_posable(build_model(bones=[bone("首"), bone("頭", parent="首")], vertices=[]))


def test_a_head_whose_vertices_hang_on_its_children_can_be_posed() -> None:
    bones = [bone("首"), bone("頭", parent="首"), bone("顔", parent="頭")]
    model = build_model(bones=bones, vertices=[vertex(weights=[("顔", 1.0)])])
    assert require_posable(model).head == 1


def test_bones_between_neck_and_head_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    bones = [bone("首"), bone("首2", parent="首"), bone("頭", parent="首2")]
    with caplog.at_level(logging.INFO):
        roles = require_posable(build_model(bones=bones))
    assert roles.neck == 0
    assert "首2" in caplog.text


def test_parents_in_a_circle_are_cut_at_the_bone_that_closes_it() -> None:
    model = build_model(bones=[bone("頭", parent="首"), bone("首", parent="頭")])
    assert ancestors(model.bones, 0) == (1,)
    assert require_posable(model).head == 0


def test_a_chain_of_thousands_of_bones_is_walked_at_once() -> None:
    count = 5_000
    bones = [bone("首"), bone("頭", parent="首"), *(bone(f"b{i}", parent=i - 1) for i in range(2, count))]
    model = build_model(bones=bones, vertices=[vertex(weights=[(count - 1, 1.0)])])
    start = time.process_time()
    assert require_posable(model).head == 1
    posed = build_rig(model).pose(build_pose(model, rotations={0: about_z(90)}))
    assert time.process_time() - start < 5
    np.testing.assert_allclose(posed.bone_palette[-1], posed.bone_palette[0])


@pytest.mark.local_models
@pytest.mark.parametrize(
    "path",
    ["gene_light/Gene_light.pmx", "appearance_miku/Appearance Miku.pmx", "miku43/miku4.3.pmx"],
)
def test_real_characters_can_be_posed(shared_dir: Path, path: str) -> None:
    model = read_model(shared_dir / "models" / path)
    roles = require_posable(model)
    assert model.bones.names[roles.head] == "頭"
    assert model.bones.names[roles.left_eye] == "左目"
    assert model.bones.rest_positions[roles.left_eye, 0] > 0 > model.bones.rest_positions[roles.right_eye, 0]
