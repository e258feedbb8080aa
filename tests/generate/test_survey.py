"""What a survey finds out about folders of models, and what it sets aside."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmdgen.annotate.auto import propose_annotation
from mmdgen.cast import make_character, write_character
from mmdgen.dataset.config import Keep, Split, SplitRule
from mmdgen.formats import read_model, write_pmx
from mmdgen.generate import survey, survey_steps
from mmdgen.generate.catalog_page import catalog_page
from mmdgen.generate.engines import Outcome
from mmdgen.generate.survey import survey_folders
from mmdgen.generate.surveyed import SurveyedModel, SurveySettings, file_row
from mmdgen.scene import Shading


class Here:
    """An engine that does every task in this process, so that tests can look and count."""

    def __init__(self, function, workers=None, settings=None) -> None:
        self._function = function
        self._done: list[Outcome] = []
        self.running: list[object] = []

    has_room = property(lambda self: not self._done)

    def start(self, task) -> None:
        self._done.append(Outcome(task, self._function(task)))

    def finished(self, timeout_s: float) -> list[Outcome]:
        done, self._done = self._done, []
        return done

    def __enter__(self):
        return self

    def __exit__(self, *error: object) -> None:
        return None


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch, renderer: object) -> None:
    monkeypatch.setattr(survey, "open_engine", Here)
    monkeypatch.setattr("mmdgen.generate.looks.worker_renderer", lambda settings: renderer)


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two built-in characters, written once."""
    folder = tmp_path_factory.mktemp("originals")
    for seed in (1, 2):
        write_character(make_character(seed), folder / f"c{seed}")
    return folder


@pytest.fixture
def models(originals: Path, tmp_path: Path) -> Path:
    """Hard links to them, to be changed by a test."""
    folder = tmp_path / "models"
    for path in originals.rglob("*"):
        if path.is_file():
            copy = folder / path.relative_to(originals)
            copy.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, copy)
    return folder


def repaint(folder: Path, name: str, target: Path) -> None:
    """The same figure with another comment, beside the first one's textures."""
    model = read_model(next((folder / name).glob("*.pmx")))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(write_pmx(replace(model, comment="repainted")))


def look_at(models: Path, **settings: object) -> dict[str, SurveyedModel]:
    place = models.parent / "out"
    place.mkdir(exist_ok=True)
    usual = SurveySettings(
        index=place / "models.jsonl",
        records=place / "records",
        looks=place / "looks",
        annotations=place / "said",
        look_alikes=False,
    )
    found = survey_folders([models], replace(usual, **settings))  # type: ignore[arg-type]
    return {model.file.name: model for model in found}


def problems(found: dict[str, SurveyedModel]) -> dict[str, str]:
    return {name: model.problem for name, model in found.items() if model.problem}


def test_a_model_without_its_textures_is_set_aside(models: Path) -> None:
    for name in ("hair.png", "face.png", "skin.png"):
        (models / "c1" / name).unlink()
    found = look_at(models)
    (sentence,) = problems(found).values()
    assert "% of its picture would be white, for want of face.png, hair.png, skin.png" in sentence
    assert problems(look_at(models, max_missing_texture=1.0)) == {}


def test_one_small_texture_more_or_less_is_only_told(models: Path) -> None:
    (models / "c1" / "iris.png").unlink()
    found = look_at(models)
    assert problems(found) == {}
    (warning,) = (text for model in found.values() for text in model.texture_warnings)
    assert warning == "texture iris.png is missing: drawn untextured"


