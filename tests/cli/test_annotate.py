from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mmdgen.annotate import AnnotationStore
from mmdgen.annotate.schema import HeadBounds, Origin, Provenance
from mmdgen.cli.main import cli
from mmdgen.formats import model_id, write_pmx
from tests.annotate.faces import face_model


def annotate(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["annotate", *map(str, arguments)])


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A sure model, one whose names are unknown, and a broken file."""
    folder = tmp_path / "models"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "sure.pmx").write_bytes(write_pmx(face_model()))
    strange = face_model(names={"normal": "表情1", "smile": "表情2", "mouth": "表情3"})
    (folder / "a" / "strange.pmx").write_bytes(write_pmx(strange))
    (folder / "broken.pmx").write_bytes(b"PMX nonsense")
    return folder


def test_folder_is_annotated_and_what_needs_a_person_is_told(models: Path, tmp_path: Path) -> None:
    result = annotate(models, "--annotations", tmp_path / "kept", "--workers", "1")
    assert result.exit_code == 0, result.output
    assert "a/strange.pmx: " in result.output
    assert "mouth_aaa (no known name" in result.output
    assert "broken.pmx: " in result.output
    assert "sure.pmx" not in result.output
    assert result.output.splitlines()[-1] == "3 models: 1 sure, 1 to be looked at, 1 without annotation"
    assert len(AnnotationStore(tmp_path / "kept").model_ids()) == 2


def test_second_run_does_nothing_again(models: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    annotate(models, "--annotations", kept, "--workers", "1")
    before = {path: path.stat().st_mtime_ns for path in kept.glob("*.json")}
    result = annotate(models, "--annotations", kept, "--workers", "1")
    assert "2 were done before" in result.output
    assert {path: path.stat().st_mtime_ns for path in kept.glob("*.json")} == before


def test_a_persons_word_stays(models: Path, tmp_path: Path) -> None:
    store = AnnotationStore(tmp_path / "kept")
    path = models / "a" / "sure.pmx"
    annotate(path, "--annotations", store.folder)
    proposed = store.get(model_id(path.read_bytes()))
    assert proposed is not None
    human = Provenance(Origin.HUMAN, "dragged", by="花子", when="2026-01-01T00:00:00+00:00")
    old = Provenance(Origin.AUTO, "old", by="an older version")
    roles = {role: replace(choice, provenance=old) for role, choice in proposed.roles.items()}
    store.put(replace(proposed, head=HeadBounds(1.0, 2.0, 0.0, human), roles=roles))
    annotate(path, "--annotations", store.folder)
    again = store.get(proposed.model_id)
    assert again is not None
    assert again.head == HeadBounds(1.0, 2.0, 0.0, human)
    assert again.roles == proposed.roles


def test_json_holds_the_annotation_and_dry_run_keeps_nothing(models: Path, tmp_path: Path) -> None:
    result = annotate(models / "a" / "sure.pmx", "--annotations", tmp_path / "kept", "--dry-run", "--json")
    (row,) = json.loads(result.output)
    assert row["needs"] == {}
    assert row["annotation"]["roles"]["mouth_aaa"]["name"] == "あ"
    assert not (tmp_path / "kept").exists()


def test_list_of_a_catalogue_names_the_models(models: Path, tmp_path: Path) -> None:
    rows = [{"file": "a/sure.pmx", "is_usable": True}, {"file": "a/strange.pmx", "is_usable": False}]
    index = tmp_path / "models.jsonl"
    index.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    result = annotate(index, "--models", models, "--dry-run")
    assert result.output.splitlines()[-1] == "1 model: 1 sure"
    refused = annotate(index, "--dry-run")
    assert refused.exit_code == 1
    assert "say with --models DIR" in refused.output


def test_missing_place_is_one_sentence(tmp_path: Path) -> None:
    result = annotate(tmp_path / "nothing")
    assert result.exit_code == 1
    assert result.output.strip().endswith("there is no such file or folder")
