"""`mmdgen inspect`."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from mmdgen.cli.main import cli
from tests.formats.files import everything_pmx


def test_text_and_json_tell_the_same_model(tmp_path: Path) -> None:
    path = tmp_path / "a.pmx"
    path.write_bytes(everything_pmx())
    text = CliRunner().invoke(cli, ["inspect", str(path)])
    assert text.exit_code == 0
    assert "全部 / everything" in text.stdout
    assert "左目" not in text.stdout
    assert "左目" in CliRunner().invoke(cli, ["inspect", "--bones", str(path)]).stdout
    facts = json.loads(CliRunner().invoke(cli, ["inspect", "--json", str(path)]).stdout)
    assert facts["name"] == "全部"
    assert len(facts["bones"]) == 6


def test_damaged_file_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    path = tmp_path / "a.pmx"
    path.write_bytes(everything_pmx()[:100])
    result = CliRunner().invoke(cli, ["inspect", str(path)])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {path}: ")
    assert "Traceback" not in result.output


def test_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["inspect", str(tmp_path / "a.pmx")])
    assert result.exit_code == 1
    assert result.stderr.endswith("a.pmx: no such file or directory; check the path\n")