def test_the_content_of_textures_is_in_their_digest(models: Path) -> None:
    before = look_at(models)["c1/cast-001.pmx"]
    hair = models / "c1" / "hair.png"
    data, stat = hair.read_bytes(), hair.stat()
    hair.unlink()
    hair.write_bytes(data[:-20] + bytes(20))  # as large as before
    os.utime(hair, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    after = look_at(models)["c1/cast-001.pmx"]
    assert after.textures_digest(Shading.PHONG) != before.textures_digest(Shading.PHONG)


def test_sphere_maps_decide_only_where_they_are_drawn(models: Path) -> None:
    model = read_model(models / "c1" / "cast-001.pmx")
    shines = np.full_like(model.materials.sphere_textures, len(model.textures))
    shiny = replace(
        model,
        textures=(*model.textures, "shine.png"),
        materials=replace(model.materials, sphere_textures=shines),
    )
    (models / "c1" / "shiny.pmx").write_bytes(write_pmx(shiny))
    os.link(models / "c1" / "hair.png", models / "c1" / "shine.png")
    before = look_at(models)["c1/shiny.pmx"]
    (models / "c1" / "shine.png").unlink()
    after = look_at(models)["c1/shiny.pmx"]
    assert after.textures_digest(Shading.PHONG) == before.textures_digest(Shading.PHONG)
    assert after.textures_digest(Shading.TOON) != before.textures_digest(Shading.TOON)


def test_of_one_content_the_file_that_can_be_used_is_used(models: Path) -> None:
    bare = models / "a-bare" / "copy.pmx"  # first by name, but without textures
    bare.parent.mkdir()
    os.link(models / "c1" / "cast-001.pmx", bare)
    found = look_at(models)
    assert found["a-bare/copy.pmx"].problem == "has the same content as c1/cast-001.pmx"
    assert not found["c1/cast-001.pmx"].problem


def test_a_figure_is_annotated_once_for_all_its_repaints(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed: list[str] = []

    def propose(model, identity):
        proposed.append(identity)
        return propose_annotation(model, identity)

    monkeypatch.setattr(survey_steps, "propose_annotation", propose)
    repaint(models, "c1", models / "c1" / "red.pmx")
    found = look_at(models)
    assert len(proposed) == 2
    one, other = found["c1/cast-001.pmx"].record, found["c1/red.pmx"].record
    assert one.annotation is not None
    assert other.annotation == replace(one.annotation, model_id=other.model_id)


def add_copy(models: Path, folder: str) -> None:
    repaint(models, "c1", models / folder / "red.pmx")
    for path in (models / "c1").glob("*.png"):
        os.link(path, models / folder / path.name)


def test_the_same_figure_stands_in_the_group_that_is_held_out(models: Path) -> None:
    add_copy(models, "a")
    rules = (SplitRule(Split.TRAIN, 1, groups=("a",)), SplitRule(Split.TEST, 1, groups=("c1",)))
    found = look_at(models, splits=rules)
    assert found["a/red.pmx"].group == found["c1/cast-001.pmx"].group == "c1"


def test_a_copy_that_is_added_moves_no_model_that_was_there(models: Path) -> None:
    before = look_at(models)["c1/cast-001.pmx"].group
    add_copy(models, "a")  # first by name
    found = look_at(models)
    assert found["a/red.pmx"].group == found["c1/cast-001.pmx"].group == before == "c1"


def test_keep_best_uses_one_of_a_character(models: Path) -> None:
    repaint(models, "c1", models / "c1" / "z.pmx")
    assert problems(look_at(models)) == {}
    assert problems(look_at(models, keep=Keep.BEST)) == {
        "c1/z.pmx": "shows the same character as c1/cast-001.pmx, which is kept"
    }


def test_files_of_one_name_in_two_folders_are_told_apart(models: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    repaint(models, "c1", other / "c2" / "cast-002.pmx")  # named as the second character, is the first
    os.link(models / "c1" / "hair.png", other / "c2" / "hair.png")
    settings = SurveySettings(
        index=tmp_path / "models.jsonl",
        records=tmp_path / "records",
        looks=tmp_path / "looks",
        annotations=tmp_path / "said",
        max_missing_texture=1.0,
        look_alikes=False,
        keep=Keep.BEST,
    )
    for _ in range(2):  # the second time from the list
        found = {model.file.path: model for model in survey_folders([models, other], settings)}
        assert not found[models / "c1" / "cast-001.pmx"].problem
        assert not found[models / "c2" / "cast-002.pmx"].problem
        assert found[models / "c2" / "cast-002.pmx"].kin is None
        spare = found[other / "c2" / "cast-002.pmx"]
        assert spare.problem == "shows the same character as c1/cast-001.pmx, which is kept"


def test_damaged_lists_and_records_are_made_anew(models: Path) -> None:
    first = look_at(models, look_alikes=True)
    out = models.parent / "out"
    (out / "models.jsonl").write_text('{"file": "c1/cast-001.pmx"}\n', encoding="utf-8")
    assert look_at(models, look_alikes=True) == first
    (out / "models.jsonl").write_text('"c1/cast-001.pmx"\n', encoding="utf-8")
    assert look_at(models, look_alikes=True) == first
    for path in [*out.glob("*.jsonl"), *out.glob("*/*.json*"), *out.glob("records/proposals/*")]:
        path.write_bytes(b"\xff\xfe")
    assert look_at(models, look_alikes=True) == first


def test_models_that_look_alike_are_found_though_their_shapes_differ(models: Path) -> None:
    model = read_model(models / "c1" / "cast-001.pmx")
    positions = model.vertices.positions + 1e-4  # as another program writes it
    moved = replace(model, vertices=replace(model.vertices, positions=positions))
    (models / "c1" / "again.pmx").write_bytes(write_pmx(moved))
    found = look_at(models, look_alikes=True)
    kin = found["c1/again.pmx"].kin
    assert kin is not None
    assert (kin.members, kin.by) == (("c1/again.pmx", "c1/cast-001.pmx"), ("look",))
    assert found["c2/cast-002.pmx"].kin is None


def test_a_picture_is_drawn_once(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = look_at(models, look_alikes=True)
    monkeypatch.setattr(survey_steps, "draw_look", lambda task: pytest.fail("it was drawn again"))
    monkeypatch.setattr(survey_steps, "examine_model", lambda *a, **k: pytest.fail("it was read again"))
    assert look_at(models, look_alikes=True) == first


def test_the_texts_beside_a_model_are_told_from_its_folder_or_the_nearest_above(models: Path) -> None:
    (models / "c1" / "readme.txt").write_text("商用利用禁止", encoding="cp932")
    deep = models / "c1" / "variants" / "red" / "x.pmx"
    repaint(models, "c1", deep)
    (models / "readme.txt").write_text("All rights: CC BY-NC")  # of the whole collection: not a model's own
    found = look_at(models, max_missing_texture=1.0)
    assert found["c1/variants/red/x.pmx"].readme == ("readme.txt",)
    assert found["c1/variants/red/x.pmx"].terms[-1].lines == ("商用利用禁止",)
    assert found["c2/cast-002.pmx"].readme == ()


def test_the_page_shows_every_usable_model_and_says_why_others_are_not(models: Path) -> None:
    repaint(models, "c1", models / "c1" / "<b>.pmx")
    (models / "c1" / "broken.pmx").write_bytes(b"PMX ")
    found = look_at(models, look_alikes=True)
    page = catalog_page(
        [json.loads(file_row(model)) for model in found.values()], models.parent / "out" / "looks"
    )
    assert page.count('class="face"') == 3 + 2  # each model, and the two of one character beside each other
    assert "needs 4 bytes, 0 left" in page
    assert "<b>.pmx" not in page
    assert "http" not in page.replace("http://www.w3.org", "")
