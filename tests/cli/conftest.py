"""A built-in character on disk, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmdgen.cast import make_character, write_character


@pytest.fixture(scope="session")
def character_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_character(make_character(0), tmp_path_factory.mktemp("character"))
