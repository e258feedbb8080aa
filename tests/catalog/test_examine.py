"""What is known of a model file, and why it cannot be used."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from mmdgen.annotate.schema import EyeCenters, Half, Origin, Provenance, Role, Verdict
from mmdgen.cast import make_character
from mmdgen.catalog.examine import examine_model, figure_digest
from mmdgen.catalog.record import ModelRecord, annotation_digest, record_from_json, record_to_json
from mmdgen.formats import write_pmx
from mmdgen.model import NO_INDEX
from tests.builders import bone, build_model
from tests.generate.conftest import annotate_tiny, tiny_character

DATA = write_pmx(tiny_character(0))
IDENTITY = hashlib.sha256(DATA).hexdigest()[:16]


def examine(data: bytes = DATA, **changes: object) -> ModelRecord:
    saved = replace(annotate_tiny(hashlib.sha256(data).hexdigest()[:16]), **changes)  # type: ignore[arg-type]
    return examine_model(data, source="小人.pmx", saved=saved)


def test_a_model_that_people_annotated_is_usable() -> None:
    record = examine()
    assert record.problem == ""
    assert record.is_usable
    assert (record.model_id, record.name, record.format) == (IDENTITY, "小人0", "pmx 2.1")
    assert record.counts == {"vertices": 20, "triangles": 10, "materials": 4, "bones": 2, "morphs": 3}


def test_a_record_reads_back_equal() -> None:
    record = examine()
    again = record_from_json(record_to_json(record))
    assert again == record
    assert again is not None
    assert again.annotation is not None
    assert record.annotation is not None
    assert annotation_digest(again.annotation) == annotation_digest(record.annotation)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": 999}'])
def test_a_record_that_cannot_be_read_counts_as_none(text: str) -> None:
    assert record_from_json(text) is None


def test_a_record_names_no_file() -> None:
    broken = examine_model(DATA[:300], source="小人.pmx")
    assert broken.problem
    assert "小人.pmx" not in record_to_json(broken)


def test_a_model_without_head_says_so() -> None:
    data = write_pmx(build_model(bones=[bone("センター")]))
    assert "no head bone" in examine(data).problem


def test_a_model_without_a_needed_morph_says_which() -> None:
    roles = {role: choice for role, choice in annotate_tiny(IDENTITY).roles.items() if role != Role.MOUTH_AAA}
    assert examine(roles=roles).problem == "no morph for mouth_aaa; annotate it or leave the model out"


def test_triangles_that_no_material_draws_do_no_harm() -> None:
    """A file whose last material names one triangle less than there are."""
    model = make_character(3).model
    counts = model.materials.face_index_counts.copy()
    counts[-1] -= 3
    damaged = replace(model, materials=replace(model.materials, face_index_counts=counts))
    record = examine_model(write_pmx(damaged), source="short.pmx")
    assert record.annotation is not None
    assert any("left the rest undrawn" in str(warning) for warning in record.warnings)


def test_a_persons_verdict_holds() -> None:
    verdict = Verdict(False, "a robot", Provenance(Origin.HUMAN, "chosen"))
    assert examine(verdict=verdict).problem == "a person said: a robot"


def test_only_what_an_annotation_says_is_in_its_digest() -> None:
    said = annotate_tiny(IDENTITY)
    elsewhere = replace(said.head, provenance=Provenance(Origin.AUTO, "another way", 0.4))
    higher = replace(said.head, top=12.5)
    assert annotation_digest(replace(said, head=elsewhere)) == annotation_digest(said)
    assert annotation_digest(replace(said, head=higher)) != annotation_digest(said)


def test_eyes_are_in_the_digest_where_they_divide_a_morph_into_halves() -> None:
    whole = annotate_tiny(IDENTITY)
    wink = replace(whole.roles[Role.EYE_WINK_LEFT], half=Half.LEFT)
    halved = replace(whole, roles={**whole.roles, Role.EYE_WINK_LEFT: wink})
    provenance = Provenance(Origin.HUMAN, "chosen")
    low, high = (EyeCenters((0.4, y), (-0.4, y), provenance) for y in (11.0, 11.2))
    assert annotation_digest(replace(halved, eyes=low)) != annotation_digest(replace(halved, eyes=high))
    assert annotation_digest(replace(whole, eyes=low)) == annotation_digest(replace(whole, eyes=high))


def test_how_much_of_the_picture_each_texture_paints_is_told() -> None:
    model = tiny_character(0)
    textures = np.array([0, 1, NO_INDEX, NO_INDEX], np.int32)  # body, face, eyes, mouth
    painted = replace(
        model,
        textures=("body.png", "face.png"),
        materials=replace(model.materials, textures=textures),
    )
    surfaces = {surface.texture: surface.share for surface in examine(write_pmx(painted)).surfaces}
    assert sum(surfaces.values()) == pytest.approx(1.0, abs=1e-5)
    assert surfaces["face.png"] > surfaces["body.png"] > surfaces[""] > 0
    clear = model.materials.diffuse.copy()
    clear[0, 3] = 0.0
    unseen = replace(painted, materials=replace(painted.materials, diffuse=clear))
    assert {s.texture: s.share for s in examine(write_pmx(unseen)).surfaces}["body.png"] == 0.0


def test_a_figure_is_the_same_whatever_its_comment_says() -> None:
    model = tiny_character(0)
    assert figure_digest(replace(model, name="x", comment="y", source="z")) == figure_digest(model)
    moved = replace(model, vertices=replace(model.vertices, positions=model.vertices.positions + 1))
    named = replace(model, morphs=replace(model.morphs, names=("左目", "右目", "い")))
    assert len({figure_digest(other) for other in (model, moved, named)}) == 3
