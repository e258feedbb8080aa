"""Pictures of built-in characters look as they did: compared with tests/golden on Mesa's software OpenGL.

On other drivers filtering and coverage differ by right, so there a picture only has to show a character.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from mmdgen.images import Image, write_png
from mmdgen.render import Renderer
from tests.golden.make import CASES, CHARACTERS, FOLDER, Case, draw_case, golden_character

# Another version of Mesa changes some 0.03 % of the pixels (measured); a fault changes far more.
LEVELS = 8
SHARE_BEYOND = 0.003
MEAN_LEVELS = 0.1


def golden(name: str) -> Image:
    with PillowImage.open(FOLDER / f"{name}.png") as file:
        return np.asarray(file.convert("RGBA"))


def is_like(picture: Image, expected: Image) -> bool:
    """Whether hardly a pixel is off by more than a few levels, and the picture as a whole by next to none."""
    difference = np.abs(picture.astype(int) - expected.astype(int))
    beyond = (difference.max(axis=-1) > LEVELS).mean()
    return bool(beyond <= SHARE_BEYOND and difference.mean() <= MEAN_LEVELS)


def write_difference(picture: Image, expected: Image, name: str) -> Path:
    """Drawn, golden, and eight times their difference, side by side, opaque; in a folder that stays."""
    difference = np.abs(picture.astype(int) - expected.astype(int)).max(axis=-1, keepdims=True)
    marked = np.clip(np.repeat(difference * 8, 4, axis=-1), 0, 255).astype(np.uint8)
    sheet = np.concatenate([picture, expected, marked], axis=1)
    sheet[..., 3] = 255
    path = Path(tempfile.mkdtemp(prefix="mmdgen-golden-")) / f"{name}.png"
    write_png(path, sheet)
    return path


def assert_golden(picture: Image, case: Case) -> None:
    expected = golden(case.name)
    if is_like(picture, expected):
        return
    path = write_difference(picture, expected, case.name)
    ids = json.loads(CHARACTERS.read_text(encoding="utf-8"))
    is_same = golden_character(case.seed)[1] == ids[str(case.seed)]
    cause = "the renderer draws it differently" if is_same else "the built-in character itself has changed"
    pytest.fail(
        f"{case.name}: {cause}; drawn, golden and difference side by side: {path}. "
        "If the change is meant: python -m tests.golden.make"
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_picture_is_as_it_was(renderer: Renderer, case: Case) -> None:
    picture = draw_case(renderer, case)
    assert 0.15 < (picture[..., 3] == 255).mean() < 0.9
    if "llvmpipe" in renderer.info["renderer"] or "softpipe" in renderer.info["renderer"]:
        assert_golden(picture, case)


def test_every_golden_picture_has_its_case() -> None:
    assert {path.stem for path in FOLDER.glob("*.png")} == {case.name for case in CASES}


def test_ways_of_drawing_can_be_told_apart() -> None:
    """The tolerance would be worth nothing if it let one pass for another."""
    names = [case.name for case in CASES]
    alike = {(a, b) for a in names for b in names if a < b and is_like(golden(a), golden(b))}
    assert not alike


def test_failure_names_a_difference_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    picture = golden(CASES[0].name).copy()
    picture[40:60, 40:60, 0] ^= 128
    with pytest.raises(pytest.fail.Exception, match="If the change is meant") as failure:
        assert_golden(picture, CASES[0])
    (written,) = tmp_path.rglob("*.png")
    assert str(written) in str(failure.value)
    with PillowImage.open(written) as sheet:
        assert np.asarray(sheet)[50, 128 * 2 + 50, 0] == 255
