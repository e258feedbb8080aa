from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from mmdgen.cli.main import cli


def test_cast_writes_a_folder_for_each_character(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["cast", "--count", "2", "--seed", "7", "--out", str(tmp_path)])
    assert result.exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cast-007", "cast-008"]
    assert (tmp_path / "cast-007" / "cast-007.pmx").is_file()


def test_wild_characters_have_folders_of_their_own(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["cast", "--count", "1", "--wild", "--out", str(tmp_path)])
    assert result.exit_code == 0
    assert (tmp_path / "wild-000" / "wild-000.pmx").is_file()
