"""What `mmdgen inspect` tells of a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from mmdgen.catalog.summary import summarise_model
from mmdgen.catalog.summary_text import summary_text
from mmdgen.errors import FormatError
from mmdgen.formats import model_id, write_pmx
from tests.builders import bone, build_model
from tests.formats.files import PmdFile, everything_model


@pytest.fixture
def model_path(tmp_path: Path) -> Path:
    (tmp_path / "tex").mkdir()
    Image.new("RGBA", (8, 4), (255, 0, 0, 128)).save(tmp_path / "tex" / "体.png")
    path = tmp_path / "全部.pmx"
    path.write_bytes(write_pmx(everything_model()))
    return path


def test_numbers_are_those_of_the_model(model_path: Path) -> None:
    summary = summarise_model(model_path)
    assert summary.format == "pmx 2.1"
    assert summary.model_id == model_id(model_path.read_bytes())
    assert summary.counts["vertices"] == 6
    assert summary.counts["soft bodies"] == 1
    assert summary.skinning == {"BDEF1": 2, "BDEF2": 1, "BDEF4": 1, "SDEF": 1, "QDEF": 1}
    assert summary.size == (1.0, 2.0, 0.0)
    assert summary.bone_roles["head"] == "頭"
    assert summary.bone_roles["right_eye"] is None


def test_each_texture_has_a_state(model_path: Path) -> None:
    found, missing, toon = summarise_model(model_path).textures
    assert (found.file, found.size, found.has_alpha, found.warnings) == ("tex/体.png", (8, 4), True, ())
    assert (missing.file, missing.size) == (None, None)
    assert missing.warnings == ("texture 目.bmp is missing; drawn untextured",)
    assert toon.size is None


def test_morphs_stand_under_their_panels(model_path: Path) -> None:
    morphs = summarise_model(model_path).morphs["other"]
    assert [(morph.name, morph.kind, morph.elements) for morph in morphs[:3]] == [
        ("まばたき", "vertex", 2),
        ("両方", "group", 2),
        ("動き", "bone", 1),
    ]


def test_model_without_what_a_character_needs_says_what(tmp_path: Path) -> None:
    path = tmp_path / "box.pmx"
    path.write_bytes(write_pmx(build_model(bones=[bone("センター")])))
    summary = summarise_model(path)
    assert not summary.is_usable
    assert "no head bone" in summary.problem
    assert "Not usable as a character: no head bone" in summary_text(summary)


def test_text_shows_every_part(model_path: Path) -> None:
    (model_path.parent / "readme.txt").write_text("再配布禁止", encoding="cp932")
    text = summary_text(summarise_model(model_path))
    for part in (
        "全部 / everything",
        "PMX 2.1, utf-16-le",
        "texture tex\\体.png, sphere (add) 目.bmp (MISSING), toon toon.bmp (MISSING)",
        "toon toon04 (shared)",
        "両方 [group]",
        "再配布禁止",
        "利用規約",
    ):
        assert part in text
    assert "ＩＫ" not in text


def test_bone_tree_is_indented_and_only_shown_on_demand(model_path: Path) -> None:
    lines = summary_text(summarise_model(model_path), with_bones=True).splitlines()
    assert "  センター" in lines
    assert "    首" in lines
    assert "      頭  (fixed axis, layer 1)" in lines
    assert "        左目  (turns and moves -0.5 x as 頭, local append)" in lines


def test_long_chain_of_bones_is_shown_without_recursion(tmp_path: Path) -> None:
    path = tmp_path / "chain.pmx"
    rows = [bone("0"), *(bone(str(row), parent=row - 1) for row in range(1, 3000))]
    path.write_bytes(write_pmx(build_model(bones=rows)))
    assert summary_text(summarise_model(path), with_bones=True).count("\n") > 3000


def test_json_is_plain(model_path: Path) -> None:
    document = summarise_model(model_path).to_json()
    assert json.loads(json.dumps(document))["textures"][0]["size"] == [8, 4]


def test_pmd_is_told_of_too(tmp_path: Path) -> None:
    path = tmp_path / "a.pmd"
    path.write_bytes(PmdFile().build())
    summary = summarise_model(path)
    assert (summary.format, summary.encoding, summary.comment_en) == ("pmd 1.0", "cp932", "terms")


def test_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pmx"
    path.write_bytes(b"PMX ")
    with pytest.raises(FormatError, match="header"):
        summarise_model(path)
    with pytest.raises(FileNotFoundError):
        summarise_model(tmp_path / "missing.pmx")


@pytest.mark.local_models
def test_real_character_is_usable_and_its_licence_is_found(shared_dir: Path) -> None:
    summary = summarise_model(shared_dir / "models" / "appearance_miku" / "Appearance Miku.pmx")
    assert summary.is_usable
    assert "Piapro Character License" in summary.terms[0].licences
    assert summary.roles["mouth_aaa"].morph == "あ"
