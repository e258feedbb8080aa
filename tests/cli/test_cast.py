from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from mmdgen.cli.main import cli


def test_cast_writes_a_folder_for_each_character(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["cast", "--count", "2", "--seed", "7", "--out", str(tmp_path)])
    assert result.exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cast-007", "cast-008"]
    assert (tmp_path / "cast-007" / "cast-007.pmx").is_file()
