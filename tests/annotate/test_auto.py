from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmdgen.annotate import (
    annotation_from_text,
    annotation_to_text,
    fields_for_person,
    overall_confidence,
    propose_annotation,
)
from mmdgen.annotate.schema import ClosedShape, Half, Role, Side
from mmdgen.errors import AnnotationError, MmdgenError
from mmdgen.formats import read_model
from mmdgen.model import VertexElements
from tests.annotate.faces import CHIN_Y, EYE_X, HEAD, NECK, TOP_Y, face_model
from tests.builders import bone, build_model, uv_morph, vertex_morph

MODEL_ID = "0123456789abcdef"

MODERN = {
    "ウィンク": ("smile", "left"),
    "ウィンク右": ("smile", "right"),
    "ウィンク２": ("normal", "left"),
    "ｳｨﾝｸ２右": ("normal", "right"),
}
MIRRORED = {
    "ウィンク": ("smile", "right"),
    "ウィンク右": ("smile", "left"),
    "ウィンク２": ("normal", "right"),
    "ｳｨﾝｸ２右": ("normal", "left"),
}
SWAPPED = {
    "ウィンク": ("normal", "left"),
    "ウィンク右": ("normal", "right"),
    "ウィンク２": ("smile", "left"),
    "ｳｨﾝｸ２右": ("smile", "right"),
}


