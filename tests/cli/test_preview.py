"""`mmdgen preview` draws what was asked for, where it was asked for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray
from PIL import Image

from mmdgen.cli.main import cli


def preview(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["preview", *arguments])


def picture(character: Path, out: Path, *poses: str) -> NDArray[np.uint8]:
    options = [word for pose in poses for word in ("--pose", pose)]
    result = preview(str(character), "--out", str(out), *options)
    assert result.exit_code == 0, result.output
    with Image.open(out) as image:
        assert image.mode == "RGBA"
        return np.asarray(image)


def test_closing_the_left_eye_changes_the_viewers_right_only(character_file: Path, tmp_path: Path) -> None:
    rest = picture(character_file, tmp_path / "rest.png")
    wink = picture(character_file, tmp_path / "wink.png", "left_eye=1")
    changed_columns = np.flatnonzero((rest != wink).any(axis=(0, 2)))
    assert len(changed_columns) > 0
    assert changed_columns.min() >= 128


def test_json_tells_the_pose_the_morphs_and_the_driver(character_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.png"
    result = preview(str(character_file), "--pose", "head_y=0.5", "--size", "64", "--out", str(out), "--json")
    facts: dict[str, Any] = json.loads(result.stdout)
    assert facts["pose"]["head_y"] == 0.5
    assert facts["pose"]["mouth"] == 1.0
    assert facts["morphs"]["mouth_aaa"] == "あ"
    assert facts["coverage"] > 0.1
    assert facts["driver"]
    with Image.open(out) as image:
        assert image.size == (64, 64)


@pytest.mark.parametrize(
    ("pose", "exit_code", "words"),
    [
        ("nose=1", 1, "no pose parameter 'nose'; known are head_x,"),
        ("head_y=2", 1, "head_y = 2 is outside -1..1"),
        ("head_y", 2, "is not of the form NAME=VALUE"),
        ("head_y=nan", 1, "outside"),
    ],
)
def test_a_wrong_pose_is_one_sentence(character_file: Path, pose: str, exit_code: int, words: str) -> None:
    result = preview(str(character_file), "--pose", pose)
    assert result.exit_code == exit_code
    assert words in result.stderr


def test_a_folder_that_is_not_there_is_one_sentence(character_file: Path, tmp_path: Path) -> None:
    result = preview(str(character_file), "--out", str(tmp_path / "no" / "x.png"))
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "x.png: no such file or directory" in result.stderr


def test_missing_and_unreadable_textures_are_said(character_file: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(character_file.parent, tmp_path / "character")
    (folder / "face.png").unlink()
    (folder / "hair.png").write_bytes(b"no picture")
    result = preview(str(folder / character_file.name), "--out", str(tmp_path / "x.png"))
    assert result.exit_code == 0
    assert "warning: texture face.png is missing; drawn untextured\n" in result.stderr
    assert "warning: texture hair.png is no picture of a known kind; drawn untextured\n" in result.stderr


def test_a_picture_is_a_png_whatever_it_is_called(character_file: Path, tmp_path: Path) -> None:
    result = preview(str(character_file), "--out", str(tmp_path / "x.jpg"))
    assert result.exit_code == 2
    assert "choose a name that ends in .png" in result.stderr
    assert not list(tmp_path.iterdir())
