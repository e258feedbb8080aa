"""Terms of use are found where people put them, in whatever encoding they wrote them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mmdgen.catalog.terms import MAX_LINES, decode_text, find_terms
from tests.builders import build_model

MODEL = build_model()


@pytest.mark.parametrize("encoding", ["cp932", "utf-8", "utf-8-sig", "utf-16"])
def test_readme_is_read_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "readme.txt").write_bytes("はじめに\n再配布は禁止です。\n使い方".encode(encoding))
    (found,) = find_terms(MODEL, tmp_path)
    assert found.source == "readme.txt"
    assert found.lines == ("再配布は禁止です。",)


def test_chinese_text_is_decoded() -> None:
    text = "版权所有，仅限个人使用，禁止商用。请勿二次分发这个模型！"
    assert "禁止" in decode_text(text.encode("gb18030"))


def test_comment_is_looked_at(tmp_path: Path) -> None:
    model = replace(MODEL, comment="(C) somebody\r\nhello", comment_en="(C) somebody\r\nhello")
    (found,) = find_terms(model, tmp_path)
    assert (found.source, found.lines) == ("comment", ("(C) somebody",))


def test_what_a_text_allows_counts_as_terms_too(tmp_path: Path) -> None:
    """As the built-in characters' own words."""
    model = replace(MODEL, comment="An original character. Free for every use.")
    (found,) = find_terms(model, tmp_path)
    assert found.lines == ("An original character. Free for every use.",)


@pytest.mark.parametrize(
    ("text", "licences"),
    [
        ("This work is licensed under CC BY 4.0", ("CC BY",)),
        ("CC-BY-NC-SA 4.0", ("CC BY-NC-SA",)),
        ("the Creative Commons Attribution-     #\n# NonCommercial 3.0 license", ("CC BY-NC",)),
        ("Attribution-NonCommercial-NoDerivs", ("CC BY-NC-ND",)),
        ("ピアプロ・キャラクター・ライセンス(http://piapro.jp/license/pcl)", ("Piapro Character License",)),
        ("MIT License", ("MIT",)),
        ("This is permitted.", ()),
    ],
)
def test_known_licences_are_named(tmp_path: Path, text: str, licences: tuple[str, ...]) -> None:
    (tmp_path / "LICENSE").write_text(text, encoding="utf-8")
    found = find_terms(MODEL, tmp_path)
    assert (found[0].licences if found else ()) == licences


def test_what_is_no_text_beside_the_model_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "readme.txt").write_text("license", encoding="utf-8")
    (tmp_path / "license.png").write_text("license", encoding="utf-8")
    (tmp_path / "huge.txt").write_bytes(b"license\n" * (1 << 18))
    assert find_terms(MODEL, tmp_path) == ()
    assert find_terms(MODEL, tmp_path / "nowhere") == ()


def test_long_terms_are_listed_in_part(tmp_path: Path) -> None:
    (tmp_path / "terms.txt").write_text("禁止\n" * (MAX_LINES + 5), encoding="utf-8")
    (found,) = find_terms(MODEL, tmp_path)
    assert len(found.lines) == MAX_LINES
    assert found.more_lines == 5