@pytest.mark.parametrize("unit", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("center_x", [0.0, 3.0])
def test_bounds_follow_size_and_place_of_the_head(unit: float, center_x: float) -> None:
    annotation = propose_annotation(face_model(unit=unit, center_x=center_x * unit), MODEL_ID)
    assert annotation.head.bottom == pytest.approx(17.0 + unit * CHIN_Y, abs=0.03 * unit)
    assert annotation.head.top == pytest.approx(17.0 + unit * TOP_Y, abs=0.05 * unit)
    assert annotation.head.center_x == pytest.approx(center_x * unit, abs=0.01 * unit)
    assert annotation.head.provenance.confidence > 0.9
    assert annotation.eyes is not None
    assert annotation.eyes.left[0] == pytest.approx((center_x + EYE_X) * unit, abs=0.02 * unit)


def test_eye_roles_are_halves_of_the_both_eye_morphs() -> None:
    roles = propose_annotation(face_model(), MODEL_ID).roles
    assert (roles[Role.EYE_WINK_BOTH].name, roles[Role.EYE_WINK_BOTH].half) == ("まばたき", None)
    assert (roles[Role.EYE_WINK_LEFT].name, roles[Role.EYE_WINK_LEFT].half) == ("まばたき", Half.LEFT)
    assert (roles[Role.EYE_HAPPY_WINK_RIGHT].name, roles[Role.EYE_HAPPY_WINK_RIGHT].half) == (
        "笑い",
        Half.RIGHT,
    )
    assert roles[Role.MOUTH_AAA].name == "あ"


@pytest.mark.parametrize("winks", [MODERN, MIRRORED, SWAPPED])
def test_geometry_not_the_name_tells_side_and_shape_of_winks(winks: dict[str, tuple[str, str]]) -> None:
    found = {m.name: m for m in propose_annotation(face_model(winks=winks), MODEL_ID).closing_morphs}
    for name, (shape, side) in winks.items():
        assert (found[name].shape, found[name].side) == (ClosedShape(shape), Side(side))


def test_own_winks_confirm_the_halves() -> None:
    roles = propose_annotation(face_model(winks=MIRRORED), MODEL_ID).roles
    assert any("agrees with 'ｳｨﾝｸ２右'" in reason for reason in roles[Role.EYE_WINK_LEFT].provenance.reasons)


def test_unknown_names_are_found_by_shape_and_flagged() -> None:
    model = face_model(names={"normal": "表情7", "smile": "表情8", "mouth": "表情9"})
    annotation = propose_annotation(model, MODEL_ID)
    assert annotation.roles[Role.EYE_WINK_BOTH].name == "表情7"
    assert annotation.roles[Role.EYE_HAPPY_WINK_BOTH].name == "表情8"
    assert annotation.roles[Role.MOUTH_AAA].name == "表情9"
    assert overall_confidence(annotation) < 0.5
    assert "mouth_aaa" in fields_for_person(annotation)


def test_swapped_names_are_noticed_by_shape() -> None:
    annotation = propose_annotation(
        face_model(names={"normal": "笑い", "smile": "まばたき", "mouth": "あ"}), ""
    )
    choice = annotation.roles[Role.EYE_WINK_BOTH]
    assert choice.name == "笑い"
    assert choice.provenance.needs_person


def test_model_with_winks_only_uses_them_and_is_unsure() -> None:
    roles = propose_annotation(face_model(names={"mouth": "あ"}, winks=MIRRORED), MODEL_ID).roles
    assert Role.EYE_WINK_BOTH not in roles
    assert (roles[Role.EYE_WINK_LEFT].name, roles[Role.EYE_WINK_LEFT].half) == ("ｳｨﾝｸ２右", None)
    assert roles[Role.EYE_WINK_LEFT].provenance.needs_person


def test_winks_that_their_names_tell_are_sure() -> None:
    winks = {"eyeBlinkLeft": ("normal", "left"), "eyeBlinkRight": ("normal", "right")}
    roles = propose_annotation(face_model(names={"mouth": "jawOpen"}, winks=winks), MODEL_ID).roles
    assert roles[Role.EYE_WINK_LEFT].name == "eyeBlinkLeft"
    assert not roles[Role.EYE_WINK_LEFT].provenance.needs_person


def test_blink_without_vertices_is_flagged() -> None:
    blink = uv_morph("まばたき", {0: (0.1, 0.0, 0.0, 0.0)})
    model = face_model(names={"smile": "笑い", "mouth": "あ"}, extra=[blink])
    choice = propose_annotation(model, MODEL_ID).roles[Role.EYE_WINK_LEFT]
    assert (choice.name, choice.half) == ("まばたき", Half.LEFT)
    assert choice.provenance.needs_person


def test_mouth_that_hardly_opens_is_flagged() -> None:
    model = face_model(
        names={"normal": "まばたき", "smile": "笑い"}, extra=[vertex_morph("あ", {170: (0, -0.02, 0)})]
    )
    choice = propose_annotation(model, MODEL_ID).roles[Role.MOUTH_AAA]
    assert choice.name == "あ"
    assert choice.provenance.needs_person


def test_hat_is_suspected_where_the_head_is_too_high() -> None:
    head = propose_annotation(face_model(hat=1.2), MODEL_ID).head
    assert head.provenance.needs_person
    assert any("hat suspected" in reason for reason in head.provenance.reasons)


@pytest.mark.parametrize("name", ["帽子", "Hat_01", "飾り"])
def test_top_is_that_of_the_hair_under_a_hat(name: str) -> None:
    head = propose_annotation(face_model(hat=0.5, hat_name=name), MODEL_ID).head
    assert head.top == pytest.approx(17.0 + TOP_Y, abs=0.05)
    assert head.provenance.confidence < 0.7
    assert any("hat suspected" in reason for reason in head.provenance.reasons)


@pytest.mark.parametrize("addition", ["ahoge", "ponytail"])
def test_strands_and_ponytails_do_not_move_the_top(addition: str) -> None:
    head = propose_annotation(face_model(ahoge=addition == "ahoge", ponytail=addition == "ponytail"), "").head
    assert head.top == pytest.approx(17.0 + TOP_Y, abs=0.05)
    assert head.provenance.confidence > 0.9


def test_invisible_hair_is_no_top() -> None:
    head = propose_annotation(face_model(alpha=0.0), MODEL_ID).head
    assert head.provenance.needs_person


def test_model_without_a_head_bone_is_refused_in_one_sentence() -> None:
    with pytest.raises(AnnotationError, match=r"^test.pmx: no head bone"):
        propose_annotation(build_model(bones=[bone("センター")]), MODEL_ID)


def test_model_without_eyes_is_refused_in_one_sentence() -> None:
    model = build_model(bones=[bone(NECK), bone(HEAD, parent=NECK)])
    with pytest.raises(AnnotationError, match="no eyes found"):
        propose_annotation(model, MODEL_ID)


@pytest.mark.parametrize("seed", range(24))
def test_damaged_tables_give_an_annotation_or_one_sentence(seed: int) -> None:
    rng = np.random.default_rng(seed)
    model = face_model()
    vertices, bones = model.vertices, model.bones
    positions, weights = vertices.positions.copy(), vertices.bone_weights.copy()
    parents, faces, elements = bones.parents, model.faces, model.morphs.elements
    match seed % 8:
        case 0:
            positions[rng.integers(0, len(positions), 20)] = np.nan
        case 1:
            positions[:, rng.integers(0, 3)] = 1.0
        case 2:
            positions += rng.normal(scale=0.1, size=positions.shape).astype(np.float32)
        case 3:
            positions[rng.integers(0, len(positions), 5)] = 1e30
        case 4:
            weights[rng.random(len(weights)) < 0.5] = 0.0
        case 5:
            parents = rng.integers(-1, len(bones), len(bones)).astype(np.int32)
        case 6:
            faces = rng.integers(0, len(positions), faces.shape).astype(np.int32)
        case 7:
            elements = tuple(
                VertexElements(e.vertices, (e.offsets * 10.0 ** rng.integers(-6, 30)).astype(np.float32))
                for e in elements
                if isinstance(e, VertexElements)
            )
    damaged = replace(
        model,
        vertices=replace(vertices, positions=positions, bone_weights=weights),
        bones=replace(bones, parents=parents),
        faces=faces,
        morphs=replace(model.morphs, elements=elements),
    )
    with suppress(MmdgenError):
        annotation = propose_annotation(damaged, MODEL_ID)
        assert annotation_from_text(annotation_to_text(annotation)).model_id == MODEL_ID


@pytest.mark.local_models
def test_gene_has_modern_winks(shared_dir: Path) -> None:
    annotation = propose_annotation(
        read_model(shared_dir / "models" / "gene_light" / "Gene_light.pmx"), MODEL_ID
    )
    found = {morph.name: morph for morph in annotation.closing_morphs}
    for name, (shape, side) in MODERN.items():
        assert (found[name].shape, found[name].side) == (ClosedShape(shape), Side(side))
    assert fields_for_person(annotation) == {}
    assert annotation.head.bottom == pytest.approx(16.66, abs=0.1)
    assert annotation.head.top == pytest.approx(19.92, abs=0.15)


@pytest.mark.local_models
def test_spare_eyes_inside_the_head_do_not_move_the_eye_centres(shared_dir: Path) -> None:
    path = shared_dir / "models" / "gene_light" / "Gene_light.pmx"  # spirals wait 0.9 units behind her eyes
    eyes = propose_annotation(read_model(path), MODEL_ID).eyes
    assert eyes is not None
    assert eyes.left == pytest.approx((0.47, 17.94), abs=0.03)
    assert eyes.right == pytest.approx((-0.47, 17.94), abs=0.03)


@pytest.mark.local_models
def test_texture_morph_shows_its_side_by_where_it_is(shared_dir: Path) -> None:
    model = read_model(shared_dir / "models" / "miku43" / "miku4.3.pmx")  # 瞳小 slides the irises' texture
    roles = propose_annotation(model, MODEL_ID).roles
    assert (roles[Role.IRIS_SMALL_BOTH].name, roles[Role.IRIS_SMALL_BOTH].half) == ("瞳小", None)
    assert roles[Role.IRIS_SMALL_LEFT].half is Half.LEFT
    assert roles[Role.IRIS_SMALL_LEFT].provenance.reasons != ()


@pytest.mark.local_models
def test_miku43_has_mirrored_winks(shared_dir: Path) -> None:
    annotation = propose_annotation(read_model(shared_dir / "models" / "miku43" / "miku4.3.pmx"), MODEL_ID)
    found = {morph.name: morph for morph in annotation.closing_morphs}
    for name, (shape, side) in MIRRORED.items():
        raw = name if name in found else "ｳｨﾝｸ右２"
        assert (found[raw].shape, found[raw].side) == (ClosedShape(shape), Side(side))
    assert fields_for_person(annotation) == {}


@pytest.mark.local_models
def test_appearance_miku_has_no_winks_and_gets_halves(shared_dir: Path) -> None:
    path = shared_dir / "models" / "appearance_miku" / "Appearance Miku.pmx"
    annotation = propose_annotation(read_model(path), MODEL_ID)
    assert {morph.side for morph in annotation.closing_morphs} == {Side.BOTH}
    assert annotation.roles[Role.EYE_WINK_LEFT].half is Half.LEFT
    assert fields_for_person(annotation) == {}
    assert np.isclose(annotation.head.bottom, 16.21, atol=0.1)


@pytest.mark.local_models
def test_mei_without_material_names_keeps_the_top_of_her_hair(shared_dir: Path) -> None:
    path = shared_dir / "models" / "mei_black_jacket" / "mei_black_jacket.pmd"
    annotation = propose_annotation(read_model(path), MODEL_ID)
    assert annotation.head.top == pytest.approx(20.95, abs=0.04)
    assert annotation.head.bottom == pytest.approx(17.78, abs=0.04)
    assert fields_for_person(annotation) == {}


def test_hat_without_telling_names_is_noticed_by_what_frames_the_face() -> None:
    model = face_model(hat=0.3, hat_name="材質9")
    materials = model.materials
    nameless = replace(model, materials=replace(materials, names=tuple("1234"), names_en=tuple("1234")))
    head = propose_annotation(nameless, MODEL_ID).head
    assert head.top == pytest.approx(17.0 + TOP_Y, abs=0.05)
    assert head.provenance.needs_person
