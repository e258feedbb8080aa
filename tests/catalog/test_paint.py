"""Texture files are hashed by content, and read once."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from mmdgen.catalog import paint
from mmdgen.catalog.paint import PaintHashes, find_paint, missing_share, paint_names
from mmdgen.catalog.record import Surface
from mmdgen.catalog.scan import ModelFile
from mmdgen.images import encode_png
from mmdgen.scene import Shading


def write_picture(path: Path, grey: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png(np.full((4, 4, 4), grey, np.uint8)))


@pytest.fixture
def model(tmp_path: Path) -> ModelFile:
    write_picture(tmp_path / "a" / "tex" / "Hair.png", 1)
    (tmp_path / "a" / "pointer.png").write_text("version https://git-lfs.github.com/spec/v1\n")
    return ModelFile("a/x.pmx", "a", tmp_path / "a" / "x.pmx")


def test_a_file_is_known_by_its_place_below_the_scanned_folder(model: ModelFile) -> None:
    found = find_paint(model, "tex\\hair.png")
    assert found is not None
    assert (found.name, found.size) == ("a/tex/Hair.png", found.path.stat().st_size)
    assert find_paint(model, "gone.png") is None


def test_a_hash_is_of_the_content(model: ModelFile) -> None:
    hair = find_paint(model, "tex/Hair.png")
    assert hair is not None
    before = PaintHashes().digests([hair])[hair.path]
    write_picture(hair.path, 2)
    changed = find_paint(model, "tex/Hair.png")
    assert changed is not None
    assert PaintHashes().digests([changed])[hair.path] != before


def test_what_is_no_picture_has_no_hash(model: ModelFile) -> None:
    pointer = find_paint(model, "pointer.png")
    assert pointer is not None
    assert PaintHashes().digests([pointer]) == {pointer.path: ""}


def test_a_file_that_has_not_changed_is_not_read_again(
    model: ModelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    hair = find_paint(model, "tex/Hair.png")
    assert hair is not None
    hashes = PaintHashes()
    before = hashes.digests([hair])
    read: list[Path] = []
    monkeypatch.setattr(paint, "_digest", lambda path: read.append(path) or "anew")
    again = PaintHashes.from_text(hashes.to_text())
    assert again.digests([hair]) == before
    assert read == []
    os.utime(hair.path, ns=(1, 1))
    touched = find_paint(model, "tex/Hair.png")
    assert touched is not None
    assert again.digests([touched]) == {hair.path: "anew"}
    assert str(model.path.parent) not in again.to_text()


@pytest.mark.parametrize("text", ["x", "[]", '[["a"]]\n', "3\n"])
def test_a_list_that_cannot_be_read_counts_as_none(text: str) -> None:
    assert PaintHashes.from_text(text).to_text() == ""


SURFACES = (
    Surface("hair.png", "shine.sph", "toon.bmp", 0.5),
    Surface("face.png", "", "", 0.3),
    Surface("", "", "", 0.2),
)


def test_sphere_and_toon_maps_count_where_the_shading_shows_them() -> None:
    assert paint_names(SURFACES, Shading.PHONG) == ["face.png", "hair.png"]
    assert paint_names(SURFACES, Shading.TOON) == ["face.png", "hair.png", "shine.sph", "toon.bmp"]


def test_how_much_would_be_white_is_told_by_surface() -> None:
    assert missing_share(SURFACES, ["hair.png", "shine.sph"]) == 0.5
    assert missing_share(SURFACES, []) == 0.0
