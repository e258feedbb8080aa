"""`mmdgen.__all__` is what the reference documents, and its example runs."""

from __future__ import annotations

import ast
import re
import runpy
from pathlib import Path

import pytest

import mmdgen

PAGE = Path(__file__).resolve().parent.parent / "docs/reference/python-api.md"


def documented_names() -> set[str]:
    """Names in the tables' first column and in the section on errors."""
    text = PAGE.read_text(encoding="utf-8")
    cells = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    errors = text.split("## Errors")[1]
    return set(re.findall(r"`(\w+)`", " ".join([*cells, errors])))


def test_the_reference_documents_every_public_name() -> None:
    assert documented_names() == set(mmdgen.__all__)


@pytest.mark.parametrize("name", mmdgen.__all__)
def test_a_public_name_can_be_used_and_is_explained(name: str) -> None:
    value = getattr(mmdgen, name)
    if callable(value):
        assert (value.__doc__ or "").strip()


def test_type_checkers_see_the_same_names() -> None:
    module = ast.parse(Path(mmdgen.__file__).read_text(encoding="utf-8"))
    (block,) = [node for node in module.body if isinstance(node, ast.If)]
    typed = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert typed == set(mmdgen.__all__) - {"__version__"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'read_modle'"):
        mmdgen.read_modle  # noqa: B018


def test_the_references_example_turns_the_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "characters" / "cast-000"
    mmdgen.write_character(mmdgen.make_character(0), folder).rename(folder / "cast-000.pmx")
    monkeypatch.chdir(tmp_path)
    example = tmp_path / "example.py"
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    example.write_text(blocks[0], encoding="utf-8")
    images = runpy.run_path(str(example))["images"]
    assert images.shape == (3, 256, 256, 4)
    assert (images[..., 3] > 0).any(axis=(1, 2)).all()
    assert (images[0] != images[1]).any()
    assert (images[0] != images[2]).any()
